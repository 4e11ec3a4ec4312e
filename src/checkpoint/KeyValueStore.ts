/**
 * Checkpoints in any key-value store of @effect/platform. Such a store cannot be asked for its keys, so checkpoints lie in slots,
 * numbered from 0 to the first that is not there. A new checkpoint goes to a free slot, never over one that is still needed:
 * a write that is cut off costs only itself.
 *
 * @since 0.1.0
 */
import type * as Platform from "@effect/platform/KeyValueStore"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import { CheckpointError } from "./CheckpointError.ts"
import * as Format from "./Format.ts"
import type { Location, Store } from "./Store.ts"
import { described } from "./StoreFailure.ts"

const EMPTY = new Uint8Array(0)
/** A store that has an answer to every key would never come to an end. */
const MOST_SLOTS = 100_000

export const make = (entries: Platform.KeyValueStore, name: string): Store => {
  const key = (slot: number): string => `${name}-${slot}`

  const read = (path: string): Effect.Effect<Option.Option<Uint8Array>, CheckpointError> =>
    Effect.mapError(entries.getUint8Array(path), described(path, "cannot be read"))

  /** The slots in use, and the first that is free. */
  const slots = Effect.gen(function* () {
    const used: Array<Location> = []
    let free: string | undefined
    for (let slot = 0; ; slot++) {
      const path = key(slot)
      if (slot === MOST_SLOTS) {
        const wrong = `holds something under each of ${MOST_SLOTS} keys: it answers what it was never given`
        return yield* new CheckpointError({ kind: "io", path, wrong, remedy: "name another store" })
      }
      const bytes = yield* read(path)
      if (Option.isSome(bytes) && bytes.value.length > 0) {
        used.push({ path, id: Format.peek(bytes.value) })
        continue
      }
      free ??= path
      if (Option.isNone(bytes)) return { used, free }
    }
  })

  return {
    locations: Effect.map(slots, ({ used }) => used),
    read: (path) =>
      Effect.flatMap(
        read(path),
        Option.match({
          onSome: Effect.succeed,
          onNone: () =>
            new CheckpointError({
              kind: "missing",
              path,
              wrong: "is no longer there",
              remedy: "ask for the list again"
            })
        })
      ),
    vacant: (id) => Effect.map(slots, ({ free }) => ({ id, path: free })),
    write: (path, bytes) => Effect.mapError(entries.set(path, bytes), described(path, "cannot be written")),
    // An empty slot is a free one; to remove it would hide those behind it.
    remove: (path) => Effect.mapError(entries.set(path, EMPTY), described(path, "cannot be written"))
  }
}
