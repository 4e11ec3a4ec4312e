/**
 * Which decoded blocks are kept: a number of bytes at most. Blocks of which every row was given once go first, then those that
 * were not used for the longest time: an order with locality never needs the former again in its epoch. If not all blocks
 * can be kept, used-up ones go as soon as another block comes, so that no more memory is in use than the order needs.
 *
 * @since 0.1.0
 */

/** What stays when room is made, so that it is not made for each block. */
const ROOM = 7 / 8

/** For so many blocks that are put after one that came again, too little is kept. */
const SHORT = 64

/** So many blocks may be kept in vain, beside those that were not. */
const WASTED = 8

/** A block that is kept. @since 0.1.0 */
export interface Retained {
  readonly bytes: number
  /** How many of its rows have not been given; below 0 if some were given twice. */
  left: number
  /** When it was last used, by a count of uses. */
  used: number
}

/** Blocks by their numbers. @since 0.1.0 */
export class Retention<B extends Retained> {
  readonly #most: number
  /** Whether blocks whose rows were all given are kept: all fit, or some of those kept are asked for again. */
  #keepsFinished: boolean
  readonly #dropped: (own: B) => void
  readonly #kept = new Map<number, B>()
  /** Those that were dropped with rows left, and how many had been put by then. */
  readonly #unfinished = new Map<number, number>()
  /** Which were ever put, and how many these are. */
  #seen = new Uint8Array(1024)
  #seenCount = 0
  #bytes = 0
  #uses = 0
  #put = 0
  /** How many blocks were asked for again once all of their rows had been given, and how many were kept for that in vain. */
  #reused = 0
  #wasted = 0
  #again = 0
  /** How many had been put when one last came again. */
  #putAgain = Number.NEGATIVE_INFINITY

  /**
   * At most `most` bytes, and one block if that has more, of blocks that have about `all` bytes together. `dropped` is called for
   * each that is kept no longer.
   */
  constructor(most: number, all: number, dropped: (own: B) => void = () => {}) {
    this.#most = most
    this.#dropped = dropped
    this.#keepsFinished = all <= most
  }

  /** How many bytes are kept. */
  get bytes(): number {
    return this.#bytes
  }

  /** How many blocks were put, and how many of them had been dropped with rows left in the same epoch. */
  get counts(): { readonly put: number; readonly again: number } {
    return { put: this.#put, again: this.#again }
  }

  /** Whether so many bytes more can be kept without anything being dropped that may still be asked for. */
  hasRoom(bytes: number): boolean {
    return this.unfinished + bytes <= this.#most * ROOM
  }

  /** How many bytes of what is kept may still be asked for. */
  get unfinished(): number {
    let bytes = 0
    for (const own of this.#kept.values()) if (own.left > 0) bytes += own.bytes
    return bytes
  }

  /** Whether blocks were dropped of late that were still asked for: the order needs more than can be kept. */
  get isShort(): boolean {
    return this.#put - this.#putAgain < SHORT
  }

  /** How many blocks are kept. */
  get size(): number {
    return this.#kept.size
  }

  /** The blocks that are kept. */
  all(): Iterable<B> {
    return this.#kept.values()
  }

  /** The block, if it is kept, without counting it as used. */
  peek(block: number): B | undefined {
    return this.#kept.get(block)
  }

  /** The block, if it is kept; it then counts as used. */
  get(block: number): B | undefined {
    const own = this.#kept.get(block)
    if (own === undefined) return undefined
    own.used = ++this.#uses
    if (own.left === 0) this.#reused++
    return own
  }

  /** Says that the rows of a block that were all given will be asked for again. */
  renew(own: B, rows: number): void {
    own.left = rows
    this.#reused++
  }

  /** Drops the blocks whose rows were all given, unless these are kept: another block is about to be read. */
  dropFinished(): void {
    if (!this.#keepsFinished) for (const [block, { left }] of this.#kept) if (left === 0) this.#drop(block)
  }

  /** Keeps a block, but perhaps not those before it. */
  put(block: number, own: B): void {
    own.used = ++this.#uses
    this.#put++
    this.#see(block)
    const before = this.#unfinished.get(block)
    this.#unfinished.delete(block)
    // Behind half of all it is the next epoch that asks for it: others may read the rest of each block.
    if (before !== undefined && this.#put - before <= this.#seenCount / 2) {
      this.#again++
      this.#putAgain = this.#put
    }
    this.dropFinished()
    this.#kept.set(block, own)
    this.#bytes += own.bytes
    this.#shrink(block)
  }

  #see(block: number): void {
    if (block >= this.#seen.length) {
      const own = new Uint8Array(2 * (block + 1))
      own.set(this.#seen)
      this.#seen = own
    }
    if (this.#seen[block] === 1) return
    this.#seen[block] = 1
    this.#seenCount++
  }

  /** Makes room, but not at the cost of the block that has just come. */
  #shrink(newest: number): void {
    if (this.#bytes <= this.#most) return
    const others = Array.from(this.#kept).filter(([block]) => block !== newest)
    others.sort(([, a], [, b]) => Number(a.left > 0) - Number(b.left > 0) || a.used - b.used)
    for (const [block] of others) {
      if (this.#bytes <= this.#most * ROOM) break
      if ((this.#kept.get(block)?.left ?? 1) <= 0) this.#wasted++
      this.#drop(block)
    }
    // Not all fit, and those that are kept are not those that are asked for again: so it is with an order that all epochs share.
    if (this.#wasted > WASTED + 2 * this.#reused) this.#keepsFinished = false
  }

  #drop(block: number): void {
    const own = this.#kept.get(block)
    if (own === undefined) return
    this.#kept.delete(block)
    this.#bytes -= own.bytes
    if (own.left > 0) this.#unfinished.set(block, this.#put)
    this.#dropped(own)
  }
}
