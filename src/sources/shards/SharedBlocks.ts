/**
 * Decoded blocks in memory that threads share: which there are, who decodes which, and who reads them now.
 *
 * ```text
 * block:  absent → claimed by thread t → kept → absent
 *                                 ↘ absent, if t fails or dies
 * ```
 *
 * A block has a slot while it is claimed or kept, and whole pages of the memory behind it once it is kept. A reader sets the
 * bit of its thread at the slot, and then looks whether the block is still there; whoever drops a block marks its slot first,
 * and then looks for bits: one of the two sees the other. What is known of pages and slots changes under a lock. A thread may
 * end anywhere, so what a lock guards is right whatever was written last: {@link SharedBlocks.release} clears up behind it.
 *
 * @since 0.1.0
 */

import { droppedMark, FINISHED, isSameEpoch } from "./DroppedMark.ts"

/** Words of the head. */
const LOCK = 0
const CLOCK = 1
const DECODED = 2
const AGAIN = 3
const SEEN = 4
const HEAD = 16
/** What the memory was made for. */
const BLOCKS = 8
const SLOTS = 9
const PAGES = 10
const PAGE_LOG = 11
const THREADS = 12
const KEEPS = 13

/** Words of a slot. Behind them are the bits of its readers. */
const STATE = 0
const BLOCK = 1
const OWNER = 2
const PAGE = 3
const COUNT = 4
const LEFT = 5
const USED = 6
const GENERATION = 7
const SLOT = 8

const FREE = 0
const CLAIMED = 1
const KEPT = 2
/** Whoever drops it looks for readers. */
const LEAVING = 3
/** It has none, and its pages are given back. */
const GONE = 4

const MOST_SLOTS = 2048
const MOST_PAGES = 8192
const SMALLEST_PAGE = 12
/** So many bytes beyond what is needed. */
const GROWTH = 2 ** 20

/** A kept block, whose memory stays as it is until {@link SharedBlocks.unpin}. @since 0.1.0 */
export interface Pinned {
  readonly slot: number
  /** Changes whenever the slot gets another block. */
  readonly generation: number
}

/** @since 0.1.0 */
export interface SharedSize {
  /** How many blocks the dataset has. */
  readonly blocks: number
  /** How many bytes are kept at most. */
  readonly bytes: number
  /** How many threads there are. */
  readonly threads: number
  /** Whether blocks of which each row was given stay while there is room, since all blocks may fit. */
  readonly keepsFinished: boolean
}

const bitWords = (threads: number): number => Math.ceil(threads / 32)
const aligned = (bytes: number): number => (bytes + 7) & ~7

/** The memory as one thread sees it, or its owner. @since 0.1.0 */
export class SharedBlocks {
  readonly buffer: SharedArrayBuffer
  readonly #thread: number
  readonly #head: Int32Array
  readonly #slots: Int32Array
  /** The slot of each block plus one; 0 or, if it was dropped, a mark of `DroppedMark` if it has none. */
  readonly #places: Int32Array
  /** The slot of each page plus one. */
  readonly #pages: Int32Array
  readonly #data: number
  readonly #width: number
  readonly #count: number
  readonly #pageLog: number
  readonly #keeps: boolean

  /** `thread` is below the number of threads that it was made for; the owner has none. */
  constructor(buffer: SharedArrayBuffer, thread?: number) {
    this.buffer = buffer
    const head = new Int32Array(buffer, 0, HEAD)
    // All of the head's words are there.
    const [blocks, count, pages] = [head[BLOCKS] as number, head[SLOTS] as number, head[PAGES] as number]
    this.#head = head
    this.#thread = thread ?? (head[THREADS] as number)
    this.#count = count
    this.#width = SLOT + bitWords(head[THREADS] as number)
    this.#pageLog = head[PAGE_LOG] as number
    this.#keeps = head[KEEPS] === 1
    let at = 4 * HEAD
    this.#slots = new Int32Array(buffer, at, count * this.#width)
    at += this.#slots.byteLength
    this.#places = new Int32Array(buffer, at, blocks)
    at += this.#places.byteLength
    this.#pages = new Int32Array(buffer, at, pages)
    this.#data = aligned(at + this.#pages.byteLength)
  }

  /**
   * New memory; none where none can be shared. It grows as blocks come: engines take all of it for live, and let as much
   * garbage pile up in each thread.
   */
  static make({ blocks, bytes, keepsFinished, threads }: SharedSize): SharedBlocks | undefined {
    if (typeof SharedArrayBuffer === "undefined") return undefined
    const slots = Math.min(blocks, MOST_SLOTS)
    const pageLog = Math.max(SMALLEST_PAGE, Math.ceil(Math.log2(Math.max(1, bytes) / MOST_PAGES)))
    const pages = Math.max(1, Math.floor(bytes / 2 ** pageLog))
    const words = HEAD + slots * (SLOT + bitWords(threads)) + blocks + pages
    try {
      const maxByteLength = aligned(4 * words) + pages * 2 ** pageLog
      const buffer = new SharedArrayBuffer(aligned(4 * words), { maxByteLength })
      const head = new Int32Array(buffer, 0, HEAD)
      head.set([blocks, slots, pages, pageLog, threads, keepsFinished ? 1 : 0], BLOCKS)
      return new SharedBlocks(buffer)
    } catch {
      return undefined
    }
  }

  /** How many blocks were decoded, how many of them although they had been before, and the bytes of the pages in use. */
  stats(): { readonly decoded: number; readonly again: number; readonly bytes: number } {
    const used = this.#pages.reduce((sum, slot) => sum + (slot === 0 ? 0 : 1), 0)
    return {
      decoded: Atomics.load(this.#head, DECODED),
      again: Atomics.load(this.#head, AGAIN),
      bytes: used * 2 ** this.#pageLog
    }
  }

  /** Pins a block if it is kept. */
  pin(block: number): Pinned | undefined {
    const slot = Atomics.load(this.#places, block) - 1
    if (slot < 0) return undefined
    this.#setBit(slot)
    if (this.#word(slot, STATE) === KEPT && this.#word(slot, BLOCK) === block) {
      Atomics.store(this.#slots, slot * this.#width + USED, Atomics.add(this.#head, CLOCK, 1) + 1)
      return { slot, generation: this.#word(slot, GENERATION) }
    }
    this.unpin(slot)
    return undefined
  }

  unpin(slot: number): void {
    const bit = 1 << (this.#thread & 31)
    Atomics.and(this.#slots, slot * this.#width + SLOT + (this.#thread >> 5), ~bit)
  }

  /**
   * Claims a block: the slot if this thread is to decode it, `"claimed"` if another one does, `"kept"` if it is there,
   * `"full"` if all slots are in use.
   */
  claim(block: number): number | "claimed" | "kept" | "full" {
    return this.#locked(() => {
      const known = this.#slotOf(block)
      if (known !== undefined) return this.#word(known, STATE) === CLAIMED ? "claimed" : "kept"
      let slot = this.#slotFree()
      if (slot === undefined && this.#makeRoom()) slot = this.#slotFree()
      if (slot === undefined) return "full"
      this.#set(slot, OWNER, this.#thread)
      this.#set(slot, BLOCK, block)
      const mark = this.#places[block] as number // it is a block
      const seen = Atomics.add(this.#head, SEEN, mark === 0 ? 1 : 0)
      if (isSameEpoch(mark, Atomics.load(this.#head, DECODED), seen)) Atomics.add(this.#head, AGAIN, 1)
      this.#set(slot, STATE, CLAIMED)
      Atomics.store(this.#places, block, slot + 1)
      return slot
    })
  }

  /** Resolves when a block that another thread has claimed is there, or is not to come from it; at once if none has. */
  settled(block: number): Promise<unknown> | undefined {
    const slot = Atomics.load(this.#places, block) - 1
    if (slot < 0 || this.#word(slot, BLOCK) !== block) return undefined
    const { async, value } = Atomics.waitAsync(this.#slots, slot * this.#width + STATE, CLAIMED)
    return async ? value : undefined
  }

  /** Whether a thread has claimed a block, and it is not yet there. */
  isClaimed(block: number): boolean {
    const slot = Atomics.load(this.#places, block) - 1
    return slot >= 0 && this.#word(slot, STATE) === CLAIMED && this.#word(slot, BLOCK) === block
  }

  /**
   * Puts the parts of a block of `rows` rows behind a slot that this thread has claimed, and pins it. `undefined` if there is
   * no room: the slot is then free again.
   */
  fill(slot: number, parts: ReadonlyArray<Uint8Array>, rows: number): Pinned | undefined {
    const head = aligned(4 * (1 + parts.length))
    const length = parts.reduce((sum, part) => sum + aligned(part.byteLength), head)
    const count = Math.ceil(length / 2 ** this.#pageLog)
    const page = this.#locked(() => {
      this.#dropFinished()
      let first = this.#run(count)
      while (first === -1 && this.#makeRoom(count)) first = this.#run(count)
      if (first !== -1 && !this.#grow(first + count)) first = -1
      if (first !== -1) {
        this.#set(slot, PAGE, first)
        this.#set(slot, COUNT, count)
        this.#pages.fill(slot + 1, first, first + count)
      }
      return first
    })
    if (page === -1) {
      this.abandon(slot)
      return undefined
    }
    const start = this.#data + page * 2 ** this.#pageLog
    new Uint32Array(this.buffer, start, 1 + parts.length).set([parts.length, ...parts.map((part) => part.byteLength)])
    const bytes = new Uint8Array(this.buffer, start, length)
    let at = head
    for (const part of parts) {
      bytes.set(part, at)
      at += aligned(part.byteLength)
    }
    this.#set(slot, LEFT, rows)
    this.#set(slot, USED, Atomics.add(this.#head, CLOCK, 1) + 1)
    this.#set(slot, GENERATION, this.#word(slot, GENERATION) + 1)
    Atomics.add(this.#head, DECODED, 1)
    this.#setBit(slot)
    this.#settle(slot, KEPT)
    return { slot, generation: this.#word(slot, GENERATION) }
  }

  /** Gives up a slot that this thread has claimed. */
  abandon(slot: number): void {
    this.#locked(() => {
      Atomics.store(this.#places, this.#word(slot, BLOCK), 0)
      this.#settle(slot, FREE)
    })
  }

  /** The parts behind a slot that is pinned, in the memory itself. */
  parts(slot: number): ReadonlyArray<Uint8Array> {
    const start = this.#data + this.#word(slot, PAGE) * 2 ** this.#pageLog
    const [count = 0] = new Uint32Array(this.buffer, start, 1)
    let at = start + aligned(4 * (1 + count))
    return Array.from(new Uint32Array(this.buffer, start + 4, count), (length) => {
      const part = new Uint8Array(this.buffer, at, length)
      at += aligned(length)
      return part
    })
  }

  /** Counts rows of a pinned block as given. */
  given(slot: number, rows: number): void {
    Atomics.sub(this.#slots, slot * this.#width + LEFT, rows)
  }

  /** Owner: clears up behind a thread that has ended, before another one takes its number. */
  release(thread: number): void {
    const bit = 1 << (thread & 31)
    for (let slot = 0; slot < this.#count; slot++) {
      Atomics.and(this.#slots, slot * this.#width + SLOT + (thread >> 5), ~bit)
    }
    // It may have ended where it held the lock.
    Atomics.compareExchange(this.#head, LOCK, thread + 1, 0)
    this.#locked(() => {
      for (let slot = 0; slot < this.#count; slot++) {
        const state = this.#word(slot, STATE)
        if (state === LEAVING) this.#drop(slot)
        else if (state === GONE || (state === CLAIMED && this.#word(slot, OWNER) === thread)) this.#vacate(slot, 0)
      }
      // Pages that it took for a slot, or had not yet given back.
      for (let page = 0; page < this.#pages.length; page++) {
        const slot = (this.#pages[page] as number) - 1 // below the length
        if (slot >= 0 && this.#word(slot, STATE) === FREE) this.#pages[page] = 0
      }
    })
  }

  #word(slot: number, word: number): number {
    return Atomics.load(this.#slots, slot * this.#width + word)
  }

  #set(slot: number, word: number, value: number): void {
    Atomics.store(this.#slots, slot * this.#width + word, value)
  }

  #setBit(slot: number): void {
    Atomics.or(this.#slots, slot * this.#width + SLOT + (this.#thread >> 5), 1 << (this.#thread & 31))
  }

  /** Sets the state of a slot that was claimed, and wakes those who wait for that. */
  #settle(slot: number, state: number): void {
    this.#set(slot, STATE, state)
    Atomics.notify(this.#slots, slot * this.#width + STATE)
  }

  /** Runs what is short. */
  #locked<A>(run: () => A): A {
    for (;;) {
      const holder = Atomics.compareExchange(this.#head, LOCK, 0, this.#thread + 1)
      if (holder === 0) break
      Atomics.wait(this.#head, LOCK, holder, 1)
    }
    try {
      return run()
    } finally {
      Atomics.store(this.#head, LOCK, 0)
      Atomics.notify(this.#head, LOCK, 1)
    }
  }

  /** The slot of a block; none if it has no slot, or had one. */
  #slotOf(block: number): number | undefined {
    const slot = (this.#places[block] ?? 0) - 1
    return slot >= 0 && this.#word(slot, STATE) !== FREE && this.#word(slot, BLOCK) === block ? slot : undefined
  }

  #slotFree(): number | undefined {
    for (let slot = 0; slot < this.#count; slot++) if (this.#word(slot, STATE) === FREE) return slot
    return undefined
  }

  /** The first of so many free pages in a row; -1 if there are none. */
  #run(count: number): number {
    let free = 0
    for (let page = 0; page < this.#pages.length; page++) {
      free = this.#pages[page] === 0 ? free + 1 : 0
      if (free === count) return page - count + 1
    }
    return -1
  }

  /** Grows the memory to so many pages; `false` if the system does not give them. */
  #grow(pages: number): boolean {
    const length = this.#data + pages * 2 ** this.#pageLog
    try {
      if (this.buffer.byteLength < length) this.buffer.grow(Math.min(this.buffer.maxByteLength, length + GROWTH))
      return true
    } catch {
      return false
    }
  }

  /** Drops the blocks of which each row was given, unless they are kept. */
  #dropFinished(): void {
    if (this.#keeps) return
    for (let slot = 0; slot < this.#count; slot++) {
      if (this.#word(slot, STATE) === KEPT && this.#word(slot, LEFT) === 0) this.#drop(slot)
    }
  }

  /** Drops a block, a used-up one first; `false` if none can be, or if no number of them would give `pages`. */
  #makeRoom(pages = 1): boolean {
    if (pages > this.#pages.length) return false
    const kept: Array<readonly [slot: number, hasLeft: number, used: number]> = []
    for (let slot = 0; slot < this.#count; slot++) {
      if (this.#word(slot, STATE) !== KEPT) continue
      kept.push([slot, Number(this.#word(slot, LEFT) > 0), this.#word(slot, USED)])
    }
    kept.sort((a, b) => a[1] - b[1] || a[2] - b[2])
    return kept.some(([slot]) => this.#drop(slot))
  }

  /** Drops a block that nobody reads. */
  #drop(slot: number): boolean {
    this.#set(slot, STATE, LEAVING)
    for (let word = SLOT; word < this.#width; word++) {
      if (this.#word(slot, word) === 0) continue
      this.#set(slot, STATE, KEPT)
      return false
    }
    this.#set(slot, STATE, GONE)
    this.#vacate(slot, this.#word(slot, LEFT) > 0 ? droppedMark(Atomics.load(this.#head, DECODED)) : FINISHED)
    return true
  }

  /** Frees a slot and its pages. What is kept of its block is `mark`. */
  #vacate(slot: number, mark: number): void {
    const first = this.#word(slot, PAGE)
    for (let page = first; page < first + this.#word(slot, COUNT); page++) {
      if (this.#pages[page] === slot + 1) this.#pages[page] = 0
    }
    this.#set(slot, COUNT, 0)
    const block = this.#word(slot, BLOCK)
    if (Atomics.load(this.#places, block) === slot + 1) Atomics.store(this.#places, block, mark)
    this.#settle(slot, FREE)
  }
}
