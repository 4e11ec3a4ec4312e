/**
 * What a clone has in the place of a file that Git LFS keeps: three lines that say which file it is. Read as data they would
 * be rows of a CSV file, or a file that is cut short.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import { type Shard, ShardError } from "./Format.ts"

/** The first line, without its end (\n, or \r\n where git changes them), see https://github.com/git-lfs/git-lfs/blob/main/docs/spec.md. */
const FIRST_LINE = new TextEncoder().encode("version https://git-lfs.github.com/spec/v1")

/** A pointer has fewer bytes, by the same source. */
const POINTER_SIZE = 1024

/** Whether these bytes begin as a pointer does; `undefined` if that takes more of them. @since 0.1.0 */
export const isPointer = (bytes: Uint8Array): boolean | undefined => {
  const least = Math.min(bytes.length, FIRST_LINE.length)
  for (let at = 0; at < least; at++) if (bytes[at] !== FIRST_LINE[at]) return false
  return least === FIRST_LINE.length ? true : undefined
}

/** @since 0.1.0 */
export const pointerError = (shard: string, format: string): ShardError =>
  new ShardError({
    shard,
    format,
    byte: 0,
    reason: "it is a pointer of Git LFS, and not the file itself: run `git lfs pull` in the clone that it is in"
  })

/**
 * What `read` makes of a shard; {@link pointerError} if that is a pointer, whether `read` takes its lines for rows or not. Where
 * it reads the first bytes, they are not read once more.
 *
 * @since 0.1.0
 */
export const refusingPointer = <A, E, R>(
  shard: Shard,
  format: string,
  read: (shard: Shard) => Effect.Effect<A, E, R>
): Effect.Effect<A, E | ShardError, R> => {
  const { location, size } = shard.info
  if (size === 0 || size >= POINTER_SIZE) return read(shard)
  let isOne: boolean | undefined
  const looking: Shard["read"] = (offset, length) =>
    Effect.tap(shard.read(offset, length), (bytes) => {
      if (offset === 0) isOne ??= isPointer(bytes)
    })
  return Effect.gen(function* () {
    const exit = yield* Effect.exit(read({ ...shard, read: looking }))
    // What it could not read says enough.
    if (isOne === undefined) yield* Effect.ignore(looking(0, size))
    return isOne === true ? yield* pointerError(location, format) : yield* exit
  })
}
