/**
 * The batches of one worker on their way: requested as far ahead as there are credits, delivered in the order of requests.
 *
 * Where a backend builds elsewhere, plain code requests and delivers them, run by whoever gives a credit or brings
 * the answer: a fiber that wakes for each costs the main thread more than all else that it does for a batch. Where a
 * backend builds in this thread, whoever waits for a batch builds it by plain code, and the worker's fiber builds ahead when
 * the consumer is at something else. The fiber also does what takes an effect.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import type { BuiltBatch, Failure, RequestedBatch } from "../backends/Backend.ts"
import type { CheckedBackend } from "../backends/CheckedBackend.ts"
import type { Assignment, Assignments } from "../plan/Assignments.ts"
import { Bell, type Credits } from "./Queue.ts"

/** @since 0.1.0 */
export interface RequestPipelineOptions {
  readonly backend: CheckedBackend
  readonly worker: number
  readonly assignments: Assignments
  readonly credits: Credits
  /** Whether to wait for batches that are not awaited, to know when they were built. */
  readonly eager: boolean
  /** Is told of a batch once its building may have begun. */
  readonly begun: (assignment: Assignment) => void
  /** The effect of a batch as it is to be run, such as within a span; without it, plain code takes what it can. */
  readonly traced:
    | ((assignment: Assignment, content: RequestedBatch["content"]) => RequestedBatch["content"])
    | undefined
  /** Whether the consumer has skipped a batch. */
  readonly isSkipped: (sequence: number) => boolean
  /** Waits until the consumer has skipped a batch; never, if the run ends first. */
  readonly skipped: (sequence: number) => Effect.Effect<void>
  /** Takes a batch, and when its building began; returns whether the consumer gets it, or has skipped it. */
  readonly built: (assignment: Assignment, exit: Exit.Exit<BuiltBatch, Failure>, since: number) => boolean
  /** Is told of a batch that was skipped before its building began: its credit can be given again. */
  readonly dropped: (assignment: Assignment) => void
  /** Lets others work, after a batch that an effect has built. */
  readonly between: Effect.Effect<void>
  /** Calls back when the event loop has had a turn: the consumer is then at something else, or waits. */
  readonly idle: (resume: () => void) => void
  /** Whether the consumer asks for a batch, and waits for the event loop alone. */
  readonly isAsking: () => boolean
}

/** @since 0.1.0 */
export interface RequestPipeline {
  /** Has all assignments built. After a failure it goes on once the consumer has skipped the batch that failed. */
  readonly work: Effect.Effect<void, never, unknown>
  /** Delivers what is built. With `wait`, if nothing is, the next batch is delivered as soon as it is built. */
  readonly want: (wait: boolean) => void
}

interface Due {
  readonly assignment: Assignment
  since: number
  readonly requested: RequestedBatch
  /** Whether its building may have begun. */
  isBegun: boolean
}

/** Whether nothing of a batch is built, so that it may be dropped instead. */
const isUnbegun = ({ isBegun, requested }: Due): boolean => !isBegun && requested.isLazy

/** @since 0.1.0 */
export const make = ({
  backend,
  begun,
  between,
  built,
  credits,
  dropped,
  eager,
  idle,
  isAsking,
  isSkipped,
  assignments,
  skipped,
  traced,
  worker
}: RequestPipelineOptions): RequestPipeline => {
  const due: Array<Due> = []
  const arrivals = new Bell()
  const arrived = (): void => arrivals.ring()
  /** The consumer waits for the next batch. */
  let isAwaited = false
  /** A batch has failed: no more are requested until the consumer has skipped it. */
  let failed = false
  /** The fiber is at the first batch. */
  let isAtFirst = false
  /** Whether the consumer has been at something else since it built a batch by plain code, as it may the next one. */
  let isIdle = true
  let isAsked = false
  const whenIdle = (): void => {
    isAsked = false
    isIdle = true
    arrivals.ring()
  }

  /** Requests all that there are credits for; returns whether it has reached the end. */
  const request = (): boolean => {
    for (let assignment = assignments.next; assignment !== undefined; assignment = assignments.next) {
      if (credits.left === 0 || failed) return false
      credits.use()
      assignments.pass()
      const requested = backend.request({ epoch: assignment.epoch, batch: assignment.batch, worker }, arrived)
      const isBegun = !requested.isLazy
      if (isBegun) begun(assignment)
      due.push({ assignment, since: eager ? performance.now() : 0, requested, isBegun })
      // Somebody may be waiting for it.
      arrivals.ring()
    }
    // Nothing may be due, and the end be reached.
    arrivals.ring()
    return true
  }

  /** Delivers the first batch. Whoever waits for a batch still waits if that one was skipped. */
  const deliverFirst = ({ assignment }: Due, exit: Exit.Exit<BuiltBatch, Failure>, since: number): void => {
    due.shift()
    const before = isAwaited
    isAwaited = false
    if (!built(assignment, exit, since)) isAwaited ||= before
  }

  const beginFirst = (first: Due): void => {
    if (first.isBegun) return
    begun(first.assignment)
    if (eager && first.requested.isLazy) first.since = performance.now()
    first.isBegun = true
  }

  /** Builds the first batch by plain code, as far as that goes; returns it if that is all of it. */
  const buildFirst = (first: Due): BuiltBatch | undefined => {
    if (first.requested.build === undefined) return undefined
    beginFirst(first)
    const content = first.requested.build()
    isIdle = content === undefined
    return content
  }

  /** Delivers all that is built, up to what the fiber has to do; returns whether that, or the end, is reached. */
  const deliverReady = (): boolean => {
    if (isAtFirst || failed) return false
    for (;;) {
      const [first] = due
      if (first === undefined) return assignments.next === undefined
      const { requested, assignment } = first
      if (requested.isPending()) {
        if (isAwaited || eager) requested.want()
        if (requested.isPending()) return false
        continue
      }
      const isLazy = isUnbegun(first)
      if (isLazy && isSkipped(assignment.sequence)) {
        due.shift()
        dropped(assignment)
        continue
      }
      // What is not awaited is built while the consumer is busy.
      if (isLazy && !isAwaited && (!isIdle || isAsking())) {
        if (!isAsked) idle(whenIdle)
        isAsked = true
        return false
      }
      if (traced !== undefined || (isLazy && !isAwaited)) return true
      if (!isLazy) beginFirst(first)
      const content = isLazy ? buildFirst(first) : requested.take()
      if (content === undefined) return true
      deliverFirst(first, Exit.succeed(content), first.since)
    }
  }

  /** The batch that is due fails with what the backend threw at it, if one is due. */
  const refuse = (thrown: unknown): void => {
    const [first] = due
    if (first === undefined) return
    due[0] = { ...first, isBegun: true, requested: backend.broken({ ...first.assignment, worker }, thrown) }
  }

  /** As `deliverReady`, whatever the backend throws: a throw would end the fiber, and the consumer would wait for ever. */
  const deliver = (): boolean => {
    try {
      return deliverReady()
    } catch (thrown) {
      if (due.length === 0) throw thrown
      refuse(thrown)
      return true
    }
  }

  const work = Effect.gen(function* () {
    // It ends with this fiber.
    yield* Effect.fork(credits.given.until(request))
    for (;;) {
      yield* arrivals.until(deliver)
      // Whoever waits may have taken the first batch since.
      if (!deliver()) continue
      const [first] = due
      if (first === undefined) return yield* backend.over(worker)
      const { requested, assignment } = first
      const { isLazy } = requested
      beginFirst(first)
      isAtFirst = true
      const content = backend.contentOf({ ...assignment, worker }, requested)
      const exit = yield* Effect.exit(traced === undefined ? content : traced(assignment, content))
      isAtFirst = false
      failed = Exit.isFailure(exit)
      deliverFirst(first, exit, first.since)
      if (failed) {
        yield* skipped(assignment.sequence)
        failed = false
        credits.given.ring()
      } else if (isLazy) yield* between
    }
  })

  return {
    work,
    want: (wait) => {
      isAwaited ||= wait
      try {
        backend.poll()
      } catch (thrown) {
        refuse(thrown)
      }
      // The fiber may be about to run, and hears of no ring then.
      if (deliver()) arrivals.ring()
    }
  }
}
