/**
 * Layers that store checkpoints in memory, in a folder, and in a key-value store.
 *
 * @since 0.1.0
 */
import type { FileSystem } from "@effect/platform/FileSystem"
import type * as Platform from "@effect/platform/KeyValueStore"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type { Scope } from "effect/Scope"
import { whole } from "../core/Check.ts"
import { checked, InvalidOption } from "../core/InvalidOption.ts"
import { type Names, optionsOf } from "../core/Options.ts"
import * as PlatformServices from "../core/PlatformServices.ts"
import type { CheckpointError } from "./CheckpointError.ts"
import * as CheckpointManager from "./CheckpointManager.ts"
import * as RankedManager from "./RankedManager.ts"
import * as RankStores from "./RankStores.ts"
import { Checkpoint, type Manager, serviceOf } from "./Service.ts"

/** @category options @since 0.1.0 */
export interface Options {
  /** How many checkpoints are kept at least. Default 3. */
  readonly keep?: number
}

/**
 * Whose checkpoints these are: what `Scheduler.ranksFromConfig` returns. All ranks share one store, save at the same steps
 * (every so many batches, not every so many seconds), and have all ended before any is started again.
 *
 * `latest` gives each rank its own checkpoint of the newest step for which every rank has a valid one. A checkpoint of a
 * later step, which not all ranks have reached, is removed by its rank when it resumes from an earlier one. `keep` counts
 * steps that all ranks have: a rank that is ahead removes nothing that a slower one may need. If there is no common step,
 * `latest` fails with `CheckpointError` (`ranks`), except for a run that was interrupted at its first checkpoint, which all
 * ranks start afresh. After a change of the world size, under a policy that allows it, rank r resumes from the checkpoint
 * of rank r mod n of the old world of n ranks. A rank reads the checkpoints of the others to know that they are valid.
 *
 * @category options
 * @since 0.1.0
 */
export interface RankOptions {
  /** This process, from 0 to `world − 1`. Default 0. */
  readonly rank?: number
  /** How many processes share the run. Default 1. */
  readonly world?: number
}

const ranked = ({ rank = 0, world = 1 }: RankOptions): Effect.Effect<RankStores.Rank, InvalidOption> =>
  checked(() => {
    whole("world", world, 1)
    whole("rank", rank, 0)
    if (rank < world) return { rank, world }
    throw new InvalidOption({ option: "rank", value: rank, expected: `below the world size, 0 to ${world - 1}` })
  })

/** The checkpoints of one rank of several, or of a single process. */
const manager = (stores: RankStores.RankStores, of: RankStores.Rank, keep: number): Effect.Effect<Manager> =>
  of.world > 1
    ? RankedManager.make(stores, of, keep)
    : Effect.map(CheckpointManager.make(stores.own, keep), (own) => RankedManager.alone(own, stores))

/** Checks the options; returns them and how many checkpoints to keep. */
const kept = <O extends Options>(of: string, options: O, names: Names<O>) =>
  checked(() => {
    const own = optionsOf(of, options, names)
    return { options: own, keep: whole("keep", own.keep ?? 3, 1) }
  })

const named = (option: string, value: string): Effect.Effect<string, InvalidOption> =>
  checked(() => {
    if (typeof value === "string" && value !== "" && !value.includes("\0")) return value
    throw new InvalidOption({ option, value, expected: "a name of at least one character, none of them null" })
  })

/**
 * Checkpoints in memory, for as long as the layer lives; with `shared`, for as long as that lives. Ranks in one process
 * need `shared`: one `new Checkpoint.SharedMemory()` for all of them. Fails with `InvalidOption`.
 *
 * @category layers
 * @since 0.1.0
 */
export const memory = (
  options: Options & RankOptions & { readonly shared?: RankStores.SharedMemory } = {}
): Layer.Layer<Checkpoint, InvalidOption> =>
  Layer.effect(
    Checkpoint,
    Effect.gen(function* () {
      const names = { keep: true, rank: true, world: true, shared: true } as const
      const { keep, options: own } = yield* kept("Checkpoint.memory", options, names)
      const of = yield* ranked(own)
      const { shared } = own
      if (of.world > 1 && shared === undefined) {
        const expected =
          "a Checkpoint.SharedMemory that all ranks are given, since each has to see what the others kept"
        return yield* new InvalidOption({ option: "shared", value: shared, expected })
      }
      return serviceOf(yield* manager((shared ?? new RankStores.SharedMemory()).ranks(of), of, keep))
    })
  )

/**
 * Checkpoints in a folder, one file each. The folder is created if it does not exist. A file is written beside the others,
 * synced and then renamed, so that it is whole or not there, even if the process is killed or the power fails. While the
 * layer lives, a lock keeps other processes out; it does not outlive its owner. With several ranks, each has a folder of
 * its own in it, such as `rank-2-of-4`.
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
 * @category layers
 * @since 0.1.0
 */
export const file = (
  options: Options & RankOptions & { readonly directory: string }
): Layer.Layer<Checkpoint, CheckpointError | InvalidOption, FileSystem> =>
  Layer.scoped(Checkpoint, Effect.map(folder(options), serviceOf))

/** What {@link file} and `open` open. */
export const folder = (
  options: Options & RankOptions & { readonly directory: string }
): Effect.Effect<Manager, CheckpointError | InvalidOption, FileSystem | Scope> =>
  Effect.gen(function* () {
    const names = { keep: true, directory: true, rank: true, world: true } as const
    const { keep, options: own } = yield* kept("Checkpoint.file", options, names)
    const directory = yield* named("directory", own.directory)
    const of = yield* ranked(own)
    return yield* manager(yield* RankStores.folder(directory, of), of, keep)
  })

/**
 * Checkpoints in a key-value store, under keys that begin with `name` (default `"checkpoint"`). An interrupted write damages
 * only that checkpoint. There is no lock: two runs need two names. The second example makes a store of SQLite; any other
 * database with a table of keys and values works the same way. Fails with `InvalidOption`.
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
 * @category layers
 * @since 0.1.0
 */
export const keyValue = (
  options: Options & RankOptions & { readonly name?: string } = {}
): Layer.Layer<Checkpoint, InvalidOption | CheckpointError, Platform.KeyValueStore> =>
  Layer.effect(
    Checkpoint,
    Effect.gen(function* () {
      const names = { keep: true, name: true, rank: true, world: true } as const
      const { keep, options: own } = yield* kept("Checkpoint.keyValue", options, names)
      const name = yield* named("name", own.name ?? "checkpoint")
      const of = yield* ranked(own)
      const stores = yield* RankStores.keyValue(yield* PlatformServices.KeyValueStore, name, of)
      return serviceOf(yield* manager(stores, of, keep))
    })
  )
