/** A store in memory that counts what is read of it. */
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Stream from "effect/Stream"
import { sha256 } from "../../../src/core/runtime.ts"
import { type ObjectInfo, Store, StoreError, type StoreService } from "../../../src/sources/store/Store.ts"

export interface MemoryStore {
  readonly objects: Map<string, Uint8Array<ArrayBuffer>>
  /** The bytes that were read, by location. */
  readonly read: Map<string, number>
  /** How many reads there were, by location, offset and length. */
  readonly reads: Map<string, number>
  /** Called before each read: it may wait. */
  before: () => Effect.Effect<void>
  readonly service: StoreService
  readonly layer: Layer.Layer<Store>
}

/** Without `versions` it knows none, as a server that sends neither ETag nor Last-Modified. */
export const memoryStore = (
  given: Readonly<Record<string, string | Uint8Array>> = {},
  { versions: isVersioned = true }: { readonly versions?: boolean | ((location: string) => boolean) } = {}
): MemoryStore => {
  const objects = new Map(
    Object.entries(given).map(([location, data]) => [
      location,
      typeof data === "string" ? new TextEncoder().encode(data) : Uint8Array.from(data)
    ])
  )
  const read = new Map<string, number>()
  const reads = new Map<string, number>()
  // An object that is changed is another array.
  const versions = new WeakMap<Uint8Array, string>()
  const versionOf = (data: Uint8Array): string => {
    const own = versions.get(data) ?? Buffer.from(sha256(data)).toString("hex")
    versions.set(data, own)
    return own
  }
  const missing = (location: string) => new StoreError({ location, kind: "missing", reason: "there is no such object" })
  const infoOf = (location: string, data: Uint8Array): ObjectInfo => ({
    location,
    size: data.length,
    version: (typeof isVersioned === "function" ? isVersioned(location) : isVersioned) ? versionOf(data) : ""
  })
  const stat = (location: string) =>
    Effect.suspend(() => {
      const data = objects.get(location)
      return data === undefined ? Effect.fail(missing(location)) : Effect.succeed(infoOf(location, data))
    })
  const bytes = (info: ObjectInfo, offset: number, length: number) =>
    Effect.gen(function* () {
      yield* own.before()
      const now = yield* stat(info.location)
      if (now.version !== info.version) {
        return yield* new StoreError({
          location: info.location,
          kind: "changed",
          reason: "it has changed; open it again"
        })
      }
      const data = objects.get(info.location)?.slice(offset, offset + length)
      if (data?.length !== length)
        return yield* new StoreError({ location: info.location, kind: "short", reason: "short" })
      read.set(info.location, (read.get(info.location) ?? 0) + length)
      const key = `${info.location}@${offset}+${length}`
      reads.set(key, (reads.get(key) ?? 0) + 1)
      return data
    })
  const service: StoreService = {
    list: (folder) =>
      Stream.fromIterable(Array.from(objects, ([location, data]) => infoOf(location, data))).pipe(
        Stream.filter(({ location }) => location.startsWith(folder))
      ),
    stat: ({ location }) => stat(location),
    read: bytes,
    stream: (info, offset = 0) => Stream.fromEffect(bytes(info, offset, info.size - offset)),
    write: (location) =>
      Effect.fail(new StoreError({ location, kind: "unsupported", reason: "this store is read-only" }))
  }
  const own: MemoryStore = {
    objects,
    read,
    reads,
    before: () => Effect.void,
    service,
    layer: Layer.succeed(Store, service)
  }
  return own
}
