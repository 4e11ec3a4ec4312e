/**
 * The command line's options. What they take is checked here, so that a wrong value meets one line that names it and
 * says what would do.
 */
import { HelpDoc, Options, ValidationError } from "@effect/cli"
import { Either } from "effect"
import { Seed, SeedPolicy, Workers } from "../../src/index.ts"

/** An option with a text that `read` makes something of, or says what is wrong with it. */
const reading = <A>(
  name: string,
  pseudoName: string,
  description: string,
  read: (text: string) => Either.Either<A, string>
): Options.Options<A> =>
  Options.text(name).pipe(
    Options.withPseudoName(pseudoName),
    Options.withDescription(description),
    Options.mapEffect((text) =>
      Either.mapLeft(read(text), (reason) =>
        ValidationError.invalidValue(HelpDoc.p(`--${name} ${JSON.stringify(text)} ${reason}`))
      )
    )
  )

/** A whole number from `min` to `max`. */
const whole =
  (min: number, max = Number.MAX_SAFE_INTEGER) =>
  (text: string): Either.Either<number, string> => {
    const value = Number(text)
    if (/^\d+$/.test(text) && Number.isSafeInteger(value) && value >= min && value <= max) return Either.right(value)
    const top = max === Number.MAX_SAFE_INTEGER ? ` of at least ${min}` : ` from ${min} to ${max}`
    return Either.left(`is no whole number${top}`)
  }

const oneOf =
  <A extends string>(all: ReadonlyArray<A>) =>
  (text: string): Either.Either<A, string> => {
    const found = all.find((one) => one === text)
    return found === undefined ? Either.left(`is none of ${all.join(", ")}`) : Either.right(found)
  }

/** All options of the command line. */
export const options = {
  epochs: reading("epochs", "n", "How often to go through the digits (default 25)", whole(1)).pipe(
    Options.withDefault(25)
  ),
  batchSize: reading("batch-size", "n", "Digits a batch (default 128)", whole(1)).pipe(Options.withDefault(128)),
  workers: reading("workers", "n", "Workers that make batches (default 4)", whole(1, Workers.MAX)).pipe(
    Options.withDefault(4)
  ),
  seed: reading(
    "seed",
    "seed",
    "The run's seed: digits are a number, all else is a name (default: FURROW_SEED, else 0)",
    (text) => Either.mapLeft(Seed.parse(text), (error) => `cannot seed a run: ${error.reason}`)
  ).pipe(Options.optional),
  policy: reading(
    "policy",
    "name",
    `The seed policy: ${SeedPolicy.names.join(" or ")} (default: FURROW_SEED_POLICY, else epochWorker)`,
    oneOf(SeedPolicy.names)
  ).pipe(Options.optional),
  order: reading("order", "plan|ready", "Batches in the plan's order, or as they are ready (default plan)", (text) =>
    oneOf(["plan", "ready"] as const)(text)
  ).pipe(Options.withDefault("plan" as const)),
  prefetch: reading("prefetch", "n", "Batches each worker makes ahead (default 2)", whole(1)).pipe(
    Options.withDefault(2)
  ),
  limit: reading("limit", "n", "Samples an epoch, at most (default: all)", whole(1)).pipe(Options.optional),
  data: Options.text("data").pipe(
    Options.withPseudoName("folder"),
    Options.withDescription("A folder with the four IDX files of MNIST or Fashion-MNIST (default: packaged digits)"),
    Options.optional
  ),
  noTrain: Options.boolean("no-train").pipe(Options.withDescription("Load and digest only, train no model")),
  json: Options.boolean("json").pipe(Options.withDescription("Print the result as JSON, the last line of stdout"))
}
