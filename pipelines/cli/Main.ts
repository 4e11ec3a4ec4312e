/**
 * A command as a process: what it says on stderr and how it ends. Exit codes: 0 done, 1 failed, 2 wrong usage.
 */
import { stripVTControlCharacters } from "node:util"
import * as Command from "@effect/cli/Command"
import * as ValidationError from "@effect/cli/ValidationError"
import * as BunContext from "@effect/platform-bun/BunContext"
import * as Cause from "effect/Cause"
import * as ConfigError from "effect/ConfigError"
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Logger from "effect/Logger"
import { InvalidOption, Seed } from "../../src/index.ts"
import { call, print, tell } from "./Print.ts"

/** A value from outside that cannot be meant. */
export class Usage extends Data.TaggedError("Usage")<{ readonly message: string }> {}

/** The command did what it was asked, and what it found is to be exit code 1. */
export class Found extends Data.TaggedError("Found") {}

const DONE = 0
const FAILED = 1
const USAGE = 2

/** What is said of an error, and how the process ends. */
const ending = (cause: Cause.Cause<unknown>): { readonly code: number; readonly line: string | undefined } => {
  const error = Cause.squash(cause)
  // @effect/cli prints what is wrong with the command line by itself, through the console below.
  if (ValidationError.isValidationError(error)) return { code: USAGE, line: undefined }
  if (error instanceof Found) return { code: FAILED, line: undefined }
  const line = (error instanceof Error ? error.message : String(error)).trim()
  const usage =
    ConfigError.isConfigError(error) ||
    error instanceof Usage ||
    error instanceof Seed.SeedError ||
    error instanceof InvalidOption.InvalidOption
  return { code: usage ? USAGE : FAILED, line: ConfigError.isConfigError(error) ? String(error) : line }
}

/** A message of @effect/cli as one plain line. It calls options unknown, too, that came twice or without their value. */
const plain = (text: unknown): string =>
  stripVTControlCharacters(String(text))
    .replaceAll(/\s+/g, " ")
    .trim()
    .replace(/^Received unknown argument: '(--[^']+)'$/, "$1 is no option here, came twice, or lacks its value")

/**
 * The help of a command without what @effect/cli says of the kind of a value in front of each option's own words: "A
 * user-defined piece of text." of most.
 */
export const worded = (help: string): string =>
  help.replaceAll(/^ +A (?:user-defined piece of text|true or false value)\.\n\n/gm, "")

/** Colors are for terminals, and not for those of people who want none: https://no-color.org. */
const colored = (text: string): string =>
  process.stdout.isTTY === true && (process.env["NO_COLOR"] ?? "") === "" ? text : stripVTControlCharacters(text)

/** What the library logs: on stderr, as all that is not a result. */
const logger = Logger.make<unknown, void>(({ logLevel, message }) => {
  const parts = Array.isArray(message) ? message : [message]
  tell(`${logLevel.label.toLowerCase()}: ${parts.map(String).join(" ")}\n`)
})

/** Runs a command with the process's arguments, to the process's end. */
export const main = async <Name extends string, E, A>(
  name: string,
  command: Command.Command<Name, BunContext.BunContext, E, A>
): Promise<void> => {
  call(name)
  const complain = (line: string): void => {
    tell(`${name}: ${line} (--help lists all options)\n`)
  }
  const cli = Command.run(command, { name, version: "0.1.0" })
  const program = Effect.flatMap(Effect.console, (console) =>
    cli(process.argv).pipe(
      Effect.withConsole({
        ...console,
        log: (...args) => Effect.sync(() => print(colored(worded(args.map(String).join(" "))))),
        error: (...args) => Effect.sync(() => complain(args.map(plain).join(" ")))
      }),
      Effect.provide(BunContext.layer),
      Effect.provide(Logger.replace(Logger.defaultLogger, logger))
    )
  )
  const exit = await Effect.runPromiseExit(program)
  if (Exit.isSuccess(exit)) {
    process.exitCode = DONE
    return
  }
  const { code, line } = ending(exit.cause)
  if (line !== undefined) tell(`${name}: ${line}\n`)
  process.exitCode = code
}
