/**
 * Builds a batch as whole columns: if the dataset lies in memory as columns, all stages work on whole columns, and the
 * batch is made of columns anyway. The result is the batch that is built from samples, without an object for each sample.
 *
 * @since 0.1.0
 */
import { collateColumns } from "../../pipeline/CollateColumns.ts"
import type { DTypes } from "../../pipeline/Columns.ts"
import type { Pipeline } from "../../pipeline/Pipeline.ts"
import { type Columnar, type Field, isRow, rowsOf } from "../../sources/Columnar.ts"
import { DatasetError, IndexError } from "../../sources/RandomAccess.ts"
import type { BatchStage, FusedStep, Program } from "../plan/Program.ts"
import type { BatchRows } from "./BatchRows.ts"
import type { CurrentStage } from "./CurrentStage.ts"
import type { SeedBinding, SeededStage } from "./SeedBinding.ts"
import { TypedFailure } from "./Work.ts"

/** How a pipeline's batches are built as columns. @since 0.1.0 */
export interface ColumnPlan {
  readonly source: Columnar
  /** How many rows all of its columns have. */
  readonly rows: number
  readonly steps: ReadonlyArray<FusedStep>
  readonly batch: BatchStage
  readonly dtypes: DTypes
}

/** The plan for a pipeline, if its batches can be built as columns. @since 0.1.0 */
export const planColumns = (
  { dataset }: Pipeline<unknown, unknown, unknown>,
  { batching: batch, before }: Program
): ColumnPlan | undefined => {
  const source = dataset.columnar
  if (source === undefined || batch.dtypes === undefined) return undefined
  const steps = before.filter((step) => step._tag === "Fused")
  if (steps.length < before.length) return undefined
  if (!steps.every(({ fused }) => fused.fits(source.fields))) return undefined
  // A step reads the source, so no other step may have replaced one of its fields before.
  const replaced = steps.flatMap(({ fused }) => fused.fields)
  if (new Set(replaced).size < replaced.length) return undefined
  const rows = Array.from(source.fields.values(), rowsOf).reduce((least, own) => Math.min(least, own), Infinity)
  return { source, rows, steps, batch, dtypes: batch.dtypes }
}

/**
 * Builds the batch of `rows`, and returns whether it has. Where another attempt may follow, it returns `false` if there are
 * functions of the user's, which are then called sample by sample, and if a step fails: each sample can be made alone then,
 * to see which ones fail.
 *
 * @since 0.1.0
 */
export const buildColumns = (
  rows: BatchRows,
  binding: SeedBinding,
  current: CurrentStage,
  plan: ColumnPlan
): boolean => {
  if (rows.careful && plan.steps.some(({ fused }) => fused.userCode)) return false
  const { mark } = binding
  const seeded = plan.steps.map(({ stages }) => binding.bind(stages, "sample"))
  try {
    build(rows, current, plan, seeded)
    return true
  } catch (thrown) {
    if (!rows.careful || !TypedFailure.is(thrown)) throw thrown
    binding.rewind(mark)
    rows.restart()
    return false
  }
}

const build = (
  rows: BatchRows,
  current: CurrentStage,
  plan: ColumnPlan,
  seeded: ReadonlyArray<ReadonlyArray<SeededStage>>
): void => {
  const { batch, dtypes, source, steps } = plan
  checkIndices(rows)
  const { indices } = rows
  const places = placesOf(rows, plan)
  const made = new Map<string, Field>()
  for (const [place, step] of steps.entries()) {
    const own = seeded[place] as ReadonlyArray<SeededStage> // one for each step
    const rngs = {
      at: (stage: number, row: number) => current.moveTo(own[stage] as SeededStage, row), // as many as the step has stages
      of: (stage: number) => (own[stage] as SeededStage).rng // as above
    }
    const run = ({ fused }: FusedStep): void => {
      for (const [name, column] of fused.columns(source.fields, places, rngs)) made.set(name, column)
    }
    current.run(step.name, "columns", (of) => current.plain(run, of, undefined), step)
  }
  rows.scope = "batch"
  const collate = (): void => rows.collated(collateColumns(source.fields, places, made, dtypes), indices.length)
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
const placesOf = (rows: BatchRows, { rows: count, source }: ColumnPlan): Float64Array => {
  const { indices } = rows
  const places = new Float64Array(indices.length)
  for (let row = 0; row < places.length; row++) {
    const index = indices[row] as number // as many as places
    let place: number
    try {
      place = source.place(index)
    } catch (thrown) {
      throw unread(rows, row, thrown)
    }
    if (!isRow(place, count)) {
      throw unread(rows, row, new Error(`its columns have ${count} rows, and columnar.place gives row ${place}`))
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
