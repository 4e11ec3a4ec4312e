/**
 * The stages that make batches of samples.
 *
 * @since 0.1.0
 */
import { whole } from "../core/Check.ts"
import { InvalidOption } from "../core/InvalidOption.ts"
import { functionOf, type Names, optionsOf, truth } from "../core/Options.ts"
import { Made, type ParametersOption } from "../core/Parameters.ts"
import { stageId } from "../seeding/Coordinates.ts"
import type { Batch } from "./Batch.ts"
import { type Collate, checkDTypes, collate } from "./Collate.ts"
import type { Columns, DTypes, Named } from "./Columns.ts"
import type { Pipeline } from "./PipelineValue.ts"
import type { Stage } from "./Stage.ts"
import { erase, madeOf, stageConstructor } from "./StageConstructor.ts"

const LAST: Names<LastOptions> = { dropLast: true, padLast: true }

/**
 * What becomes of an epoch's last batch when it is short. By default it is delivered as it is.
 *
 * @category options
 * @since 0.1.0
 */
export interface LastOptions {
  /** Leave it out. Default `false`. */
  readonly dropLast?: boolean
  /**
   * Fill it with the epoch's first samples, which then come a second time, with draws of their own. So all batches, and
   * with ranks all ranks' parts of them, are of one size. Default `false`.
   */
  readonly padLast?: boolean
}

/** How samples are batched. @category options @since 0.1.0 */
export interface BatchOptions<D extends DTypes> extends LastOptions {
  /** Element types for columns of numbers, by name: `{ label: "int32" }`. Default float64, which loses nothing. */
  readonly dtypes?: D
}

/**
 * Lays `size` samples side by side in columns (see `Batch.Columns`). With ranks, `size` is that of the global batch, of
 * which each rank makes its share. Throws `InvalidOption` unless `size` is a whole number of at least 1. A name in
 * `dtypes` that is no column of numbers is a compile error, and in a run an `InvalidOption` that lists the columns there
 * are, as the cause of a `StageError`.
 *
 * @category stages
 * @since 0.1.0
 */
export const batch: {
  // biome-ignore lint/complexity/noBannedTypes: `{}` is the record without an entry, the default that names no column.
  <const D extends DTypes = {}>(
    size: number,
    options?: BatchOptions<D>
  ): <A, E, R>(self: Pipeline<A, E, R> & Named<A, D>) => Pipeline<Batch<Columns<A, D>>, E, R>
  // biome-ignore lint/complexity/noBannedTypes: as above
  <A, E, R, const D extends DTypes = {}>(
    self: Pipeline<A, E, R> & Named<A, D>,
    size: number,
    options?: BatchOptions<D>
  ): Pipeline<Batch<Columns<A, D>>, E, R>
} = stageConstructor((size: number, options: BatchOptions<DTypes> = {}) => {
  optionsOf("Pipeline.batch", options, { ...LAST, dtypes: true })
  const dtypes: DTypes = options.dtypes ?? {}
  checkDTypes(dtypes)
  const own: Collate<unknown, unknown> = (samples, adoptable) => collate(samples, dtypes, adoptable)
  return batchStage(size, options, own, new Made("columns", { dtypes }), dtypes)
})

/**
 * As {@link batch}, with a collate function of your own: padding, packing, sparse columns.
 *
 * @category stages
 * @since 0.1.0
 */
export const batchWith: {
  <A, C>(
    size: number,
    collate: Collate<A, C>,
    options?: LastOptions & ParametersOption
  ): <E, R>(self: Pipeline<A, E, R>) => Pipeline<Batch<C>, E, R>
  <A, E, R, C>(
    self: Pipeline<A, E, R>,
    size: number,
    collate: Collate<NoInfer<A>, C>,
    options?: LastOptions & ParametersOption
  ): Pipeline<Batch<C>, E, R>
} = stageConstructor((size: number, run: Collate<unknown, unknown>, options: LastOptions & ParametersOption = {}) => {
  optionsOf("Pipeline.batchWith", options, { ...LAST, parameters: true })
  const own = erase(functionOf("the collate of Pipeline.batchWith", run))
  return batchStage(size, options, own, madeOf("batch", run, options))
})

const batchStage = (
  size: number,
  options: LastOptions,
  collate: Collate<unknown, unknown>,
  made: Made | undefined,
  dtypes?: DTypes
): Stage => {
  const dropLast = truth("dropLast", options.dropLast ?? false)
  const padLast = truth("padLast", options.padLast ?? false)
  if (dropLast && padLast) {
    throw new InvalidOption({
      option: "padLast",
      value: true,
      expected: "left out beside dropLast: a batch is filled or dropped"
    })
  }
  return {
    _tag: "Batch",
    id: stageId("batch"),
    draws: false,
    size: whole("batch size", size, 1, 2 ** 32 - 1),
    dropLast,
    padLast,
    made,
    collate,
    dtypes
  }
}
