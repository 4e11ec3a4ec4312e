/**
 * Keeps what a run writes apart from what it reads: a folder of results within its input would be read with it the next time.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import { checked, type InvalidOption } from "../core/InvalidOption.ts"
import { MANIFEST } from "../sources/sinks/Manifest.ts"
import { SinkError } from "../sources/sinks/SinkError.ts"
import { isHidden, patternsOf } from "../sources/store/FindObjects.ts"
import { schemeOf } from "../sources/store/Location.ts"
import type { Pattern } from "../sources/store/Pattern.ts"
import { pathOf } from "./Folder.ts"
import { type Sink, shardName } from "./SinkValue.ts"

/** Loaded when used: most programs that import Furrow write no files. */
const files = () => process.getBuiltinModule("node:fs").promises
const paths = () => process.getBuiltinModule("node:path")

/** In longer lists a folder ends in `/`, as when they are read. */
const LOOKED_AT = 256

/**
 * Fails with a `SinkError` of kind `overlap` if the sink's folder is one that the locations read, lies in one, or has one in it.
 * Links are resolved. Files that are named may lie anywhere. Folders of other stores than the file system are not compared.
 *
 * @since 0.1.0
 */
export const apart = (locations: ReadonlyArray<string>, sink: Sink): Effect.Effect<void, SinkError | InvalidOption> =>
  Effect.gen(function* () {
    if (schemeOf(sink.location) !== "file") return
    const to = yield* Effect.promise(() => realPath(pathOf(sink.location)))
    for (const location of locations) {
      if (schemeOf(location) !== "file") continue
      const inputs = yield* checked(() => patternsOf(location))
      const isLookedAt = locations.length <= LOOKED_AT && inputs.length === 1
      for (const input of inputs) {
        if (typeof input === "string" && !(yield* isFolder(input, isLookedAt))) continue
        const from = yield* Effect.promise(() => realPath(typeof input === "string" ? input : input.folder))
        const how = overlap(input, from, to, sink)
        if (how === undefined) continue
        const reason = `the input ${location} ${how}: what is written here would be read with it the next time; write to a folder outside of it, such as one beside it, or name the files of the input`
        return yield* new SinkError({ location: sink.location, kind: "overlap", reason })
      }
    }
  })

/** How the folder that an input reads and the sink's overlap; `undefined` if they do not. */
const overlap = (input: string | Pattern, from: string, to: string, sink: Sink): string | undefined => {
  if (from === to) return "is read from this folder"
  const below = within(from, to)
  if (below !== undefined) {
    const isRead =
      typeof input === "string"
        ? !isHidden(below)
        : [shardName(sink, 0), MANIFEST].some((name) => input.matches(`${input.folder}${below}/${name}`))
    return isRead ? "is read from a folder in which this one lies" : undefined
  }
  const above = within(to, from)
  return above !== undefined && !isHidden(above) ? "is read from a folder in this one" : undefined
}

/** The path of `inner` relative to `outer`, with `/`, if it lies below that. */
const within = (outer: string, inner: string): string | undefined => {
  const { isAbsolute, relative, sep } = paths()
  const path = relative(outer, inner)
  return path === ".." || path.startsWith(`..${sep}`) || isAbsolute(path) ? undefined : path.replaceAll(sep, "/")
}

/** Whether a location without wildcards stands for a folder. */
const isFolder = (path: string, isLookedAt: boolean): Effect.Effect<boolean> =>
  path.endsWith("/") || !isLookedAt
    ? Effect.succeed(path.endsWith("/"))
    : Effect.promise(() =>
        files()
          .stat(path)
          .then(
            (own) => own.isDirectory(),
            // What is not there, or not for this process, has no folder to list: reading it says so.
            () => false
          )
      )

/** A path without links, of which the last parts may not be there yet. */
const realPath = async (path: string): Promise<string> => {
  const { basename, dirname, join, resolve } = paths()
  const whole = resolve(path)
  const missing: Array<string> = []
  for (let own = whole; ; own = dirname(own)) {
    // A part that is not there, or that this process may not look at, is taken by its name.
    const real = await files()
      .realpath(own)
      .catch(() => undefined)
    if (real !== undefined) return join(real, ...missing)
    if (own === dirname(own)) return whole
    missing.unshift(basename(own))
  }
}
