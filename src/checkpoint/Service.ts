/**
 * The service that stores checkpoints, and what it returns.
 *
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import type * as Either from "effect/Either"
import type * as Option from "effect/Option"
import type { Cursor } from "../scheduler/loader/Cursor.ts"
import type { CheckpointError } from "./CheckpointError.ts"
import type { Taken } from "./Format.ts"
import * as Snapshot from "./Snapshot.ts"
import type { Refused, State } from "./State.ts"

/** A checkpoint that was read. @category models @since 0.1.0 */
export interface Saved {
  /** Increases from checkpoint to checkpoint. */
  readonly id: number
  /** The path of the file; in other stores, the key. */
  readonly path: string
  readonly cursor: Cursor
  /** Copies of what was saved. */
  readonly state: Required<State>
  /** The errors of newer checkpoints that are damaged and were passed over. They are left as they are. */
  readonly skipped: ReadonlyArray<CheckpointError>
}

/** A checkpoint in a list. @category models @since 0.1.0 */
export interface Entry {
  readonly path: string
  /** As stored, even if the checkpoint is damaged; `undefined` if it cannot be read. */
  readonly id: number | undefined
  /** The cursor, or what is wrong with the checkpoint. */
  readonly content: Either.Either<Cursor, CheckpointError>
}

/** @category models @since 0.1.0 */
export interface Service {
  /**
   * Saves a checkpoint. When it returns, the checkpoint is stored and was read back. An interrupt waits until it is done.
   * The state is copied when the effect starts, also if the save has to wait for others: what the trainer changes after
   * that is not in it.
   * Fails with `CheckpointError`, and leaves the checkpoints before it as they were: `cursor` or `state`, before anything is
   * written, if one of the two is not a cursor or cannot be stored; `full`, `denied`, `locked`, `io`; `damaged` or another
   * kind of damage if it does not read back.
   */
  readonly save: (snapshot: Snapshot.Snapshot) => Effect.Effect<Entry, CheckpointError>
  /**
   * The newest valid checkpoint, or none if none was ever saved. Fails with `CheckpointError` if all are damaged, or if a
   * newer version of the library wrote the newest: starting afresh, or going back, without saying so would lose work.
   */
  readonly latest: Effect.Effect<Option.Option<Saved>, CheckpointError>
  /** All checkpoints, newest first, damaged ones included. */
  readonly list: Effect.Effect<ReadonlyArray<Entry>, CheckpointError>
}

/** What a service is made of: a snapshot is taken when `save` starts, and written in its turn. */
export interface Manager extends Pick<Service, "latest" | "list"> {
  readonly write: (taken: Either.Either<Taken, Refused>) => Effect.Effect<Entry, CheckpointError>
}

/** The service over a manager. */
export const serviceOf = ({ latest, list, write }: Manager): Service => ({
  save: (snapshot) => Effect.suspend(() => write(Snapshot.take(snapshot))),
  latest,
  list
})

/**
 * The tag of the service that stores checkpoints. The example continues a sum, three batches at a time.
 *
 * @example
 * import { Effect, Option } from "effect"
 * import { Checkpoint, Dataset, Pipeline, Scheduler, Workers } from "furrow"
 *
 * const pipeline = Pipeline.from(Dataset.range(10)).pipe(Pipeline.batch(2))
 *
 * const go = Effect.gen(function* () {
 *   const checkpoint = yield* Checkpoint.Checkpoint
 *   const saved = Option.getOrUndefined(yield* checkpoint.latest)
 *   const loader = yield* Scheduler.open(pipeline, { epochs: 1, from: saved?.cursor })
 *   let sum = Number(saved?.state.json ?? 0)
 *   for (let step = 0; step < 3; step++) {
 *     const batch = yield* loader.take
 *     if (Option.isSome(batch)) sum = batch.value.columns.data.reduce((all, x) => all + x, sum)
 *   }
 *   yield* checkpoint.save({ cursor: yield* loader.cursor, state: { json: sum } })
 *   return sum
 * }).pipe(Effect.scoped, Effect.provide(Workers.fibers({ workers: 2 })))
 *
 * const twice = Effect.all([go, go]).pipe(Effect.provide(Checkpoint.memory()))
 * console.assert((await Effect.runPromise(twice)).join() === "15,45")
 *
 * @category services
 * @since 0.1.0
 */
export class Checkpoint extends Context.Tag("furrow/Checkpoint")<Checkpoint, Service>() {}
