/**
 * Asks the sampler which samples of the dataset the rows of a batch are.
 *
 * @since 0.1.0
 */

import { InvalidResult } from "../../core/InvalidResult.ts"
import { shown } from "../../core/Show.ts"
import * as Ambient from "../../patches/Ambient.ts"
import type { RunPlan } from "../plan/RunPlan.ts"
import { type Rows, rowCoordinates } from "../plan/SeedRequest.ts"
import type { StreamedRows } from "./RowRange.ts"
import { DatasetChanged, errorAt } from "./StageError.ts"
import { TypedFailure } from "./Work.ts"

/** Throws `DatasetChanged`, as a typed failure, if the dataset has another size than when the run was opened. @since 0.1.0 */
export const checkSize = (
  { pipeline, size: from }: RunPlan,
  { batch, epoch }: { readonly epoch: number; readonly batch: number }
): void => {
  const { name: dataset, size: to } = pipeline.dataset
  if (to !== from) throw new TypedFailure(new DatasetChanged({ dataset, from, to, epoch, batch }))
}

/**
 * Asks the epoch's order for the index of each row, and where it comes from, and writes them to `rows`; of a stream, asks the
 * rows that were read. A sampler is a
 * user's code: what it throws becomes a `StageError` of stage `sample`.
 *
 * @since 0.1.0
 */
export const writeIndices = (runPlan: RunPlan, rows: Rows, streamed?: StreamedRows): void => {
  const { epoch, indices, position } = rows
  try {
    if (streamed !== undefined) {
      for (let row = 0; row < indices.length; row++) indices[row] = streamed.indexAt(position + row)
      return
    }
    const order = runPlan.order(epoch)
    if (order._tag === "Left") throw new TypedFailure(order.left)
    const indexAt = order.right
    if (indexAt.isIdentity === true) {
      for (let row = 0; row < indices.length; row++) indices[row] = position + row
      rows.rows = rowCoordinates(indexAt, position, indices.length)
      return
    }
    const before = Ambient.enter(Ambient.sampling(runPlan.pipeline.ambient))
    try {
      for (let row = 0; row < indices.length; row++) {
        const index: unknown = indexAt(position + row)
        // A typed array would make a number of it: 0 of null, 1 of "1".
        if (typeof index !== "number") throw noIndex(index)
        indices[row] = index
      }
      rows.rows = rowCoordinates(indexAt, position, indices.length)
    } finally {
      Ambient.leave(before)
    }
  } catch (thrown) {
    throw TypedFailure.is(thrown) ? thrown : new TypedFailure(errorAt(runPlan, rows, "sample", thrown))
  }
}

const noIndex = (index: unknown): InvalidResult =>
  new InvalidResult({
    what: `gave ${shown(index)} for an index`,
    expected: "the order of a sampler gives a number for each position"
  })
