/**
 * The plan of a run: which positions of an epoch's order form batch b, and which worker builds it. Batches of one size are
 * arithmetic: no list is made, so a plan over 10^9 samples costs what one over 10 does.
 *
 * ```text
 * positions of the epoch's order   0 … B-1 | B … 2B-1 | 2B … 3B-1 | …        B = the (global) batch size
 * batch                               0    |     1    |     2     | …
 * worker (of n)                       0    |     1    | 2 mod n   | …        batch b is built by worker b mod n
 * within a batch                   rank 0's share, rank 1's share, …         contiguous, of equal size
 * ```
 *
 * Where the batch stage cuts batches of varying size, ranks' shares of a batch differ by at most one sample, and each rank
 * delivers every batch. An epoch ends at the first batch that is not there; all ranks find the same one.
 *
 * @since 0.1.0
 */

import { whole } from "../../core/Check.ts"
import { InvalidOption } from "../../core/InvalidOption.ts"
import { plural } from "../../core/Plural.ts"
import type { EpochCuts } from "../../pipeline/BatchCuts.ts"
import * as Cuts from "./Cuts.ts"
import * as Lanes from "./Lanes.ts"

/**
 * What becomes of an epoch's last batch when it is short, in every world: `"pad"` fills it with the epoch's first samples
 * (as `padLast` does), `"drop"` leaves it out (as `dropLast` does), `"error"` keeps it as it is and refuses a world whose
 * ranks cannot share it equally.
 *
 * @since 0.1.0
 */
export type Uneven = "pad" | "drop" | "error"

/**
 * The most processes that a run can be shared by: what the seed packing has room for.
 *
 * @category constants
 * @since 0.1.0
 */
export const MAX_WORLD = 65_536

/** @since 0.1.0 */
export interface Plan {
  /** How many positions an epoch has; the most that it can have where the batch stage cuts the batches. */
  readonly count: number
  /** How many of them its order has; those behind them, which fill the last batch, have the order's first samples again. */
  readonly drawn: number
  readonly uneven: Uneven
  /** The size of a batch over all ranks, or the most that one can have. */
  readonly batchSize: number
  /** How many batches each epoch has; `undefined` if that is known only at an epoch's end. */
  readonly batches: number | undefined
  readonly cuts: Cuts.Cuts
  readonly lanes: Lanes.Lanes | undefined
  readonly rank: number
  readonly world: number
  readonly workers: number
  /** The epoch that continues with another batch size, or among other workers or ranks, if one does. */
  readonly resized: Resized | undefined
  /** What becomes of a short last batch, where the end is found on the way: it stays, is left out, or is filled. */
  readonly tail: "keep" | "drop" | "pad"
  /** How many positions batches are cut from: those of the order, or of its lanes made even. */
  readonly total: number
  /** Where an epoch ends: behind the order's own positions if samples come a second time, to fill its last batch. */
  readonly end: (epoch: number) => number
  /** Where each of an epoch's positions lies in the sampler's order; `undefined` if at the same position. */
  readonly drawnAt: (epoch: number) => ((position: number) => number) | undefined
}

/** An epoch that continues with another batch size, or among other workers or ranks. @since 0.1.0 */
export interface Resized {
  readonly epoch: number
  readonly origin: Cuts.Origin
}

/** @since 0.1.0 */
export interface Options {
  /** How many positions the epoch's order has. */
  readonly count: number
  readonly batchSize: number
  readonly dropLast: boolean
  readonly padLast?: boolean
  /** Default `"error"`. */
  readonly uneven?: Uneven | undefined
  readonly rank: number
  readonly world: number
  readonly workers: number
  /** How many positions each lane of the order has; default: the order has no lanes. */
  readonly lanes?: ReadonlyArray<number> | undefined
  /** Cuts what is left of an epoch; default: batches of one size. */
  readonly cut?: ((epoch: number, origin: Cuts.Origin) => EpochCuts) | undefined
  /** Whether epochs end where their stream does, before `count`; they are cut into batches of one size. */
  readonly isStream?: boolean
  /** How many batches an epoch of a stream has, if that was declared. */
  readonly steps?: number | undefined
  readonly resized?: Resized | undefined
}

/**
 * A plan from its figures: the same number of batches for every rank, each with an equal share of every batch. Throws
 * `InvalidOption` if a count is not a whole number, if the rank is not below the world size, if the ranks cannot share
 * a batch or the lanes equally, if `uneven` contradicts `dropLast` or `padLast`, or for `steps` of what is no stream.
 *
 * @since 0.1.0
 */
export const make = (options: Options): Plan => {
  const drawn = whole("samples an epoch", options.count, 0)
  const batchSize = whole("batch size", options.batchSize, 1)
  const workers = whole("workers", options.workers, 1)
  const { cut, resized } = options
  const { rank, steps, uneven, world } = shared(options)
  if (steps !== undefined && options.isStream !== true) {
    const expected = "left out: the dataset says how many batches an epoch has; it is for streams"
    throw new InvalidOption({ option: "steps", value: steps, expected })
  }
  if (batchSize % world !== 0) {
    const expected = `a multiple of the world size ${world}, so that every rank makes an equal share of each batch`
    throw new InvalidOption({ option: "batch size", value: batchSize, expected })
  }
  const { drop, pad } = last(uneven, options)
  const lanes = options.lanes === undefined ? undefined : Lanes.make(options.lanes, drawn, batchSize, world)
  const tail = drop ? "drop" : pad ? "pad" : "keep"
  const figures = { drawn, uneven, batchSize, lanes, rank, world, workers, resized, tail } as const
  if (cut !== undefined) {
    const refused = lanes !== undefined ? "lanes" : drop || pad ? "uneven, dropLast and padLast" : undefined
    if (refused !== undefined) {
      const expected = "left out: this batch stage cuts batches of varying size"
      throw new InvalidOption({ option: refused, value: lanes?.sizes.length ?? uneven, expected })
    }
    return { ...figures, ...unknownEnd(drawn, Cuts.byStage(batchSize, cut, resized)) }
  }
  if (options.isStream === true) {
    const open = unknownEnd(drawn, Cuts.ofStream(batchSize, steps, resized))
    // Whether an epoch's first samples come a second time is not known before its end.
    return { ...figures, ...open, batches: steps, end: () => (pad ? Number.POSITIVE_INFINITY : drawn) }
  }
  const total = lanes === undefined || !(drop || pad) ? drawn : Lanes.even(lanes, drop ? "drop" : "pad")
  /** The batches from a position on, and the position behind them. */
  const from = (position: number) => {
    const left = total - position
    if (!drop && !pad && (left % batchSize) % world !== 0) throw unequal(left, batchSize, world, lanes?.sizes.length)
    const batches = Math.max(0, drop ? Math.floor(left / batchSize) : Math.ceil(left / batchSize))
    return { batches, end: drop || pad ? position + batches * batchSize : drawn }
  }
  const { batches, end } = from(0)
  if (uneven === "drop" && !options.dropLast && drawn > 0 && batches === 0) {
    const expected = `"pad", or the batch size at most the ${plural(drawn, "sample")} of an epoch: "drop" would leave no batch of ${batchSize}`
    throw new InvalidOption({ option: "uneven", value: uneven, expected })
  }
  const count = pad ? whole("samples an epoch, padded", end, 0) : drawn
  if (lanes !== undefined && pad) Lanes.padded(lanes, batches)
  if (lanes !== undefined && !pad && !drop) Lanes.dealt(lanes, drawn)
  const every = Cuts.uniform(batchSize, batches, count)
  const wraps = (own: number) => (own > drawn ? (position: number): number => position % drawn : undefined)
  const all = lanes === undefined ? wraps(end) : Lanes.dealing(lanes, batchSize, Cuts.START, end)
  const undisturbed = { ...figures, count, total, batches, cuts: every, end: () => end, drawnAt: () => all }
  if (resized === undefined) return undisturbed
  const { epoch, origin } = resized
  if (origin.batch === 0) return { ...undisturbed, cuts: Cuts.renumbered(every, epoch, origin) }
  const rest = from(origin.position)
  const own = lanes === undefined ? wraps(rest.end) : Lanes.dealing(lanes, batchSize, origin, rest.end)
  return {
    ...undisturbed,
    // Draws of the other epochs must not depend on this one: a run that resumes behind it does not know it.
    end: (asked) => (asked === epoch ? rest.end : end),
    cuts: Cuts.resized(every, epoch, origin, Cuts.uniform(batchSize, rest.batches, rest.end - origin.position)),
    drawnAt: (asked) => (asked === epoch ? own : all)
  }
}

/** Batches whose number is known only at an epoch's end. */
const unknownEnd = (count: number, cuts: Cuts.Cuts) => ({
  count,
  total: count,
  batches: undefined,
  cuts,
  end: () => count,
  drawnAt: () => undefined
})

/**
 * How ranks share an epoch, with defaults, as far as it can be checked without a dataset. Throws `InvalidOption`.
 *
 * @since 0.1.0
 */
export const shared = (options: {
  readonly rank?: number | undefined
  readonly world?: number | undefined
  readonly uneven?: Uneven | undefined
  readonly steps?: number | undefined
}): {
  readonly rank: number
  readonly world: number
  readonly uneven: Uneven
  readonly steps: number | undefined
} => {
  const { uneven = "error" } = options
  const world = whole("world", options.world ?? 1, 1, MAX_WORLD)
  const rank = whole("rank", options.rank ?? 0, 0)
  if (rank >= world) {
    throw new InvalidOption({ option: "rank", value: rank, expected: `below the world size, 0 to ${world - 1}` })
  }
  if (uneven !== "pad" && uneven !== "drop" && uneven !== "error") {
    throw new InvalidOption({ option: "uneven", value: uneven, expected: '"pad", "drop" or "error"' })
  }
  const steps = options.steps === undefined ? undefined : whole("steps", options.steps, 1)
  return { rank, world, uneven, steps }
}

/** Whether a short last batch is left out or filled. */
const last = (uneven: Uneven, { dropLast, padLast = false }: Options) => {
  const against = uneven === "pad" && dropLast ? "dropLast" : uneven === "drop" && padLast ? "padLast" : undefined
  if (against !== undefined) {
    const same = uneven === "pad" ? "drop" : "pad"
    const expected = `"${same}" or left out, since the pipeline's batch has ${against}: true; to have "${uneven}", leave ${against} out`
    throw new InvalidOption({ option: "uneven", value: uneven, expected })
  }
  return { drop: dropLast || uneven === "drop", pad: padLast || uneven === "pad" }
}

/** Ranks with unequal shares of the last batch could end up with different numbers of batches. */
const unequal = (count: number, batchSize: number, world: number, lanes: number | undefined): InvalidOption => {
  const rest = count % batchSize
  const short = rest % world
  const inLanes = (size: number): string =>
    lanes === undefined ? `${size}` : `${size} (in lanes of ${Lanes.listed(Lanes.equal(lanes, size))})`
  const near = [count - short, count + world - short]
    .filter((size) => size > 0)
    .map(inLanes)
    .join(" or ")
  return new InvalidOption({
    option: "uneven",
    value: "error",
    expected:
      `"pad" (fill the last batch with the epoch's first samples) or "drop" (leave it out), since ${plural(count, "sample")} an ` +
      `epoch in batches of ${batchSize} over ${world} ranks leave ${rest} for the last batch, which ${world} ranks cannot ` +
      `share equally; "error", the default, takes sizes such as ${near}`
  })
}

/** This rank's share of a batch. @since 0.1.0 */
export interface Share {
  /** The position of its first row. */
  readonly position: number
  /** How many rows it has. */
  readonly size: number
  /**
   * The ordinal of its first row: how many samples the worker of the batch built before it in the epoch, if all its batches
   * before were full. No two rows of a worker have the same ordinal in an epoch, whatever the sizes of its batches. In an
   * epoch that continues with another batch size, other workers or ranks, they are counted on above all that were used.
   */
  readonly ordinal: number
}

/**
 * Returns this rank's share of a batch, which may have no rows; `undefined` if the epoch ends before the batch. Of a stream,
 * `size` is how many samples the batch has. Throws what the batch stage's own cuts throw.
 *
 * @since 0.1.0
 */
export const share = (plan: Plan, epoch: number, batch: number, size?: number): Share | undefined => {
  const { batchSize, cuts, rank, workers, world } = plan
  const cut = cuts.at(epoch, batch)
  if (cut === undefined) return undefined
  const all = size ?? cut.size
  const origin = cuts.origin(epoch)
  const from = Math.floor((rank * all) / world)
  const to = Math.floor(((rank + 1) * all) / world)
  const { numberedFrom = origin.batch } = origin
  const ordinal = origin.ordinal + Math.floor((batch - numberedFrom) / workers) * (batchSize / world)
  return { position: cut.position + from, size: to - from, ordinal }
}

/**
 * Returns the ordinal of a batch: how many batches its worker built before it in the epoch. In an epoch that continues among
 * other workers or ranks it is counted on above all that were used. No two batches of a worker have the same in an epoch.
 *
 * @since 0.1.0
 */
export const batchOrdinal = ({ cuts, workers }: Plan, epoch: number, batch: number): number => {
  const { numberedFrom = 0 } = cuts.origin(epoch)
  return numberedFrom + Math.floor((batch - numberedFrom) / workers)
}

/** Returns the position at which a batch of an epoch begins; for the batch behind the last one, at which the epoch ends. @since 0.1.0 */
export const positionOf = ({ count, cuts }: Plan, epoch: number, batch: number): number => {
  const origin = cuts.origin(epoch)
  if (batch === origin.batch) return origin.position
  const cut = cuts.at(epoch, batch)
  if (cut !== undefined) return cut.position
  const before = cuts.at(epoch, batch - 1)
  return before === undefined ? count : before.position + before.size
}

/** The worker that builds a batch. @since 0.1.0 */
export const worker = ({ workers }: Pick<Plan, "workers">, batch: number): number => batch % workers

/** The first batch from `batch` on that a worker builds. @since 0.1.0 */
export const batchOf = ({ workers }: Pick<Plan, "workers">, worker: number, batch: number): number =>
  worker + Math.ceil(Math.max(batch - worker, 0) / workers) * workers
