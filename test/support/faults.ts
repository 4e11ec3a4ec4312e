/**
 * A file system whose steps can be made to fail, or to end the process that does them.
 */
import * as Errors from "@effect/platform/Error"
import * as FileSystem from "@effect/platform/FileSystem"
import * as BunContext from "@effect/platform-bun/BunContext"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"

/** A step of a write. */
export type Step = "open" | "writeAll" | "sync" | "rename" | "remove"

/** An error as the system reports it: `ENOSPC`, `EROFS` … */
export const systemError = (code: string): Errors.SystemError =>
  new Errors.SystemError({
    reason: "Unknown",
    module: "FileSystem",
    method: "write",
    description: `${code}: as if`,
    cause: Object.assign(new Error(code), { code })
  })

/** What happens before a step; an error it fails with is the step's. */
export type Before = (step: Step, path: string) => Effect.Effect<void, Errors.PlatformError>

/** The real file system, with `before` in front of each step. */
export const faulty = (before: Before): Layer.Layer<FileSystem.FileSystem> =>
  Layer.effect(
    FileSystem.FileSystem,
    Effect.map(FileSystem.FileSystem, (fs) => ({
      ...fs,
      open: (path: string, options?: FileSystem.OpenFileOptions) =>
        Effect.zipRight(
          before("open", path),
          Effect.map(
            fs.open(path, options),
            (file) =>
              new Proxy(file, {
                get: (target, name) => {
                  if (name === "sync") return Effect.zipRight(before("sync", path), target.sync)
                  if (name === "writeAll") {
                    return (bytes: Uint8Array) =>
                      before("writeAll", path).pipe(
                        // Half of it is there already when the trouble begins.
                        Effect.tapError(() => Effect.ignore(target.writeAll(bytes.subarray(0, bytes.length >> 1)))),
                        Effect.zipRight(target.writeAll(bytes))
                      )
                  }
                  return Reflect.get(target, name, target)
                }
              })
          )
        ),
      rename: (from: string, to: string) => Effect.zipRight(before("rename", from), fs.rename(from, to)),
      remove: (path: string, options?: FileSystem.RemoveOptions) =>
        Effect.zipRight(before("remove", path), fs.remove(path, options))
    }))
  ).pipe(Layer.provide(BunContext.layer))
