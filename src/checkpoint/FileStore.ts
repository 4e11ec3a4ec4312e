/**
 * Frames as files of a folder.
 *
 * @since 0.1.0
 */
import type { FileSystem } from "@effect/platform/FileSystem"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import * as PlatformServices from "../PlatformServices.ts"
import type { CheckpointError } from "./CheckpointError.ts"
import * as Lock from "./Lock.ts"
import { described } from "./Platform.ts"
import type { Place, Store } from "./Store.ts"

const NAME = /^checkpoint-(\d{12,15})\.furrow$/
/** Files that were being written when their writer ended. */
const TORN = /^(checkpoint-\d{12,15}\.furrow|lock-[0-9a-f]+)\.tmp$/

/** What was renamed is there after a power cut, too; where folders cannot be opened, the system sees to it. */
const settle = (fs: FileSystem, folder: string) =>
  Effect.scoped(
    Effect.flatMap(Effect.option(fs.open(folder, { flag: "r" })), (file) =>
      file._tag === "Some" ? file.value.sync : Effect.void
    )
  )

/** Makes a folder if it is not there. */
export const made = (fs: FileSystem, directory: string): Effect.Effect<void, CheckpointError> =>
  Effect.flatMap(
    Effect.orElseSucceed(fs.exists(directory), () => false),
    (there) =>
      there
        ? Effect.void
        : Effect.mapError(
            Effect.zipRight(fs.makeDirectory(directory, { recursive: true }), settle(fs, `${directory}/..`)),
            described(directory, "cannot be made")
          )
  )

const placesIn = (directory: string, names: ReadonlyArray<string>): ReadonlyArray<Place> =>
  names.flatMap((name) => {
    const found = NAME.exec(name)
    return found === null ? [] : [{ path: `${directory}/${name}`, id: Number(found[1]) }]
  })

/** What another process keeps in a folder: it is read without its lock. */
export const view = (fs: FileSystem, directory: string): Pick<Store, "places" | "read"> => ({
  places: Effect.mapBoth(fs.readDirectory(directory), {
    onFailure: described(directory, "cannot be read"),
    onSuccess: (names) => placesIn(directory, names)
  }),
  read: (path) => Effect.mapError(fs.readFile(path), described(path, "cannot be read"))
})

export const make = (directory: string): Effect.Effect<Store, CheckpointError, FileSystem | Scope.Scope> =>
  Effect.gen(function* () {
    const fs = yield* PlatformServices.FileSystem

    yield* made(fs, directory)
    const lock = yield* Lock.take(fs, directory)
    const names = Effect.mapError(fs.readDirectory(directory), described(directory, "cannot be read"))
    for (const name of yield* names) if (TORN.test(name)) yield* Effect.ignore(fs.remove(`${directory}/${name}`))

    return {
      ...view(fs, directory),
      place: (id) => Effect.succeed(`${directory}/checkpoint-${String(id).padStart(12, "0")}.furrow`),
      write: (path, frame) =>
        Effect.gen(function* () {
          yield* lock.held
          const torn = `${path}.tmp`
          const write = Effect.scoped(
            Effect.flatMap(fs.open(torn, { flag: "w" }), (file) => Effect.zipRight(file.writeAll(frame), file.sync))
          )
          yield* Effect.zipRight(write, fs.rename(torn, path)).pipe(
            Effect.tapError(() => Effect.ignore(fs.remove(torn))),
            Effect.zipRight(settle(fs, directory)),
            Effect.mapError(described(path, "cannot be written"))
          )
        }),
      remove: (path) => Effect.mapError(fs.remove(path), described(path, "cannot be removed"))
    }
  })
