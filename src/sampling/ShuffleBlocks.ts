/**
 * A random order with locality: blocks in a random order, rows mixed within windows of blocks.
 *
 * @since 0.1.0
 */
import { whole } from "../core/Check.ts"
import { optionsOf } from "../core/Options.ts"
import * as Permutation from "../random/Permutation.ts"
import * as Rng from "../random/Rng.ts"
import type { SeedPolicy } from "../seeding/SeedPolicy.ts"
import * as BlockOrder from "./BlockOrder.ts"
import { type Order, ownSampler, type Sampler } from "./EpochOrder.ts"
import { PositionRng } from "./PositionRng.ts"

/** @category options @since 0.1.0 */
export interface ShuffleBlocksOptions {
  /**
   * How many blocks of a lane are mixed with one another. More mix better, and take more memory: all rows of
   * `window` × the lanes that a process reads are kept at once. Default 16.
   */
  readonly window?: number
  /**
   * Into how many parts the order is dealt, of which a rank reads whole ones: the number of ranks must divide it, and it
   * must divide the batch size. Batches depend on it, and not on the number of ranks. Default 1.
   */
  readonly lanes?: number
  /** How many samples count as a block of a dataset that does not say where its blocks are. Default 1024. */
  readonly rows?: number
}

/**
 * Every index once: the dataset's blocks (`Dataset.open` knows them) in an order redrawn each epoch, dealt into lanes, and
 * the rows of each window of blocks in an order of their own. So a block is read within one stretch of the epoch by one
 * rank, and once an epoch; but where lanes meet within a block, both read it: that is at most `lanes − 1` blocks.
 *
 * The order is O(blocks) to begin with and takes 16 bytes a block and 16 KB, or some bytes if all blocks but the last have as many
 * rows; a position is O(log blocks), and O(1) where they are of about one size. What is decoded of `window` blocks of each lane must fit into `cacheBytes` of
 * `Dataset.open`: a run warns when it opens if it does not. Throws `InvalidOption` unless all options are whole numbers of at least 1.
 *
 * @example
 * import { Rng, Sampler } from "furrow"
 *
 * const rng = Rng.make({ algorithm: "xoshiro128**", words: [1, 2, 3, 4] })
 * const order = Sampler.shuffleBlocks({ window: 2, rows: 10 }).order(100, rng)
 * const first = Array.from({ length: 20 }, (_, position) => Math.floor(order(position) / 10))
 * console.assert(new Set(first).size === 2) // rows of two blocks
 *
 * @category constructors
 * @since 0.1.0
 */
export const shuffleBlocks = (options: ShuffleBlocksOptions = {}): Sampler<SeedPolicy> => {
  const own = optionsOf("Sampler.shuffleBlocks", options, { window: true, lanes: true, rows: true } as const)
  const window = whole("window", own.window ?? 16, 1)
  const lanes = whole("lanes", own.lanes ?? 1, 1, 65_536)
  const rows = whole("rows", own.rows ?? 1024, 1)
  return ownSampler({
    name: "shuffleBlocks",
    draws: true,
    distinct: true,
    parameters: { window, lanes, rows },
    windowBlocks: window,
    count: (size) => size,
    lanes: (size) =>
      Array.from({ length: lanes }, (_, lane) => boundary(lane + 1, lanes, size) - boundary(lane, lanes, size)),
    order: (size, rng, blocks) => {
      const shuffled = BlockOrder.make(size, blocks, rows, rng)
      return windows(shuffled, window, lanes, new PositionRng(rng))
    }
  })
}

/** Where a lane begins. */
const boundary = (lane: number, lanes: number, size: number): number => Math.floor((lane * size) / lanes)

/** A window of the order: positions from `low` up to `high`, which are permuted. */
interface Window {
  readonly low: number
  readonly high: number
  readonly at: (place: number) => number
}

const windows = (blocks: BlockOrder.BlockOrder, window: number, lanes: number, words: PositionRng): Order => {
  const { size } = blocks
  // A batch takes its rows from all lanes; those of the next batches may be in the next window of each, and what is read
  // ahead of them in the one behind that.
  const most = 3 * lanes + 3
  const known = new Map<number, Window>()

  const windowOf = (position: number): Window => {
    const lane = Math.floor(((position + 1) * lanes - 1) / size)
    const start = boundary(lane, lanes, size)
    const first = blocks.placeAt(start)
    const low = first + window * Math.floor((blocks.placeAt(position) - first) / window)
    const from = Math.max(start, blocks.startOf(low))
    const before = known.get(from)
    if (before !== undefined) return before
    const to = Math.min(boundary(lane + 1, lanes, size), blocks.startOf(Math.min(low + window, blocks.count)))
    words.at(from)
    const seed = { algorithm: "xoshiro128**", words: [words.word(), words.word(), words.word(), words.word()] } as const
    const { at } = Permutation.make(to - from, Rng.make(seed))
    const own = { low: from, high: to, at }
    known.set(from, own)
    for (const oldest of known.keys()) {
      if (known.size <= most) break
      known.delete(oldest)
    }
    return own
  }

  let current: Window = { low: 0, high: 0, at: (place) => place }
  return (position) => {
    if (position < current.low || position >= current.high) current = windowOf(position)
    return blocks.indexAt(current.low + current.at(position - current.low))
  }
}
