/**
 * A decompressor of the runtime that is given bytes part by part.
 *
 * @since 0.1.0
 */
import type { Transform } from "node:stream"
import * as Effect from "effect/Effect"

/** @since 0.1.0 */
export interface Unpacker {
  /** Gives what the bytes hold, which may be nothing yet. Fails with what the decompressor says of corrupt bytes. */
  readonly write: (bytes: Uint8Array) => Effect.Effect<Uint8Array, Error>
  /** Gives the rest. Fails if the bytes are cut short. */
  readonly end: Effect.Effect<Uint8Array, Error>
  /** Whether what it unpacks has ended, whatever bytes are behind that. */
  readonly hasEnded: () => boolean
}

/** @since 0.1.0 */
export const unpackerOf = (stream: Transform): Unpacker => {
  let parts: Array<Uint8Array> = []
  let failed: ((cause: Error) => void) | undefined
  let failure: Error | undefined
  let hasEnded = false
  stream.on("end", () => {
    hasEnded = true
  })
  stream.on("data", (part: Uint8Array) => parts.push(part))
  stream.on("error", (cause: Error) => {
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
  return {
    write: (bytes) => step((done) => stream.write(bytes, () => done())),
    end: step((done) => {
      if (hasEnded) return done()
      stream.once("end", done)
      stream.end()
    }),
    hasEnded: () => hasEnded
  }
}
