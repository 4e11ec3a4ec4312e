/**
 * Checkpoints: where the data stands and what the trainer adds (weights, optimiser, step), as one piece that is there as
 * a whole or not at all. So data and model never disagree.
 *
 * Layers keep them in a folder ({@link file}), in memory ({@link memory}) or in any key-value store of @effect/platform
 * ({@link keyValue}). All keep the last `keep`; what is damaged is passed over and never removed.
 *
 * @since 0.1.0
 */
import type { FileSystem } from "@effect/platform/FileSystem"
import type * as Platform from "@effect/platform/KeyValueStore"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import type * as Either from "effect/Either"
import * as Layer from "effect/Layer"
import type * as Option from "effect/Option"
import { checked, InvalidOption, whole } from "../InvalidOption.ts"
import * as PlatformServices from "../PlatformServices.ts"
import type { Cursor } from "../scheduler/Cursor.ts"
import type { CheckpointError } from "./CheckpointError.ts"
import * as FileStore from "./FileStore.ts"
import * as Keeper from "./Keeper.ts"
import * as KeyValueStore from "./KeyValueStore.ts"
import * as MemoryStore from "./MemoryStore.ts"
import type { State } from "./State.ts"

export { CheckpointError, type Kind } from "./CheckpointError.ts"
export { type OpenCheckpoints, open } from "./Open.ts"
export type { Json, State } from "./State.ts"

/** What is kept in one piece. @since 0.1.0 */
export interface Part {
  /** `loader.cursor`, read when the trainer has done with the batch that it took last. */
  readonly cursor: Cursor
  /** What the trainer adds. */
  readonly state?: State
}

/** A checkpoint that was read. @since 0.1.0 */
export interface Saved {
  /** Counts up from checkpoint to checkpoint. */
  readonly id: number
  /** The file; in other stores, the key. */
  readonly path: string
  readonly cursor: Cursor
  /** The records are copies. */
  readonly state: Required<State>
  /** Newer ones that are damaged, and were passed over. They are left as they are. */
  readonly skipped: ReadonlyArray<CheckpointError>
}

/** A checkpoint in a list. @since 0.1.0 */
export interface Entry {
  readonly path: string
  /** As it says itself, even when it is damaged; `undefined` where it cannot. */
  readonly id: number | undefined
  /** Where its run stands, or what is wrong with it. */
  readonly content: Either.Either<Cursor, CheckpointError>
}

/** @since 0.1.0 */
export interface Service {
  /**
   * Keeps a checkpoint; when it returns, it is there and was read back. An interrupt waits for its end. Fails with
   * `CheckpointError`, and those before it are as they were: `cursor` or `state` if it was given what is no cursor or
   * cannot be stored, before anything is written; `full`, `denied`, `locked`, `io`; `damaged` or another kind of damage
   * if it does not read back.
   */
  readonly save: (part: Part) => Effect.Effect<Entry, CheckpointError>
  /**
   * The newest that is whole, or none where none was ever kept. Fails with `CheckpointError` when all that are there
   * are damaged, or a newer version of the library wrote the newest: to start afresh, or to go back, without a word
   * would lose work.
   */
  readonly latest: Effect.Effect<Option.Option<Saved>, CheckpointError>
  /** All that are there, newest first, damaged ones included. */
  readonly list: Effect.Effect<ReadonlyArray<Entry>, CheckpointError>
}

/**
 * The tag of the place where checkpoints are kept. Here a sum goes on, three batches a go.
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
 * }).pipe(Effect.scoped, Effect.provide(Workers.fibers(2)))
 *
 * const twice = Effect.all([go, go]).pipe(Effect.provide(Checkpoint.memory()))
 * console.assert((await Effect.runPromise(twice)).join() === "15,45")
 *
 * @since 0.1.0
 */
export class Checkpoint extends Context.Tag("furrow/Checkpoint")<Checkpoint, Service>() {}

/** @since 0.1.0 */
export interface Options {
  /** How many are kept at least. Default 3. */
  readonly keep?: number
}

/** The options, and how many checkpoints they keep. */
const kept = <O extends Options>(maker: string, options: O) =>
  checked(() => {
    if (typeof options !== "object" || options === null) {
      throw new InvalidOption({
        option: `the options of Checkpoint.${maker}`,
        value: options,
        expected: "a record"
      })
    }
    return { options, keep: whole("keep", options.keep === undefined ? 3 : options.keep, 1) }
  })

const named = (option: string, value: string): Effect.Effect<string, InvalidOption> =>
  checked(() => {
    if (typeof value === "string" && value !== "" && !value.includes("\0")) return value
    throw new InvalidOption({ option, value, expected: "a name of at least one character, none of them null" })
  })

/** Checkpoints in memory, for as long as the layer lives. Fails with `InvalidOption`. @since 0.1.0 */
export const memory = (options: Options = {}): Layer.Layer<Checkpoint, InvalidOption> =>
  Layer.effect(
    Checkpoint,
    Effect.flatMap(kept("memory", options), ({ keep }) => Keeper.make(MemoryStore.make(), keep))
  )

/**
 * Checkpoints in a folder, one file each; it is made if it is not there. A file is written beside the others, synced and
 * then renamed, so that it is whole or not there, also when the process is killed or the power fails. For as long as
 * the layer lives no other process can write there: its lock is refused to others, and does not outlive its owner.
 *
 * Fails with `InvalidOption`, or with `CheckpointError` (`locked`, `full`, `denied`, `io`).
 *
 * @example
 * import { FileSystem } from "@effect/platform"
 * import { BunContext } from "@effect/platform-bun"
 * import { Effect, Layer } from "effect"
 * import { Checkpoint } from "furrow"
 *
 * const layer = Layer.unwrapScoped(
 *   Effect.gen(function* () {
 *     const directory = yield* (yield* FileSystem.FileSystem).makeTempDirectoryScoped()
 *     return Checkpoint.file({ directory, keep: 5 })
 *   })
 * ).pipe(Layer.provide(BunContext.layer))
 * const list = Effect.flatMap(Checkpoint.Checkpoint, (checkpoint) => checkpoint.list)
 * console.assert((await Effect.runPromise(Effect.provide(list, layer))).length === 0)
 *
 * @since 0.1.0
 */
export const file = (
  options: Options & { readonly directory: string }
): Layer.Layer<Checkpoint, CheckpointError | InvalidOption, FileSystem> =>
  Layer.scoped(
    Checkpoint,
    Effect.gen(function* () {
      const { keep, options: own } = yield* kept("file", options)
      const directory = yield* named("directory", own.directory)
      return yield* Keeper.make(yield* FileStore.make(directory), keep)
    })
  )

/**
 * Checkpoints in a key-value store, under keys that begin with `name` (default `"checkpoint"`). A write that the store
 * cuts off costs that checkpoint only. It has no lock: two runs need two names. The second example makes a store of
 * SQLite; any other database with a table of keys and values will do the same way. Fails with `InvalidOption`.
 *
 * @example
 * import { KeyValueStore } from "@effect/platform"
 * import { Effect, Layer, Option } from "effect"
 * import { Checkpoint } from "furrow"
 *
 * const layer = Checkpoint.keyValue({ name: "run 7", keep: 2 }).pipe(Layer.provide(KeyValueStore.layerMemory))
 * const latest = Effect.flatMap(Checkpoint.Checkpoint, (checkpoint) => checkpoint.latest)
 * console.assert(Option.isNone(await Effect.runPromise(Effect.provide(latest, layer))))
 *
 * @example
 * import { DatabaseSync } from "node:sqlite"
 * import { Error, KeyValueStore } from "@effect/platform"
 * import { Effect, Layer, Option } from "effect"
 * import { Checkpoint } from "furrow"
 *
 * const db = new DatabaseSync(":memory:")
 * db.exec("create table if not exists checkpoints (key text primary key, value blob not null) strict")
 * const run = <A>(method: string, query: () => A) =>
 *   Effect.try({
 *     try: query,
 *     catch: (cause) =>
 *       new Error.SystemError({ reason: "Unknown", module: "KeyValueStore", method, description: String(cause), cause })
 *   })
 * const get = (key: string) =>
 *   run("get", () => {
 *     const value = db.prepare("select value from checkpoints where key = ?").get(key)?.["value"]
 *     return value instanceof Uint8Array ? Option.some(value) : Option.none()
 *   })
 * const sqlite = Layer.succeed(
 *   KeyValueStore.KeyValueStore,
 *   KeyValueStore.make({
 *     get: (key) => Effect.map(get(key), Option.map((bytes) => new TextDecoder().decode(bytes))),
 *     getUint8Array: get,
 *     set: (key, value) =>
 *       run("set", () => {
 *         const bytes = typeof value === "string" ? new TextEncoder().encode(value) : value
 *         db.prepare("insert or replace into checkpoints values (?, ?)").run(key, bytes)
 *       }),
 *     remove: (key) => run("remove", () => void db.prepare("delete from checkpoints where key = ?").run(key)),
 *     clear: run("clear", () => db.exec("delete from checkpoints")),
 *     size: run("size", () => Number(db.prepare("select count(*) as n from checkpoints").get()?.["n"]))
 *   })
 * )
 * const layer = Checkpoint.keyValue().pipe(Layer.provide(sqlite))
 * const list = Effect.flatMap(Checkpoint.Checkpoint, (checkpoint) => checkpoint.list)
 * console.assert((await Effect.runPromise(Effect.provide(list, layer))).length === 0)
 *
 * @since 0.1.0
 */
export const keyValue = (
  options: Options & { readonly name?: string } = {}
): Layer.Layer<Checkpoint, InvalidOption, Platform.KeyValueStore> =>
  Layer.effect(
    Checkpoint,
    Effect.gen(function* () {
      const { keep, options: own } = yield* kept("keyValue", options)
      const name = yield* named("name", own.name === undefined ? "checkpoint" : own.name)
      return yield* Keeper.make(KeyValueStore.make(yield* PlatformServices.KeyValueStore, name), keep)
    })
  )
