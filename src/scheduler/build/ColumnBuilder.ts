/**
 * A batch in the making as columns: for pipelines whose dataset lies in memory as columns, whose stages all work on
 * whole columns, and whose batch is made of columns anyway. It gives the very batch that making it of samples gives,
 * without an object a sample.
 *
 * @since 0.1.0
 */

import type { Tensor } from "../../core/Tensor.ts"
import type { Fused, Rngs } from "../../image/Fusion.ts"
import { type DTypes, ofFields } from "../../pipeline/Batch.ts"
import type { Pipeline } from "../../pipeline/Pipeline.ts"
import type { Columnar } from "../../sources/Columnar.ts"
import { Plain } from "../../sources/RandomAccess.ts"
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
  if (!(dataset instanceof Plain) || batch.dtypes === undefined) return undefined
  const source: Columnar | undefined = dataset.columnar
  if (source === undefined) return undefined
  const steps = before.filter((step) => step._tag === "Fused")
  if (steps.length < before.length) return undefined
  for (const { fused: own } of steps) if (source.fields.get(own.field)?._tag !== "Tensors") return undefined
  // A step reads its field from the source, so no other one may have been at it before.
  if (new Set(steps.map(({ fused: own }) => own.field)).size < steps.length) return undefined
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
  readonly #made = new Map<string, Tensor | ReadonlyArray<Tensor>>()

  /** The rows at `indices`, each of which is one of the dataset's. */
  constructor(plan: ColumnPlan, indices: Float64Array) {
    this.#plan = plan
    const { place } = plan.source
    const places = new Float64Array(indices.length)
    for (let row = 0; row < places.length; row++) places[row] = place(indices[row] as number) // as many as places
    this.#places = places
  }

  /** Takes a field through a step. */
  run(fused: Fused, rngs: Rngs): void {
    const field = this.#plan.source.fields.get(fused.field)
    if (field?._tag !== "Tensors") throw new Error(`${fused.field} is no column of tensors`) // `planColumns` has seen to it
    this.#made.set(fused.field, fused.column(field, this.#places, rngs))
  }

  /** The batch's columns. */
  columns(): unknown {
    const { dtypes, source } = this.#plan
    return ofFields(source.fields, this.#places, this.#made, dtypes)
  }
}
