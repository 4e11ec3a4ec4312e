/**
 * Notices an order of rows that has blocks decoded again and again: before it is read, if its windows of blocks take more than
 * is kept, else once many blocks were.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import { plural } from "../../core/Plural.ts"
import type { BlockWindows } from "../RandomAccess.ts"
import type { BlockSizes, CacheStats } from "./BlockCache.ts"
import { blocksIn, fitting, WindowBytes } from "./WindowBytes.ts"

/** From so many blocks on that were decoded again, a warning says so, once. */
const AGAIN = 64

const SMALLER_BLOCKS = "shards of smaller blocks (pipelines/prepare.ts of the repository writes them)"

/** @since 0.1.0 */
export class SlowOrder {
  readonly #name: string
  readonly #cacheBytes: number
  readonly #sizes: BlockSizes
  #bytes: WindowBytes | undefined
  #told = false
  /** The view in an order of its own that was read last. */
  #view: string | undefined
  /** The windows of the run that was opened last. */
  #windows: BlockWindows | undefined
  /** Warns once if blocks of this order are decoded again and again. */
  readonly warn: Effect.Effect<void>

  constructor(name: string, cacheBytes: number, sizes: BlockSizes, stats: () => CacheStats) {
    this.#name = name
    this.#cacheBytes = cacheBytes
    this.#sizes = sizes
    this.warn = Effect.suspend(() => {
      const { again, decoded } = stats()
      if (this.#told || again < AGAIN || again < sizes.count / 2) return Effect.void
      this.#told = true
      const found = `at least ${again} of ${decoded} blocks of dataset ${name} were decoded although they had been before, since not all are kept`
      return Effect.logWarning(`${found} until their rows have been asked for. ${this.#way()}`)
    })
  }

  /** Notes that rows are read for a view in an order of its own. */
  readonly reorderedBy = (view: string): void => {
    this.#view = view
  }

  /** Notes in which windows a run reads blocks. Returns a warning, once, if they are expected not to fit. */
  readonly readInWindows = (windows: BlockWindows | undefined): ReadonlyArray<string> => {
    this.#windows = windows
    if (windows === undefined || this.#told || this.#sizes.all <= this.#cacheBytes) return []
    const blocks = blocksIn(windows)
    this.#bytes ??= new WindowBytes(this.#sizes)
    const needed = this.#bytes.ofBlocks(blocks)
    // One block is kept, however large it is.
    if (blocks <= 1 || needed <= this.#cacheBytes) return []
    this.#told = true
    const window = fitting(windows, this.#bytes, this.#cacheBytes)
    const ways = [
      ...(window > 0 ? [`window: ${window}`] : windows.ownLanes > 1 ? ["fewer lanes"] : []),
      `cacheBytes: ${powerOfTwo(needed)}`
    ]
    return [
      `${called(windows)} has ${plural(blocks, "block")} of dataset ${this.#name} in use at once, up to about ${inWords(needed)} decoded, which do not fit into cacheBytes, now ${this.#cacheBytes}: blocks that are dropped too early are decoded again, many times over. Use ${ways.join(", ")}, or ${SMALLER_BLOCKS}`
    ]
  }

  /** What to do about an order whose blocks were decoded again and again. */
  #way(): string {
    const now = `now ${this.#cacheBytes}`
    if (this.#view !== undefined) {
      return `They are read for ${this.#view}, whose order is not that of the blocks, also under Sampler.shuffleBlocks. Give Dataset.split keepOrder: true, and Dataset.subset ascending indices, or raise cacheBytes, ${now}`
    }
    const windows = this.#windows
    if (windows === undefined) return `Use Sampler.shuffleBlocks, or raise cacheBytes, ${now}`
    // They were expected to fit, so how much they take is not known.
    const window = Math.floor(Math.min(windows.window, windows.blocks) / 2)
    const ways = window > 0 ? [`a smaller window, such as ${window}`] : []
    const larger = `larger cacheBytes, such as ${powerOfTwo(2 * this.#cacheBytes)}, ${now}`
    return `The windows of ${called(windows)} take more, once decoded, than is kept. Use ${[...ways, larger].join(", ")}, or ${SMALLER_BLOCKS}`
  }
}

/** The sampler with the options that its windows depend on. */
const called = ({ lanes, ownLanes, sampler, window }: BlockWindows): string => {
  const of = lanes > 1 ? `, lanes: ${lanes}` : ""
  const own = ownLanes < lanes ? `, of which this rank reads ${ownLanes}` : ""
  return `sampler ${sampler} (window: ${window}${of}${own})`
}

/** The least power of two that is not below a number of bytes, as it is written in code. */
const powerOfTwo = (bytes: number): string => `2 ** ${Math.ceil(Math.log2(Math.max(bytes, 1)))}`

const inWords = (bytes: number): string => (bytes < 1e6 ? `${Math.ceil(bytes)} bytes` : `${Math.ceil(bytes / 1e6)} MB`)
