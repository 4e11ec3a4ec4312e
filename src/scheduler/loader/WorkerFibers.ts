/**
 * A fiber for each worker of a run: has its batches built, in the order of its share, as far ahead as it may.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import type * as Tracer from "effect/Tracer"
import { concurrent } from "../../core/Concurrent.ts"
import type { Maker, Settings, Start } from "../backends/Backend.ts"
import { elsewhere } from "../backends/RequestPipeline.ts"
import type { ThreadError } from "../backends/threads/ThreadError.ts"
import type { Job } from "../plan/RunPlan.ts"
import type { Breath } from "./Breath.ts"
import type * as Profile from "./Profile.ts"
import type { Lane, Lanes } from "./WorkerQueues.ts"

/** @since 0.1.0 */
export interface Building {
  readonly job: Job
  readonly lanes: Lanes
  readonly start: Start
  readonly settings: Settings
  readonly breath: Breath
  readonly recorder: Profile.Recorder | undefined
  /** The span of the run, where it is traced. */
  readonly span: Tracer.Span | undefined
}

/** Looks for what threads have built: now, or, where `wait` says so, until one has. @since 0.1.0 */
export type Look = (wait: boolean) => void

/**
 * Starts the workers, which end with the scope. They require it, and what the pipeline requires. Returns how to look for what is built elsewhere: one for each lane, or
 * none.
 *
 * @since 0.1.0
 */
export const start = ({
  breath,
  job,
  lanes,
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
  const begin = (lane: Lane, epoch: number): void => {
    const least = lanes.begin(lane, epoch)
    if (least !== undefined) job.keepFrom(least)
  }

  const here = (lane: Lane, make: Extract<Maker, { readonly _tag: "Here" }>["make"]) =>
    Effect.gen(function* () {
      const { leave, shares, worker } = lane
      while (shares.next !== undefined) {
        yield* leave.take
        // The consumer may have skipped some since.
        const share = shares.next
        if (share === undefined) return
        shares.pass()
        const { epoch, number, place } = share
        begin(lane, epoch)
        const began = recorder === undefined ? 0 : performance.now()
        const exit = yield* Effect.exit(spanned(make(epoch, number), epoch, number, worker))
        recorder?.made(worker, performance.now() - began)
        lanes.put(lane, { place, exit })
        // A failure ends the run, unless the consumer never comes to it.
        yield* Exit.isFailure(exit) ? lanes.skipped(place) : breath.between
      }
    })

  const there = (lane: Lane, maker: Extract<Maker, { readonly _tag: "There" }>) => {
    const { leave, shares, worker } = lane
    let before = 0
    return elsewhere({
      maker,
      shares,
      leave,
      plain: span === undefined,
      eager: recorder !== undefined,
      asked: ({ epoch }) => begin(lane, epoch),
      traced: ({ epoch, number }, content) => spanned(content, epoch, number, worker),
      skipped: (place) => lanes.skipped(place),
      made: ({ place }, exit, since) => {
        if (recorder !== undefined) {
          // It is at a batch from when it is asked for it, or from when it is done with the one before.
          const now = performance.now()
          recorder.made(worker, now - Math.max(since, before))
          before = now
        }
        return lanes.put(lane, { place, exit })
      }
    })
  }

  return Effect.gen(function* () {
    const { all } = lanes
    const makers = yield* concurrent(
      all.length,
      all.length,
      (worker) => start(job, worker, settings), // lanes are in the order of their workers
      (_, cause) => cause
    )
    const looks: Array<Look> = []
    yield* Effect.forEach(
      makers,
      (maker, place) => {
        const lane = all[place] as Lane // a maker for each
        if (maker._tag === "Here") return Effect.forkScoped(here(lane, maker.make))
        const { look, work } = there(lane, maker)
        looks.push(look)
        return Effect.forkScoped(work)
      },
      { discard: true }
    )
    return looks
  })
}
