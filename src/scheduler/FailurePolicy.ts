/**
 * What becomes of a run when a sample cannot be made: the failure policy, a service like that of the seeds.
 *
 * A batch is a function of its coordinates, so whatever failed can be attempted again, from the same seeds: a sample that
 * is retried is the sample that it would have been. Only the samples that failed are attempted again; where the fault is
 * the whole batch's (its collate, a stage behind `batch`), all of it is. Each attempt is counted in `Stats.retried`.
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
import { checked, duration, finite, InvalidOption, whole } from "../InvalidOption.ts"
import { functionOf, optionsOf } from "../Options.ts"
import type { StageError } from "./StageError.ts"

/** How long things may take; without one, as long as they like. @since 0.1.0 */
export interface Timeouts {
  /**
   * For one sample, from reading it to the last stage before `batch`. Only what is an effect can be called off: a sample
   * of plain code is never late.
   */
  readonly sample?: Duration.DurationInput
  /**
   * For one batch. On fibers only effects can be called off; on threads anything can, as the thread is replaced.
   */
  readonly batch?: Duration.DurationInput
}

/** How much may be left out of a run: so many samples, or such a share of all that it has in all its epochs. @since 0.1.0 */
export type Budget = { readonly samples: number } | { readonly share: number }

/**
 * What was left out.
 *
 * @since 0.1.0
 */
export interface Skipped {
  /** Why, and where: the last error of it, with its coordinates. */
  readonly error: StageError
  /** How often it was tried. */
  readonly attempts: number
  /** How many samples were left out by it: one, or all of the batch where the fault was the whole batch's. */
  readonly samples: number
}

/** How samples are left out. @since 0.1.0 */
export interface Skip {
  readonly budget: Budget
  /** Is told of what was left out of a batch when that batch is taken. */
  readonly report: (skipped: Skipped) => Effect.Effect<void>
  /** Which errors may be passed over. */
  readonly when: (error: StageError) => boolean
  readonly fill: "none" | "neighbour"
}

/**
 * What becomes of what fails. First it is retried, as long as `retry` recurs, then left out, where `skip` allows it; else
 * the run fails with it.
 *
 * @since 0.1.0
 */
export interface Service {
  /** When a sample, or a whole batch, is tried again. */
  readonly retry: Schedule.Schedule<unknown, StageError> | undefined
  readonly skip: Skip | undefined
  readonly timeout: { readonly sample: Duration.Duration | undefined; readonly batch: Duration.Duration | undefined }
}

const none: Service = { retry: undefined, skip: undefined, timeout: { sample: undefined, batch: undefined } }

/**
 * The tag of the failure policy. A run that is given none fails at the first error ({@link fail}).
 *
 * @since 0.1.0
 */
export class FailurePolicy extends Context.Reference<FailurePolicy>()("furrow/FailurePolicy", {
  defaultValue: () => none
}) {}

/**
 * A sample or a batch took longer than it may.
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
 * More samples failed than the policy lets a run pass over. `skipped` is the one too many, and what came of it.
 *
 * @since 0.1.0
 */
export class SkipBudgetExceeded extends Data.TaggedError("SkipBudgetExceeded")<{
  readonly skipped: Skipped
  /** How many samples the run has left out by now. */
  readonly count: number
  /** How many it may. */
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

/** The first error ends the run: what is done when no policy is given. @since 0.1.0 */
export const fail: Layer.Layer<FailurePolicy> = Layer.succeed(FailurePolicy, none)

/**
 * As {@link fail}; and what takes longer than this fails with {@link TimedOut} as the cause of its `StageError`. Fails
 * with `InvalidOption` for what is no duration.
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
 * Tries again as long as the schedule recurs, each sample with a schedule of its own; after that the run fails with the
 * last error. The schedule's input is the error, so that `Schedule.whileInput` chooses what is worth it. Stages draw from
 * the same seeds each time. Fails with `InvalidOption` for a timeout that is no duration.
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
 *   Effect.provide(Workers.fibers(1)),
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
  /** How much a run may leave out; what goes beyond it fails the run with {@link SkipBudgetExceeded}. */
  readonly budget: Budget
  /** Is told of what was left out of a batch when that batch is taken. Default: a warning in the log. */
  readonly report?: (skipped: Skipped) => Effect.Effect<void, never, R>
  /** Which errors may be passed over. Default: all but {@link AmbientRandomness}, which is a fault of the program. */
  readonly when?: (error: StageError) => boolean
  /**
   * What fills its place in the batch. `"none"`, the default: the batch is one sample smaller. `"neighbour"`: the sample
   * before it in the batch (with ranks: in this rank's part of it) comes twice, or the one behind it where there is none
   * before, so that batches keep their size.
   */
  readonly fill?: "none" | "neighbour"
  /** Tries again first, as {@link retry} does. */
  readonly retry?: Schedule.Schedule<unknown, StageError, R2>
  readonly timeout?: Timeouts
}

/**
 * Leaves out samples that cannot be made, up to a budget. What is left of a batch is the same whenever the same samples
 * fail. A fault of a whole batch (in a stage behind `batch`, say) leaves out all of it. What was left out is counted when
 * its batch is taken, and by the cursor, so that a run that is resumed has no new budget; each rank has one of its own.
 *
 * Fails with `InvalidOption` for a budget of less than 0 samples or a share outside 0 … 1, or other options that are none.
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
 *   Effect.provide(Workers.fibers(2)),
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

/** Whether trying again, or going on without it, can be of any use. @since 0.1.0 */
export const isFault = ({ cause }: StageError): boolean => {
  try {
    // By their tags: an error that comes from a thread need not be of this side's class.
    return !(Predicate.isTagged(cause, "AmbientRandomness") || Predicate.isTagged(cause, "InvalidResult"))
  } catch {
    return true // a Proxy of which nothing can be asked
  }
}

/** How many samples a budget comes to in a run of so many. @since 0.1.0 */
export const allowance = (own: Budget, samples: number): number =>
  "samples" in own ? own.samples : Math.floor(own.share * samples)

const warn = ({ attempts, error, samples }: Skipped): Effect.Effect<void> =>
  Effect.logWarning(
    `left out ${samples === 1 ? "a sample" : `${samples} samples`} after ${attempts} ${attempts === 1 ? "try" : "tries"}: ${error.message}`
  )

const budget = (own: Budget): Budget => {
  if (typeof own === "object" && own !== null) {
    if ("samples" in own) return { samples: whole("budget.samples", own.samples, 0) }
    if ("share" in own) return { share: finite("budget.share", own.share, 0, 1) }
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
