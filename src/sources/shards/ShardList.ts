/**
 * The shards that locations stand for.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import type { InvalidOption } from "../../core/InvalidOption.ts"
import { plural } from "../../core/Plural.ts"
import { hasEnding, isDescription } from "../formats/Endings.ts"
import type { Format } from "../formats/Format.ts"
import { decodeProgress, MANIFEST, PROGRESS } from "../sinks/Manifest.ts"
import { type Chosen, found, nothingIn } from "../store/FindObjects.ts"
import { type Listed, type ObjectInfo, Store, StoreError, type StoreService } from "../store/Store.ts"
import { formatByManifest, isIn, isManifest, type NamedShards, withManifests } from "./Checksums.ts"

/** How many shards are looked at at once. */
const AT_ONCE = 16

/** What folders were found to have. */
interface Looked {
  /** Manifests that are among the objects for that alone, whatever their ending. */
  readonly lookedAt: Set<string>
  /** The objects of each folder that has manifests. */
  readonly mixed: Array<ReadonlyArray<Listed>>
  /** Manifests that were found in folders, and not named. */
  readonly manifests: Set<string>
  /** The progress files beside objects that are taken. */
  readonly begun: Array<Listed>
}

/** Of a folder: the objects with an ending of a format, or all if none has one. Manifests are always among them. */
const ofFormat = (endings: ReadonlyArray<string>, looked: Looked): Chosen => {
  const chosen = ofEndings(endings, looked)
  return (objects, hidden) => {
    const own = chosen(objects)
    if (own.some(isManifest)) looked.mixed.push(own)
    for (const object of own) if (isManifest(object)) looked.manifests.add(object.location)
    const begun = hidden.filter(({ location }) => location.endsWith(`/${PROGRESS}`))
    looked.begun.push(...begun.filter(({ location }) => own.some((object) => isIn([folderOf(location)], object))))
    // A sink that has not written a shard yet.
    if (objects.length === 0) looked.begun.push(...begun)
    return objects.length === 0 ? begun : own
  }
}

/** The folder of a progress file, with its `/`. */
const folderOf = (location: string): string => location.slice(0, -PROGRESS.length)

const ofEndings = (
  endings: ReadonlyArray<string>,
  { lookedAt }: Looked
): ((objects: ReadonlyArray<Listed>) => ReadonlyArray<Listed>) => {
  const isOwn = ({ location }: Listed): boolean => hasEnding(location, endings) && !isDescription(location)
  return (objects) => {
    if (!objects.some((object) => isOwn(object) && !isManifest(object))) return objects
    return objects.filter((object) => {
      if (isOwn(object)) return true
      if (isManifest(object)) lookedAt.add(object.location)
      return isManifest(object)
    })
  }
}

/**
 * Returns the shards of a format at locations: the objects that `Store.resolve` finds, and of a folder those with an ending of the
 * format, if any has one. Those of which a listing does not tell all are looked at. The shards of a manifest come in its place.
 * A folder that a sink has not finished is refused: its rows would be some of those that there will be.
 *
 * @since 0.1.0
 */
export const shardsAt = (
  store: StoreService,
  locations: ReadonlyArray<string>,
  { endings = [], name }: Pick<Format<unknown>, "endings" | "name">
): Effect.Effect<ReadonlyArray<ObjectInfo>, StoreError | InvalidOption> =>
  Effect.gen(function* () {
    const looked: Looked = { lookedAt: new Set(), mixed: [], manifests: new Set(), begun: [] }
    const { begun, lookedAt, manifests, mixed } = looked
    const listed = yield* Effect.provideService(found(locations, ofFormat(endings, looked)), Store, store)
    const objects = yield* Effect.forEach(
      listed,
      (object) => {
        const { size, version } = object
        return size === undefined || version === undefined
          ? store.stat(object)
          : Effect.succeed({ ...object, size, version })
      },
      { concurrency: AT_ONCE }
    )
    /** As of files: of the manifests in folders, those with shards of the format, or all if nothing has its ending. */
    const ofEnding = (named: ReadonlyArray<NamedShards>, others: ReadonlyArray<Listed>): ReadonlyArray<NamedShards> => {
      const isOwn = ({ location }: Listed): boolean => hasEnding(location, endings)
      const own = named.filter((one) => one.shards.some(isOwn))
      if (own.length === 0 && !others.some((object) => isOwn(object) && !isManifest(object))) return named
      return named.filter(
        (one) => own.includes(one) || one.shards.length === 0 || !manifests.has(one.manifest.location)
      )
    }
    const { folders, shards, taken } = yield* withManifests(store, objects, ofEnding)
    for (const progress of begun) if (!isIn(folders, progress)) yield* finished(store, progress)
    const [alone] = begun.filter((progress) => objects.some(({ location }) => location === progress.location))
    if (alone !== undefined) return yield* nothingIn(folderOf(alone.location))
    yield* readAsWritten(shards, name)
    for (const own of mixed) {
      // By their manifests, several folders may be the parts of one dataset; files besides may be what these were made of.
      const beside = own.find((object) => !isIn(folders, object) && !lookedAt.has(object.location))
      const written = own.find((object) => isManifest(object) && isIn(taken, object))
      if (beside === undefined || written === undefined) continue
      const both = `the shards of ${written.location}, which a sink wrote, are read together with ${beside.location}`
      yield* Effect.logWarning(
        `${both}. If one was made from the other, rows come twice: open the folder or the files that you mean`
      )
    }
    // A manifest of another program.
    return lookedAt.size === 0 ? shards : shards.filter(({ location }) => !lookedAt.has(location))
  })

/** Fails if a progress file says that a sink has not finished its folder. */
const finished = (store: StoreService, progress: Listed): Effect.Effect<void, StoreError> =>
  Effect.gen(function* () {
    const folder = folderOf(progress.location)
    const refused = (reason: string) => new StoreError({ location: folder, kind: "invalid", reason })
    const text = yield* Effect.flatMap(store.stat(progress), (info) => store.read(info, 0, info.size)).pipe(
      Effect.mapError((error) =>
        error.kind === "missing"
          ? refused(`a sink changed this folder while it was listed (${PROGRESS} is gone); open it again`)
          : error
      )
    )
    // Of another program, or one that a store could not remove.
    const noted = decodeProgress(new TextDecoder().decode(text))
    if (noted === undefined) return
    const rows = noted.shards.reduce((sum, shard) => sum + shard.rows, 0)
    const listed = `${plural(noted.shards.length, "shard")} with ${plural(rows, "row")}`
    const way = rows === 0 ? "" : `, or, to read only what is there, name the files, such as ${folder}*`
    return yield* refused(
      `a sink has not finished this folder: ${PROGRESS} lists ${listed} so far, and there is no ${MANIFEST}. Run the sink again to its end${way}`
    )
  })

/** The formats of sinks that read each other's shards without an error, or with one for each row. */
const OF_SINKS = ["jsonl", "csv", "tsv", "parquet", "arrow", "tar", "npy"]

/** CSV with another delimiter is read by either. */
const kindOf = (name: string | undefined): string | undefined => (name === "tsv" ? "csv" : name)

/** Fails if a manifest says that a shard was written in another format; lines of any of them are text. */
const readAsWritten = (shards: ReadonlyArray<ObjectInfo>, name: string): Effect.Effect<void, StoreError> => {
  if (!OF_SINKS.includes(name)) return Effect.void
  const other = shards.find((info) => ![undefined, kindOf(name)].includes(kindOf(formatByManifest(info))))
  if (other === undefined) return Effect.void
  const reason = `its manifest says that it was written as ${formatByManifest(other)}, and it is read as ${name}: give Format.${formatByManifest(other)} (--format), or name the files without their manifest`
  return Effect.fail(new StoreError({ location: other.location, kind: "invalid", reason }))
}
