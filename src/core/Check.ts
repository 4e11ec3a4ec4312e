/**
 * Checks of numbers and durations that a caller gave.
 *
 * @since 0.1.0
 */
import * as Duration from "effect/Duration"
import { InvalidOption } from "./InvalidOption.ts"

/**
 * `value` when it is a whole number from `min` to `max`, else throws {@link InvalidOption}.
 *
 * @since 0.1.0
 */
export const whole = (option: string, value: number, min: number, max = Number.MAX_SAFE_INTEGER): number => {
  if (Number.isSafeInteger(value) && value >= min && value <= max) return value
  const expected =
    max === Number.MAX_SAFE_INTEGER ? `a whole number of at least ${min}` : `a whole number from ${min} to ${max}`
  throw new InvalidOption({ option, value, expected })
}

/**
 * `value` when it is a finite number from `min` to `max` (both included), else throws {@link InvalidOption}.
 *
 * @since 0.1.0
 */
export const finite = (option: string, value: number, min = -Infinity, max = Infinity): number => {
  if (Number.isFinite(value) && value >= min && value <= max) return value
  const expected =
    min === -Infinity && max === Infinity
      ? "a finite number"
      : max === Infinity
        ? `a finite number of at least ${min}`
        : min === -Infinity
          ? `a finite number of at most ${max}`
          : `a number from ${min} to ${max}`
  throw new InvalidOption({ option, value, expected })
}

/**
 * `input` as a duration when it is one of more than 0, else throws {@link InvalidOption}.
 *
 * @since 0.1.0
 */
export const duration = (option: string, input: Duration.DurationInput): Duration.Duration => {
  const own = Duration.decodeUnknown(input)
  if (own._tag === "Some" && Duration.greaterThan(own.value, Duration.zero)) return own.value
  throw new InvalidOption({ option, value: input, expected: 'a duration of more than 0, such as "5 seconds"' })
}

/**
 * `input` as a duration when it is one of 0 or more, else throws {@link InvalidOption}. Effect takes negative ones and `NaN` for 0.
 *
 * @since 0.1.0
 */
export const durationOrZero = (option: string, input: Duration.DurationInput): Duration.Duration => {
  const own = Duration.decodeUnknown(input)
  const isMeant = Duration.isDuration(input) || Number.parseFloat(String(input)) >= 0
  if (own._tag === "Some" && isMeant) return own.value
  throw new InvalidOption({ option, value: input, expected: 'a duration of 0 or more, such as "5 seconds"' })
}

/** Returns `value` if it is one of `choices`. @since 0.1.0 */
export const oneOf = <const A extends string>(option: string, value: A, choices: ReadonlyArray<A>): A => {
  if (choices.includes(value)) return value
  throw new InvalidOption({ option, value, expected: `one of ${choices.map((own) => `"${own}"`).join(", ")}` })
}
