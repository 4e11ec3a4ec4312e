/**
 * The store of local files.
 *
 * @since 0.1.0
 */

import type { BigIntStats } from "node:fs"
import type { FileHandle } from "node:fs/promises"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import { openToRead } from "../../core/OpenToRead.ts"
import { plural } from "../../core/Plural.ts"
import { take } from "../../core/ReadBuffers.ts"
import { shown } from "../../core/Show.ts"
import { walk } from "./FolderWalk.ts"
import { within } from "./Routes.ts"
import { StoreError, type StoreErrorKind } from "./StoreError.ts"
import type { Driver, Listed, ObjectInfo } from "./StoreService.ts"
import { fileVersion, sameVersion } from "./Version.ts"

/** Loaded when used: most programs that import Furrow read no files. */
const files = () => process.getBuiltinModule("node:fs").promises
const paths = () => process.getBuiltinModule("node:path")

/** What the system's codes mean, and the way out. */
const codes: Readonly<Record<string, readonly [StoreErrorKind, string]>> = {
  ENOENT: ["missing", "there is no such file; check the path"],
  ENOTDIR: ["missing", "a part of its path is a file, not a folder; check the path"],
  EACCES: ["denied", "this process may not open it; check its permissions"],
  EPERM: ["denied", "this process may not open it; check its permissions"],
  EROFS: ["denied", "its file system is read-only; write elsewhere"],
  EISDIR: ["unsupported", "it is a folder; a folder's location ends in /"],
  // A socket, when it is opened.
  ENXIO: ["unsupported", "it is not a file but a device, a pipe or a socket, which may have no end"],
  ENOSPC: ["failed", "the disk is full; make room, or write elsewhere"],
  EDQUOT: ["failed", "the disk quota is used up; make room, or write elsewhere"],
  EMFILE: ["unavailable", "too many files are open; raise the limit (ulimit -n)"],
  ENFILE: ["unavailable", "too many files are open on this machine"],
  ENAMETOOLONG: ["unsupported", "its name is too long for the file system"]
}

/** What the system says of a path as the error of a store. @since 0.1.0 */
export const fileError = (location: string, cause: unknown): StoreError => {
  const code = cause instanceof Error && "code" in cause ? String(cause.code) : ""
  // Deno's permissions.
  const isForbidden = cause instanceof Error && /^(?:NotCapable|PermissionDenied)$/.test(cause.name)
  const [kind, reason] = codes[isForbidden ? "EACCES" : code] ?? (["failed", shown(cause)] as const)
  return new StoreError({ location, kind, reason, cause })
}

const attempt = <A>(location: string, run: () => Promise<A>): Effect.Effect<A, StoreError> =>
  Effect.tryPromise({ try: run, catch: (cause) => fileError(location, cause) })

/** With the file's number: a file that was renamed over another may have its size and its time. */
const versionOf = ({ ino, mtimeNs }: BigIntStats): string => fileVersion(mtimeNs, ino)

const NO_FILE = "it is not a file but a device, a pipe or a socket, which may have no end"

const infoOf = (object: Listed, stats: BigIntStats): Effect.Effect<ObjectInfo, StoreError> => {
  if (stats.isFile()) return Effect.succeed({ ...object, size: Number(stats.size), version: versionOf(stats) })
  const reason = stats.isDirectory() ? "it is a folder; a folder's location ends in /" : NO_FILE
  return Effect.fail(new StoreError({ location: object.location, kind: "unsupported", reason }))
}

const stat = (object: Listed): Effect.Effect<ObjectInfo, StoreError> =>
  Effect.flatMap(
    Effect.catchIf(
      attempt(object.location, () => files().stat(object.location, { bigint: true })),
      ({ kind }) => kind === "missing",
      (error) => Effect.flatMap(orLink(error), Effect.fail)
    ),
    (stats) => infoOf(object, stats)
  )

/** Says of what is missing whether a link leads there. */
const orLink = (error: StoreError): Effect.Effect<StoreError> =>
  Effect.promise(async () => {
    const { cause, kind, location } = error
    const target = await files()
      .readlink(location)
      .catch(() => undefined)
    if (target === undefined) return error
    const reason = `it is a link to ${target}, which is not there; put the file there, or remove the link`
    return new StoreError({ location, kind, reason, cause })
  })

const read: Driver["read"] = (info, offset, length) => {
  const beyond = within(info, offset, length)
  if (beyond !== undefined) return Effect.fail(beyond)
  const { location } = info
  return Effect.acquireUseRelease(
    attempt(location, () => openToRead(location)),
    (handle) =>
      Effect.flatMap(
        attempt(location, async () => {
          const bytes = take(length)
          // The file may be written meanwhile, so this is checked after all reads, also if one of them fails.
          const changed = async () => changeOf(info, await handle.stat({ bigint: true }))
          let done = 0
          try {
            while (done < length) {
              const { bytesRead } = await handle.read(bytes, done, length - done, offset + done)
              if (bytesRead === 0) break
              done += bytesRead
            }
          } catch (failure) {
            const reason = await changed()
            if (reason === undefined) throw failure
            return reason
          }
          const reason = await changed()
          if (reason !== undefined || done === length) return reason ?? bytes
          return `it ends at byte ${offset + done}, and had ${info.size} when it was opened`
        }),
        (bytes) =>
          typeof bytes === "string"
            ? Effect.fail(new StoreError({ location, kind: "changed", reason: `${bytes}; open it again` }))
            : Effect.succeed(bytes)
      ),
    (handle) => Effect.promise(() => handle.close().catch(() => {}))
  )
}

const changeOf = (info: ObjectInfo, stats: BigIntStats): string | undefined => {
  if (!stats.isFile()) return "it is a file no more but a folder, a device, a pipe or a socket"
  if (Number(stats.size) !== info.size)
    return `it has ${plural(stats.size, "byte")}, and had ${info.size} when it was opened`
  if (sameVersion(versionOf(stats), info.version)) return undefined
  return `it was written at ${stats.mtime.toISOString()}, after it was opened`
}

const list: Driver["list"] = (folder, depth) =>
  Stream.unwrap(
    Effect.gen(function* () {
      const { around, objects } = yield* attempt(folder, () => walk(folder, depth))
      for (const link of around) {
        yield* Effect.logWarning(`${link} is a link to a folder in which ${folder} itself lies, and is not followed`)
      }
      return Stream.fromIterable(objects)
    })
  )

const write: Driver["write"] = (location, bytes) =>
  Effect.gen(function* () {
    const folder = paths().dirname(location)
    yield* attempt(location, () => files().mkdir(folder, { recursive: true }))
    // Listings leave out names that begin with a dot.
    const torn = paths().join(folder, `.${paths().basename(location)}.${crypto.randomUUID()}.tmp`)
    const remove = Effect.promise(() =>
      files()
        .rm(torn, { force: true })
        .catch(() => {})
    )
    const whole = Effect.acquireUseRelease(
      attempt(location, () => files().open(torn, "wx")),
      (handle) =>
        Effect.zipRight(
          Stream.runForEach(bytes, (chunk) => attempt(location, () => writeAll(handle, chunk))),
          attempt(location, () => handle.sync())
        ),
      (handle) => Effect.promise(() => handle.close().catch(() => {}))
    )
    yield* Effect.onError(
      Effect.zipRight(
        whole,
        attempt(location, async () => {
          await files().rename(torn, location)
          await syncFolder(folder)
        })
      ),
      () => remove
    )
    return yield* stat({ location })
  })

const writeAll = async (handle: FileHandle, bytes: Uint8Array): Promise<void> => {
  for (let done = 0; done < bytes.length; ) {
    done += (await handle.write(bytes, done, bytes.length - done)).bytesWritten
  }
}

/** What was renamed is there after a power cut, too; where folders cannot be opened, the system sees to it. */
const syncFolder = async (folder: string): Promise<void> => {
  const handle = await files()
    .open(folder, "r")
    .catch(() => undefined)
  if (handle === undefined) return
  await handle.sync().catch(() => {})
  await handle.close()
}

/** @since 0.1.0 */
export const fileDriver: Driver = {
  list,
  stat,
  read,
  write,
  remove: ({ location }) => attempt(location, () => files().rm(location, { force: true }))
}
