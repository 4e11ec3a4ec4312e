/**
 * What plain code returned that would vanish, or change what follows, without a word.
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
 * Returns, in words, what has to be waited for: a promise, or an Effect, which `undefined` or an object without fields would
 * stand for in plain code. `undefined` for all else: an `Option`, an `Either` and an error are Effects, but values as well.
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

/** Has the process not end of a promise that nobody waits for, before the error is told. @since 0.1.0 */
export const silence = (value: unknown): void => {
  if (typeof value === "object" && value !== null && isThenable(value)) value.then(undefined, () => undefined)
}
