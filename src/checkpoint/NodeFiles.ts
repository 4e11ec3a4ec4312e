/**
 * The part of `@effect/platform`'s `FileSystem` that checkpoints use, over the `node:fs` that all runtimes have: for
 * programs without Effect, which have no platform layer to hand in.
 *
 * @since 0.1.0
 */
import type { Stats } from "node:fs"
import type { PlatformError } from "@effect/platform/Error"
import type { File, FileSystem } from "@effect/platform/FileSystem"
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import { files } from "../core/runtime.ts"

const reasons: Readonly<Record<string, string>> = {
  EACCES: "PermissionDenied",
  EBUSY: "Busy",
  EEXIST: "AlreadyExists",
  EISDIR: "BadResource",
  ELOOP: "BadResource",
  ENOENT: "NotFound",
  ENOTDIR: "BadResource",
  EPERM: "PermissionDenied"
}

/** As `@effect/platform`'s own; its module would load hundreds of files. */
class SystemError extends Data.Error<{
  readonly reason: string
  readonly module: "FileSystem"
  readonly method: string
  readonly description: string
  readonly pathOrDescriptor: string
  readonly cause: unknown
}> {
  readonly _tag = "SystemError"

  override get message(): string {
    return `${this.reason}: FileSystem.${this.method} (${this.pathOrDescriptor}): ${this.description}`
  }
}

const attempt = <A>(method: string, path: string, run: () => Promise<A>): Effect.Effect<A, PlatformError> =>
  Effect.tryPromise({
    try: run,
    catch: (cause) => {
      const code = cause instanceof Error && "code" in cause ? String(cause.code) : ""
      const description = cause instanceof Error ? cause.message : String(cause)
      const error = new SystemError({
        reason: reasons[code] ?? "Unknown",
        module: "FileSystem",
        method,
        description,
        pathOrDescriptor: path,
        cause
      })
      // It has all fields of the platform's error, and its tag; nobody here asks for its type id.
      return error as unknown as PlatformError
    }
  })

const typeOf = (stats: Stats): File.Type => {
  if (stats.isFile()) return "File"
  if (stats.isDirectory()) return "Directory"
  if (stats.isSymbolicLink()) return "SymbolicLink"
  if (stats.isFIFO()) return "FIFO"
  if (stats.isSocket()) return "Socket"
  if (stats.isBlockDevice()) return "BlockDevice"
  return stats.isCharacterDevice() ? "CharacterDevice" : "Unknown"
}

const open: FileSystem["open"] = (path, { flag = "r", mode } = {}) =>
  Effect.map(
    Effect.acquireRelease(
      attempt("open", path, () => files().open(path, flag, mode)),
      (handle) => Effect.promise(() => handle.close())
    ),
    (handle) => {
      const own = {
        writeAll: (bytes: Uint8Array) => attempt("writeAll", path, () => handle.writeFile(bytes)),
        sync: attempt("sync", path, () => handle.sync())
      }
      return own as unknown as File // checkpoints write and sync, and use nothing else of a file
    }
  )

const own = {
  open,
  exists: (path: string) =>
    Effect.catchIf(
      Effect.as(
        attempt("exists", path, () => files().access(path)),
        true
      ),
      (error) => error._tag === "SystemError" && error.reason === "NotFound",
      () => Effect.succeed(false)
    ),
  makeDirectory: (path: string, options?: { readonly recursive?: boolean }) =>
    Effect.asVoid(attempt("makeDirectory", path, () => files().mkdir(path, options))),
  readDirectory: (path: string) => attempt("readDirectory", path, () => files().readdir(path)),
  readFile: (path: string) => attempt("readFile", path, async () => new Uint8Array(await files().readFile(path))),
  readFileString: (path: string) => attempt("readFileString", path, () => files().readFile(path, "utf8")),
  readLink: (path: string) => attempt("readLink", path, () => files().readlink(path)),
  remove: (path: string) => attempt("remove", path, () => files().rm(path)),
  rename: (from: string, to: string) => attempt("rename", from, () => files().rename(from, to)),
  utimes: (path: string, atime: Date | number, mtime: Date | number) =>
    attempt("utimes", path, () => files().utimes(path, atime, mtime)),
  stat: (path: string) =>
    attempt("stat", path, async () => {
      const stats = await files().stat(path)
      return {
        type: typeOf(stats),
        size: BigInt(stats.size),
        mtime: Option.some(stats.mtime),
        ino: Option.some(stats.ino)
      }
    })
}

/** Has what `Checkpoint.file` uses, and nothing else. @since 0.1.0 */
export const nodeFiles = own as unknown as FileSystem
