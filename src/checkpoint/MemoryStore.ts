/**
 * Frames in memory, for as long as the layer lives.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import { CheckpointError } from "./CheckpointError.ts"
import * as Frame from "./Frame.ts"
import type { Store } from "./Store.ts"

export const make = (): Store => {
  const frames = new Map<string, Uint8Array>()
  return {
    places: Effect.sync(() => Array.from(frames, ([path, frame]) => ({ path, id: Frame.peek(frame) }))),
    read: (path) => {
      const frame = frames.get(path)
      if (frame !== undefined) return Effect.succeed(frame)
      return new CheckpointError({
        kind: "missing",
        path,
        wrong: "is no longer there",
        remedy: "ask for the list again"
      })
    },
    place: (id) => Effect.succeed({ id, path: `memory/${id}` }),
    write: (path, frame) => Effect.sync(() => void frames.set(path, frame)),
    remove: (path) => Effect.sync(() => void frames.delete(path))
  }
}
