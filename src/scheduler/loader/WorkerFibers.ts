/**
 * A fiber for each worker of a run: has its batches built, in the order of its share, as far ahead as it may.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import type * as Tracer from "effect/Tracer"
import { concurrent } from "../../core/Concurrent.ts"
import type { EventLoop } from "../../core/EventLoop.ts"
import type { Maker, Settings, Start } from "../backends/Backend.ts"
import { elsewhere } from "../backends/RequestPipeline.ts"
import type { ThreadError } from "../backends/threads/ThreadError.ts"
import type { RunPlan } from "../plan/RunPlan.ts"
import type * as Profile from "./Profile.ts"
import type { WorkerQueue, WorkerQueues } from "./WorkerQueues.ts"

/** @since 0.1.0 */
export interface Building {
  readonly runPlan: RunPlan
  readonly queues: WorkerQueues
  readonly start: Start
  readonly settings: Settings
  readonly eventLoop: EventLoop
  readonly recorder: Profile.Recorder | undefined
  /** The span of the run, where it is traced. */
  readonly span: Tracer.Span | undefined
}

/** Looks for what threads have built: now, or, where `wait` says so, until one has. @since 0.1.0 */
export type Look = (wait: boolean) => void

/**
 * Starts the workers, which end with the scope. They require it, and what the pipeline requires. Returns how to look for what is built elsewhere: one for each queue, or
 * none.
 *
 * @since 0.1.0
 */
export const start = ({
  eventLoop,
  runPlan,
  queues,
  recorder,
  settings,
  span,
  start
}: Building): Effect.Effect<ReadonlyArray<Look>, ThreadError, unknown> => {
  /** A batch that is being built, as a span of the run. */
  const spanned = <A, E, R>(work: Effect.Effect<A, E, R>, epoch: number, batch: number, worker: number) =>
    span === undefined
      ? work
      : Effect.withSpan(work, "furrow.batch", {
          parent: span,
          attributes: { epoch, batch, worker },
          captureStackTrace: false
        })

  /** Orders of epochs that all workers have left need not be kept. */
  const begin = (queue: WorkerQueue, epoch: number): void => {
    const least = queues.begin(queue, epoch)
    if (least !== undefined) runPlan.keepFrom(least)
  }

  const here = (queue: WorkerQueue, make: Extract<Maker, { readonly _tag: "Here" }>["make"]) =>
    Effect.gen(function* () {
      const { assignments, credits, worker } = queue
      while (assignments.next !== undefined) {
        yield* credits.take
        // The consumer may have skipped some since.
        const assignment = assignments.next
        if (assignment === undefined) return
        assignments.pass()
        const { batch, epoch, sequence } = assignment
        begin(queue, epoch)
        const began = recorder === undefined ? 0 : performance.now()
        const exit = yield* Effect.exit(spanned(make(epoch, batch), epoch, batch, worker))
        recorder?.made(worker, performance.now() - began)
        queues.put(queue, { sequence, exit })
        // A failure ends the run, unless the consumer never comes to it.
        yield* Exit.isFailure(exit) ? queues.skipped(sequence) : eventLoop.yield
      }
    })

  const there = (queue: WorkerQueue, maker: Extract<Maker, { readonly _tag: "There" }>) => {
    const { assignments, credits, worker } = queue
    let before = 0
    return elsewhere({
      maker,
      assignments,
      credits,
      plain: span === undefined,
      eager: recorder !== undefined,
      asked: ({ epoch }) => begin(queue, epoch),
      traced: ({ batch, epoch }, content) => spanned(content, epoch, batch, worker),
      skipped: (sequence) => queues.skipped(sequence),
      made: ({ sequence }, exit, since) => {
        if (recorder !== undefined) {
          // It is at a batch from when it is asked for it, or from when it is done with the one before.
          const now = performance.now()
          recorder.made(worker, now - Math.max(since, before))
          before = now
        }
        return queues.put(queue, { sequence, exit })
      }
    })
  }

  return Effect.gen(function* () {
    const { all } = queues
    const makers = yield* concurrent(
      all.length,
      all.length,
      (worker) => start(runPlan, worker, settings), // queues are in the order of their workers
      (_, cause) => Exit.failCause(cause)
    )
    const looks: Array<Look> = []
    yield* Effect.forEach(
      makers,
      (maker, place) => {
        const queue = all[place] as WorkerQueue // a maker for each
        if (maker._tag === "Here") return Effect.forkScoped(here(queue, maker.make))
        const { look, work } = there(queue, maker)
        looks.push(look)
        return Effect.forkScoped(work)
      },
      { discard: true }
    )
    return looks
  })
}
