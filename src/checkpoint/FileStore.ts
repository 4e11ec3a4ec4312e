/**
 * Checkpoints as files of a folder.
 *
 * @since 0.1.0
 */
import type { FileSystem } from "@effect/platform/FileSystem"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Option from "effect/Option"
import type * as Scope from "effect/Scope"
import * as PlatformServices from "../core/PlatformServices.ts"
import { CheckpointError } from "./CheckpointError.ts"
import * as Format from "./Format.ts"
import * as Lock from "./Lock.ts"
import type { Location, Store, View } from "./Store.ts"
import { described, isLink, isNoFile } from "./StoreFailure.ts"

const NAME = /^checkpoint-(\d{12,})\.furrow$/
/** Files that were being written when their writer ended. */
const TORN = /^(checkpoint-\d{12,}\.furrow|lock-[0-9a-f]+)\.tmp$/

const nameOf = (id: number): string => `checkpoint-${String(id).padStart(12, "0")}.furrow`

/** What was renamed is there after a power cut, too; where folders cannot be opened, the system sees to it. */
const settle = (fs: FileSystem, folder: string) =>
  fs.open(folder, { flag: "r" }).pipe(
    Effect.catchIf(isNoFile, () => Effect.succeed(undefined)),
    Effect.flatMap((file) => file?.sync ?? Effect.void),
    Effect.scoped
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

/** The checkpoints of a folder, to be read without its lock. */
export const view = (fs: FileSystem, directory: string): View => {
  const names = Effect.mapError(fs.readDirectory(directory), described(directory, "cannot be read"))

  /** What is no file by this name (a folder, a pipe, a link that leads nowhere) was not written by this library. */
  const foreign = (path: string, what: string) =>
    new CheckpointError({
      kind: "foreign",
      path,
      wrong: `is no checkpoint: it is ${what}`,
      remedy: "it was left as it is; move it elsewhere, or keep checkpoints in a place of their own"
    })

  const read: Store["read"] = (path) =>
    Effect.gen(function* () {
      // Before it is read: a pipe would be read for ever.
      const found = yield* Effect.either(fs.stat(path))
      if (Either.isRight(found) && found.right.type !== "File") {
        return yield* foreign(path, found.right.type === "Directory" ? "a folder" : found.right.type)
      }
      if (Either.isLeft(found) && (yield* isLink(fs, path))) return yield* foreign(path, "a link that leads nowhere")
      return yield* Effect.mapError(fs.readFile(path), described(path, "cannot be read"))
    })

  const locationOf = (name: string, digits: string): Effect.Effect<Location> =>
    Effect.gen(function* () {
      const path = `${directory}/${name}`
      const stamp = yield* Effect.match(fs.stat(path), {
        onFailure: () => undefined,
        onSuccess: ({ ino, mtime, size }) =>
          `${size} ${Option.getOrUndefined(mtime)?.getTime()} ${Option.getOrUndefined(ino)}`
      })
      const id = Number(digits)
      if (id <= Format.MOST_ID) return { path, id, stamp }
      // Nobody has made so many: the file's name was given by hand. One that cannot be read is looked at first.
      const own = yield* Effect.option(read(path))
      return { path, id: Option.getOrUndefined(Option.flatMapNullable(own, Format.peek)), stamp }
    })

  return {
    locations: Effect.flatMap(names, (all) =>
      Effect.forEach(
        all.flatMap((name) => {
          const digits = NAME.exec(name)?.[1]
          return digits === undefined ? [] : [{ name, digits }]
        }),
        ({ digits, name }) => locationOf(name, digits)
      )
    ),
    read
  }
}

export const make = (directory: string): Effect.Effect<Store, CheckpointError, FileSystem | Scope.Scope> =>
  Effect.gen(function* () {
    const fs = yield* PlatformServices.FileSystem

    yield* made(fs, directory)
    const lock = yield* Lock.take(fs, directory)
    const names = Effect.mapError(fs.readDirectory(directory), described(directory, "cannot be read"))
    for (const name of yield* names) if (TORN.test(name)) yield* Effect.ignore(fs.remove(`${directory}/${name}`))

    return {
      ...view(fs, directory),
      vacant: (id) =>
        Effect.map(names, (all) => {
          const taken = new Set(all)
          let free = id
          while (taken.has(nameOf(free))) free++
          return { id: free, path: `${directory}/${nameOf(free)}` }
        }),
      write: (path, bytes) =>
        Effect.gen(function* () {
          yield* lock.held
          const torn = `${path}.tmp`
          const write = Effect.scoped(
            Effect.flatMap(fs.open(torn, { flag: "w" }), (file) => Effect.zipRight(file.writeAll(bytes), file.sync))
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
