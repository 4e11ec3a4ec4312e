/**
 * A batch that a pool was asked for, until it is taken: its outcome, further attempts by the failure policy, timeouts.
 *
 * @since 0.1.0
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import { shown } from "../../../core/Show.ts"
import type { CoordinatesError } from "../../../seeding/Coordinates.ts"
import type { FailureRules } from "../../build/FailureRules.ts"
import { retrying, type SkippedRows } from "../../build/Retry.ts"
import type { RowRange } from "../../build/RowRange.ts"
import { errorAt, SamplesFailed, StageError, TimedOut } from "../../build/StageError.ts"
import type { StageTimes } from "../../build/StageTimes.ts"
import { andThen, fromEffect, toEffect, type Work } from "../../build/Work.ts"
import type { RunPlan } from "../../plan/RunPlan.ts"
import type { BuiltBatch, Failure, RequestedBatch } from "../Backend.ts"
import { BackendError } from "../BackendError.ts"
import { decodeError, isBatchError } from "./ErrorCodec.ts"
import type { Member, Outcome } from "./Member.ts"
import type { AttemptFailed, BatchRequest, StageSeeds } from "./Protocol.ts"
import { RowOrigins } from "./RowOrigins.ts"
import type { SlowBatch, SlowBatches } from "./SlowBatches.ts"

/** A requested batch of which the outcome is known. @since 0.1.0 */
export const known = (content: Effect.Effect<BuiltBatch, Failure>, taken?: BuiltBatch): RequestedBatch => ({
  isLazy: false,
  isPending: () => false,
  want: () => undefined,
  take: () => taken,
  content
})

/** That no member will build it, and why. @since 0.1.0 */
export interface Lost {
  readonly _tag: "Lost"
  readonly reason: string
  /** The stage that its member was at. */
  readonly stage: string | undefined
}

/** What a pending batch needs of its pool. @since 0.1.0 */
export interface PendingPool {
  readonly runPlan: RunPlan
  readonly failures: FailureRules
  /** Where the times that members report are added. */
  readonly times: StageTimes | undefined
  /** The name of the backend and the module of the pipeline, for errors. */
  readonly backend: string
  readonly module: string
  /** How long a member may be at a batch before it is replaced. */
  readonly timeout: Duration.Duration | undefined
  readonly wanted: (pending: PendingBatch) => void
  /** Warns of batches that take long. */
  readonly slow: SlowBatches
  /** No outcome of the attempt at hand is wanted any more. */
  readonly forget: (pending: PendingBatch) => void
  /** Has a further attempt made, by the member that made the last one if it is there. */
  readonly retry: (pending: PendingBatch) => void
  /** How many of its `limit` milliseconds are left; all of them if no member has begun it. */
  readonly left: (pending: PendingBatch, limit: number) => number
  /** Replaces the member that is building it: charged to `restarts` with a reason, or for the failure policy without one. */
  readonly replace: (pending: PendingBatch, reason: string | undefined) => void
  /** The stage that the member is at that builds it, as far as is known. */
  readonly stage: (pending: PendingBatch) => string | undefined
  /** No further attempt follows. */
  readonly drop: (pending: PendingBatch) => void
  /** Tells the policy of the seeds that a batch was built with; returns the error of what it throws. */
  readonly observe: (request: BatchRequest, seeds: StageSeeds) => CoordinatesError | undefined
}

/** Longer than any run. */
const MOST_AGE = 2 ** 50

/** @since 0.1.0 */
export class PendingBatch implements RequestedBatch, SlowBatch {
  readonly isLazy = false
  id: number
  request: BatchRequest
  outcome: Outcome | Lost | undefined
  /** The member that made the last attempt. */
  by: Member | undefined
  /** How many times a member was replaced while it was at it. */
  replaced = 0
  isWanted = false
  /** Whether its seeds were observed, and what came of it: once, however often it is attempted. */
  #isObserved = false
  #refusal: CoordinatesError | undefined
  readonly #pool: PendingPool
  readonly #arrived: () => void
  /** Where its rows came from, if they are those of a stream. */
  readonly #origins: RowOrigins | undefined
  #resume: (() => void) | undefined

  constructor(pool: PendingPool, id: number, request: BatchRequest, arrived: () => void, range?: RowRange) {
    this.#pool = pool
    this.id = id
    this.request = request
    this.#arrived = arrived
    this.#origins = range && RowOrigins.of(pool.runPlan.pipeline.dataset.name, range)
  }

  readonly isPending = (): boolean => this.outcome === undefined && !this.#isTimed

  /** A time that runs out takes a fiber that waits for it. */
  get #isTimed(): boolean {
    return this.#pool.timeout !== undefined || this.#pool.failures.timeout.batch !== undefined
  }

  readonly want = (): void => {
    if (this.isWanted) return
    this.#pool.wanted(this)
    // With a timeout of its own it is reported when that has passed.
    if (!this.#isTimed) this.#pool.slow.add(this)
  }

  /** For how many milliseconds a member has been at it; 0 if none is. */
  get age(): number {
    return MOST_AGE - this.#pool.left(this, MOST_AGE)
  }

  get stage(): string | undefined {
    return this.#pool.stage(this)
  }

  settle(outcome: Outcome | Lost): void {
    this.#pool.slow.remove(this)
    this.outcome = outcome
    this.#resume?.()
    this.#arrived()
  }

  readonly take = (): BuiltBatch | undefined =>
    this.outcome?._tag === "Built" && this.#refusalOf(this.outcome) === undefined
      ? this.#contentOf(this.outcome, 0)
      : undefined

  /** The error of a policy that observes its seeds, if it throws at those of the batch. */
  #refusalOf({ observed }: Outcome): CoordinatesError | undefined {
    if (!this.#isObserved && observed !== undefined) {
      this.#isObserved = true
      this.#refusal = this.#pool.observe(this.request, observed)
    }
    return this.#refusal
  }

  // Schedules have what they require.
  readonly content = toEffect(() => this.#attempts()) as Effect.Effect<BuiltBatch, Failure>

  #attempts(): Work<BuiltBatch, Failure> {
    const { indices, position } = this.request
    const size = indices.length
    let retried = 0
    let failed: "late" | "by its member" | undefined
    const attempt = (skipped: SkippedRows): Effect.Effect<BuiltBatch, Failure | SamplesFailed> =>
      Effect.gen(this, function* () {
        if (failed !== undefined) {
          if (failed === "late") {
            this.#pool.replace(this, undefined)
            // The member that knew what it had attempted is gone: all of the batch is attempted again.
            retried += size - skipped.size
          }
          this.request = { ...this.request, left: Array.from(skipped) }
          this.outcome = undefined
          this.#pool.retry(this)
        }
        const outcome = yield* this.#inTime
        if (outcome === "late") {
          failed = "late"
          this.#pool.forget(this)
          return yield* this.#late()
        }
        if (outcome._tag === "Lost") return yield* this.error(outcome.reason, outcome.stage)
        const refusal = this.#refusalOf(outcome)
        if (refusal !== undefined) {
          if (outcome._tag === "Built") outcome.discard()
          return yield* refusal
        }
        if (outcome._tag === "Built") return this.#contentOf(outcome, retried)
        failed = "by its member"
        retried += outcome.retried
        return yield* this.#failed(outcome)
      })
    const attempts = retrying(this.#pool.failures, { position, size }, (skipped) => fromEffect(() => attempt(skipped)))
    return andThen(attempts, ({ skipped, value }): BuiltBatch => {
      if (value !== undefined) return skipped.length === 0 ? value : { ...value, skipped }
      if (failed === "late") this.#pool.replace(this, undefined)
      else this.#pool.drop(this)
      return { batch: undefined, hash: undefined, skipped, retried, replaced: this.replaced }
    })
  }

  #contentOf(built: Extract<Outcome, { readonly _tag: "Built" }>, before: number): BuiltBatch {
    const { runPlan, times } = this.#pool
    const { policy } = runPlan
    if (built.draws !== undefined && built.draws.length > 0) policy?.record?.(built.draws)
    for (const measured of built.times ?? []) times?.add(...measured)
    const retried = before + (built.retried ?? 0)
    const content = built.content()
    return retried + this.replaced === 0 ? content : { ...content, retried, replaced: this.replaced }
  }

  /** Waits for the outcome. */
  readonly #settled: Effect.Effect<Outcome | Lost> = Effect.suspend(() => {
    if (this.outcome !== undefined) return Effect.succeed(this.outcome)
    return Effect.zipRight(
      Effect.async<void>((resume) => {
        this.#resume = () => {
          this.#resume = undefined
          resume(Effect.void)
        }
        this.want()
        return Effect.sync(() => {
          this.#resume = undefined
        })
      }),
      this.#settled
    )
  })

  /** The outcome; `"late"` if the failure policy's time has run out. A member that exceeds the pool's is replaced. */
  get #inTime(): Effect.Effect<Outcome | Lost | "late"> {
    const own = this.#pool.timeout
    const { batch } = this.#pool.failures.timeout
    const isPolicys = batch !== undefined && (own === undefined || batch <= Duration.toMillis(own))
    const duration = isPolicys ? Duration.millis(batch) : own
    if (duration === undefined) return this.#settled
    const limit = Duration.toMillis(duration)
    const waited: Effect.Effect<Outcome | Lost | "late"> = Effect.suspend(() =>
      this.#settled.pipe(
        Effect.timeoutOption(Math.max(1, this.#pool.left(this, limit))),
        Effect.flatMap((outcome): typeof waited => {
          if (outcome._tag === "Some") return Effect.succeed(outcome.value)
          // Its time begins when a member begins it.
          if (this.#pool.left(this, limit) > 0) return waited
          if (isPolicys) return Effect.succeed("late")
          this.#pool.replace(this, `it was not done after the timeout of ${Duration.format(duration)}`)
          return waited
        })
      )
    )
    return waited
  }

  /** That it took longer than the failure policy allows. */
  #late(): StageError {
    const { failures, runPlan } = this.#pool
    const cause = new TimedOut({ what: "batch", after: failures.timeout.batch ?? 0 })
    return errorAt(runPlan, this.request, this.#pool.stage(this) ?? "batch", cause)
  }

  #failed({ errors: encoded }: AttemptFailed): Failure | SamplesFailed {
    const errors = encoded.map(decodeError)
    const ofStages = errors.filter((error) => error instanceof StageError)
    const [first, ...more] = ofStages.map((error) => this.#origins?.located(error) ?? error)
    if (first !== undefined && more.length + 1 === errors.length) {
      return more.length === 0 ? first : new SamplesFailed({ errors: [first, ...more] })
    }
    const [error] = errors
    // The member's own trouble, such as memory that it cannot have, or columns that cannot be sent.
    return isBatchError(error) ? error : this.error(shown(error), this.by?.stage)
  }

  error(reason: string, stage?: string): BackendError {
    const { batch, epoch, worker } = this.request
    const { backend, module } = this.#pool
    return new BackendError({ backend, worker, module, epoch, batch, stage, reason })
  }
}

/** Warns that a member died, or took too long, and is replaced: what is charged to `restarts` leaves a trace. @since 0.1.0 */
export const warn = (
  backend: string,
  member: number,
  reason: string,
  atHand: PendingBatch | undefined
): Effect.Effect<void> => {
  const at =
    atHand === undefined
      ? "it was at no batch, so none is built again"
      : `batch ${atHand.request.batch} of epoch ${atHand.request.epoch} is built again`
  return Effect.logWarning(`backend ${backend} replaces its member ${member}: ${reason}; ${at}`)
}

/** Why a member is lost that may not be replaced, as others were before. @since 0.1.0 */
export const spent = (reason: string, restarts: number): string =>
  restarts === 0
    ? reason
    : `${reason}, after ${restarts} replacement${restarts === 1 ? "" : "s"}, as many as \`restarts\` allows`
