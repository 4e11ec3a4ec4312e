/**
 * Workers whose backend is opened once, by the first run, and serves all later runs, too: for runs of one pipeline under
 * one policy that need no fresh threads.
 */
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Scope from "effect/Scope"
import { Workers } from "../../../src/index.ts"
import type { OpenBackend } from "../../../src/scheduler/backends/Backend.ts"

export const shared = <A>(
  workers: Layer.Layer<Workers.Workers, unknown>,
  use: (workers: Layer.Layer<Workers.Workers>) => Promise<A>
): Promise<A> =>
  Effect.gen(function* () {
    const own = yield* Workers.Workers
    const scope = yield* Effect.scope
    let opened: OpenBackend | undefined
    const open: typeof own.backend.open = (runPlan, settings) =>
      opened === undefined
        ? Effect.tap(Scope.extend(own.backend.open(runPlan, settings), scope), (backend) => {
            opened = backend
          })
        : Effect.succeed(opened)
    const layer = Layer.succeed(Workers.Workers, { ...own, backend: { name: own.backend.name, open } })
    return yield* Effect.promise(() => use(layer))
  }).pipe(Effect.scoped, Effect.provide(workers), Effect.runPromise)
