/**
 * The one error for a value that a caller gave and that cannot be meant: a batch size of 2.5, no workers, a
 * probability of NaN. It names the option, the value and the way out.
 *
 * Constructors of plain values (`Pipeline.batch`, `Image.randomCrop` …) throw it where the value is given; whatever
 * has an error channel (layers, `Scheduler`) fails with it.
 *
 * @since 0.1.0
 */
import * as Data from "effect/Data"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"

/**
 * An option holds a value that it cannot take.
 *
 * @since 0.1.0
 */
export class InvalidOption extends Data.TaggedError("InvalidOption")<{
  /** The option's name as the caller wrote it, such as `batch size`. */
  readonly option: string
  /** The value that was given. */
  readonly value: unknown
  /** What the option takes, such as `a whole number of at least 1`. */
  readonly expected: string
}> {
  override get message(): string {
    return `${this.option} must be ${this.expected}, got ${show(this.value)}`
  }
}

/**
 * What was thrown, in a few words: an error by name and message, anything else as its value is written.
 *
 * @since 0.1.0
 */
export const shown = (thrown: unknown): string => {
  try {
    if (thrown instanceof Error) return `${thrown.name}: ${thrown.message}`
    return typeof thrown === "string" ? thrown : show(thrown)
  } catch {
    return "something that cannot be shown"
  }
}

/** As long as a value is shown; the options of a pipeline can hold whole images. */
const SHOWN = 120

const show = (value: unknown): string => {
  const text = render(value, 0)
  return text.length > SHOWN ? `${text.slice(0, SHOWN)}…` : text
}

/** As JSON has it, but with NaN, the infinities, bigints and typed arrays as what they are. */
const render = (value: unknown, depth: number): string => {
  if (typeof value === "string") return JSON.stringify(value.slice(0, SHOWN))
  if (typeof value === "bigint") return `${value}n`
  if (typeof value === "function") return "a function"
  if (typeof value !== "object" || value === null) return String(value)
  if (depth > 3) return "…"
  if (Array.isArray(value)) return `[${value.slice(0, SHOWN).map((item: unknown) => render(item, depth + 1))}]`
  const prototype: unknown = Object.getPrototypeOf(value)
  if (prototype !== Object.prototype && prototype !== null) return `an object of ${value.constructor?.name}`
  const fields = Object.entries(value).map(([key, item]) => `${JSON.stringify(key)}:${render(item, depth + 1)}`)
  return `{${fields}}`
}

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
 * Runs a check that throws {@link InvalidOption}, as an effect that fails with it.
 *
 * @since 0.1.0
 */
export const checked = <A>(check: () => A): Effect.Effect<A, InvalidOption> =>
  Effect.suspend(() => {
    try {
      return Effect.succeed(check())
    } catch (error) {
      return error instanceof InvalidOption ? Effect.fail(error) : Effect.die(error)
    }
  })
