/**
 * Objects that a server gives only as a whole: each is read once, into a file that has no name, and its ranges come from
 * there. The system frees it with the process, however that ends.
 *
 * @since 0.1.0
 */
import type { FileHandle } from "node:fs/promises"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import { fileError } from "../File.ts"
import { StoreError } from "../StoreError.ts"

/** An object that was read as a whole. @since 0.1.0 */
export interface Whole {
  readonly size: number
  readonly read: (offset: number, length: number) => Effect.Effect<Uint8Array<ArrayBuffer>, StoreError>
  /** Gives the file up, once its reads have ended. */
  readonly end: () => Promise<void>
}

const files = () => process.getBuiltinModule("node:fs").promises

const folder = (): string => process.getBuiltinModule("node:os").tmpdir()

/** A file that was opened, and has lost its name. */
const unnamed = async (): Promise<FileHandle> => {
  const { join } = process.getBuiltinModule("node:path")
  const path = join(folder(), `furrow-${crypto.randomUUID()}`)
  const handle = await files().open(path, "wx+", 0o600)
  await files().unlink(path)
  return handle
}

/** Reads all of a body. Fails with kind `limit` if it has more than `most` bytes. @since 0.1.0 */
export const whole = (
  location: string,
  body: Stream.Stream<Uint8Array, StoreError>,
  most: number
): Effect.Effect<Whole, StoreError> => {
  const attempt = <A>(run: () => Promise<A>) =>
    Effect.tryPromise({
      try: run,
      catch: (cause) => fileError(`${location} (kept in a file in ${folder()}, which TMPDIR chooses)`, cause)
    })
  const write = (handle: FileHandle, chunk: Uint8Array, at: number) =>
    attempt(async () => {
      for (let done = 0; done < chunk.length; ) {
        done += (await handle.write(chunk, done, chunk.length - done, at + done)).bytesWritten
      }
    })
  return Effect.acquireUseRelease(
    Effect.map(attempt(unnamed), (handle) => ({ handle, isKept: false })),
    (own) => {
      const { handle } = own
      let size = 0
      const put = (chunk: Uint8Array) => {
        const at = size
        size += chunk.length
        if (size <= most) return write(handle, chunk, at)
        const reason = `the server has no ranges, and the object more than ${most} bytes: raise wholeBytes, or copy it to a disk`
        return Effect.fail(new StoreError({ location, kind: "limit", reason }))
      }
      return Effect.map(Stream.runForEach(body, put), (): Whole => {
        own.isKept = true
        return {
          size,
          end: () => handle.close().catch(() => {}),
          read: (offset, length) =>
            attempt(async () => {
              const bytes = new Uint8Array(length)
              for (let done = 0; done < length; ) {
                const { bytesRead } = await handle.read(bytes, done, length - done, offset + done)
                if (bytesRead === 0) throw new Error(`the file ends at byte ${offset + done}`)
                done += bytesRead
              }
              return bytes
            })
        }
      })
    },
    ({ handle, isKept }) => (isKept ? Effect.void : Effect.promise(() => handle.close().catch(() => {})))
  )
}
