/**
 * Unpacks gzip as it arrives, one member after another.
 *
 * @since 0.1.0
 */
import * as zlib from "node:zlib"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import { NO_GZIP_MEMBER } from "../formats/lines/Compression.ts"
import { unpackerOf } from "./Unpacker.ts"

/** So many bytes are unpacked at once: deflate makes at most 1032 times as many of them. */
const AT_ONCE = 2 ** 14

/** The next bytes; `undefined` at the end. @since 0.1.0 */
export type Pull<R> = Effect.Effect<Uint8Array | undefined, unknown, R>

/** Unpacks what `pull` gives. Fails with what zlib says of bytes that are corrupt or cut short. @since 0.1.0 */
export const gunzipped = <R>(pull: Pull<R>): Effect.Effect<Pull<R>, never, Scope.Scope> =>
  Effect.map(
    Effect.acquireRelease(
      Effect.sync(() => zlib.createGunzip()),
      (own) => Effect.sync(() => own.destroy())
    ),
    (gunzip): Pull<R> => {
      const unpacker = unpackerOf(gunzip)
      let packed = new Uint8Array(0)
      let isOver = false
      /** It ends before it is told to where a zero byte follows a member, and takes no member behind that. */
      const followed = () => (unpacker.hasEnded() ? Effect.fail(new Error(NO_GZIP_MEMBER)) : undefined)
      const next: Pull<R> = Effect.suspend(() => {
        if (isOver) return Effect.succeed(undefined)
        if (packed.length === 0) {
          return Effect.flatMap(pull, (bytes) => {
            if (bytes !== undefined) {
              packed = new Uint8Array(bytes)
              return next
            }
            isOver = true
            return followed() ?? unpacker.end
          })
        }
        const part = packed.subarray(0, AT_ONCE)
        packed = packed.subarray(AT_ONCE)
        return Effect.flatMap(
          unpacker.write(part),
          (bytes) => followed() ?? (bytes.length === 0 ? next : Effect.succeed(bytes))
        )
      })
      return next
    }
  )
