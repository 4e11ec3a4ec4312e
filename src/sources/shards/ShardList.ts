/**
 * The shards that locations stand for.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import type { InvalidOption } from "../../core/InvalidOption.ts"
import { hasEnding, isDescription } from "../formats/Endings.ts"
import { type Chosen, found } from "../store/FindObjects.ts"
import { type Listed, type ObjectInfo, Store, type StoreError, type StoreService } from "../store/Store.ts"
import { isManifest, withManifests } from "./Checksums.ts"

/** How many shards are looked at at once. */
const AT_ONCE = 16

/**
 * Of a folder: the objects with an ending of a format, or all if none has one. Manifests are always among them, and the set
 * has those that are there for that alone.
 */
const ofFormat = (endings: ReadonlyArray<string>, lookedAt: Set<string>): Chosen => {
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
 *
 * @since 0.1.0
 */
export const shardsAt = (
  store: StoreService,
  locations: ReadonlyArray<string>,
  endings: ReadonlyArray<string> = []
): Effect.Effect<ReadonlyArray<ObjectInfo>, StoreError | InvalidOption> =>
  Effect.gen(function* () {
    const lookedAt = new Set<string>()
    const listed = yield* Effect.provideService(found(locations, ofFormat(endings, lookedAt)), Store, store)
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
    const shards = yield* withManifests(store, objects)
    // A manifest of another program.
    return lookedAt.size === 0 ? shards : shards.filter(({ location }) => !lookedAt.has(location))
  })
