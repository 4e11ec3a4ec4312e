/**
 * Consecutive rows of an epoch that belong to one batch.
 *
 * @since 0.1.0
 */
import type { RowOrigin } from "../../sources/stream/StreamSource.ts"
import * as Plan from "../plan/Plan.ts"
import type { RunPlan } from "../plan/RunPlan.ts"
import { errorAt } from "./StageError.ts"
import { TypedFailure } from "./Work.ts"

/** The rows of a stream that a batch consists of. @since 0.1.0 */
export interface StreamedRows {
  /** The row of the stream at a position of the epoch. */
  readonly indexAt: (position: number) => number
  /** The sample at a position. Throws if it is bad. */
  readonly sampleAt: (position: number) => unknown
  /** Where the sample at a position lies, if that is in a shard with a name. Default: not known. */
  readonly originAt?: (position: number) => RowOrigin | undefined
}

/** `size` rows of a batch from `position` on. @since 0.1.0 */
export interface RowRange extends Plan.Share {
  readonly epoch: number
  readonly batch: number
  /** Its rows of the stream, if the pipeline is over one. */
  readonly streamed?: StreamedRows | undefined
}

/**
 * Returns this rank's rows of a batch of a dataset, which may be none; `undefined` if the epoch ends before it. Throws a `TypedFailure`:
 * what the batch stage's own cuts throw is a `StageError` of stage `batch`.
 *
 * @since 0.1.0
 */
export const rowsOf = (runPlan: RunPlan, worker: number, epoch: number, batch: number): RowRange | undefined => {
  const { plan } = runPlan
  if (plan.cuts.batches === undefined) {
    // The stage's cuts may depend on the order, which then fails as the order.
    const order = runPlan.order(epoch)
    if (order._tag === "Left") throw new TypedFailure(order.left)
  }
  let share: Plan.Share | undefined
  try {
    share = Plan.share(plan, epoch, batch)
  } catch (thrown) {
    throw new TypedFailure(errorAt(runPlan, { epoch, batch, worker }, "batch", thrown))
  }
  if (share === undefined) return undefined
  const { ordinal, position, size } = share
  return { epoch, batch, position, size, ordinal }
}
