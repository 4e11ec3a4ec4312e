/**
 * Reads blocks before batches ask for them. What is read ahead is bounded by a number of bytes, nothing that may still be
 * asked for is dropped for it, and what cannot be read is told to the batch that needs it, and to nobody else.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as Runtime from "effect/Runtime"
import type * as Scope from "effect/Scope"
import type { ReadAhead } from "../RandomAccess.ts"
import type { BlockCache, Fork, ReadOfBlock } from "./BlockCache.ts"

type Cache = Pick<
  BlockCache<unknown, unknown>,
  "aheadOf" | "join" | "leave" | "turnTo" | "hasRoom" | "isComplete" | "readAhead" | "renew"
>

/** @since 0.1.0 */
export interface Blocks {
  readonly cache: Cache
  /** How many bytes are read ahead, and not yet asked for; and one block, if that has more. */
  readonly most: number
  /** The block of the sample at an index; `undefined` if there is no such sample. */
  readonly blockOf: (index: number) => number | undefined
  /** Where each block begins, and the last one ends. */
  readonly starts: Float64Array
  /** How many bytes a block has once it is decoded, about. */
  readonly bytesOf: (block: number) => number
}

/** What stands for the read of a block that is kept. */
const KEPT: ReadOfBlock = { isPending: () => false, giveUp: Effect.void }

class Reader {
  readonly #blocks: Blocks
  readonly #fork: Fork
  /** The blocks that were begun or renewed here, and are under way or not asked for by a batch. */
  readonly #begun = new Map<number, ReadOfBlock>()
  /** How many rows of a block the run asks for, where that is not each of them once. */
  readonly #rows = new Map<number, number>()
  #last = -1
  #isClosed = false

  constructor(blocks: Blocks, fork: Fork) {
    this.#blocks = blocks
    this.#fork = fork
    blocks.cache.join(this.#rows)
  }

  readonly narrow = (blocks: Float64Array, place: (index: number) => number): void => {
    const { blockOf, starts } = this.#blocks
    if (blocks === starts) return
    for (let at = 0; at + 1 < blocks.length; at++) {
      const first = blocks[at] as number // here and below: below the length
      const rows = (blocks[at + 1] as number) - first
      const block = blockOf(place(first))
      if (block === undefined || rows === (starts[block + 1] as number) - (starts[block] as number)) continue
      this.#rows.set(block, rows)
    }
  }

  readonly turn = (): void => this.#blocks.cache.turnTo(this.#rows)

  readonly isComplete = (): boolean => this.#blocks.cache.isComplete()

  readonly expect = (index: number): boolean => {
    const { blockOf, cache } = this.#blocks
    if (this.#isClosed || cache.isComplete()) return false
    const block = blockOf(index)
    // Whoever asks for a sample that is not there is told.
    if (block === undefined || block === this.#last) return true
    const state = cache.aheadOf(block)
    if (state === "given") {
      // Of those that are kept, only the next ones are: else all are in use, and one must go that is needed.
      if (!this.#fits(block)) return false
      cache.renew(block)
      this.#begun.set(block, KEPT)
    }
    if (state === "absent") {
      if (!this.#fits(block) || !cache.hasRoom([block])) return false
      const read = cache.readAhead(block, this.#fork)
      if (read !== undefined) this.#begun.set(block, read)
    }
    this.#last = block
    return true
  }

  /** Whether a block is near enough. */
  #fits(block: number): boolean {
    const { bytesOf, cache, most } = this.#blocks
    let bytes = bytesOf(block)
    let isFirst = true
    for (const [own, read] of this.#begun) {
      if (cache.aheadOf(own) === "ahead") {
        bytes += bytesOf(own)
        isFirst = false
        // One that is asked for and under way is given up with the others: batches may be interrupted before it ends.
      } else if (!read.isPending()) this.#begun.delete(own)
    }
    return isFirst || bytes <= most
  }

  readonly close: Effect.Effect<void> = Effect.suspend(() => {
    this.#isClosed = true
    this.#blocks.cache.leave(this.#rows)
    const own = Array.from(this.#begun.values(), ({ giveUp }) => giveUp)
    this.#begun.clear()
    return Effect.all(own, { concurrency: "unbounded", discard: true })
  })
}

/** Returns what reads blocks ahead until its scope is closed; what is still being read then is given up. @since 0.1.0 */
export const make = (blocks: Blocks): Effect.Effect<ReadAhead, never, Scope.Scope> =>
  Effect.acquireRelease(
    Effect.map(Effect.runtime<never>(), (runtime) => new Reader(blocks, Runtime.runFork(runtime))),
    ({ close }) => close
  )
