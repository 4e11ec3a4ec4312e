/**
 * Unpacks gzip as it comes, one member behind the other.
 *
 * @since 0.1.0
 */
import * as zlib from "node:zlib"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"

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
      let parts: Array<Uint8Array> = []
      let failed: ((cause: Error) => void) | undefined
      let failure: Error | undefined
      gunzip.on("data", (part: Uint8Array) => parts.push(part))
      gunzip.on("error", (cause: Error) => {
        failure = cause
        failed?.(cause)
      })
      const step = (begin: (done: () => void) => void): Effect.Effect<Uint8Array, Error> =>
        Effect.async((resume) => {
          if (failure !== undefined) return resume(Effect.fail(failure))
          failed = (cause) => resume(Effect.fail(cause))
          begin(() => {
            const all = Buffer.concat(parts)
            parts = []
            resume(failure === undefined ? Effect.succeed(all) : Effect.fail(failure))
          })
        })
      let packed = new Uint8Array(0)
      let isOver = false
      const next: Pull<R> = Effect.suspend(() => {
        if (isOver) return Effect.succeed(undefined)
        if (packed.length === 0) {
          return Effect.flatMap(pull, (bytes) => {
            if (bytes !== undefined) {
              packed = new Uint8Array(bytes)
              return next
            }
            isOver = true
            return step((done) => {
              gunzip.once("end", done)
              gunzip.end()
            })
          })
        }
        const part = packed.subarray(0, AT_ONCE)
        packed = packed.subarray(AT_ONCE)
        const own = step((done) => gunzip.write(part, () => done()))
        return Effect.flatMap(own, (bytes) => (bytes.length === 0 ? next : Effect.succeed(bytes)))
      })
      return next
    }
  )
