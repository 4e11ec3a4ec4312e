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
import * as Effect from "effect/Effect"
import { show } from "./Show.ts"

/**
 * An option holds a value that it cannot take.
 *
 * @category errors
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
  constructor(fields: { readonly option: string; readonly value: unknown; readonly expected: string }) {
    super(fields)
    // Bun writes the stack, whose first line has the message, before there are fields that the message is made of.
    const { stack } = this
    if (stack?.startsWith("Error\n")) this.stack = `${this.name}: ${this.message}${stack.slice("Error".length)}`
  }

  override get message(): string {
    return `${this.option} must be ${this.expected}, got ${show(this.value)}`
  }
}

/**
 * Runs a check that throws {@link InvalidOption}, as an effect that fails with it.
 *
 * @category constructors
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
