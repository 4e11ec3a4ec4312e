/**
 * Checkpoints: the cursor of a run and what the trainer adds (weights, optimizer, step), as one piece that is stored as a
 * whole or not at all. So data and model never disagree.
 *
 * Layers store them in a folder ({@link file}), in memory ({@link memory}) or in any key-value store of @effect/platform
 * ({@link keyValue}). All keep the last `keep`; damaged ones are passed over and never removed. If several ranks share a
 * run, each stores its own beside the others', and all resume from the newest step that every rank has
 * ({@link RankOptions}).
 *
 * @since 0.1.0
 */

export { CheckpointError, type Kind } from "./CheckpointError.ts"
export { file, keyValue, memory, type Options, type RankOptions } from "./Layers.ts"
export { type OpenCheckpoints, open } from "./OpenCheckpoints.ts"
export { SharedMemory } from "./RankStores.ts"
export { Checkpoint, type Entry, type Saved, type Service } from "./Service.ts"
export type { Snapshot } from "./Snapshot.ts"
export type { Json, State } from "./State.ts"
