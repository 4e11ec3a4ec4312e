/**
 * The plan of an epoch: which positions of its order make batch b, and which worker makes it. Pure arithmetic: no list
 * is ever made, so a plan over 10^9 samples costs what one over 10 does.
 *
 * ```text
 * positions of the epoch's order   0 … B-1 | B … 2B-1 | 2B … 3B-1 | …        B = the (global) batch size
 * batch                               0    |     1    |     2     | …
 * worker (of n)                       0    |     1    | 2 mod n   | …        batch b is made by worker b mod n
 * within a batch                   rank 0's share, rank 1's share, …         contiguous, of equal size
 * ```
 *
 * @since 0.1.0
 */
import { whole } from "../../core/Check.ts"
import { InvalidOption } from "../../core/InvalidOption.ts"

/**
 * What becomes of an epoch's last batch when it is short, in every world: `"pad"` fills it with the epoch's first samples
 * (as `padLast` does), `"drop"` leaves it out (as `dropLast` does), `"error"` keeps it as it is and refuses a world whose
 * ranks cannot share it equally.
 *
 * @since 0.1.0
 */
export type Uneven = "pad" | "drop" | "error"

/** @since 0.1.0 */
export interface Plan {
  /** How many positions an epoch has. */
  readonly count: number
  /** How many of them its order has; those behind them, which fill the last batch, have the order's first samples again. */
  readonly drawn: number
  readonly uneven: Uneven
  readonly batchSize: number
  /** How many batches an epoch has. */
  readonly batches: number
  readonly rank: number
  readonly world: number
  readonly workers: number
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
}

/**
 * A plan from its figures: the same number of batches for every rank, each with an equal share of every batch. Throws
 * `InvalidOption` if a count is not a whole number, if the rank is not below the world size, if the ranks cannot share
 * a batch equally, or if `uneven` contradicts `dropLast` or `padLast`.
 *
 * @since 0.1.0
 */
export const make = (options: Options): Plan => {
  const drawn = whole("samples an epoch", options.count, 0)
  const batchSize = whole("batch size", options.batchSize, 1)
  const workers = whole("workers", options.workers, 1)
  const { rank, uneven, world } = shared(options)
  if (batchSize % world !== 0) {
    const expected = `a multiple of the world size ${world}, so that every rank makes an equal share of each batch`
    throw new InvalidOption({ option: "batch size", value: batchSize, expected })
  }
  const { drop, pad } = last(uneven, options)
  const rest = drawn % batchSize
  if (!drop && !pad && rest % world !== 0) throw unequal(drawn, batchSize, world)
  if (uneven === "drop" && !options.dropLast && drawn > 0 && drawn < batchSize) {
    const expected = `"pad", or the batch size at most the ${drawn} samples of an epoch: "drop" would leave no batch of ${batchSize}`
    throw new InvalidOption({ option: "uneven", value: uneven, expected })
  }
  const batches = drop ? Math.floor(drawn / batchSize) : Math.ceil(drawn / batchSize)
  const count = pad ? whole("samples an epoch, padded", batches * batchSize, 0) : drawn
  return { count, drawn, uneven, batchSize, batches, rank, world, workers }
}

/**
 * How ranks share an epoch, with defaults, as far as it can be checked without a dataset. Throws `InvalidOption`.
 *
 * @since 0.1.0
 */
export const shared = (options: {
  readonly rank?: number | undefined
  readonly world?: number | undefined
  readonly uneven?: Uneven | undefined
}): { readonly rank: number; readonly world: number; readonly uneven: Uneven } => {
  const { uneven = "error" } = options
  const world = whole("world", options.world ?? 1, 1)
  const rank = whole("rank", options.rank ?? 0, 0)
  if (rank >= world) {
    throw new InvalidOption({ option: "rank", value: rank, expected: `below the world size, 0 to ${world - 1}` })
  }
  if (uneven !== "pad" && uneven !== "drop" && uneven !== "error") {
    throw new InvalidOption({ option: "uneven", value: uneven, expected: '"pad", "drop" or "error"' })
  }
  return { rank, world, uneven }
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
const unequal = (count: number, batchSize: number, world: number): InvalidOption => {
  const rest = count % batchSize
  const short = rest % world
  const near = [count - short, count + world - short].filter((size) => size > 0).join(" or ")
  return new InvalidOption({
    option: "uneven",
    value: "error",
    expected:
      `"pad" (fill the last batch with the epoch's first samples) or "drop" (leave it out), since ${count} samples an ` +
      `epoch in batches of ${batchSize} over ${world} ranks leave ${rest} for the last batch, which ${world} ranks cannot ` +
      `share equally; "error", the default, takes sizes such as ${near}`
  })
}

/** The positions that make this rank's share of a batch: from `position` on, `size` of them. @since 0.1.0 */
export const rows = (plan: Plan, batch: number): { readonly position: number; readonly size: number } => {
  const start = batch * plan.batchSize
  const length = Math.min(plan.batchSize, plan.count - start)
  const from = Math.floor((plan.rank * length) / plan.world)
  const to = Math.floor(((plan.rank + 1) * length) / plan.world)
  return { position: start + from, size: to - from }
}

/** The worker that makes a batch. @since 0.1.0 */
export const worker = (plan: Plan, batch: number): number => batch % plan.workers

/**
 * How many samples the worker of a batch made before it in the epoch. Only an epoch's last batch can be short, so all
 * before it were full.
 *
 * @since 0.1.0
 */
export const ordinal = (plan: Plan, batch: number): number =>
  Math.floor(batch / plan.workers) * (plan.batchSize / plan.world)

/** How many samples the worker of a batch made in the epoch before the one at a position of the batch. @since 0.1.0 */
export const ordinalAt = (plan: Plan, batch: number, position: number): number =>
  ordinal(plan, batch) + position - rows(plan, batch).position
