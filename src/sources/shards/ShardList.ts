/**
 * The shards that locations stand for.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import type { ObjectInfo, StoreError, StoreService } from "../store/Store.ts"

/** How many shards are looked at at once. */
const AT_ONCE = 16

/** Returns the objects at locations, in their order; those of a folder in the order of their names. @since 0.1.0 */
export const shardsAt = (
  store: StoreService,
  locations: ReadonlyArray<string>
): Effect.Effect<ReadonlyArray<ObjectInfo>, StoreError> =>
  Effect.map(
    Effect.forEach(
      locations,
      (location) =>
        location.endsWith("/") ? store.list(location) : Effect.map(store.stat(location), (info) => [info]),
      { concurrency: AT_ONCE }
    ),
    (found) => found.flat()
  )
