/**
 * Shards that a manifest names: which there are, and that their bytes are those that were written. Each is read through once,
 * before the first of its blocks.
 *
 * @since 0.1.0
 */

import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import { plural } from "../../core/Plural.ts"
import { sha256Stream } from "../../core/runtime.ts"
import { decode, MANIFEST, type Manifest, type WrittenShard } from "../sinks/Manifest.ts"
import { type Listed, type ObjectInfo, StoreError, type StoreService } from "../store/Store.ts"

/** The field of a shard's SHA-256, where a manifest names it. */
const SHA256: unique symbol = Symbol.for("furrow/shards/sha256")

/** The field of how many rows a manifest says that a shard has, and of the format that it was written in. */
const ROWS: unique symbol = Symbol.for("furrow/shards/rows")

interface Named extends ObjectInfo {
  readonly [SHA256]?: string
  readonly [ROWS]?: { readonly rows: number; readonly format: string | undefined }
}

/**
 * How many rows a shard has by its manifest; `undefined` if none names it, or if it was written in another format, whose rows
 * are not this one's.
 *
 * @since 0.1.0
 */
export const rowsByManifest = (info: Named, format: string): number | undefined => {
  const own = info[ROWS]
  return own?.format === format ? own.rows : undefined
}

/** The format that a shard was written in by its manifest; `undefined` if none says it. @since 0.1.0 */
export const formatByManifest = (info: Named): string | undefined => info[ROWS]?.format

/** The SHA-256 of a shard by its manifest; `undefined` if none names it. @since 0.1.0 */
export const sha256ByManifest = (info: Named): string | undefined => info[SHA256]

/** The name of the format in a manifest's description of its sink. A row of safetensors is what its reader chooses. */
const formatIn = (sink: string): string | undefined => {
  const name = /\bformat: (\w+)\(/.exec(sink)?.[1]
  return name === "safetensors" ? undefined : name
}

/** How many shards are looked at at once. */
const AT_ONCE = 16

/** Whether an object has the name of a manifest. @since 0.1.0 */
export const isManifest = ({ location }: Listed): boolean => location === MANIFEST || location.endsWith(`/${MANIFEST}`)

const invalid = (location: string, reason: string): StoreError => new StoreError({ location, kind: "invalid", reason })

/** A manifest, with the locations of the shards that it names. @since 0.1.0 */
export interface NamedShards {
  readonly manifest: Listed
  readonly shards: ReadonlyArray<Listed>
}

/** The shards of objects, and the folders of manifests, which end in `/`. @since 0.1.0 */
export interface WithManifests {
  readonly shards: ReadonlyArray<ObjectInfo>
  readonly folders: ReadonlyArray<string>
  /** The folders whose shards are among these. */
  readonly taken: ReadonlyArray<string>
}

/**
 * Returns the objects with the shards of manifests in the place of these. Of the folder of a manifest only the shards that it
 * names are left. `chosen` is given all manifests, and the objects that lie in no folder of one; it returns those that are taken.
 *
 * @since 0.1.0
 */
export const withManifests = (
  store: StoreService,
  objects: ReadonlyArray<ObjectInfo>,
  chosen: (named: ReadonlyArray<NamedShards>, others: ReadonlyArray<Listed>) => ReadonlyArray<NamedShards>
): Effect.Effect<WithManifests, StoreError> => {
  const manifests = objects.filter(isManifest)
  if (manifests.length === 0) return Effect.succeed({ shards: objects, folders: [], taken: [] })
  return Effect.gen(function* () {
    const named: Array<NamedShards & { readonly folder: string; readonly own: Manifest }> = []
    for (const manifest of manifests) {
      const { location, size } = manifest
      const folder = location.slice(0, -MANIFEST.length)
      const own = decode(new TextDecoder().decode(yield* store.read(manifest, 0, size)))
      // Of another program: it is a shard like any other.
      if (own === undefined) continue
      named.push({ manifest, folder, own, shards: own.shards.map(({ name }) => ({ location: folder + name })) })
    }
    const folders = named.map(({ folder }) => folder)
    const others = objects.filter((object) => !isIn(folders, object))
    const own = chosen(named, others)
    const taken = named.filter((one) => own.includes(one))
    const found = yield* Effect.forEach(taken, ({ folder, own: { shards, sink } }) =>
      Effect.forEach(shards, (shard) => shardOf(store, folder, shard, formatIn(sink)), { concurrency: AT_ONCE })
    )
    return { shards: [...others, ...found.flat()], folders, taken: taken.map(({ folder }) => folder) }
  })
}

/** Whether an object lies directly in one of the folders. @since 0.1.0 */
export const isIn = (folders: ReadonlyArray<string>, { location }: Listed): boolean =>
  folders.some((folder) => location.startsWith(folder) && !location.slice(folder.length).includes("/"))

const shardOf = (
  store: StoreService,
  folder: string,
  { bytes, name, rows, sha256 }: WrittenShard,
  format: string | undefined
) =>
  Effect.flatMap(
    Effect.mapError(store.stat({ location: folder + name }), (error) =>
      error.kind === "missing"
        ? invalid(error.location, "its manifest names it, and it is not there; write it again")
        : error
    ),
    (info): Effect.Effect<Named, StoreError> => {
      const reason = `it has ${plural(info.size, "byte")}, and by its manifest ${bytes}; write it again, or fetch it again`
      return info.size === bytes
        ? Effect.succeed({ ...info, [SHA256]: sha256, [ROWS]: { rows, format } })
        : Effect.fail(invalid(info.location, reason))
    }
  )

/** The store that checks a shard of a manifest before it is first read. @since 0.1.0 */
export const checking = (store: StoreService): StoreService => {
  const checks = new Map<string, Effect.Effect<void, StoreError>>()
  /** Reads the shard through unless that is done, once for all that wait for it. */
  const check = (info: Named): Effect.Effect<void, StoreError> => {
    const expected = info[SHA256]
    if (expected === undefined) return Effect.void
    const known = checks.get(info.location)
    if (known !== undefined) return known
    const one = Effect.unsafeMakeSemaphore(1)
    let isSound = false
    /** What its bytes had instead, when they were read last. */
    let found: string | undefined
    /** Whether they had the same twice: they were not changed on the way, and are not read again for each batch. */
    let isDamaged = false
    const reason = "its bytes are not those that its manifest has the SHA-256 of; write it again, or fetch it again"
    const damaged = Effect.suspend(() => Effect.fail(invalid(info.location, reason)))
    const own = one.withPermits(1)(
      Effect.suspend(() => {
        if (isSound) return Effect.void
        if (isDamaged) return damaged
        const hash = sha256Stream()
        const read = Stream.runForEach(store.stream(info), (bytes) => Effect.sync(() => void hash.update(bytes)))
        return Effect.flatMap(read, () => {
          const digest = hash.digest("hex")
          isSound = digest === expected
          isDamaged = !isSound && digest === found
          found = digest
          return isSound ? Effect.void : damaged
        })
      })
    )
    checks.set(info.location, own)
    return own
  }
  return {
    ...store,
    read: (info, offset, length) => Effect.zipRight(check(info), store.read(info, offset, length)),
    stream: (info, offset) => Stream.concat(Stream.execute(check(info)), store.stream(info, offset))
  }
}
