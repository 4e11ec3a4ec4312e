/**
 * The certificate that a program listens with, by its flags.
 */
import { readFileSync } from "node:fs"
import * as Options from "@effect/cli/Options"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import { Usage } from "./Main.ts"

export const certificate = {
  cert: Options.file("tls-cert").pipe(
    Options.withDescription("A certificate, as PEM: connections are encrypted"),
    Options.optional
  ),
  key: Options.file("tls-key").pipe(Options.withDescription("Its key, as PEM"), Options.optional)
}

const read = (flag: string, path: string): Effect.Effect<string, Usage> =>
  Effect.try({
    try: () => readFileSync(path, "utf8"),
    catch: (cause) => {
      const reason = cause instanceof Error ? cause.message : String(cause)
      return new Usage({ message: `${flag} ${JSON.stringify(path)} cannot be read: ${reason}` })
    }
  })

/** Returns `{ tls }` if both flags are given, and `{}` if neither is. */
export const certificateFrom = (flags: { readonly cert: Option.Option<string>; readonly key: Option.Option<string> }) =>
  Effect.gen(function* () {
    if (Option.isNone(flags.cert) && Option.isNone(flags.key)) return {}
    if (Option.isNone(flags.cert) || Option.isNone(flags.key)) {
      return yield* new Usage({ message: "--tls-cert and --tls-key go together" })
    }
    const cert = yield* read("--tls-cert", flags.cert.value)
    return { tls: { cert, key: Redacted.make(yield* read("--tls-key", flags.key.value)) } }
  })
