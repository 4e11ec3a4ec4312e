/**
 * The services that make up a run's failure policy, and the rules for builders that follow from them.
 *
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Schedule from "effect/Schedule"
import { EventLoop } from "../../core/EventLoop.ts"
import type { FailureRules, Recurrence } from "../build/FailureRules.ts"
import { failedIn, type Skipped } from "../build/Retry.ts"
import type { StageError } from "../build/StageError.ts"
import { fromEffect } from "../build/Work.ts"

/**
 * How much a run may leave out: a number of samples, or a share (0 … 1) of the samples of all its epochs. What a run that
 * continues from a cursor left out before counts, and with it the epochs that came before: a loop of runs of one epoch
 * each, `{ epoch: k, from: cursor }`, may leave out `share` of all epochs up to k.
 *
 * @category models
 * @since 0.1.0
 */
export type Budget = { readonly samples: number } | { readonly share: number }

/** How samples are left out. @since 0.1.0 */
export interface SkipService {
  readonly budget: Budget
  /** Is called with what was left out of a batch when that batch is taken. */
  readonly report: (skipped: Skipped) => Effect.Effect<void>
  /** Which errors may be skipped. */
  readonly when: (error: StageError) => boolean
  readonly fill: "none" | "neighbor"
}

/**
 * What the layers of `FailurePolicy` provide: each its own part, so they can be composed in any order. Without any of them a
 * run fails at the first error.
 *
 * @category models
 * @since 0.1.0
 */
export interface FailurePolicy {
  readonly _: unique symbol
}

/** When what failed is attempted again. @since 0.1.0 */
export const Retry = Context.Reference<FailurePolicy>()("furrow/FailurePolicy/retry", {
  defaultValue: (): Schedule.Schedule<unknown, StageError> | undefined => undefined
})
/** How samples are left out. @since 0.1.0 */
export const Skip = Context.Reference<FailurePolicy>()("furrow/FailurePolicy/skip", {
  defaultValue: (): SkipService | undefined => undefined
})
/** How long a sample may take. @since 0.1.0 */
export const SampleTimeout = Context.Reference<FailurePolicy>()("furrow/FailurePolicy/timeout/sample", {
  defaultValue: (): Duration.Duration | undefined => undefined
})
/** How long a batch may take. @since 0.1.0 */
export const BatchTimeout = Context.Reference<FailurePolicy>()("furrow/FailurePolicy/timeout/batch", {
  defaultValue: (): Duration.Duration | undefined => undefined
})

/**
 * The policy of a run. What fails within its timeout, or exceeds it, is attempted again as long as `retry` recurs, then
 * left out if `skip` allows it; otherwise the run fails with it.
 *
 * @since 0.1.0
 */
export interface Service {
  /** When a sample, or a whole batch, is attempted again. */
  readonly retry: Schedule.Schedule<unknown, StageError> | undefined
  readonly skip: SkipService | undefined
  readonly timeout: { readonly sample: Duration.Duration | undefined; readonly batch: Duration.Duration | undefined }
}

/** The policy that a run is provided with. @since 0.1.0 */
export const current: Effect.Effect<Service> = Effect.gen(function* () {
  return {
    retry: yield* Retry,
    skip: yield* Skip,
    timeout: { sample: yield* SampleTimeout, batch: yield* BatchTimeout }
  }
})

/** The policy as its rules for those who build. `retried` is called before a batch, or some of its samples, are attempted again. @since 0.1.0 */
export const rules = (
  { retry: schedule, skip: skipping, timeout: limit }: Service,
  retried: () => void
): FailureRules => ({
  retry: schedule === undefined ? undefined : () => recurrence(schedule),
  skip: skipping,
  timeout: {
    sample: limit.sample === undefined ? undefined : Duration.toMillis(limit.sample),
    batch: limit.batch === undefined ? undefined : Duration.toMillis(limit.batch)
  },
  retried
})

const eventLoop = new EventLoop()

const recurrence = (schedule: Schedule.Schedule<unknown, StageError>): Recurrence => {
  let driver: Schedule.ScheduleDriver<unknown, StageError> | undefined
  return (error) =>
    fromEffect(() =>
      Effect.gen(function* () {
        driver ??= yield* Schedule.driver(schedule)
        const recurs = Option.isSome(yield* Effect.option(driver.next(error)))
        // A schedule without a delay would keep timers and signals from their turn, for as long as it recurs.
        if (recurs) yield* eventLoop.turnIfStarved
        return recurs
      }).pipe(Effect.catchAllDefect((thrown) => Effect.fail(failedIn("the schedule", error, thrown))))
    )
}

/** Makes up for what rounding can take from a product: 0.29 · 100 is 28.999999999999996. */
const ROUNDING = 1 + 2 * Number.EPSILON

/** Returns how many samples a budget allows in a run of `samples`. @since 0.1.0 */
export const allowance = (own: Budget, samples: number): number =>
  "samples" in own ? own.samples : Math.min(samples, Math.floor(own.share * samples * ROUNDING))
