/**
 * Samples that cannot be read: they end a command, which then says how to leave them out, or are left out and told.
 */
import { Options } from "@effect/cli"
import { Data, Effect } from "effect"
import { FailurePolicy, Scheduler } from "../../src/index.ts"
import { isRecoverable } from "../../src/scheduler/build/StageError.ts"
import { tell } from "../cli/Print.ts"

export const skipBad = Options.boolean("skip-bad").pipe(
  Options.withDescription("Leave out samples that cannot be read; say which")
)

/** A sample that cannot be read, with the way out that a command has. */
class BadSample extends Data.TaggedError("BadSample")<{ readonly message: string }> {}

/** The error of a sample, without the call that a program would repeat it by. */
const worded = ({ message, replay }: Pick<Scheduler.StageError, "message" | "replay">): string =>
  message.replace(`\n  replay: ${replay}`, "")

/** Leaves bad samples out up to a budget, and says which; `onSkip` is called for each. */
export const skipping = (budget: FailurePolicy.Budget, onSkip: () => void = () => undefined) =>
  FailurePolicy.skip({
    budget,
    report: ({ error }) =>
      Effect.sync(() => {
        onSkip()
        tell(`left out: ${worded(error)}\n`)
      })
  })

/** Names `--skip-bad` in the error of a sample. */
export const naming = (error: unknown): unknown => {
  // Of a fault of the whole batch, or of the program, no sample is left out.
  if (!(error instanceof Scheduler.StageError) || error.sample === undefined || !isRecoverable(error)) return error
  const way = "leave it out with --skip-bad"
  const text = worded(error).replace("leave it out by a failure policy", way)
  return new BadSample({ message: text.includes(way) ? text : `${text}; ${way}` })
}
