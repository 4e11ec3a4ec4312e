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
import * as Schedule from "effect/Schedule"
import { duration, finite, whole } from "../../core/Check.ts"
import { checked, InvalidOption } from "../../core/InvalidOption.ts"
import { functionOf, isOptions, optionsOf } from "../../core/Options.ts"
import type { Skipped } from "../build/Retry.ts"
import { SkipTally } from "../build/SkipTally.ts"
import type { StageError } from "../build/StageError.ts"
import { BatchTimeout, type Budget, type FailurePolicy, Retry, SampleTimeout, Skip } from "./FailureServices.ts"

export type { Skipped } from "../build/Retry.ts"
export { TimedOut } from "../build/StageError.ts"
export type { Budget, FailurePolicy } from "./FailureServices.ts"

/** How long a sample or a batch may take. Default: no limit. @category models @since 0.1.0 */
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

/**
 * More samples failed than the budget allows. `skipped` is the one that exceeded it.
 *
 * @category errors
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

/**
 * The first error ends the run: the default. Where an outer layer retries, skips or has a timeout, this takes it back.
 *
 * @category layers
 * @since 0.1.0
 */
export const fail: Layer.Layer<FailurePolicy> = Layer.mergeAll(
  Layer.succeed(Retry, undefined),
  Layer.succeed(Skip, undefined),
  Layer.succeed(SampleTimeout, undefined),
  Layer.succeed(BatchTimeout, undefined)
)

/**
 * Limits the time of each attempt: what takes longer fails with {@link TimedOut}, as the cause of a `StageError`. Fails
 * with `InvalidOption` if a timeout is not a duration, or none is given.
 *
 * @category layers
 * @since 0.1.0
 */
export const timeout = (timeouts: Timeouts): Layer.Layer<FailurePolicy, InvalidOption> =>
  Layer.effectContext(
    checked(() => {
      const { batch, sample } = optionsOf("FailurePolicy.timeout", timeouts, { sample: true, batch: true })
      if (batch === undefined && sample === undefined) {
        const expected = 'one or both of its options, such as { sample: "1 minute" }'
        throw new InvalidOption({ option: "timeout", value: timeouts, expected })
      }
      // A context need not hold references.
      const none = Context.empty() as unknown as Context.Context<FailurePolicy>
      const own = sample === undefined ? none : Context.add(none, SampleTimeout, duration("timeout.sample", sample))
      return batch === undefined ? own : Context.add(own, BatchTimeout, duration("timeout.batch", batch))
    })
  )

/**
 * Attempts what failed again as long as the schedule recurs, each sample with a schedule of its own; after that it is left
 * out if {@link skip} allows it, else the run fails with the last error. The input of the schedule is the error, so
 * `Schedule.whileInput` can choose which errors to retry. Stages draw from the same seeds each time. Fails with
 * `InvalidOption` if it is not given a schedule, or anything beside it.
 *
 * @example
 * import { Effect, Layer, Schedule, Stream } from "effect"
 * import { Dataset, FailurePolicy, Pipeline, Scheduler, Workers } from "furrow"
 *
 * let calls = 0
 * const flaky = Dataset.effect({
 *   size: 4,
 *   get: (index) => (calls++ === 2 ? Effect.fail("the server is busy") : Effect.succeed(index))
 * })
 * const policy = Layer.merge(
 *   FailurePolicy.retry(Schedule.exponential("1 millis").pipe(Schedule.intersect(Schedule.recurs(3)))),
 *   FailurePolicy.timeout({ sample: "1 minute" })
 * )
 * const run = Scheduler.stream(Pipeline.from(flaky).pipe(Pipeline.batch(4)), { epochs: 1 }).pipe(
 *   Stream.runCount,
 *   Effect.provide(Workers.fibers({ workers: 1 })),
 *   Effect.provide(policy)
 * )
 * console.assert((await Effect.runPromise(run)) === 1)
 *
 * @category layers
 * @since 0.1.0
 */
export const retry = <Out, R = never>(
  schedule: Schedule.Schedule<Out, StageError, R>,
  ...beside: []
): Layer.Layer<FailurePolicy, InvalidOption, R> =>
  Layer.effect(
    Retry,
    Effect.flatMap(Effect.context<R>(), (context) =>
      checked(() => {
        const [second]: ReadonlyArray<unknown> = beside
        if (second !== undefined) {
          const expected = "left out: a timeout is a layer of its own, FailurePolicy.timeout({ sample, batch })"
          throw new InvalidOption({ option: "the second argument of FailurePolicy.retry", value: second, expected })
        }
        if (Schedule.isSchedule(schedule)) return Schedule.provideContext(schedule, context)
        const expected = "a Schedule, such as Schedule.recurs(3)"
        throw new InvalidOption({ option: "retry", value: schedule, expected })
      })
    )
  )

/** @category options @since 0.1.0 */
export interface SkipOptions<R = never> {
  /** How much a run may leave out; beyond it, the run fails with {@link SkipBudgetExceeded}. */
  readonly budget: Budget
  /**
   * Is called with what was left out of a batch when that batch is taken. Default: a warning in the log;
   * of samples that have one reason, such as a damaged block, for the first, and then with their count at 10, 100, 1000 …
   */
  readonly report?: (skipped: Skipped) => Effect.Effect<void, never, R>
  /**
   * Which errors may be skipped. Default: all. It is not asked about faults of the program (`AmbientRandomness`,
   * `InvalidResult`, `DecoderMissing`, `ForeignEffect`), which are neither retried nor skipped. Anything but a boolean,
   * such as a promise, is a `StageError` with an `InvalidResult`.
   */
  readonly when?: (error: StageError) => boolean
  /**
   * What takes its place in the batch. `"none"`, the default: nothing, the batch is one sample smaller. `"neighbor"`: the
   * sample before it in the batch (with ranks: in this rank's share of it) comes twice, or the one after it if there is
   * none before, so that batches keep their size.
   */
  readonly fill?: "none" | "neighbor"
}

/**
 * Leaves out samples that cannot be built, up to a budget: after all attempts that {@link retry} grants. What remains of a batch is the same whenever the same samples
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
 * @category layers
 * @since 0.1.0
 */
export const skip = <R = never>(options: SkipOptions<R>): Layer.Layer<FailurePolicy, InvalidOption, R> =>
  Layer.effect(
    Skip,
    Effect.flatMap(Effect.context<R>(), (context) =>
      checked(() => {
        optionsOf("FailurePolicy.skip", options, { budget: "own", report: true, when: true, fill: true })
        const { fill = "none", report = warning(), when = () => true } = options
        functionOf("report", report)
        functionOf("when", when)
        if (fill !== "none" && fill !== "neighbor") {
          throw new InvalidOption({ option: "fill", value: fill, expected: '"none" or "neighbor"' })
        }
        return {
          budget: budget(options.budget),
          report: (skipped) => Effect.provide(report(skipped), context),
          when,
          fill
        }
      })
    )
  )

const warning = (): ((skipped: Skipped) => Effect.Effect<void>) => {
  const tally = new SkipTally()
  return ({ attempts, error, samples }) =>
    Effect.suspend(() => {
      const counted = tally.count({ error, samples })
      if (counted === undefined) return Effect.void
      if (!counted.isNew) {
        const all = `left out ${counted.samples} samples by now for one reason`
        return Effect.logWarning(`${all}, of which few are logged (\`report\` is told of each): ${counted.reason}`)
      }
      const tries = `${attempts} ${attempts === 1 ? "try" : "tries"}`
      return Effect.logWarning(
        `left out ${samples === 1 ? "a sample" : `${samples} samples`} after ${tries}: ${error.message}`
      )
    })
}

const BUDGET = { samples: "own", share: "own" } as const

const budget = (own: Budget): Budget => {
  if (isOptions(own)) {
    const { samples, share } = optionsOf<{ samples?: number; share?: number }>("budget", own, BUDGET)
    if (samples !== undefined && share === undefined) return { samples: whole("budget.samples", samples, 0) }
    if (share !== undefined && samples === undefined) return { share: finite("budget.share", share, 0, 1) }
  }
  throw new InvalidOption({ option: "budget", value: own, expected: "{ samples: 10 } or { share: 0.01 }" })
}
