/**
 * What a seed policy is asked, and what it answers: seeds for all rows of one stage of a batch at once.
 *
 * @since 0.1.0
 */
import { InvalidOption } from "../core/InvalidOption.ts"
import type * as Seed from "../random/Seed.ts"
import type { Coordinates, Origin, Scope, StageId } from "./Coordinates.ts"

/**
 * A request for the seeds of one stage: one seed for an epoch or a batch, or one for each sample of a batch.
 *
 * @category models
 * @since 0.1.0
 */
export interface Request {
  readonly scope: Scope
  readonly stage: StageId
  readonly epoch: number
  readonly rank: number
  readonly world: number
  readonly worker: number
  readonly workers: number
  readonly batch: number
  /** The ordinal of the first row; the others follow one by one. */
  readonly ordinal: number
  /** The position of the first row in the epoch's order; the others follow one by one. */
  readonly position: number
  /** The dataset index of each row; as many seeds are asked for. */
  readonly indices: ArrayLike<number>
  /** Whether the sampler visits an index at most once an epoch, or once a pass over a component of a mix. */
  readonly distinct: boolean
  /** Coordinates of each row's own; absent if the rows are samples of one dataset, one after another. */
  readonly rows?: RowCoordinates
}

/**
 * Where each row of a request comes from, for rows that are not simply the samples of one dataset in order. Every array has
 * a value for each row.
 *
 * @category models
 * @since 0.1.0
 */
export interface RowCoordinates {
  /** The ordinals of the rows; of children those of the samples that they came of, of packed rows those of their windows. */
  readonly ordinals?: ArrayLike<number>
  /** The positions of the rows; of children those of the samples that they came of. */
  readonly positions?: ArrayLike<number>
  /** The component of a mix that each row comes from, and how often it was passed through before. */
  readonly mix?: { readonly components: ArrayLike<number>; readonly passes: ArrayLike<number> }
  /** The window that each packed row comes from; given together with `children`. */
  readonly windows?: ArrayLike<number>
  /** The number of each row among all that came of its sample (`flatMap`) or of its window (`pack`), from 0. */
  readonly children?: ArrayLike<number>
}

/**
 * Returns the coordinates of a row of a request.
 *
 * @since 0.1.0
 */
export const coordinates = (request: Request, row: number): Coordinates => ({
  scope: request.scope,
  stage: request.stage,
  epoch: request.epoch,
  rank: request.rank,
  world: request.world,
  worker: request.worker,
  workers: request.workers,
  batch: request.batch,
  ordinal: request.rows?.ordinals?.[row] ?? request.ordinal + row,
  position: request.rows?.positions?.[row] ?? request.position + row,
  index: request.indices[row] ?? 0,
  distinct: request.distinct,
  ...(request.rows === undefined || request.scope === "batch" ? {} : originOf(request.rows, row))
})

const originOf = ({ children, mix, windows }: RowCoordinates, row: number): Origin => ({
  ...(mix === undefined ? {} : { component: mix.components[row] ?? 0, pass: mix.passes[row] ?? 0 }),
  ...(windows === undefined ? {} : { window: windows[row] ?? 0 }),
  ...(children === undefined ? {} : { child: children[row] ?? 0 })
})

/**
 * The seeds of a request's rows: packed, `width` words a seed in one array (the fast form, which is sent to threads as it
 * is), or listed one by one. Or carried: no row has a seed of its own; the worker starts one stream at `seed` when it first
 * meets `slot`, and each row continues where the one before it stopped, as loaders do that seed their workers. Only a policy
 * with `carries` may give those.
 *
 * @category models
 * @since 0.1.0
 */
export type Seeds =
  | { readonly _tag: "Packed"; readonly algorithm: string; readonly width: number; readonly words: Uint32Array }
  | { readonly _tag: "Listed"; readonly seeds: ReadonlyArray<Seed.Seed> }
  | { readonly _tag: "Carried"; readonly slot: string; readonly seed: Seed.Seed }

/**
 * Returns the seed of a row; of carried ones, the start of the stream. Throws `InvalidOption` if there is none for the row.
 *
 * @since 0.1.0
 */
export const seedAt = (seeds: Seeds, row: number): Seed.Seed => {
  if (seeds._tag === "Carried") return seeds.seed
  if (seeds._tag === "Packed") {
    const { algorithm, width, words } = seeds
    if (!(row >= 0 && (row + 1) * width <= words.length)) throw noSeed(words.length / width, row)
    return { algorithm, words: Array.from(words.subarray(row * width, (row + 1) * width)) }
  }
  const seed = seeds.seeds[row]
  if (seed === undefined) throw noSeed(seeds.seeds.length, row)
  return seed
}

const noSeed = (count: number, row: number): InvalidOption =>
  new InvalidOption({ option: "row", value: row, expected: `a row of the ${count} seeds that the policy gave` })

/**
 * The request for what is drawn once an epoch, for all workers and ranks alike: the order of its samples, that of each pass
 * over a component of a mix, and streams of a run.
 *
 * @since 0.1.0
 */
export const epochRequest = (
  stage: StageId,
  epoch: number,
  {
    distinct = true,
    mix,
    workers = 1,
    world = 1
  }: {
    distinct?: boolean
    mix?: { readonly component: number; readonly pass: number }
    workers?: number
    world?: number
  } = {}
): Request => ({
  scope: "epoch",
  stage,
  epoch,
  rank: 0,
  world,
  worker: 0,
  workers,
  batch: 0,
  ordinal: 0,
  position: 0,
  indices: [0],
  distinct,
  ...(mix === undefined ? {} : { rows: { mix: { components: [mix.component], passes: [mix.pass] } } })
})
