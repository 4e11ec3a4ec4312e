/**
 * Code that is loaded when it is first used: importing Furrow does not load what reads each format.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import { attempt } from "./Fault.ts"
import type { ShardError } from "./Format.ts"

/** A module that is loaded when it is first used. @since 0.1.0 */
export interface Lazy<M> {
  readonly get: Effect.Effect<M>
  /**
   * Runs code of the module, at once if it is loaded. What it throws, a {@link ShardError}, fails the effect, which also goes
   * on with one that the code returns.
   */
  readonly use: <A, E = never>(run: (module: M) => A | Effect.Effect<A, E>) => A | Effect.Effect<A, E | ShardError>
}

/** @since 0.1.0 */
export const lazy = <M>(load: () => Promise<M>): Lazy<M> => {
  let module: M | undefined
  const get = Effect.suspend(() =>
    module === undefined
      ? Effect.map(Effect.promise(load), (loaded) => {
          module = loaded
          return loaded
        })
      : Effect.succeed(module)
  )
  return {
    get,
    use: (run) =>
      module === undefined
        ? Effect.flatMap(get, (loaded) =>
            Effect.flatMap(
              attempt(() => run(loaded)),
              (result) => (Effect.isEffect(result) ? result : Effect.succeed(result))
            )
          )
        : run(module)
  }
}
