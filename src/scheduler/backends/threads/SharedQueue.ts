/**
 * Requests and answers of a pool of threads, in memory that all of them see: a message would be copied, and would wait for
 * its turn in an event loop, which costs more than building a small batch.
 *
 * A request lies in a cell until its answer has been read. Free threads take the oldest request; so a thread goes on with
 * the next batch without anything being done on the main thread.
 *
 * ```text
 *   cell:  free → requested → taken by thread t → answered by thread t → free
 * ```
 *
 * What does not fit a cell (seeds of other generators, errors, draws) goes as a message.
 *
 * @since 0.1.0
 */
import { algorithm as xoshiro } from "../../../random/generators/Xoshiro128.ts"
import type { Seeds } from "../../../seeding/Request.ts"
import { copyOf } from "../remote/BatchCodec.ts"
import type { RequestQueue } from "../remote/Member.ts"
import type { BatchRequest } from "../remote/Protocol.ts"

/** The words that count requests and answers, each in a cache line of its own, and where states begin. */
const REQUESTED = 0
const ANSWERED = 16
const STATES = 32

/** The states of a cell. TAKEN and DONE also say by which thread: twice its number is added. */
const FREE = 0
const WAITING = 1
const TAKEN = 2
const DONE = 3

/** The most bytes that a queue may take. */
const MOST = 2 ** 24

/** The most places in memory that a batch may lie in to be answered in a cell. */
const SLOTS = 64

/** How many words of 8 bytes a request and an answer have before their lists, and a hash has. */
const REQUEST = 8
const ANSWER = 4
const HASH = 4

/** What a queue is made for. @since 0.1.0 */
export interface Extent {
  /** How many requests may be without an answer. */
  readonly cells: number
  /** The most rows of a batch. */
  readonly rows: number
  /** The names of the pipeline's stages. */
  readonly stages: ReadonlyArray<string>
}

/** A batch of a layout that is known. @since 0.1.0 */
export interface LaidOut {
  readonly layout: number
  /** How often the thread's memory had grown when the batch was written. */
  readonly generation: number
  /** Where its slots are. */
  readonly addresses: ReadonlyArray<number>
  readonly hash: Uint8Array | undefined
}

/** A request as a thread takes it. @since 0.1.0 */
export interface TakenRequest {
  readonly cell: number
  readonly id: number
  readonly request: BatchRequest
}

/** Takes an answer of a thread; returns `false` if it cannot be read yet, since a message is on its way. @since 0.1.0 */
export type OnAnswer = (thread: number, id: number, request: BatchRequest, answer: LaidOut) => boolean

/**
 * One side of a queue.
 *
 * @since 0.1.0
 */
export class SharedQueue implements RequestQueue {
  readonly buffer: SharedArrayBuffer
  readonly extent: Extent
  /** Main: who takes answers. */
  onAnswer: OnAnswer = () => false
  readonly #states: Int32Array
  readonly #words: Float64Array
  /** The same memory by halves of words, for seeds. */
  readonly #halves: Uint32Array
  readonly #bytes: Uint8Array
  readonly #stages: ReadonlyMap<string, number>
  /** Main: what lies in each cell. */
  readonly #held: Array<{ readonly id: number; readonly request: BatchRequest } | undefined> = []
  #seen = 0
  #isDeferred = false

  constructor(extent: Extent, buffer: SharedArrayBuffer) {
    this.extent = extent
    this.buffer = buffer
    this.#states = new Int32Array(buffer, 0, STATES + extent.cells)
    this.#words = new Float64Array(buffer)
    this.#halves = new Uint32Array(buffer)
    this.#bytes = new Uint8Array(buffer)
    this.#stages = new Map(extent.stages.map((name, place) => [name, place]))
  }

  /** A new one, with fewer cells if there is not room for all; none where there is no memory to share. */
  static make(extent: Extent): SharedQueue | undefined {
    const cells = Math.min(extent.cells, Math.floor((MOST - 4 * STATES) / (8 * cellWords(extent) + 4)))
    if (cells < 1 || typeof SharedArrayBuffer === "undefined") return undefined
    const own = { ...extent, cells }
    return new SharedQueue(own, new SharedArrayBuffer(8 * (firstWord(own) + cells * cellWords(own))))
  }

  put(id: number, request: BatchRequest): boolean {
    if (!this.#fits(request)) return false
    for (let cell = 0; cell < this.extent.cells; cell++) {
      if (this.#held[cell] !== undefined) continue
      this.#held[cell] = { id, request }
      this.#write(id, request, this.#requestAt(cell))
      Atomics.store(this.#states, STATES + cell, WAITING)
      Atomics.add(this.#states, REQUESTED, 1)
      Atomics.notify(this.#states, REQUESTED, 1)
      return true
    }
    return false
  }

  poll(): void {
    const answered = Atomics.load(this.#states, ANSWERED)
    if (answered === this.#seen && !this.#isDeferred) return
    this.#seen = answered
    this.#isDeferred = false
    for (let cell = 0; cell < this.extent.cells; cell++) {
      const state = Atomics.load(this.#states, STATES + cell)
      const held = this.#held[cell]
      if (held === undefined || state < TAKEN || (state & 1) !== (DONE & 1)) continue
      if (this.onAnswer((state - DONE) / 2, held.id, held.request, this.#answer(cell))) this.#free(cell)
      else this.#isDeferred = true
    }
  }

  changed(): Promise<unknown> | undefined {
    return this.#change(ANSWERED, this.#seen)
  }

  takeBack(thread: number): ReadonlyArray<number> {
    const ids: Array<number> = []
    for (const [cell, held] of this.#held.entries()) {
      const state = Atomics.load(this.#states, STATES + cell)
      if (held === undefined || (state !== TAKEN + 2 * thread && state !== DONE + 2 * thread)) continue
      ids.push(held.id)
      this.#free(cell)
    }
    return ids
  }

  /** Main: a request was answered by a message. */
  release(id: number): void {
    const cell = this.#held.findIndex((held) => held?.id === id)
    if (cell !== -1) this.#free(cell)
  }

  wake(): void {
    Atomics.add(this.#states, REQUESTED, 1)
    Atomics.notify(this.#states, REQUESTED)
    Atomics.notify(this.#states, ANSWERED)
  }

  /** Thread: wakes another waiting thread, since this one is busy with a batch. */
  wakeOther(): void {
    Atomics.notify(this.#states, REQUESTED, 1)
  }

  /** Thread: takes the oldest request that no other one has taken. */
  take(thread: number): TakenRequest | undefined {
    for (;;) {
      this.#seen = Atomics.load(this.#states, REQUESTED)
      let oldest = -1
      let least = Number.POSITIVE_INFINITY
      for (let cell = 0; cell < this.extent.cells; cell++) {
        if (Atomics.load(this.#states, STATES + cell) !== WAITING) continue
        const id = this.#words[this.#requestAt(cell)] ?? 0
        if (id < least) {
          least = id
          oldest = cell
        }
      }
      if (oldest === -1) return undefined
      const state = Atomics.compareExchange(this.#states, STATES + oldest, WAITING, TAKEN + 2 * thread)
      if (state === WAITING) return this.#read(oldest)
    }
  }

  /** Thread: waits until there may be a request, after `take` has found none; `undefined` if there may be one already. */
  requested(): Promise<unknown> | undefined {
    return this.#change(REQUESTED, this.#seen)
  }

  /** Thread: answers the request in a cell. */
  answer(thread: number, cell: number, { addresses, generation, hash, layout }: LaidOut): void {
    const at = this.#answerAt(cell)
    const words = this.#words
    words[at] = layout
    words[at + 1] = generation
    words[at + 2] = addresses.length
    words[at + 3] = hash === undefined ? 0 : 1
    if (hash !== undefined) this.#bytes.set(hash, 8 * (at + ANSWER))
    for (let slot = 0; slot < addresses.length; slot++) words[at + ANSWER + HASH + slot] = addresses[slot] as number // below the length
    Atomics.store(this.#states, STATES + cell, DONE + 2 * thread)
    Atomics.add(this.#states, ANSWERED, 1)
    Atomics.notify(this.#states, ANSWERED)
  }

  /** Whether an answer in a cell has room for so many slots. */
  static fits(slots: number): boolean {
    return slots <= SLOTS
  }

  #free(cell: number): void {
    this.#held[cell] = undefined
    Atomics.store(this.#states, STATES + cell, FREE)
  }

  #change(at: number, seen: number): Promise<unknown> | undefined {
    // To ask for a wait costs a multiple of a look.
    if (Atomics.load(this.#states, at) !== seen) return undefined
    const outcome = Atomics.waitAsync(this.#states, at, seen)
    return outcome.async ? outcome.value : undefined
  }

  #requestAt(cell: number): number {
    return firstWord(this.extent) + cell * cellWords(this.extent)
  }

  #answerAt(cell: number): number {
    return this.#requestAt(cell) + requestWords(this.extent)
  }

  #answer(cell: number): LaidOut {
    const at = this.#answerAt(cell)
    const words = this.#words
    const count = words[at + 2] as number // `answer` wrote it, as the rest
    const addresses: Array<number> = []
    for (let slot = 0; slot < count; slot++) addresses.push(words[at + ANSWER + HASH + slot] as number)
    const from = 8 * (at + ANSWER)
    return {
      layout: words[at] as number,
      generation: words[at + 1] as number,
      addresses,
      hash: words[at + 3] === 1 ? copyOf(this.#bytes.subarray(from, from + 32)) : undefined
    }
  }

  #fits({ indices, rows: origins, seeds }: BatchRequest): boolean {
    const { rows } = this.extent
    return (
      origins === undefined &&
      indices.length <= rows &&
      seeds.every(([name, own]) => this.#stages.has(name) && isPlain(own) && own.words.length <= 4 * rows)
    )
  }

  #write(id: number, { batch, epoch, indices, ordinal, position, seeds, worker }: BatchRequest, at: number): void {
    const words = this.#words
    words[at] = id
    words[at + 1] = epoch
    words[at + 2] = batch
    words[at + 3] = worker
    words[at + 4] = indices.length
    words[at + 5] = seeds.length
    words[at + 6] = position
    words[at + 7] = ordinal
    let next = at + REQUEST
    words.set(indices, next)
    next += indices.length
    for (const [name, own] of seeds) {
      if (!isPlain(own)) continue // `#fits` has seen to it
      words[next] = this.#stages.get(name) ?? -1
      words[next + 1] = own.words.length
      this.#halves.set(own.words, 2 * (next + 2))
      next += 2 + own.words.length / 2
    }
  }

  #read(cell: number): TakenRequest {
    const at = this.#requestAt(cell)
    const words = this.#words
    // Each is one that `#write` wrote.
    const word = (place: number): number => words[place] as number
    const indices = new Float64Array(word(at + 4))
    let next = at + REQUEST
    indices.set(words.subarray(next, next + indices.length))
    next += indices.length
    const seeds: Array<readonly [string, Seeds]> = []
    for (let left = word(at + 5); left > 0; left--) {
      const own = new Uint32Array(word(next + 1))
      const name = this.extent.stages[word(next)] ?? ""
      own.set(this.#halves.subarray(2 * (next + 2), 2 * (next + 2) + own.length))
      next += 2 + own.length / 2
      seeds.push([name, { _tag: "Packed", algorithm: xoshiro, width: 4, words: own }])
    }
    return {
      cell,
      id: word(at),
      request: {
        epoch: word(at + 1),
        batch: word(at + 2),
        worker: word(at + 3),
        position: word(at + 6),
        ordinal: word(at + 7),
        indices,
        seeds
      }
    }
  }
}

const firstWord = ({ cells }: Extent): number => Math.ceil((STATES + cells) / 2)

const requestWords = ({ rows, stages }: Extent): number => REQUEST + rows + stages.length * (2 + 2 * rows)

const cellWords = (extent: Extent): number => requestWords(extent) + ANSWER + HASH + SLOTS

type Plain = Extract<Seeds, { readonly _tag: "Packed" }>

/** The seeds of Furrow's own policies: four words a row. */
const isPlain = (seeds: Seeds): seeds is Plain =>
  seeds._tag === "Packed" && seeds.algorithm === xoshiro && seeds.width === 4
