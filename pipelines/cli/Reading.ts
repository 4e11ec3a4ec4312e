/**
 * Options of a command line. What they take is checked here, so that a wrong value meets one line that names it and says
 * what would do.
 */
import * as HelpDoc from "@effect/cli/HelpDoc"
import * as Options from "@effect/cli/Options"
import * as ValidationError from "@effect/cli/ValidationError"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Option from "effect/Option"
import { Scheduler, Seed, SeedPolicy, Workers } from "../../src/index.ts"
import { Usage } from "./Main.ts"

/** An option with a text that `read` makes something of, or says what is wrong with it. */
export const reading = <A>(
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
        ValidationError.invalidValue(HelpDoc.p(`--${name} ${said(text)} ${reason}`))
      )
    )
  )

/** What is before an `@` may be a password. */
const said = (text: string): string => (text.includes("@") ? "…" : JSON.stringify(text))

/** A whole number from `min` to `max`. */
export const whole =
  (min: number, max = Number.MAX_SAFE_INTEGER) =>
  (text: string): Either.Either<number, string> => {
    const value = Number(text)
    if (/^\d+$/.test(text) && Number.isSafeInteger(value) && value >= min && value <= max) return Either.right(value)
    const top = max === Number.MAX_SAFE_INTEGER ? ` of at least ${min}` : ` from ${min} to ${max}`
    return Either.left(`is no whole number${top}`)
  }

export const oneOf =
  <A extends string>(all: ReadonlyArray<A>) =>
  (text: string): Either.Either<A, string> => {
    const found = all.find((one) => one === text)
    return found === undefined ? Either.left(`is not one of ${all.join(", ")}`) : Either.right(found)
  }

/** Several of what `read` takes, with commas between them. */
export const listOf =
  <A>(read: (text: string) => Either.Either<A, string>) =>
  (text: string): Either.Either<ReadonlyArray<A>, string> =>
    Either.all(
      text.split(",").map((part) => Either.mapLeft(read(part.trim()), (reason) => `(${said(part)}) ${reason}`))
    )

/** An address such as `127.0.0.1:7717` or `[::1]:7717`. */
export const address = (text: string) => {
  const [, host, port] = /^(\[[\da-fA-F:.]+\]|[^:]+):(\d{1,5})$/.exec(text) ?? []
  if (host === undefined || Number(port) > 65_535) return Either.left("is no address such as 127.0.0.1:7717")
  return Either.right({ host: host.replaceAll(/[[\]]/g, ""), port: Number(port) })
}

/** How many workers. */
export const workers = reading("workers", "n", "Workers that make batches (default 4)", whole(1, Workers.MAX)).pipe(
  Options.withDefault(4)
)

/** Which part of each batch this process makes. */
export const ranks = {
  rank: reading(
    "rank",
    "r",
    "This process, of all that share each batch (default: FURROW_RANK or RANK, else 0)",
    whole(0)
  ).pipe(Options.optional),
  world: reading(
    "world",
    "n",
    "How many processes share each batch (default: FURROW_WORLD_SIZE or WORLD_SIZE, else 1)",
    whole(1, Scheduler.MAX_WORLD)
  ).pipe(Options.optional)
}

/** What becomes of a short last batch. */
export const uneven = reading(
  "uneven",
  "pad|drop|error",
  "An epoch's short last batch: fill it up, leave it out, or refuse what ranks cannot share equally (default error)",
  oneOf(["pad", "drop", "error"] as const)
).pipe(Options.withDefault("error" as const))

/** What the flags say, else what the environment says. */
export const ranksFrom = (flags: { readonly rank: Option.Option<number>; readonly world: Option.Option<number> }) =>
  Effect.gen(function* () {
    if (Option.isNone(flags.rank) && Option.isNone(flags.world)) return yield* Scheduler.ranksFromConfig
    if (Option.isNone(flags.rank) && Option.getOrElse(flags.world, () => 1) > 1) {
      const message = `--world ${Option.getOrElse(flags.world, () => 1)} without --rank would make every process rank 0: say which one this is`
      return yield* new Usage({ message })
    }
    const [rank, world] = [Option.getOrElse(flags.rank, () => 0), Option.getOrElse(flags.world, () => 1)]
    if (rank < world) return { rank, world }
    return yield* new Usage({ message: `--rank ${rank} is not below the world size, --world ${world}` })
  })

/** What a run can be seeded with. */
export const seed = (text: string) => Either.mapLeft(Seed.parse(text), (error) => `cannot seed a run: ${error.reason}`)

/** The policies of the library, by name. */
export const policy = oneOf(SeedPolicy.names)
