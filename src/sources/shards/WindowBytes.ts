/**
 * How many bytes a window of blocks takes, before any of them is read.
 *
 * @since 0.1.0
 */
import type { BlockWindows } from "../RandomAccess.ts"
import type { BlockSizes } from "./BlockCache.ts"

/** @since 0.1.0 */
export class WindowBytes {
  readonly #count: number
  readonly #all: number
  #mean = 0
  #deviation = 0
  #largest = 0

  /** O(blocks). */
  constructor({ all, bytesOf, count }: BlockSizes) {
    this.#count = count
    this.#all = all
    this.#mean = count === 0 ? 0 : all / count
    let squares = 0
    for (let block = 0; block < count; block++) {
      const bytes = bytesOf(block)
      squares += (bytes - this.#mean) ** 2
      this.#largest = Math.max(this.#largest, bytes)
    }
    this.#deviation = count === 0 ? 0 : Math.sqrt(squares / count)
  }

  /**
   * How many bytes so many blocks have once they are decoded, drawn without replacement as an order draws them: their mean and
   * two standard deviations, which few windows exceed, or the largest block and the mean of the others, since the window that has
   * that one is read many times over if it does not fit. It is exact of all blocks, and of blocks of one size.
   */
  ofBlocks(blocks: number): number {
    if (blocks >= this.#count) return this.#all
    const spread = 2 * this.#deviation * Math.sqrt((blocks * (this.#count - blocks)) / (this.#count - 1))
    const usual = blocks * this.#mean + spread
    const withLargest = this.#largest + (blocks - 1) * this.#mean
    return Math.min(this.#all, blocks * this.#largest, Math.max(usual, withLargest))
  }
}

/** How many blocks of the dataset are in use at once. @since 0.1.0 */
export const blocksIn = ({ blocks, ownLanes, share, window }: BlockWindows): number =>
  Math.min(blocks, Math.ceil(window * ownLanes * share))

/** The largest window of which at most `most` bytes are in use, or one block, which is always kept; 0 if there is none. @since 0.1.0 */
export const fitting = (windows: BlockWindows, bytes: WindowBytes, most: number): number => {
  let fits = 0
  let not = windows.window
  while (not - fits > 1) {
    const window = Math.floor((fits + not) / 2)
    const blocks = blocksIn({ ...windows, window })
    if (blocks <= 1 || bytes.ofBlocks(blocks) <= most) fits = window
    else not = window
  }
  return fits
}
