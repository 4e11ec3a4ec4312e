/**
 * Checkpoints in memory, for as long as the layer lives.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import { CheckpointError } from "./CheckpointError.ts"
import * as Format from "./Format.ts"
import type { Store } from "./Store.ts"

export const make = (): Store => {
  const stored = new Map<string, Uint8Array>()
  return {
    locations: Effect.sync(() => Array.from(stored, ([path, bytes]) => ({ path, id: Format.peek(bytes) }))),
    read: (path) => {
      const bytes = stored.get(path)
      if (bytes !== undefined) return Effect.succeed(bytes)
      return new CheckpointError({
        kind: "missing",
        path,
        wrong: "is no longer there",
        remedy: "ask for the list again"
      })
    },
    vacant: (id) => Effect.succeed({ id, path: `memory/${id}` }),
    write: (path, bytes) => Effect.sync(() => void stored.set(path, bytes)),
    remove: (path) => Effect.sync(() => void stored.delete(path))
  }
}
