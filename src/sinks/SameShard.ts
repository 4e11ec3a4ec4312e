/**
 * Whether a file in the place of a shard is that shard, which an earlier start has written before it was killed.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Stream from "effect/Stream"
import { sha256Stream } from "../core/runtime.ts"
import type { Compression } from "../sources/formats/lines/Compression.ts"
import type { WrittenShard } from "../sources/sinks/Manifest.ts"
import { StoreError } from "../sources/store/Store.ts"
import type { Pull } from "../sources/stream/Gunzip.ts"
import { unpack } from "../sources/stream/Unpack.ts"

type Parts = Stream.Stream<Uint8Array, StoreError>

/**
 * Whether the file of these parts and this size has the shard's bytes, or, if shards are compressed, its content: another
 * runtime or version compresses the same rows to other bytes.
 *
 * @since 0.1.0
 */
export const isSameShard = (
  parts: Parts,
  size: number,
  { bytes, content, sha256 }: WrittenShard,
  compression: Compression | undefined
): Effect.Effect<boolean, StoreError> =>
  Effect.gen(function* () {
    if (size === bytes && (yield* hashOf(parts)) === sha256) return true
    return compression !== undefined && (yield* contentOf(parts, compression)) === content
  })

const hashOf = (parts: Parts): Effect.Effect<string, StoreError> => {
  const hash = sha256Stream()
  return Effect.map(
    Stream.runForEach(parts, (part) => Effect.sync(() => hash.update(part))),
    () => hash.digest("hex")
  )
}

/** The hash of what the parts hold once they are unpacked; `undefined` if they cannot be. */
const contentOf = (parts: Parts, compression: Compression): Effect.Effect<string | undefined, StoreError> =>
  Effect.gen(function* () {
    const chunks = yield* Stream.toPull(Stream.rechunk(parts, 1))
    const pull: Pull<never> = Effect.catchAll(
      Effect.map(chunks, ([part]) => part),
      Option.match({ onNone: () => Effect.succeed(undefined), onSome: Effect.fail })
    )
    const next = yield* unpack(compression, pull)
    const hash = sha256Stream()
    for (let part = yield* next; part !== undefined; part = yield* next) hash.update(part)
    return hash.digest("hex")
  }).pipe(
    Effect.scoped,
    Effect.catchAll((error) => (error instanceof StoreError ? Effect.fail(error) : Effect.succeed(undefined)))
  )
