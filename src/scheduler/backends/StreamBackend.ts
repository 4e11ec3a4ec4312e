/**
 * How a backend of this process reads a stream source: once for all workers of a run.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import { type BatchStart, StreamRows } from "../build/StreamRows.ts"
import { batchRows, type RunPlan, rowAt } from "../plan/RunPlan.ts"

/** The rows of the stream that a run plan's pipeline is over, if it is over one. What is open is closed with the scope. @since 0.1.0 */
export const openStream = (
  runPlan: RunPlan,
  { prefetch, start }: { readonly prefetch: number; readonly start?: BatchStart | undefined }
): Effect.Effect<StreamRows | undefined, never, Scope.Scope> => {
  const { plan, stream } = runPlan
  if (stream === undefined) return Effect.succeed(undefined)
  const { checkpoints, part, source, window: size } = stream
  const { tail, workers } = plan
  const batchSize = batchRows(runPlan)
  const reader = source.windows({
    source,
    size,
    part,
    checkpoints,
    // All that workers may be ahead of one another, so that the last of them is never waited for without need.
    most: Math.ceil((workers * (prefetch + 1) * batchSize) / size) + 2,
    first: tail === "pad" ? Math.ceil(batchSize / size) : 0,
    from: start && { epoch: start.epoch, window: Math.floor(rowAt(runPlan, start.epoch, start.batch) / size) }
  })
  return Effect.map(reader, (own) => new StreamRows(runPlan, own, start))
}
