/**
 * A batch in the making as columns: for pipelines whose dataset lies in memory as columns, whose stages all work on
 * whole columns, and whose batch is made of columns anyway. It gives the very batch that making it of samples gives,
 * without an object a sample.
 *
 * @since 0.1.0
 */

import { collateColumns } from "../../pipeline/CollateColumns.ts"
import type { DTypes } from "../../pipeline/Columns.ts"
import type { FusedStages, StageRngs } from "../../pipeline/Fusible.ts"
import type { Pipeline } from "../../pipeline/Pipeline.ts"
import type { Columnar, Field } from "../../sources/Columnar.ts"
import type { BatchStage, FusedStep, Program } from "../plan/Program.ts"

/** How a pipeline's batches are built as columns. @since 0.1.0 */
export interface ColumnPlan {
  readonly source: Columnar
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
  return { source, steps, batch, dtypes: batch.dtypes }
}

/**
 * The rows of one batch.
 *
 * @since 0.1.0
 */
export class ColumnBuilder {
  readonly #plan: ColumnPlan
  readonly #places: Float64Array
  readonly #made = new Map<string, Field>()

  /** The rows at `indices`, each of which is one of the dataset's. */
  constructor(plan: ColumnPlan, indices: Float64Array) {
    this.#plan = plan
    const { place } = plan.source
    const places = new Float64Array(indices.length)
    for (let row = 0; row < places.length; row++) places[row] = place(indices[row] as number) // as many as places
    this.#places = places
  }

  /** Runs a step. */
  run(fused: FusedStages, rngs: StageRngs): void {
    const columns = fused.columns(this.#plan.source.fields, this.#places, rngs)
    for (const [name, column] of columns) this.#made.set(name, column)
  }

  /** The batch's columns. */
  columns(): unknown {
    const { dtypes, source } = this.#plan
    return collateColumns(source.fields, this.#places, this.#made, dtypes)
  }
}
