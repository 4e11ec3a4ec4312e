/**
 * Where the bytes of checkpoints are stored: a folder, memory, a key-value store. It knows nothing of what is in them.
 *
 * @since 0.1.0
 */
import type * as Effect from "effect/Effect"
import type { CheckpointError } from "./CheckpointError.ts"

/** A location that holds a checkpoint. */
export interface Location {
  /** The file, or the key. */
  readonly path: string
  /** The id of what is there as far as it can be told without reading it all. */
  readonly id: number | undefined
  /** Changes when what is there changes, as far as that can be told without reading it; none where it cannot. */
  readonly stamp?: string | undefined
}

export interface Store {
  /** All locations that hold something, in no order. */
  readonly locations: Effect.Effect<ReadonlyArray<Location>, CheckpointError>
  readonly read: (path: string) => Effect.Effect<Uint8Array, CheckpointError>
  /** An unused location for a new checkpoint, of this id or, if it is taken, of a higher one. */
  readonly vacant: (id: number) => Effect.Effect<{ readonly id: number; readonly path: string }, CheckpointError>
  /** Writes a checkpoint there: all of it or, where the store can see to it, nothing. */
  readonly write: (path: string, bytes: Uint8Array) => Effect.Effect<void, CheckpointError>
  readonly remove: (path: string) => Effect.Effect<void, CheckpointError>
}

/** A store that is only read. */
export type View = Pick<Store, "locations" | "read">
