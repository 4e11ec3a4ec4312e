/**
 * The batches of one worker on their way: requested as far ahead as there are credits, delivered in the order of requests.
 *
 * Where a backend builds elsewhere, plain code requests and delivers them, run by whoever gives a credit or brings
 * the answer: a fiber that wakes for each costs the main thread more than all else that it does for a batch. The
 * worker's fiber does what takes an effect; on the backend of fibers that is the building itself.
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
  /** Whether to wait for batches that nobody waits for, to know when they were there. */
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
  readonly since: number
  readonly requested: RequestedBatch
}

/** @since 0.1.0 */
export const make = ({
  backend,
  begun,
  between,
  built,
  credits,
  dropped,
  eager,
  isSkipped,
  assignments,
  skipped,
  traced,
  worker
}: RequestPipelineOptions): RequestPipeline => {
  const due: Array<Due> = []
  const arrivals = new Bell()
  const arrived = (): void => arrivals.ring()
  let wanted = eager
  /** A batch has failed: no more are requested until the consumer has skipped it. */
  let failed = false

  /** Requests all that there are credits for; returns whether it has reached the end. */
  const request = (): boolean => {
    for (let assignment = assignments.next; assignment !== undefined; assignment = assignments.next) {
      if (credits.left === 0 || failed) return false
      credits.use()
      assignments.pass()
      const requested = backend.request({ epoch: assignment.epoch, batch: assignment.batch, worker }, arrived)
      if (!requested.isLazy) begun(assignment)
      due.push({ assignment, since: eager ? performance.now() : 0, requested })
      // Somebody may be waiting for it.
      arrivals.ring()
    }
    return true
  }

  /** Delivers the first batch. Whoever waits for a batch still waits if that one was skipped. */
  const deliverFirst = ({ assignment }: Due, exit: Exit.Exit<BuiltBatch, Failure>, since: number): void => {
    due.shift()
    const before = wanted
    wanted = eager
    if (!built(assignment, exit, since)) wanted ||= before
  }

  /** Delivers all that is built, up to what takes an effect; returns whether that, or the end, is reached. */
  const deliverReady = (): boolean => {
    for (;;) {
      const [first] = due
      if (first === undefined) return assignments.next === undefined && !failed
      const { requested, assignment, since } = first
      if (requested.isPending()) {
        if (wanted) requested.want()
        if (requested.isPending()) return false
        continue
      }
      if (requested.isLazy && isSkipped(assignment.sequence)) {
        due.shift()
        dropped(assignment)
        continue
      }
      const content = traced === undefined ? requested.take() : undefined
      if (content === undefined) return true
      deliverFirst(first, Exit.succeed(content), since)
    }
  }

  /** The batch that is due fails with what the backend threw at it, if one is due. */
  const refuse = (thrown: unknown): void => {
    const [first] = due
    if (first === undefined) return
    due[0] = { ...first, requested: backend.broken({ ...first.assignment, worker }, thrown) }
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
      const [first] = due
      if (first === undefined) return
      const { requested, assignment } = first
      const since = !eager || !requested.isLazy ? first.since : performance.now()
      if (requested.isLazy) begun(assignment)
      const content = backend.contentOf({ ...assignment, worker }, requested)
      const exit = yield* Effect.exit(traced === undefined ? content : traced(assignment, content))
      if (Exit.isSuccess(exit)) {
        deliverFirst(first, exit, since)
        if (requested.isLazy) yield* between
        continue
      }
      failed = true
      deliverFirst(first, exit, since)
      yield* skipped(assignment.sequence)
      failed = false
      credits.given.ring()
    }
  })

  return {
    work,
    want: (wait) => {
      wanted ||= wait
      try {
        backend.poll()
      } catch (thrown) {
        refuse(thrown)
      }
      arrivals.ring()
    }
  }
}
