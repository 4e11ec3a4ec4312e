/**
 * Where indexes are kept: a file that the user names, or one in the cache folder of the user. One process builds an index
 * while the others that want it wait for it.
 *
 * @since 0.1.0
 */
import { promises as files } from "node:fs"
import { tmpdir } from "node:os"
import { dirname, join } from "node:path"
import * as Effect from "effect/Effect"
import { encodeHex } from "effect/Encoding"
import * as Stream from "effect/Stream"
import { readWhole } from "../../core/OpenToRead.ts"
import { entropy, environment, sha256 } from "../../core/runtime.ts"
import { shown } from "../../core/Show.ts"
import { textOf } from "../../core/Utf8.ts"
import type { StoreService } from "../store/Store.ts"
import { StoreError } from "../store/StoreError.ts"
import { codeOf } from "./FileLock.ts"
import * as IndexFile from "./IndexFile.ts"
import type { IndexedShard } from "./Snapshot.ts"

export { alone } from "./FileLock.ts"

/** The folder in which indexes are kept that have no place of their own. */
const cacheFolder = (): string => {
  const own = environment("FURROW_CACHE")
  if (own !== undefined && own !== "") return own
  const xdg = environment("XDG_CACHE_HOME")
  if (xdg !== undefined && xdg !== "") return join(xdg, "furrow")
  const home = environment("HOME") ?? environment("USERPROFILE")
  return home === undefined || home === "" ? join(tmpdir(), "furrow-cache") : join(home, ".cache", "furrow")
}

/** The file in the cache folder for the index of these locations. @since 0.1.0 */
export const cachedFile = (locations: ReadonlyArray<string>, format: string): string => {
  const key = encodeHex(sha256(JSON.stringify([process.cwd(), locations, format]))).slice(0, 32)
  return join(cacheFolder(), "indexes", `${key}.jsonl`)
}

/** Whether it was said that no index is kept: once is enough for a process. */
let isTold = false

/** Says, once, that indexes are made again at each opening. */
const tellUnkept = (reason: string): Effect.Effect<void> =>
  Effect.suspend(() => {
    if (isTold) return Effect.void
    isTold = true
    return Effect.logInfo(`no index is kept, so shards are indexed again at each opening: ${reason}`)
  })

/**
 * The file in the cache folder for the index of these locations; `undefined` where that folder may not be known, as in Deno
 * without permission to read the environment.
 *
 * @since 0.1.0
 */
export const placeFor = (locations: ReadonlyArray<string>, format: string): Effect.Effect<string | undefined> =>
  Effect.catchAll(Effect.try({ try: () => cachedFile(locations, format), catch: shown }), (reason) =>
    Effect.as(tellUnkept(reason), undefined)
  )

/** Keeps the index of these shards in the cache folder, if that can be written. @since 0.1.0 */
export const keep = (path: string, format: string, shards: ReadonlyArray<IndexedShard>): Effect.Effect<boolean> =>
  Effect.tap(write(path, format, shards), (isWritten) =>
    isWritten ? Effect.void : tellUnkept(`${path} cannot be written`)
  )

const found = (path: string, format: string): Effect.Effect<ReturnType<typeof IndexFile.decode>> =>
  Effect.promise(async () => {
    try {
      return IndexFile.decode(textOf(await readWhole(path)), format)
    } catch {
      return undefined
    }
  })

type Kept = ReadonlyArray<IndexedShard> | undefined

/**
 * The shards in a kept index; `undefined` if there is none that can be used. One that is damaged is told, where Furrow has named
 * the file (`isOwn`) also one that holds something else.
 *
 * @since 0.1.0
 */
export const read = (path: string, format: string, isOwn: boolean): Effect.Effect<Kept> =>
  Effect.flatMap(found(path, format), (own) => {
    if (typeof own !== "string") return Effect.succeed(own)
    if (own === "other" && !isOwn) return Effect.succeed(undefined)
    return Effect.as(Effect.logWarning(`the index ${path} is damaged, so the shards are indexed again`), undefined)
  })

/** The same, of an index that has been read before. @since 0.1.0 */
export const readAgain = (path: string, format: string): Effect.Effect<Kept> =>
  Effect.map(found(path, format), (own) => (typeof own === "string" ? undefined : own))

/** Whether there is a file at a path that is not an index of any format and version. @since 0.1.0 */
export const isOther = (path: string): Effect.Effect<boolean> =>
  Effect.promise(async () => {
    try {
      return !IndexFile.isIndex(await readWhole(path))
    } catch (error) {
      // No file is there, or none can be.
      return !["ENOENT", "ENOTDIR"].includes(codeOf(error))
    }
  })

/** A store that says of shards that are not as an index lists them how to have that made again. @since 0.1.0 */
export const listedBy = (index: string, store: StoreService): StoreService => {
  const told = (error: StoreError): StoreError => {
    if (error.kind !== "changed" && error.kind !== "missing") return error
    const reason = error.reason.replace(/; open it again$/, "")
    const { cause, kind, location, status } = error
    const way = `the index ${index} lists it as it was: remove that file, and open the dataset again`
    return new StoreError({ location, kind, reason: `${reason}; ${way}`, status, cause })
  }
  return {
    ...store,
    read: (info, offset, length) => Effect.mapError(store.read(info, offset, length), told),
    stream: (info, offset) => Stream.mapError(store.stream(info, offset), told)
  }
}

/** Writes an index, which appears whole or not at all. `false` if it cannot be written there. @since 0.1.0 */
export const write = (path: string, format: string, shards: ReadonlyArray<IndexedShard>): Effect.Effect<boolean> =>
  Effect.promise(async () => {
    const temporary = `${path}.${entropy().toString(16)}.tmp`
    try {
      await files.mkdir(dirname(path), { recursive: true })
      // Not synced: what a power cut leaves of it is seen by its checksum, or is the beginning of an index.
      await files.writeFile(temporary, IndexFile.encode(format, shards), { flag: "wx" })
      await files.rename(temporary, path)
      return true
    } catch {
      await files.rm(temporary, { force: true }).catch(() => undefined)
      return false
    }
  })
