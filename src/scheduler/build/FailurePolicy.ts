/**
 * What happens when a sample cannot be built: the failure policy, a service like the seed policy.
 *
 * A batch is a function of its coordinates, so whatever failed can be attempted again from the same seeds: a sample that
 * succeeds late is the sample that it would have been. Only the samples that failed are attempted again. If the fault is in
 * the collate function or in a stage after `batch`, the whole batch is. If a `getMany` fails, each sample of the batch is
 * read on its own. All samples that are attempted again are counted in `Stats.retried`.
 *
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import * as Data from "effect/Data"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Predicate from "effect/Predicate"
import * as Schedule from "effect/Schedule"
import { duration, finite, whole } from "../../core/Check.ts"
import { checked, InvalidOption } from "../../core/InvalidOption.ts"
import { functionOf, isOptions, optionsOf } from "../../core/Options.ts"
import type { StageError } from "./StageError.ts"

/** How long a sample or a batch may take. Default: no limit. @since 0.1.0 */
export interface Timeouts {
  /**
   * For one sample, from reading it to the last stage before `batch`. Only effects can be interrupted: a sample that is
   * built by plain code is never late.
   */
  readonly sample?: Duration.DurationInput
  /**
   * For one batch. On fibers only effects can be interrupted; on threads anything, since the thread is replaced.
   */
  readonly batch?: Duration.DurationInput
}

/** How much a run may leave out: a number of samples, or a share (0 … 1) of the samples of all its epochs. @since 0.1.0 */
export type Budget = { readonly samples: number } | { readonly share: number }

/**
 * What was left out of a batch.
 *
 * @since 0.1.0
 */
export interface Skipped {
  /** The last error, with its coordinates. */
  readonly error: StageError
  /** How often it was attempted. */
  readonly attempts: number
  /** How many samples were left out: one, or all of the batch if the fault was the whole batch's. */
  readonly samples: number
}

/** How samples are left out. @since 0.1.0 */
export interface Skip {
  readonly budget: Budget
  /** Is called with what was left out of a batch when that batch is taken. */
  readonly report: (skipped: Skipped) => Effect.Effect<void>
  /** Which errors may be skipped. */
  readonly when: (error: StageError) => boolean
  readonly fill: "none" | "neighbour"
}

/**
 * What happens to what fails. It is attempted again as long as `retry` recurs, then left out if `skip` allows it; otherwise
 * the run fails with it.
 *
 * @since 0.1.0
 */
export interface Service {
  /** When a sample, or a whole batch, is attempted again. */
  readonly retry: Schedule.Schedule<unknown, StageError> | undefined
  readonly skip: Skip | undefined
  readonly timeout: { readonly sample: Duration.Duration | undefined; readonly batch: Duration.Duration | undefined }
}

const none: Service = { retry: undefined, skip: undefined, timeout: { sample: undefined, batch: undefined } }

/**
 * The tag of the failure policy. A run without one fails at the first error ({@link fail}).
 *
 * @since 0.1.0
 */
export class FailurePolicy extends Context.Reference<FailurePolicy>()("furrow/FailurePolicy", {
  defaultValue: () => none
}) {}

/**
 * A sample or a batch took longer than its timeout.
 *
 * @since 0.1.0
 */
export class TimedOut extends Data.TaggedError("TimedOut")<{
  readonly what: "sample" | "batch"
  /** Milliseconds. */
  readonly after: number
}> {
  override get message(): string {
    return `this ${this.what} was not done after ${this.after} ms`
  }
}

/**
 * More samples failed than the budget allows. `skipped` is the one that exceeded it.
 *
 * @since 0.1.0
 */
export class SkipBudgetExceeded extends Data.TaggedError("SkipBudgetExceeded")<{
  readonly skipped: Skipped
  /** How many samples the run would have left out by now. */
  readonly count: number
  /** How many it may leave out. */
  readonly budget: number
}> {
  override get message(): string {
    const { budget, count, skipped } = this
    return (
      `${count} samples could not be made, and ${budget} may be left out of this run; the last one: ` +
      `${skipped.error.message}\n  mend the data or allow more: FailurePolicy.skip({ budget: … })`
    )
  }
}

/** The first error ends the run: the default. @since 0.1.0 */
export const fail: Layer.Layer<FailurePolicy> = Layer.succeed(FailurePolicy, none)

/**
 * As {@link fail}, with timeouts: what takes longer fails with {@link TimedOut}, as the cause of a `StageError`. Fails with
 * `InvalidOption` if a timeout is not a duration.
 *
 * @since 0.1.0
 */
export const timeout = (timeouts: Timeouts): Layer.Layer<FailurePolicy, InvalidOption> =>
  Layer.effect(
    FailurePolicy,
    checked(() => ({ ...none, timeout: durations("FailurePolicy.timeout", timeouts) }))
  )

/** @since 0.1.0 */
export interface RetryOptions {
  readonly timeout?: Timeouts
}

/**
 * Attempts what failed again as long as the schedule recurs, each sample with a schedule of its own; after that the run
 * fails with the last error. The input of the schedule is the error, so `Schedule.whileInput` can choose which errors to
 * retry. Stages draw from the same seeds each time. Fails with `InvalidOption` if a timeout is not a duration.
 *
 * @example
 * import { Effect, Schedule, Stream } from "effect"
 * import { Dataset, FailurePolicy, Pipeline, Scheduler, Workers } from "furrow"
 *
 * let calls = 0
 * const flaky = Dataset.effect({
 *   size: 4,
 *   get: (index) => (calls++ === 2 ? Effect.fail("the server is busy") : Effect.succeed(index))
 * })
 * const run = Scheduler.stream(Pipeline.from(flaky).pipe(Pipeline.batch(4)), { epochs: 1 }).pipe(
 *   Stream.runCount,
 *   Effect.provide(Workers.fibers({ workers: 1 })),
 *   Effect.provide(FailurePolicy.retry(Schedule.exponential("1 millis").pipe(Schedule.intersect(Schedule.recurs(3)))))
 * )
 * console.assert((await Effect.runPromise(run)) === 1)
 *
 * @since 0.1.0
 */
export const retry = <Out, R = never>(
  schedule: Schedule.Schedule<Out, StageError, R>,
  options: RetryOptions = {}
): Layer.Layer<FailurePolicy, InvalidOption, R> =>
  Layer.effect(
    FailurePolicy,
    Effect.flatMap(Effect.context<R>(), (context) =>
      checked(() => ({
        ...none,
        retry: Schedule.provideContext(scheduleOf(schedule), context),
        timeout: durations("timeout", optionsOf("FailurePolicy.retry", options, { timeout: true }).timeout)
      }))
    )
  )

/** @since 0.1.0 */
export interface SkipOptions<R = never, R2 = never> {
  /** How much a run may leave out; beyond it, the run fails with {@link SkipBudgetExceeded}. */
  readonly budget: Budget
  /** Is called with what was left out of a batch when that batch is taken. Default: a warning in the log. */
  readonly report?: (skipped: Skipped) => Effect.Effect<void, never, R>
  /**
   * Which errors may be skipped. Default: all. It is not asked about faults of the program (`AmbientRandomness`,
   * `InvalidResult`, `DecoderMissing`, `ForeignEffect`), which are neither retried nor skipped. Anything but a boolean,
   * such as a promise, is a `StageError` with an `InvalidResult`.
   */
  readonly when?: (error: StageError) => boolean
  /**
   * What takes its place in the batch. `"none"`, the default: nothing, the batch is one sample smaller. `"neighbour"`: the
   * sample before it in the batch (with ranks: in this rank's share of it) comes twice, or the one after it if there is
   * none before, so that batches keep their size.
   */
  readonly fill?: "none" | "neighbour"
  /** Attempts it again first, as {@link retry} does. */
  readonly retry?: Schedule.Schedule<unknown, StageError, R2>
  readonly timeout?: Timeouts
}

/**
 * Leaves out samples that cannot be built, up to a budget. What remains of a batch is the same whenever the same samples
 * fail. A fault of a whole batch (in a stage after `batch`, for example) leaves out all of it. What was left out is counted
 * when its batch is taken, and by the cursor, so that a resumed run has no new budget. Each rank has a budget of its own.
 *
 * Fails with `InvalidOption` for a budget of less than 0 samples or a share outside 0 … 1, and for other invalid options.
 *
 * @example
 * import { Effect, Stream } from "effect"
 * import { Dataset, FailurePolicy, Pipeline, Scheduler, Workers } from "furrow"
 *
 * const files = Dataset.make({
 *   size: 10,
 *   get: (index) => {
 *     if (index === 6) throw new Error("not an image")
 *     return index
 *   }
 * })
 * const skipped: Array<number | undefined> = []
 * const policy = FailurePolicy.skip({
 *   budget: { share: 0.1 },
 *   report: ({ error }) => Effect.sync(() => skipped.push(error.sample))
 * })
 * const sizes = Scheduler.stream(Pipeline.from(files).pipe(Pipeline.batch(5)), { epochs: 1 }).pipe(
 *   Stream.map((batch) => batch.size),
 *   Stream.runCollect,
 *   Effect.provide(Workers.fibers({ workers: 2 })),
 *   Effect.provide(policy)
 * )
 * console.assert(Array.from(await Effect.runPromise(sizes)).join() === "5,4" && skipped.join() === "6")
 *
 * @since 0.1.0
 */
export const skip = <R = never, R2 = never>(
  options: SkipOptions<R, R2>
): Layer.Layer<FailurePolicy, InvalidOption, R | R2> =>
  Layer.effect(
    FailurePolicy,
    Effect.flatMap(Effect.context<R | R2>(), (context) =>
      checked(() => {
        optionsOf("FailurePolicy.skip", options, {
          budget: "own",
          report: true,
          when: true,
          fill: true,
          retry: true,
          timeout: true
        })
        const { fill = "none", report = warn, when = () => true } = options
        functionOf("report", report)
        functionOf("when", when)
        if (fill !== "none" && fill !== "neighbour") {
          throw new InvalidOption({ option: "fill", value: fill, expected: '"none" or "neighbour"' })
        }
        return {
          retry: options.retry === undefined ? undefined : Schedule.provideContext(scheduleOf(options.retry), context),
          skip: {
            budget: budget(options.budget),
            report: (skipped) => Effect.provide(report(skipped), context),
            when,
            fill
          },
          timeout: durations("timeout", options.timeout)
        }
      })
    )
  )

/** Faults of the program, which every sample would meet: they are neither retried nor skipped. */
const PROGRAM = ["AmbientRandomness", "InvalidResult", "DecoderMissing", "ForeignEffect"]

/** Whether an error may be retried or skipped: not if it is a fault of the program. @since 0.1.0 */
export const isFault = ({ cause }: StageError): boolean => {
  try {
    // By their tags: an error that comes from a thread is not an instance of the class here.
    return !PROGRAM.some((tag) => Predicate.isTagged(cause, tag))
  } catch {
    return true // a Proxy of which nothing can be asked
  }
}

/** Returns how many samples a budget allows in a run of `samples`. @since 0.1.0 */
export const allowance = (own: Budget, samples: number): number =>
  "samples" in own ? own.samples : Math.floor(own.share * samples)

const warn = ({ attempts, error, samples }: Skipped): Effect.Effect<void> =>
  Effect.logWarning(
    `left out ${samples === 1 ? "a sample" : `${samples} samples`} after ${attempts} ${attempts === 1 ? "try" : "tries"}: ${error.message}`
  )

const BUDGET = { samples: "own", share: "own" } as const

const budget = (own: Budget): Budget => {
  if (isOptions(own)) {
    const { samples, share } = optionsOf<{ samples?: number; share?: number }>("budget", own, BUDGET)
    if (samples !== undefined && share === undefined) return { samples: whole("budget.samples", samples, 0) }
    if (share !== undefined && samples === undefined) return { share: finite("budget.share", share, 0, 1) }
  }
  throw new InvalidOption({ option: "budget", value: own, expected: "{ samples: 10 } or { share: 0.01 }" })
}

const durations = (of: string, timeouts: Timeouts = {}): Service["timeout"] => {
  const { batch, sample } = optionsOf(of, timeouts, { sample: true, batch: true })
  return {
    sample: sample === undefined ? undefined : duration("timeout.sample", sample),
    batch: batch === undefined ? undefined : duration("timeout.batch", batch)
  }
}

const scheduleOf = <S>(schedule: S): S => {
  if (Schedule.isSchedule(schedule)) return schedule
  throw new InvalidOption({ option: "retry", value: schedule, expected: "a Schedule, such as Schedule.recurs(3)" })
}
