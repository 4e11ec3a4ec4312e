/**
 * Errors of a shard, made where the place is known and the shard is not.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import { ShardError } from "./Format.ts"

/** Where in a shard something is wrong, and what was thrown below. @since 0.1.0 */
export interface Spot {
  readonly row?: number | undefined
  readonly byte?: number | undefined
  readonly cause?: unknown
}

/** Makes the error of one shard. @since 0.1.0 */
export type Fault = (reason: string, spot?: Spot) => ShardError

/** @since 0.1.0 */
export const faultOf =
  (format: string, shard: string): Fault =>
  (reason, spot = {}) =>
    new ShardError({ shard, format, reason, ...spot })

/** Runs plain code that throws {@link ShardError}s, as an effect that fails with them. @since 0.1.0 */
export const attempt = <A>(work: () => A): Effect.Effect<A, ShardError> =>
  Effect.suspend(() => {
    try {
      return Effect.succeed(work())
    } catch (error) {
      return error instanceof ShardError ? Effect.fail(error) : Effect.die(error)
    }
  })
