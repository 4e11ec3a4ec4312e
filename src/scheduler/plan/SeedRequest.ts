/**
 * What a run asks its seed policy for a stage of one batch.
 *
 * @since 0.1.0
 */

import type { Order } from "../../sampling/EpochOrder.ts"
import type { Scope, StageId } from "../../seeding/Coordinates.ts"
import type { Request, RowCoordinates } from "../../seeding/Request.ts"
import * as Plan from "./Plan.ts"
import type { RunPlan } from "./RunPlan.ts"

/** Rows of a batch, from the one at `position` on. @since 0.1.0 */
export interface Rows {
  readonly epoch: number
  readonly worker: number
  readonly batch: number
  readonly position: number
  /** The ordinal of the first row. */
  readonly ordinal: number
  /** The dataset index of each row. */
  readonly indices: Float64Array
  /** Where each row comes from, if the epoch's order says so. */
  rows: RowCoordinates | undefined
}

/** Where the rows from `position` on come from, if their order says so. @since 0.1.0 */
export const rowCoordinates = ({ rows }: Order, position: number, count: number): RowCoordinates | undefined =>
  rows?.(Float64Array.from({ length: count }, (_, row) => position + row))

/**
 * The request for the seeds of a stage: one a row, or one for the batch.
 *
 * @since 0.1.0
 */
export const requestAt = (
  { distinct, plan }: RunPlan,
  stage: StageId,
  scope: Exclude<Scope, "epoch">,
  { batch, epoch, indices, ordinal, position, rows, worker }: Rows
): Request => {
  const request: Request = {
    scope,
    stage,
    epoch,
    rank: plan.rank,
    world: plan.world,
    worker,
    workers: plan.workers,
    batch,
    ordinal: scope === "sample" ? ordinal : Plan.batchOrdinal(plan, epoch, batch),
    position,
    indices: scope === "sample" ? indices : indices.subarray(0, 1),
    distinct: distinct(epoch)
  }
  return rows === undefined || scope === "batch" ? request : { ...request, rows }
}
