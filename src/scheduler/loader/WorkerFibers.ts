/**
 * A fiber for each worker of a run: has its batches built, in the order of its share, as far ahead as it may.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import type * as Tracer from "effect/Tracer"
import type { EventLoop } from "../../core/EventLoop.ts"
import { afterEvents } from "../../core/runtime.ts"
import type { Backend, BackendSettings } from "../backends/Backend.ts"
import type { BackendError } from "../backends/BackendError.ts"
import * as CheckedBackend from "../backends/CheckedBackend.ts"
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

/** Has a worker deliver what is built; with `wait`, also the next batch as soon as it is built. @since 0.1.0 */
export type Want = RequestPipeline.RequestPipeline["want"]

/**
 * Opens the backend and starts the workers, which end with the scope. They require it, and what the pipeline requires.
 * Returns the `want` of each worker.
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
}: Building): Effect.Effect<ReadonlyArray<Want>, BackendError, unknown> =>
  Effect.gen(function* () {
    const open = yield* CheckedBackend.open(backend, runPlan, settings)
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
        built: ({ batch, epoch, sequence }, exit, since) => {
          if (recorder !== undefined) {
            // A worker's time at a batch runs from the request, or from the end of its previous batch if that is later.
            const now = performance.now()
            recorder.made(worker, now - Math.max(since, before))
            before = now
          }
          return queues.put(queue, { sequence, exit: open.checked({ batch, epoch, worker }, exit) })
        },
        dropped: ({ sequence }) => queues.giveCredit(sequence),
        between: eventLoop.yield,
        idle: afterEvents,
        isAsking: eventLoop.isAwaited
      })
    }
    const pipelines = queues.all.map(pipelineOf)
    // A run can be opened where interrupts wait, as by `Effect.acquireRelease`: its fibers must end with the scope all the same.
    yield* Effect.forEach(pipelines, ({ work }) => Effect.forkScoped(Effect.interruptible(work)), { discard: true })
    return pipelines.map(({ want }) => want)
  })
