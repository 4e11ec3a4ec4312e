/**
 * A store in memory, for tests.
 *
 * @since 0.1.0
 */
import * as Chunk from "effect/Chunk"
import * as Effect from "effect/Effect"
import { encodeHex } from "effect/Encoding"
import * as Stream from "effect/Stream"
import { sha256 } from "../../core/runtime.ts"
import { within } from "./Routes.ts"
import { StoreError } from "./StoreError.ts"
import type { Driver, ObjectInfo } from "./StoreService.ts"

interface Stored {
  readonly bytes: Uint8Array<ArrayBuffer>
  readonly version: string
}

const missing = (location: string): StoreError =>
  new StoreError({ location, kind: "missing", reason: "there is no such object in memory" })

/** A store over a map of its own, which begins with these objects. @since 0.1.0 */
export const memoryDriver = (objects: Readonly<Record<string, Uint8Array | string>>): Driver => {
  const stored = new Map<string, Stored>()
  const put = (location: string, bytes: Uint8Array<ArrayBuffer>): ObjectInfo => {
    // A count of the writes would begin anew in each process, and an index is kept beyond it.
    const version = encodeHex(sha256(bytes))
    stored.set(location, { bytes, version })
    return { location, size: bytes.length, version }
  }
  for (const [name, content] of Object.entries(objects)) {
    const bytes = typeof content === "string" ? new TextEncoder().encode(content) : Uint8Array.from(content)
    put(/^memory:/.test(name) ? name : `memory://${name}`, bytes)
  }
  const infoOf = (location: string, { bytes, version }: Stored): ObjectInfo => ({
    location,
    size: bytes.length,
    version
  })
  return {
    list: (folder) =>
      Stream.suspend(() =>
        Stream.fromIterable(
          Array.from(stored, ([location, object]) => infoOf(location, object)).filter(({ location }) =>
            location.startsWith(folder)
          )
        )
      ),
    stat: ({ location }) =>
      Effect.suspend(() => {
        const object = stored.get(location)
        return object === undefined ? Effect.fail(missing(location)) : Effect.succeed(infoOf(location, object))
      }),
    read: (info, offset, length) =>
      Effect.suspend(() => {
        const object = stored.get(info.location)
        if (object === undefined) return Effect.fail(missing(info.location))
        if (object.version !== info.version) {
          const reason = "it was written again after it was opened; open it again"
          return Effect.fail(new StoreError({ location: info.location, kind: "changed", reason }))
        }
        const beyond = within(info, offset, length)
        return beyond === undefined ? Effect.succeed(object.bytes.slice(offset, offset + length)) : Effect.fail(beyond)
      }),
    write: (location, bytes) => Effect.map(Stream.runCollect(bytes), (chunks) => put(location, joined(chunks))),
    remove: ({ location }) => Effect.sync(() => void stored.delete(location))
  }
}

const joined = (chunks: Chunk.Chunk<Uint8Array>): Uint8Array<ArrayBuffer> => {
  const all = new Uint8Array(Chunk.reduce(chunks, 0, (sum, { length }) => sum + length))
  let at = 0
  for (const chunk of chunks) {
    all.set(chunk, at)
    at += chunk.length
  }
  return all
}
