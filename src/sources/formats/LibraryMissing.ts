/**
 * Loads the libraries that not every format needs: optional peers of the package, imported when the first shard that needs
 * one is read.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import { executableAdvice, installCommand } from "../../core/Install.ts"
import { Malformed } from "./Malformed.ts"

/** Returns what the user is to do about a library that cannot be loaded. @since 0.1.0 */
export const missing = (name: string, purpose: string, cause: unknown): Malformed =>
  new Malformed(
    `the package ${name}, which ${purpose}, cannot be loaded; install it: ${installCommand(name)}${executableAdvice}`,
    { cause }
  )

/** Imports a library. Its name is put together by the caller so that bundlers do not look for it. @since 0.1.0 */
export const library = <A>(name: string, purpose: string, load: () => Promise<A>): Effect.Effect<A, Malformed> =>
  Effect.tryPromise({ try: load, catch: (cause) => missing(name, purpose, cause) })
