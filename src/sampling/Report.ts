/**
 * How good an order is, and what it costs to read.
 *
 * @since 0.1.0
 */
import { whole } from "../core/Check.ts"
import { InvalidOption } from "../core/InvalidOption.ts"
import { optionsOf } from "../core/Options.ts"
import { segmentIn } from "../core/Segments.ts"
import * as Rng from "../random/Rng.ts"
import { type Dataset, datasetOf } from "../sources/RandomAccess.ts"
import { Retention } from "../sources/shards/Retention.ts"
import type { Sharded } from "../sources/shards/ShardedDataset.ts"
import { type Sampler, samplerOf } from "./EpochOrder.ts"

/** @category options @since 0.1.0 */
export interface ReportOptions {
  /** The generator at the seed of the epoch. Default: one of a seed of its own. */
  readonly rng?: Rng.Rng
  /** Rows of a batch, over all ranks. Default 256, or as near as the lanes and ranks allow. */
  readonly batchSize?: number
  /** How many ranks read. Default 1. */
  readonly world?: number
  /** `cacheBytes` of `Dataset.open`, of each rank. Default: what the dataset was opened with, or 2^28 if it was not opened. */
  readonly cacheBytes?: number
  /** How many positions are looked at, from the first on. Default 2^20. */
  readonly positions?: number
}

/** @category models @since 0.1.0 */
export interface OrderReport {
  /** How many positions were looked at. */
  readonly positions: number
  /**
   * How far a sample is from its place in the dataset, on average, as a share of the dataset: 0 in sequence, 1/3 if any
   * sample may come anywhere.
   */
  readonly distance: number
  /** The share of samples behind which one comes that is beside them in the dataset: 1 in sequence, about 2/size if shuffled. */
  readonly neighbors: number
  /** Bytes read for each byte delivered, over all ranks; `undefined` if the dataset does not say where its blocks are. */
  readonly reads: number | undefined
  /** Rows of the blocks that are in use at once, of one rank at most: begun, and not all of their rows given. */
  readonly rows: number | undefined
  /**
   * The same in bytes, decoded, by the index: what `cacheBytes` must hold, besides what the format takes beyond that (lines: 8 bytes
   * each). `undefined` if the dataset does not say.
   */
  readonly bytes: number | undefined
}

/** What is known of a block. */
interface BlockSize {
  readonly rows: number
  /** How many bytes are read for it; its rows, if that is not known. */
  readonly read: number
  readonly decoded: number
}

/**
 * Returns a report on the order that `sampler` gives to `dataset`: how well it mixes, and what reading in that order costs
 * with the cache of `Dataset.open`, as large as the dataset was opened with. It reads nothing, and takes time in proportion to the positions that it looks at.
 *
 * With `world`, batches are dealt to ranks as runs deal them, and each rank has a cache of its own. Throws `InvalidOption`
 * for options that are not whole numbers, for a world that does not divide the sampler's lanes, and for a batch size that
 * lanes and ranks cannot have equal parts of.
 *
 * @example
 * import { Dataset, Sampler } from "furrow"
 *
 * const dataset = Dataset.range(100_000)
 * const blocks = Sampler.report(Sampler.shuffleBlocks({ window: 4, rows: 100 }), dataset)
 * console.assert(blocks.neighbors < 0.01 && Math.abs(blocks.distance - 1 / 3) < 0.05)
 * console.assert(Sampler.report(Sampler.sequential, dataset).neighbors === 1)
 *
 * @category reports
 * @since 0.1.0
 */
export const report = <R>(
  sampler: Sampler<R>,
  dataset: Dataset<unknown, unknown, unknown>,
  options: ReportOptions = {}
): OrderReport => {
  const own = optionsOf("Sampler.report", options, {
    rng: "own",
    batchSize: true,
    world: true,
    cacheBytes: true,
    positions: true
  } as const)
  const { size } = datasetOf("the dataset of Sampler.report", dataset)
  samplerOf("the sampler of Sampler.report", sampler)
  const world = whole("world", own.world ?? 1, 1)
  const cacheBytes = whole("cacheBytes", own.cacheBytes ?? shardedOf(dataset)?.cacheBytes ?? 2 ** 28, 0)
  const most = whole("positions", own.positions ?? 2 ** 20, 1)
  const lanes = sampler.lanes?.(size) ?? [sampler.count(size)]
  const unit = lanes.length === 1 ? world : lanes.length
  const batchSize = whole("batchSize", own.batchSize ?? unit * Math.max(1, Math.round(256 / unit)), 1)
  if (lanes.length > 1 && lanes.length % world !== 0) {
    throw new InvalidOption({ option: "world", value: world, expected: `a divisor of the ${lanes.length} lanes` })
  }
  if (batchSize % unit !== 0) {
    throw new InvalidOption({ option: "batchSize", value: batchSize, expected: `a multiple of ${unit}` })
  }
  const rng = own.rng ?? Rng.make({ algorithm: "xoshiro128**", words: [1, 2, 3, 4] })
  const order = sampler.order(size, rng, dataset.blocks)
  const mixing = new Mixing(size)
  const blockOf = segmentIn(dataset.blocks ?? NO_BLOCKS)
  const sizes = sizesOf(dataset)
  const readers = dataset.blocks === undefined ? [] : Array.from({ length: world }, () => new Reader(sizes, cacheBytes))
  let positions = 0
  for (const batch of batchesOf(lanes, batchSize, most)) {
    const indices = batch.map((position) => order(position))
    for (const index of indices) mixing.take(index)
    for (const [rank, reader] of readers.entries()) {
      // A rank's share of a batch is contiguous, and so are its lanes.
      const share = indices.slice((rank * batch.length) / world, ((rank + 1) * batch.length) / world)
      reader.take(share.map(blockOf))
    }
    positions += batch.length
  }
  const isWhole = positions === sampler.count(size)
  const sum = (of: (reader: Reader) => number): number => readers.reduce((total, reader) => total + of(reader), 0)
  const delivered = sum((reader) => reader.delivered)
  const known = shardedOf(dataset) !== undefined
  return {
    positions,
    ...mixing.found(),
    reads: delivered === 0 ? undefined : sum((reader) => reader.readFor(isWhole)) / delivered,
    rows: readers.length === 0 ? undefined : Math.max(...readers.map((reader) => reader.rows)),
    bytes: known && readers.length > 0 ? Math.max(...readers.map((reader) => reader.bytes)) : undefined
  }
}

const NO_BLOCKS = new Float64Array(2)

/** The positions of each batch: an equal part of each lane, as far as there are some; `most` positions at most, in whole batches. */
function* batchesOf(
  lanes: ReadonlyArray<number>,
  batchSize: number,
  most: number
): Generator<ReadonlyArray<number>, void> {
  const part = batchSize / lanes.length
  let taken = 0
  for (let from = 0; taken < most; from += part) {
    const batch: Array<number> = []
    let start = 0
    for (const size of lanes) {
      for (let at = from; at < Math.min(size, from + part); at++) batch.push(start + at)
      start += size
    }
    if (batch.length === 0) return
    taken += batch.length
    yield batch
  }
}

/** How well samples are mixed. */
class Mixing {
  readonly #size: number
  #count = 0
  #distance = 0
  #neighbors = 0
  #last: number | undefined

  constructor(size: number) {
    this.#size = size
  }

  take(index: number): void {
    this.#distance += Math.abs(index - this.#count)
    if (this.#last !== undefined && Math.abs(index - this.#last) === 1) this.#neighbors++
    this.#last = index
    this.#count++
  }

  found(): { readonly distance: number; readonly neighbors: number } {
    return {
      distance: this.#count === 0 ? 0 : this.#distance / this.#count / this.#size,
      neighbors: this.#count < 2 ? 0 : this.#neighbors / (this.#count - 1)
    }
  }
}

/** A rank that reads blocks, and keeps them as `Dataset.open` does. */
class Reader {
  readonly #sizes: ReadonlyArray<BlockSize>
  readonly #kept: Retention<{ readonly bytes: number; left: number; used: number }>
  /** Blocks that were begun, and how many of their rows have not been given. */
  readonly #begun = new Map<number, number>()
  #read = 0
  #rows = 0
  #bytes = 0
  delivered = 0
  /** The most at once. */
  rows = 0
  bytes = 0

  constructor(sizes: ReadonlyArray<BlockSize>, cacheBytes: number) {
    this.#sizes = sizes
    this.#kept = new Retention(
      cacheBytes,
      sizes.reduce((sum, { decoded }) => sum + decoded, 0)
    )
  }

  /** The blocks of a batch's rows. */
  take(blocks: ReadonlyArray<number>): void {
    const counts = new Map<number, number>()
    for (const block of blocks) counts.set(block, (counts.get(block) ?? 0) + 1)
    // What is kept is used first, and then the rest is read.
    const missing: Array<readonly [block: number, count: number]> = []
    for (const [block, count] of counts) {
      const known = this.#kept.get(block)
      if (known === undefined) missing.push([block, count])
      else known.left -= count
    }
    for (const [block, count] of missing) {
      const { decoded, read, rows } = this.#sizes[block] as BlockSize // a block that there is
      this.#read += read
      this.#kept.put(block, { bytes: decoded, left: rows - count, used: 0 })
    }
    for (const [block, count] of counts) this.#given(block, count)
  }

  #given(block: number, count: number): void {
    const { decoded, read, rows } = this.#sizes[block] as BlockSize // as above
    this.delivered += (count * read) / rows
    const before = this.#begun.get(block)
    if (before === undefined) {
      this.#rows += rows
      this.#bytes += decoded
      this.rows = Math.max(this.rows, this.#rows)
      this.bytes = Math.max(this.bytes, this.#bytes)
    }
    const left = (before ?? rows) - count
    this.#begun.set(block, left)
    if (left > 0) return
    this.#begun.delete(block)
    this.#rows -= rows
    this.#bytes -= decoded
  }

  /** How many bytes were read; if the epoch goes on, without the part of begun blocks that is still to be given. */
  readFor(isWhole: boolean): number {
    if (isWhole) return this.#read
    let ahead = 0
    for (const [block, left] of this.#begun) {
      const { read, rows } = this.#sizes[block] as BlockSize // as above
      ahead += (left * read) / rows
    }
    return this.#read - ahead
  }
}

const isSharded = (
  dataset: Dataset<unknown, unknown, unknown>
): dataset is Dataset<unknown, unknown, unknown> & { readonly sharded: Sharded } =>
  "sharded" in dataset && dataset.sharded !== undefined

const shardedOf = (dataset: Dataset<unknown, unknown, unknown>): Sharded | undefined =>
  isSharded(dataset) ? dataset.sharded : undefined

/** The sizes of a dataset's blocks; in rows, if it knows no bytes. */
const sizesOf = (dataset: Dataset<unknown, unknown, unknown>): ReadonlyArray<BlockSize> => {
  const sharded = shardedOf(dataset)
  if (sharded === undefined) {
    const starts = dataset.blocks ?? new Float64Array(0)
    return Array.from({ length: Math.max(0, starts.length - 1) }, (_, block) => {
      const rows = (starts[block + 1] as number) - (starts[block] as number) // both ends of a block are there
      return { rows, read: rows, decoded: rows }
    })
  }
  return sharded.shards
    .flatMap(({ index }) => index.blocks)
    .filter(({ rows }) => rows > 0)
    .map(({ bytes, length, ranges, rows }) => ({
      rows,
      read: ranges === undefined ? length : ranges.reduce((sum, [, own]) => sum + own, 0),
      decoded: bytes ?? length
    }))
}
