/**
 * The attempts at one batch. After each failure the failure rules decide what is attempted again, what is left out, and
 * whether the run fails.
 *
 * @since 0.1.0
 */

import { skippable } from "../../pipeline/StageResult.ts"
import type { FailureRules, Recurrence } from "./FailureRules.ts"
import { isRecoverable, SamplesFailed, StageError } from "./StageError.ts"
import { all, andThen, catchError, isLater, type Later, TypedFailure, type Work } from "./Work.ts"

/**
 * Samples that were left out of a batch because of one error.
 *
 * @category models
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

/** Rows that are left out of their batch. @since 0.1.0 */
export type SkippedRows = ReadonlySet<number>

/** One sample that has failed, or the whole batch. */
interface Failing {
  attempts: number
  readonly recurrence: Recurrence | undefined
}

/** @since 0.1.0 */
export class Retry {
  readonly #rules: FailureRules
  /** The batch's first position, by which errors are told apart. */
  readonly #position: number
  readonly #size: number
  readonly #rows = new Set<number>()
  readonly #skipped: Array<Skipped> = []
  /** By row, and for the whole batch. */
  readonly #failing = new Map<number | "batch", Failing>()

  /** Retries the batch of `size` samples from `position` on. */
  constructor(rules: FailureRules, position: number, size: number) {
    this.#rules = rules
    this.#position = position
    this.#size = size
  }

  /** What was left out. */
  get skipped(): ReadonlyArray<Skipped> {
    return this.#skipped
  }

  /**
   * Waits until it is time for the next attempt, and returns the rows that are left out of it; `undefined` if nothing of
   * the batch is left. Throws what the run is to fail with.
   */
  next<E>(failure: E): Work<SkippedRows | undefined, Exclude<E, SamplesFailed> | StageError> {
    const errors: ReadonlyArray<StageError> =
      failure instanceof SamplesFailed ? failure.errors : failure instanceof StageError ? [failure] : []
    const { retried, retry, skip } = this.#rules
    const [first] = errors
    if (first === undefined) throw new TypedFailure(failure) // SamplesFailed holds at least one
    if (retry === undefined && skip === undefined) throw new TypedFailure(first)
    const hopeless = errors.find((error) => !isRecoverable(error))
    if (hopeless !== undefined) throw new TypedFailure(hopeless)
    return andThen(this.#granted(errors), (granted) => {
      for (const [place, error] of errors.entries()) if (granted[place] !== true) this.#skip(error)
      if (granted.includes(true)) retried()
      return this.#rows.size === this.#size ? undefined : this.#rows
    })
  }

  /** Whether each of them is to be attempted again. Those that wait do so side by side. */
  #granted(errors: ReadonlyArray<StageError>): Work<ReadonlyArray<boolean>, StageError> {
    const known = errors.map((error) => {
      const row = this.#row(error)
      const own = this.#failing.get(row) ?? { attempts: 0, recurrence: this.#rules.retry?.() }
      own.attempts++
      this.#failing.set(row, own)
      return own
    })
    if (this.#rules.retry === undefined) return []
    return all(errors.length, errors.length, (place) => {
      const error = errors[place] as StageError // as many as places
      return known[place]?.recurrence?.(error) ?? false
    })
  }

  /** Leaves out what failed with an error. Throws the error if the rules do not allow it. */
  #skip(error: StageError): void {
    const { skip } = this.#rules
    if (skip === undefined || !allowed(skip.when, error)) throw new TypedFailure(error)
    const row = this.#row(error)
    const attempts = this.#failing.get(row)?.attempts ?? 1
    const samples = row === "batch" ? this.#size - this.#rows.size : 1
    if (row === "batch") for (let own = 0; own < this.#size; own++) this.#rows.add(own)
    else this.#rows.add(row)
    this.#skipped.push({ error, attempts, samples })
  }

  #row({ position }: StageError): number | "batch" {
    return position === undefined ? "batch" : position - this.#position
  }
}

/** What `when` says; if it throws or gives no boolean, the error has the place of what it was asked about. */
const allowed = (when: (error: StageError) => unknown, error: StageError): boolean => {
  try {
    return skippable(when(error), error)
  } catch (cause) {
    throw new TypedFailure(failedIn("when", error, cause))
  }
}

/** That a part of the failure policy threw `cause` when it was asked about an error, at the place of the latter. @since 0.1.0 */
export const failedIn = (part: "when" | "the schedule", error: StageError, cause: unknown): StageError =>
  new StageError({ ...error, stage: `${part} of the failure policy`, cause, failure: undefined })

/** The outcome of all attempts at a batch. @since 0.1.0 */
export interface Attempted<out A> {
  /** `undefined` if all of the batch is left out. */
  readonly value: A | undefined
  readonly skipped: ReadonlyArray<Skipped>
}

const none: SkippedRows = new Set()
const nothing: ReadonlyArray<Skipped> = []

/**
 * Attempts a batch of `size` samples from `position` on, as often as the rules grant it. `attempt` builds it without the
 * rows that are left out.
 *
 * @since 0.1.0
 */
export const retrying = <A, E>(
  rules: FailureRules,
  range: { readonly position: number; readonly size: number },
  attempt: (skipped: SkippedRows) => Work<A, E>
): Work<Attempted<A>, Exclude<E, SamplesFailed> | StageError> => {
  let first: Work<A, E>
  try {
    first = attempt(none)
  } catch (thrown) {
    if (!TypedFailure.is(thrown)) throw thrown
    return afterFailure(rules, range, attempt, thrown.error as E) // what work throws as a typed failure is its E
  }
  return isLater(first) ? settling(first, rules, range, attempt) : { value: first, skipped: nothing }
}

/** As {@link retrying}, of a first attempt that waits. */
const settling = <A, E>(
  first: Later<A, E>,
  rules: FailureRules,
  range: { readonly position: number; readonly size: number },
  attempt: (skipped: SkippedRows) => Work<A, E>
): Work<Attempted<A>, Exclude<E, SamplesFailed> | StageError> =>
  catchError(
    () => andThen(first, (value): Attempted<A> => ({ value, skipped: nothing })),
    (error: E) => afterFailure(rules, range, attempt, error)
  )

/** The attempts behind the first one, which failed with an error. */
const afterFailure = <A, E>(
  rules: FailureRules,
  { position, size }: { readonly position: number; readonly size: number },
  attempt: (skipped: SkippedRows) => Work<A, E>,
  first: E
): Work<Attempted<A>, Exclude<E, SamplesFailed> | StageError> => {
  const retry = new Retry(rules, position, size)
  const { skipped } = retry
  const next = (error: E): Work<Attempted<A>, Exclude<E, SamplesFailed> | StageError> =>
    andThen(retry.next(error), (rows) =>
      rows === undefined
        ? { value: undefined, skipped }
        : catchError(() => andThen(attempt(rows), (value): Attempted<A> => ({ value, skipped })), next)
    )
  return next(first)
}
