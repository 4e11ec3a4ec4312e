/**
 * The tries at one batch: what a failure policy makes of each failure of it.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as Metric from "effect/Metric"
import * as Option from "effect/Option"
import * as Schedule from "effect/Schedule"
import { concurrent } from "../../core/Concurrent.ts"
import type { Failure } from "../backends/Backend.ts"
import { Breath } from "../loader/Breath.ts"
import * as Metrics from "../loader/Metrics.ts"
import { type Left, SamplesFailed } from "./Attempt.ts"
import { isFault, type Service, type Skip, type Skipped } from "./FailurePolicy.ts"
import { StageError } from "./StageError.ts"
import { skippable } from "./StageResult.ts"

type Driver = Schedule.ScheduleDriver<unknown, StageError>

/** What is to be done about a batch that failed. @since 0.1.0 */
export type Verdict =
  /** Make it again, sample by sample, but for these rows. */
  | { readonly _tag: "Again"; readonly left: Left }
  /** Nothing of it is to be made. */
  | { readonly _tag: "Nothing" }

/** Asks `when`; its error has the place of what it was asked about. */
const asked = ({ when }: Skip, error: StageError): Effect.Effect<boolean, StageError> =>
  Effect.suspend(() => {
    const allows: unknown = when(error) // from code without types
    try {
      return Effect.succeed(skippable(allows, error))
    } catch (cause) {
      return Effect.fail(new StageError({ ...error, stage: "when of the failure policy", cause, failure: undefined }))
    }
  })

const breath = new Breath()

/** @since 0.1.0 */
export class Tries {
  readonly #policy: Service
  /** The batch's first position, by which errors are told apart. */
  readonly #position: number
  readonly #size: number
  readonly #left = new Set<number>()
  readonly #skipped: Array<Skipped> = []
  /** By row, and for the whole batch. */
  readonly #tries = new Map<number | "batch", { attempts: number; driver: Driver | undefined }>()

  /** Tries at the batch of `size` samples from `position` on. */
  constructor(policy: Service, position: number, size: number) {
    this.#policy = policy
    this.#position = position
    this.#size = size
  }

  /** What was left out. */
  get skipped(): ReadonlyArray<Skipped> {
    return this.#skipped
  }

  /** Waits as long as the policy has it before the next try; fails with what the run is to fail with. */
  next(failure: Failure | SamplesFailed): Effect.Effect<Verdict, Failure> {
    const errors: ReadonlyArray<StageError> =
      failure instanceof SamplesFailed ? failure.errors : failure instanceof StageError ? [failure] : []
    const { retry, skip } = this.#policy
    const [first] = errors
    if (first === undefined) return Effect.fail(failure as Failure) // SamplesFailed holds at least one
    if (retry === undefined && skip === undefined) return Effect.fail(first)
    const hopeless = errors.find((error) => !isFault(error))
    if (hopeless !== undefined) return Effect.fail(hopeless)
    return Effect.gen(this, function* () {
      // Those that wait do so side by side.
      const again = yield* concurrent(
        errors.length,
        errors.length,
        (place) => this.#again(errors[place] as StageError), // as many as places
        (_, cause) => cause
      )
      let nothing = false
      for (const [place, error] of errors.entries()) {
        if (again[place] === true) continue
        if (skip === undefined || !(yield* asked(skip, error))) return yield* Effect.fail(error)
        const row = this.#row(error)
        if (row === "batch") nothing = true
        else this.#left.add(row)
        const attempts = this.#tries.get(row)?.attempts ?? 1
        const samples = row === "batch" ? this.#size - this.#left.size : 1
        this.#skipped.push({ error, attempts, samples })
      }
      yield* Metric.increment(Metrics.retried)
      return nothing || this.#left.size === this.#size ? { _tag: "Nothing" } : { _tag: "Again", left: this.#left }
    })
  }

  /** Whether it is to be tried again, once it is time to. */
  #again(error: StageError): Effect.Effect<boolean> {
    return Effect.gen(this, function* () {
      const { retry } = this.#policy
      const row = this.#row(error)
      const known = this.#tries.get(row)
      const own = known ?? {
        attempts: 0,
        driver: retry === undefined ? undefined : yield* Schedule.driver(retry)
      }
      if (known === undefined) this.#tries.set(row, own)
      own.attempts++
      if (own.driver === undefined) return false
      const again = Option.isSome(yield* Effect.option(own.driver.next(error)))
      // A schedule without a delay would keep timers and signals from their turn, for as long as it recurs.
      if (again) yield* breath.ifDue
      return again
    })
  }

  #row({ position }: StageError): number | "batch" {
    return position === undefined ? "batch" : position - this.#position
  }
}
