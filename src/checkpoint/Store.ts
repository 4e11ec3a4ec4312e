/**
 * What keeps frames: a folder, memory, a key-value store. It knows nothing of what is in them.
 *
 * @since 0.1.0
 */
import type * as Effect from "effect/Effect"
import type { CheckpointError } from "./CheckpointError.ts"

/** A place that holds a frame. */
export interface Place {
  /** The file, or the key. */
  readonly path: string
  /** The id of what is there as far as it can be told without reading it all. */
  readonly id: number | undefined
  /** Changes when what is there changes, as far as that can be told without reading it; none where it cannot. */
  readonly stamp?: string | undefined
}

export interface Store {
  /** All places that hold something, in no order. */
  readonly places: Effect.Effect<ReadonlyArray<Place>, CheckpointError>
  readonly read: (path: string) => Effect.Effect<Uint8Array, CheckpointError>
  /** A place where nothing is for a new frame, of this id or, if its place is taken, of a higher one. */
  readonly place: (id: number) => Effect.Effect<{ readonly id: number; readonly path: string }, CheckpointError>
  /** Puts a frame there: all of it or, where the store can see to it, nothing. */
  readonly write: (path: string, frame: Uint8Array) => Effect.Effect<void, CheckpointError>
  readonly remove: (path: string) => Effect.Effect<void, CheckpointError>
}
