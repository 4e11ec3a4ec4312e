/**
 * The shards that locations stand for.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import type { InvalidOption } from "../../core/InvalidOption.ts"
import { type ObjectInfo, resolve, Store, type StoreError, type StoreService } from "../store/Store.ts"
import { withManifests } from "./Checksums.ts"

/** How many shards are looked at at once. */
const AT_ONCE = 16

/** Returns the objects at locations, as `Store.resolve` finds them; those of which a listing does not tell all are looked at. The shards of a manifest come in its place. @since 0.1.0 */
export const shardsAt = (
  store: StoreService,
  locations: ReadonlyArray<string>
): Effect.Effect<ReadonlyArray<ObjectInfo>, StoreError | InvalidOption> =>
  Effect.flatMap(Effect.provideService(resolve(locations), Store, store), (found) =>
    Effect.flatMap(
      Effect.forEach(
        found,
        (object) => {
          const { size, version } = object
          return size === undefined || version === undefined
            ? store.stat(object)
            : Effect.succeed({ ...object, size, version })
        },
        { concurrency: AT_ONCE }
      ),
      (objects) => withManifests(store, objects)
    )
  )
