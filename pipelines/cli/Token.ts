/**
 * The token in an environment variable, checked so that an error names the variable.
 */
import * as Config from "effect/Config"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import { checked } from "../../src/core/InvalidOption.ts"
import { guarded, tokenOf } from "../../src/service/Access.ts"
import { Usage } from "./Main.ts"

const EXPECTED = "at least 16 visible ASCII characters, with spaces only between them"

/** The token in a variable that the command line names: it must be set. Else that in FURROW_TOKEN, if it is set. */
export const tokenNamed = (named: Option.Option<string>) =>
  Effect.gen(function* () {
    // What is no name may be the token itself.
    if (Option.isSome(named) && !/^[A-Za-z_]\w*$/.test(named.value)) {
      return yield* new Usage({ message: "--token-env takes the name of the variable that holds the token" })
    }
    const token = yield* tokenIn(Option.getOrElse(named, () => "FURROW_TOKEN"))
    if (Option.isNone(named) || Option.isSome(token)) return token
    const message = `--token-env ${named.value}: ${named.value} is not set; set it to ${EXPECTED}`
    return yield* new Usage({ message })
  })

/** None if the variable is not set. */
export const tokenIn = (variable: string) =>
  Effect.tap(Config.option(Config.redacted(variable)), (token) =>
    Effect.mapError(
      checked(() => guarded("127.0.0.1", tokenOf(Option.getOrUndefined(token)))),
      () => new Usage({ message: `${variable} must hold ${EXPECTED}, or be unset if there is no token` })
    )
  )
