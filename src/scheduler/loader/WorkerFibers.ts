/**
 * A fiber for each worker of a run: has its batches built, in the order of its share, as far ahead as it may.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import type * as Tracer from "effect/Tracer"
import type { EventLoop } from "../../core/EventLoop.ts"
import type { Backend, BackendSettings } from "../backends/Backend.ts"
import type { BackendError } from "../backends/BackendError.ts"
import type { RunPlan } from "../plan/RunPlan.ts"
import type * as Profile from "./Profile.ts"
import * as RequestPipeline from "./RequestPipeline.ts"
import type { WorkerQueue, WorkerQueues } from "./WorkerQueues.ts"

/** @since 0.1.0 */
export interface Building {
  readonly runPlan: RunPlan
  readonly queues: WorkerQueues
  readonly backend: Backend
  readonly settings: BackendSettings
  readonly eventLoop: EventLoop
  readonly recorder: Profile.Recorder | undefined
  /** The span of the run, where it is traced. */
  readonly span: Tracer.Span | undefined
}

/** Hands on what a worker's backend has built; with `wait`, the next batch as soon as it is there. @since 0.1.0 */
export type Look = RequestPipeline.RequestPipeline["look"]

/**
 * Opens the backend and starts the workers, which end with the scope. They require it, and what the pipeline requires.
 * Returns how to look for what is built, one for each worker.
 *
 * @since 0.1.0
 */
export const start = ({
  backend,
  eventLoop,
  queues,
  recorder,
  runPlan,
  settings,
  span
}: Building): Effect.Effect<ReadonlyArray<Look>, BackendError, unknown> =>
  Effect.gen(function* () {
    const open = yield* backend.open(runPlan, settings)
    const pipelineOf = (queue: WorkerQueue): RequestPipeline.RequestPipeline => {
      const { assignments, credits, worker } = queue
      let before = 0
      return RequestPipeline.make({
        backend: open,
        worker,
        assignments,
        credits,
        eager: recorder !== undefined,
        begun: ({ epoch }) => {
          // Orders of epochs that all workers have left need not be kept.
          const least = queues.begin(queue, epoch)
          if (least !== undefined) runPlan.keepFrom(least)
        },
        traced:
          span === undefined
            ? undefined
            : ({ batch, epoch }, content) =>
                Effect.withSpan(content, "furrow.batch", {
                  parent: span,
                  attributes: { epoch, batch, worker },
                  captureStackTrace: false
                }),
        isSkipped: (sequence) => queues.isSkipped(sequence),
        skipped: (sequence) => queues.skipped(sequence),
        built: ({ sequence }, exit, since) => {
          if (recorder !== undefined) {
            // It is at a batch from when it is asked for it, or from when it is done with the one before.
            const now = performance.now()
            recorder.made(worker, now - Math.max(since, before))
            before = now
          }
          return queues.put(queue, { sequence, exit })
        },
        dropped: ({ sequence }) => queues.taken(sequence),
        between: eventLoop.yield
      })
    }
    const pipelines = queues.all.map(pipelineOf)
    yield* Effect.forEach(pipelines, ({ work }) => Effect.forkScoped(work), { discard: true })
    return pipelines.map(({ look }) => look)
  })
