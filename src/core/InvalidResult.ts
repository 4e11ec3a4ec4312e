/**
 * What a user's function may not return, such as a promise where nothing waits for one.
 *
 * @since 0.1.0
 */
import * as Data from "effect/Data"
import { EffectTypeId } from "effect/Effect"
import * as Either from "effect/Either"
import * as Option from "effect/Option"

/**
 * A stage returned what it must not, or wrote to its context; or a sample is a promise or an Effect. It is the `cause` of a
 * `StageError` or a `DatasetError` and no fault of the sample: it is neither retried nor skipped.
 *
 * @since 0.1.0
 */
export class InvalidResult extends Data.TaggedError("InvalidResult")<{
  /** What the stage did, such as `returned a Promise`. */
  readonly what: string
  /** What to do instead. */
  readonly expected: string
}> {
  override get message(): string {
    return `it ${this.what}; ${this.expected}`
  }
}

/**
 * Returns what kind of unfinished value this is: plain code would take a promise or an Effect for an object without fields.
 * Returns `undefined` for all other values, also for an `Option`, an `Either` and an error, which are Effects, but values too.
 *
 * @since 0.1.0
 */
export const pending = (value: unknown): "a Promise" | "an Effect" | undefined => {
  if (typeof value !== "object" || value === null) return undefined
  try {
    if (isThenable(value)) return "a Promise"
    if (!(EffectTypeId in value)) return undefined
    return Option.isOption(value) || Either.isEither(value) || value instanceof Error ? undefined : "an Effect"
  } catch {
    return undefined // a Proxy whose traps throw
  }
}

const isThenable = (value: object): value is PromiseLike<unknown> => "then" in value && typeof value.then === "function"

/**
 * Handles the rejection of a promise that is refused, which nobody waits for: it would end the process before the error is
 * reported.
 *
 * @since 0.1.0
 */
export const silence = (value: unknown): void => {
  if (pending(value) === "a Promise") (value as PromiseLike<unknown>).then(undefined, () => undefined) // as `pending` says
}
