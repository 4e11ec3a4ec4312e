/**
 * Errors of a shard, made where the place is known and the shard is not.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import { plural } from "../../core/Plural.ts"
import { type Block, type BlockPlace, ShardError } from "./Format.ts"

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

/** The error of a block that has `rows` rows, and by its index others. @since 0.1.0 */
export const miscounted = (
  format: string,
  block: Block,
  { firstRow, shard }: Pick<BlockPlace, "firstRow" | "shard">,
  rows: number
): ShardError => {
  const reason = `a block has ${plural(rows, "row")}, and by its index ${block.rows}; remove the kept index, so that it is made again`
  return new ShardError({ shard: shard.info.location, format, row: firstRow, byte: block.offset, reason })
}

/** Runs plain code that throws {@link ShardError}s, as an effect that fails with them. @since 0.1.0 */
export const attempt = <A>(work: () => A): Effect.Effect<A, ShardError> =>
  Effect.suspend(() => {
    try {
      return Effect.succeed(work())
    } catch (error) {
      return error instanceof ShardError ? Effect.fail(error) : Effect.die(error)
    }
  })
