/**
 * Notices an order of rows that has blocks decoded again and again.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import type { CacheStats } from "./BlockCache.ts"

/** From so many blocks on that were decoded again, a warning says so, once. */
const AGAIN = 64

/** @since 0.1.0 */
export class SlowOrder {
  #told = false
  /** The view in an order of its own that was read last. */
  #view: string | undefined
  /** Warns once if blocks of this order are decoded again and again. */
  readonly warn: Effect.Effect<void>

  constructor(name: string, cacheBytes: number, blocks: number, stats: () => CacheStats) {
    this.warn = Effect.suspend(() => {
      const { again, decoded } = stats()
      if (this.#told || again < AGAIN || again < blocks / 2) return Effect.void
      this.#told = true
      const found = `${again} of ${decoded} blocks of dataset ${name} were decoded although they had been before, since not all are kept`
      const way =
        this.#view === undefined
          ? "Use Sampler.shuffleBlocks"
          : `They are read for ${this.#view}, whose order is not that of the blocks, also under Sampler.shuffleBlocks. Give Dataset.split keepOrder: true, and Dataset.subset ascending indices`
      return Effect.logWarning(
        `${found} until their rows have been asked for. ${way}, or raise cacheBytes, now ${cacheBytes}`
      )
    })
  }

  /** Notes that rows are read for a view in an order of its own. */
  readonly reorderedBy = (view: string): void => {
    this.#view = view
  }
}
