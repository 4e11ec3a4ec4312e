/**
 * Which samples of the dataset stand at the rows of a batch.
 *
 * @since 0.1.0
 */
import * as Either from "effect/Either"
import { shown } from "../../core/Show.ts"
import * as Ambient from "../../patches/Ambient.ts"
import type { CoordinatesError } from "../../seeding/Coordinates.ts"
import type { Order, RunPlan } from "../plan/RunPlan.ts"
import type { Rows } from "../plan/SeedRequest.ts"
import { sampling } from "./ForbiddenRng.ts"
import { errorAt, type StageError } from "./StageError.ts"
import { InvalidResult } from "./StageResult.ts"
import { watched } from "./Watched.ts"
import { Failing, type Work } from "./Work.ts"

/**
 * Asks the epoch's order for the index of each row, once, and writes it to `rows.indices`. A sampler is a user's code: what
 * it throws becomes a `StageError` of stage `sample`.
 *
 * @since 0.1.0
 */
export const choose = (runPlan: RunPlan, rows: Rows): Work<StageError | CoordinatesError> =>
  watched(runPlan.watch, "sample", () => {
    let order: Either.Either<Order, CoordinatesError>
    try {
      order = runPlan.order(rows.epoch)
      if (Either.isRight(order)) put(runPlan, rows, order.right)
    } catch (thrown) {
      throw new Failing(errorAt(runPlan, rows, "sample", thrown))
    }
    if (Either.isLeft(order)) throw new Failing(order.left)
    return undefined
  })

const put = (runPlan: RunPlan, { indices, position }: Rows, order: Order): void =>
  Ambient.plain(sampling(runPlan.pipeline.ambient), () => {
    for (let row = 0; row < indices.length; row++) {
      const index: unknown = order(position + row)
      // A typed array would make a number of it: 0 of null, 1 of "1".
      if (typeof index !== "number") throw noIndex(index)
      indices[row] = index
    }
  })

const noIndex = (index: unknown): InvalidResult =>
  new InvalidResult({
    what: `gave ${shown(index)} for an index`,
    expected: "the order of a sampler gives a number for each position"
  })
