/**
 * The folder that a sink writes to: small files in it that are read and replaced as a whole, and who may write.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Stream from "effect/Stream"
import { exclusive } from "../sources/shards/FileLock.ts"
import { SinkError } from "../sources/sinks/SinkError.ts"
import { schemeOf } from "../sources/store/Location.ts"
import type { ObjectInfo, StoreError, StoreService } from "../sources/store/Store.ts"

/** A folder in a store. @since 0.1.0 */
export interface Folder {
  /** Its location, with a `/` at its end. */
  readonly location: string
  readonly store: StoreService
}

/** The path of a `file:` URL; any other location as it is. @since 0.1.0 */
export const pathOf = (location: string): string =>
  /^file:/i.test(location) ? process.getBuiltinModule("node:url").fileURLToPath(location) : location

/** @since 0.1.0 */
export const folderOf = (store: StoreService, location: string): Folder => ({
  store,
  location: `${pathOf(location).replace(/\/+$/, "")}/`
})

/** The text of a file in the folder; `undefined` if it is not there. @since 0.1.0 */
export const readText = ({ location, store }: Folder, name: string): Effect.Effect<string | undefined, StoreError> =>
  Effect.flatMap(statOf({ location, store }, name), (info) =>
    info === undefined
      ? Effect.succeed(undefined)
      : Effect.map(store.read(info, 0, info.size), (bytes) => new TextDecoder().decode(bytes))
  )

/** A file in the folder; `undefined` if it is not there. @since 0.1.0 */
export const statOf = ({ location, store }: Folder, name: string): Effect.Effect<ObjectInfo | undefined, StoreError> =>
  Effect.catchIf(
    store.stat({ location: location + name }),
    ({ kind }) => kind === "missing",
    () => Effect.succeed(undefined)
  )

/** The first file of the folder with such a name; `undefined` if there is none. @since 0.1.0 */
export const findName = (
  { location, store }: Folder,
  isSuch: (name: string) => boolean
): Effect.Effect<string | undefined, StoreError> =>
  store.list(location, 1).pipe(
    Stream.map((listed) => listed.location.slice(location.length)),
    Stream.filter(isSuch),
    Stream.runHead,
    Effect.map(Option.getOrUndefined),
    // The folder itself may not be there yet.
    Effect.catchIf(
      ({ kind }) => kind === "missing",
      () => Effect.succeed(undefined)
    )
  )

/** Writes a file, which appears as a whole. @since 0.1.0 */
export const writeText = ({ location, store }: Folder, name: string, text: string): Effect.Effect<void, StoreError> =>
  Effect.asVoid(store.write(location + name, Stream.make(new TextEncoder().encode(text))))

/** Removes a file; in a store that cannot remove, replaces it with `otherwise`. @since 0.1.0 */
export const removeText = (folder: Folder, name: string, otherwise: string): Effect.Effect<void, StoreError> => {
  const { location, store } = folder
  const replace = writeText(folder, name, otherwise)
  if (store.remove === undefined) return replace
  return Effect.catchIf(
    store.remove({ location: location + name }),
    ({ kind }) => kind === "unsupported",
    () => replace
  )
}

/** The folders that runs of this process write to, by their store: one in memory has folders of its own. */
const written = new WeakMap<StoreService, Set<string>>()

const LOCK = ".lock"

/** The name of the file that a killed write leaves on disk. */
const TORN = /^\..+\.[0-9a-f-]{36}\.tmp$/

/** Removes the files that killed writes have left; only the holder of the folder may do so. */
const sweep = ({ location, store }: Folder): Effect.Effect<void> =>
  store.list(location, 1).pipe(
    Stream.filter((listed) => TORN.test(listed.location.slice(location.length))),
    Stream.runForEach((listed) => store.remove?.(listed) ?? Effect.void),
    // The folder may not be there yet; what cannot be removed does no harm.
    Effect.ignore
  )

const taken = (location: string): SinkError =>
  new SinkError({
    location,
    kind: "taken",
    reason: "another run writes to this folder; wait for its end, or write to another folder"
  })

/**
 * Runs `use` as the only writer to the folder: within this process and, on disk, on this machine. In other stores, a second run
 * is noticed by the progress file.
 *
 * @since 0.1.0
 */
export const claimed = <A, E, R>(folder: Folder, use: Effect.Effect<A, E, R>): Effect.Effect<A, E | SinkError, R> => {
  const { location, store } = folder
  return Effect.acquireUseRelease(
    Effect.suspend(() => {
      const own = written.get(store) ?? new Set()
      if (own.has(location)) return Effect.fail(taken(location))
      written.set(store, own.add(location))
      return Effect.void
    }),
    (): Effect.Effect<A, E | SinkError, R> =>
      schemeOf(location) === "file"
        ? exclusive(`${location}${LOCK}`, Effect.zipRight(sweep(folder), use), Effect.fail(taken(location)))
        : use,
    () => Effect.sync(() => written.get(store)?.delete(location))
  )
}
