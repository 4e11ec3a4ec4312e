/**
 * Samples that cannot be read: they end a command, which then says how to leave them out, or are left out and told.
 */
import * as Options from "@effect/cli/Options"
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import { plural } from "../../src/core/Plural.ts"
import { isRecord } from "../../src/core/Record.ts"
import { shown } from "../../src/core/Show.ts"
import { FailurePolicy, Format, Scheduler, type Sink } from "../../src/index.ts"
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

/** What the errors of formats end with. */
const POLICY = /leave (it|the row) out by a failure policy/

/** The error of a sample that is left out, without the ways out that end with that. */
const leftOut = (text: string): string => text.replace(new RegExp(`; [^;]*${POLICY.source}$`), "")

/** So many reasons are held at once, to be counted. */
const REASONS = 1000

/**
 * Leaves bad samples out up to a budget, and says which: of those with one reason, as in a damaged block, the first one, and
 * at the `end` how many there were besides.
 */
export const skipping = (budget: FailurePolicy.Budget) => {
  /** How many more samples than the one that was told have a reason. */
  const more = new Map<string, number>()
  const end = (): void => {
    for (const [reason, count] of more) if (count > 0) tell(`left out: ${plural(count, "more sample")}: ${reason}\n`)
    more.clear()
  }
  const report = ({ error }: FailurePolicy.Skipped): void => {
    const reason = leftOut(shown(error.cause))
    const count = more.get(reason)
    if (count === undefined) {
      if (more.size >= REASONS) end()
      tell(`left out: ${leftOut(worded(error))}\n`)
    }
    more.set(reason, count === undefined ? 0 : count + 1)
  }
  return {
    layer: FailurePolicy.skip({ budget, report: (skipped) => Effect.sync(() => report(skipped)) }),
    end: Effect.sync(end)
  }
}

/** How many samples the runs that wrote these shards have left out: this one, and those that it continued. */
export const skippedOf = ({ source }: Sink.Manifest): number =>
  isRecord(source) && typeof source["skipped"] === "number" ? source["skipped"] : 0

/** All samples that there were have been left out. */
export const noneLeft = (skipped: number): BadSample =>
  new BadSample({ message: `no row is left: ${plural(skipped, "sample")} could not be made` })

/** Names `--skip-bad` in the error of a sample; none says how a program would repeat it. */
export const naming = (error: unknown): unknown => {
  // Where rows are read by no run, as to look for duplicates.
  if (error instanceof Format.ShardError && error.row !== undefined) {
    return new BadSample({ message: error.message.replace(POLICY, "leave $1 out with --skip-bad") })
  }
  if (!(error instanceof Scheduler.StageError)) return error
  // Of a fault of the whole batch, or of the program, no sample is left out.
  if (error.sample === undefined || !isRecoverable(error)) return new BadSample({ message: worded(error) })
  const text = worded(error).replace(POLICY, "leave $1 out with --skip-bad")
  return new BadSample({ message: text.includes("--skip-bad") ? text : `${text}; leave it out with --skip-bad` })
}
