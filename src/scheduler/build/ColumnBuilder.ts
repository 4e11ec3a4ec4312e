/**
 * Builds a batch as whole columns: if the dataset has columns, in memory or in the blocks of shards, all stages work on whole
 * columns, and the batch is made of columns anyway. The result is the batch that is built from samples, without an object for each sample.
 *
 * @since 0.1.0
 */
import { plural } from "../../core/Plural.ts"
import { collateColumns } from "../../pipeline/CollateColumns.ts"
import type { DTypes } from "../../pipeline/Columns.ts"
import type { Pipeline } from "../../pipeline/Pipeline.ts"
import {
  type Columnar,
  type ColumnRows,
  type Field,
  type Gather,
  isRow,
  Places,
  rowsOf
} from "../../sources/Columnar.ts"
import { type Dataset, DatasetError, gatherOf, getEachOf, IndexError } from "../../sources/RandomAccess.ts"
import type { BatchStage, FusedStep, Program } from "../plan/Program.ts"
import type { BatchRows } from "./BatchRows.ts"
import type { CurrentStage } from "./CurrentStage.ts"
import { isOfShard, readAfter } from "./ReadSamples.ts"
import type { SeedBinding, SeededStage } from "./SeedBinding.ts"
import type { StageError } from "./StageError.ts"
import { andThen, catchAll, isLater, TypedFailure, type Work, workOf } from "./Work.ts"

/** How a pipeline's batches are built as columns. @since 0.1.0 */
export interface ColumnPlan {
  readonly source: ColumnSource
  readonly steps: ReadonlyArray<FusedStep>
  readonly batch: BatchStage
  readonly dtypes: DTypes
}

/** Columns that lie in memory, of which all have so many rows, or that are gathered batch by batch. */
type ColumnSource =
  | { readonly _tag: "Memory"; readonly columnar: Columnar; readonly rows: number }
  | { readonly _tag: "Gathered"; readonly gather: Gather<unknown, unknown> }

/** The plan for a pipeline, if its batches can be built as columns. @since 0.1.0 */
export const planColumns = (
  { dataset }: Pipeline<unknown, unknown, unknown>,
  { batching: batch, before }: Program
): ColumnPlan | undefined => {
  const source = sourceOf(dataset)
  if (source === undefined || batch.dtypes === undefined) return undefined
  const steps = before.filter((step) => step._tag === "Fused")
  if (steps.length < before.length) return undefined
  if (source._tag === "Memory" && !fit(steps, source.columnar.fields)) return undefined
  // A step reads the source, so no other step may have replaced one of its fields before.
  const replaced = steps.flatMap(({ fused }) => fused.fields)
  if (new Set(replaced).size < replaced.length) return undefined
  return { source, steps, batch, dtypes: batch.dtypes }
}

const sourceOf = (dataset: Dataset<unknown, unknown, unknown>): ColumnSource | undefined => {
  const { columnar } = dataset
  const gather = columnar === undefined ? gatherOf(dataset) : undefined
  if (gather !== undefined) return { _tag: "Gathered", gather }
  if (columnar === undefined) return undefined
  const rows = Array.from(columnar.fields.values(), rowsOf).reduce((least, own) => Math.min(least, own), Infinity)
  return { _tag: "Memory", columnar, rows }
}

const fit = (steps: ReadonlyArray<FusedStep>, fields: ReadonlyMap<string, Field>): boolean =>
  steps.every(({ fused }) => fused.fits(fields))

/**
 * What came of it: the batch; the samples, read one by one, if reading failed and another attempt may follow; or nothing, and
 * the samples are to be read.
 *
 * @since 0.1.0
 */
export type Built = "batch" | "samples" | "nothing"

/**
 * Builds the batch of `rows`. Where another attempt may follow, it does not if there are functions of the user's, which are
 * then called sample by sample, and if a step fails: each sample can be made alone then, to see which ones fail.
 *
 * @since 0.1.0
 */
export const buildColumns = (
  rows: BatchRows,
  binding: SeedBinding,
  current: CurrentStage,
  plan: ColumnPlan
): Work<Built, StageError> => {
  const { source, steps } = plan
  if (rows.careful && steps.some(({ fused }) => fused.userCode)) return "nothing"
  if (source._tag === "Memory") return attempted(rows, binding, current, plan, () => inMemory(rows, source))
  const { dataset } = rows.runPlan.pipeline
  const gathered = current.run(`dataset ${dataset.name}`, "columns", gatherRows, { rows, gather: source.gather })
  return isLater(gathered)
    ? andThen(gathered, (own) => builtOf(rows, binding, current, plan, own))
    : builtOf(rows, binding, current, plan, gathered)
}

const builtOf = (
  rows: BatchRows,
  binding: SeedBinding,
  current: CurrentStage,
  plan: ColumnPlan,
  gathered: ColumnRows | "samples" | undefined
): Built => {
  if (gathered === "samples") return "samples"
  if (gathered === undefined || !fit(plan.steps, gathered.fields)) return "nothing"
  return attempted(rows, binding, current, plan, () => gathered)
}

/**
 * The samples as rows of columns; or read one by one, if that failed and another attempt may follow. Where a shard is bad,
 * `getEach` says which of the samples are: no function of a user's was called.
 */
const gatherRows = ({
  gather,
  rows
}: {
  readonly rows: BatchRows
  readonly gather: Gather<unknown, unknown>
}): Work<ColumnRows | "samples" | undefined, StageError> => {
  const gathered = workOf(() => gather(rows.indices, rows.memory))
  if (!isLater(gathered)) return gathered
  return catchAll<ColumnRows | undefined, unknown, "samples" | undefined, StageError>(gathered, (why) => {
    if (rows.careful && isOfShard(why.failure) && getEachOf(rows.runPlan.pipeline.dataset) !== undefined) {
      rows.ungathered = why.failure
      return undefined
    }
    return andThen(readAfter(rows, why), () => "samples" as const)
  })
}

const attempted = (
  rows: BatchRows,
  binding: SeedBinding,
  current: CurrentStage,
  plan: ColumnPlan,
  source: () => ColumnRows
): Built => {
  const { mark } = binding
  const seeded = plan.steps.map(({ stages }) => binding.bind(stages, "sample"))
  try {
    build(rows, current, plan, source(), seeded)
    return "batch"
  } catch (thrown) {
    if (!rows.careful || !TypedFailure.is(thrown)) throw thrown
    binding.rewind(mark)
    rows.restart()
    return "nothing"
  }
}

const inMemory = (
  rows: BatchRows,
  { columnar, rows: count }: Extract<ColumnSource, { readonly _tag: "Memory" }>
): ColumnRows => {
  checkIndices(rows)
  return { fields: columnar.fields, places: Places.of(placesOf(rows, columnar, count)), made: NONE }
}

const NONE: ReadonlyMap<string, Field> = new Map()

const build = (
  rows: BatchRows,
  current: CurrentStage,
  { batch, dtypes, steps }: ColumnPlan,
  { fields, made: own, places }: ColumnRows,
  seeded: ReadonlyArray<ReadonlyArray<SeededStage>>
): void => {
  const made = new Map(own)
  for (const [place, step] of steps.entries()) {
    const own = seeded[place] as ReadonlyArray<SeededStage> // one for each step
    const rngs = {
      at: (stage: number, row: number) => current.moveTo(own[stage] as SeededStage, row), // as many as the step has stages
      of: (stage: number) => {
        const at = own[stage] as SeededStage // as above
        current.enter(at, 0)
        return at.rng
      }
    }
    const run = ({ fused }: FusedStep): void => {
      // What does not suit any of them, as a column of another type, is an error of the first one.
      rngs.of(0)
      for (const [name, column] of fused.columns(fields, places.list, rngs)) made.set(name, column)
    }
    current.run(step.name, "columns", (of) => current.plain(run, of, undefined), step)
  }
  rows.scope = "batch"
  const collate = (): void =>
    rows.collated(collateColumns(fields, places, made, dtypes, rows.memory), rows.indices.length)
  current.run(batch.id.name, "columns", (of) => current.plain(of, undefined, undefined), collate)
}

/** Checks the sampler's indices, since columns do not. */
const checkIndices = (rows: BatchRows): void => {
  const { indices, runPlan } = rows
  const { dataset } = runPlan.pipeline
  const { size } = runPlan
  for (let row = 0; row < indices.length; row++) {
    const index = indices[row] as number // below the length
    if (index >= 0 && index < size && Number.isInteger(index)) continue
    const cause = new IndexError({ dataset: dataset.name, index, size })
    throw new TypedFailure(rows.error("dataset", row, cause, cause))
  }
}

/** Returns the row of each sample in the columns. */
const placesOf = (rows: BatchRows, columnar: Columnar, count: number): Float64Array => {
  const { indices } = rows
  const places = new Float64Array(indices.length)
  for (let row = 0; row < places.length; row++) {
    const index = indices[row] as number // as many as places
    let place: number
    try {
      place = columnar.place(index)
    } catch (thrown) {
      throw unread(rows, row, thrown)
    }
    if (!isRow(place, count)) {
      throw unread(
        rows,
        row,
        new Error(`its columns have ${plural(count, "row")}, and columnar.place gives row ${place}`)
      )
    }
    places[row] = place
  }
  return places
}

/** That the sample of a row cannot be read from the columns. */
const unread = (rows: BatchRows, row: number, reason: unknown): TypedFailure<unknown> => {
  const { indices, runPlan } = rows
  const index = indices[row] as number // a row of the batch
  const cause = new DatasetError({ dataset: runPlan.pipeline.dataset.name, index, cause: reason })
  return new TypedFailure(rows.error("dataset", row, cause, cause))
}
