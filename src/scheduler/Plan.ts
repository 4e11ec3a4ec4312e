/**
 * The plan of an epoch: which positions of its order make batch b, and which worker makes it. Pure arithmetic: no list
 * is ever made, so a plan over 10^9 samples costs what one over 10 does.
 *
 * ```text
 * positions of the epoch's order   0 … B-1 | B … 2B-1 | 2B … 3B-1 | …        B = the (global) batch size
 * batch                               0    |     1    |     2     | …
 * worker (of n)                       0    |     1    | 2 mod n   | …        batch b is made by worker b mod n
 * within a batch                   rank 0's share, rank 1's share, …         contiguous, as equal as can be
 * ```
 *
 * @since 0.1.0
 */
import { InvalidOption, whole } from "../InvalidOption.ts"

/** @since 0.1.0 */
export interface Plan {
  /** How many positions an epoch has. */
  readonly count: number
  /** How many of them its order has; those behind them, which fill the last batch, have the order's first samples again. */
  readonly drawn: number
  readonly batchSize: number
  /** How many batches an epoch has. */
  readonly batches: number
  readonly rank: number
  readonly world: number
  readonly workers: number
}

/**
 * A plan from its figures. Throws `InvalidOption` for counts that are none, a rank outside of the world, or a batch
 * size that the ranks cannot share equally.
 *
 * @since 0.1.0
 */
export const make = (options: {
  readonly count: number
  readonly batchSize: number
  readonly dropLast: boolean
  readonly padLast?: boolean
  readonly rank: number
  readonly world: number
  readonly workers: number
}): Plan => {
  const drawn = whole("samples an epoch", options.count, 0)
  const batchSize = whole("batch size", options.batchSize, 1)
  const workers = whole("workers", options.workers, 1)
  const world = whole("world", options.world, 1)
  const rank = whole("rank", options.rank, 0)
  if (rank >= world) {
    throw new InvalidOption({ option: "rank", value: rank, expected: `below the world size, 0 to ${world - 1}` })
  }
  if (batchSize % world !== 0) {
    const expected = `a multiple of the world size ${world}, so that every rank makes an equal share of each batch`
    throw new InvalidOption({ option: "batch size", value: batchSize, expected })
  }
  const batches = options.dropLast ? Math.floor(drawn / batchSize) : Math.ceil(drawn / batchSize)
  const count = options.padLast === true ? whole("samples an epoch, padded", batches * batchSize, 0) : drawn
  return { count, drawn, batchSize, batches, rank, world, workers }
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
