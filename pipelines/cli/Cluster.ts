/**
 * Where a program finds the runners of a cluster.
 */
import * as Options from "@effect/cli/Options"
import * as Config from "effect/Config"
import * as Either from "effect/Either"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import { address, listOf, reading } from "./Reading.ts"

/** Where runners and loaders of one machine meet if nothing else is said. */
const FILE = "sqlite:.furrow/cluster.sqlite"

export const database = reading(
  "database",
  "url",
  `Where runners register: postgres://…, or sqlite:FILE for one machine, from the working folder (default: FURROW_DATABASE, else ${FILE})`,
  (text) => Either.right(Redacted.make(text))
).pipe(Options.optional)

/** What the flag says, else what the environment says. */
export const databaseFrom = Option.match<Config.Config<Redacted.Redacted>, Redacted.Redacted>({
  onSome: Config.succeed,
  onNone: () => Config.redacted("FURROW_DATABASE").pipe(Config.withDefault(Redacted.make(FILE)))
})

/** Runners that need not register. */
export const runners = reading(
  "runners",
  "host:port,…",
  "The runners, if they are not looked up in a database",
  listOf(address)
).pipe(Options.optional)
