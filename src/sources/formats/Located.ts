/**
 * Makes errors of a shard of what plain code throws at its bytes.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import { type Block, type BlockPlace, type Shard, ShardError } from "./Format.ts"
import { AGAIN, Malformed } from "./Malformed.ts"

/** Where in a shard, as far as it is known. @since 0.1.0 */
export interface Where {
  readonly shard: Shard
  readonly format: string
  /** The row in the shard of the first one of the block. */
  readonly firstRow?: number | undefined
  readonly byte?: number | undefined
}

/** Returns where a block is. @since 0.1.0 */
export const whereOf = (format: string, { offset }: Block, { firstRow, shard }: BlockPlace): Where => ({
  shard,
  format,
  firstRow,
  byte: offset
})

/** Returns the error of a shard for what was thrown; a defect is thrown on. @since 0.1.0 */
export const shardError = ({ byte, firstRow, format, shard }: Where, thrown: unknown): ShardError => {
  const { location } = shard.info
  if (thrown instanceof Malformed) {
    const { place } = thrown
    const row = place.row === undefined || firstRow === undefined ? undefined : firstRow + place.row
    return new ShardError({
      shard: location,
      format,
      row,
      byte: place.byte ?? byte,
      reason: thrown.message,
      cause: place.cause
    })
  }
  // A length that lies makes a view beyond the end of its buffer, or asks for more memory than there is.
  if (thrown instanceof RangeError) {
    const reason = `its lengths do not fit its bytes (${thrown.message}); ${AGAIN}`
    return new ShardError({ shard: location, format, row: firstRow, byte, reason, cause: thrown })
  }
  throw thrown
}

/** Runs plain code; throws {@link ShardError}. @since 0.1.0 */
export const located = <A>(where: Where, run: () => A): A => {
  try {
    return run()
  } catch (thrown) {
    throw shardError(where, thrown)
  }
}

/** Runs plain code as an effect. @since 0.1.0 */
export const attempt = <A>(where: Where, run: () => A): Effect.Effect<A, ShardError> =>
  Effect.suspend(() => {
    try {
      return Effect.succeed(run())
    } catch (thrown) {
      return Effect.fail(shardError(where, thrown))
    }
  })
