/**
 * A process that goes on until it is told to end.
 */
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Runtime from "effect/Runtime"

/** Returns what waits for SIGTERM or SIGINT; a second one ends the process. */
export const signalled = Effect.gen(function* () {
  const asked = yield* Deferred.make<void>()
  const runtime = yield* Effect.runtime()
  let count = 0
  const hear = (): void => {
    count++
    if (count > 1) process.exit(1)
    Runtime.runFork(runtime)(Deferred.succeed(asked, undefined))
  }
  for (const signal of ["SIGTERM", "SIGINT"] as const) process.on(signal, hear)
  return Deferred.await(asked)
})
