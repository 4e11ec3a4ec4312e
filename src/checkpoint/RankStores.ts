/**
 * Where the checkpoints of several ranks lie: a store for each rank, which that rank alone writes to and all read.
 *
 * ```text
 * <directory>/checkpoint-….furrow                  of a run without ranks
 * <directory>/rank-0-of-2/checkpoint-….furrow      of a run of two ranks: the number is the step
 * <directory>/rank-1-of-2/checkpoint-….furrow
 * ```
 *
 * @since 0.1.0
 */
import type { FileSystem } from "@effect/platform/FileSystem"
import type * as Platform from "@effect/platform/KeyValueStore"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import type * as Scope from "effect/Scope"
import * as PlatformServices from "../core/PlatformServices.ts"
import type { CheckpointError } from "./CheckpointError.ts"
import * as FileStore from "./FileStore.ts"
import * as KeyValueStore from "./KeyValueStore.ts"
import * as MemoryStore from "./MemoryStore.ts"
import type { Store, View } from "./Store.ts"
import { described } from "./StoreFailure.ts"

/** A rank of a world, both from the options of a run. */
export interface Rank {
  readonly rank: number
  readonly world: number
}

/** The stores of all ranks, as one of them sees them. */
export interface RankStores {
  /** What they lie in, for errors. */
  readonly path: string
  /** This rank's own. */
  readonly own: Store
  /** Whether this rank has never been here before. */
  readonly isNew: boolean
  /** The world sizes, above 1, of which ranks have been here. */
  readonly worlds: Effect.Effect<ReadonlyArray<number>, CheckpointError>
  /** The store of a rank; none if that rank has never been here. A world of 1 is a run without ranks. */
  readonly view: (of: Rank) => Effect.Effect<Option.Option<View>, CheckpointError>
}

const nameOf = ({ rank, world }: Rank): string => `rank-${rank}-of-${world}`

const NAME = /^rank-\d+-of-(\d+)$/

/** In folders of a folder that all ranks share. */
export const folder = (
  directory: string,
  of: Rank
): Effect.Effect<RankStores, CheckpointError, FileSystem | Scope.Scope> =>
  Effect.gen(function* () {
    const fs = yield* PlatformServices.FileSystem
    const folderOf = (rank: Rank): string => (rank.world === 1 ? directory : `${directory}/${nameOf(rank)}`)
    if (of.world > 1) yield* FileStore.made(fs, directory)
    const isNew = !(yield* Effect.orElseSucceed(fs.exists(folderOf(of)), () => false))
    const names = Effect.mapError(fs.readDirectory(directory), described(directory, "cannot be read"))
    return {
      path: directory,
      own: yield* FileStore.make(folderOf(of)),
      isNew,
      worlds: Effect.map(names, (all) => sizes(all.map((name) => NAME.exec(name)?.[1]))),
      view: (rank) =>
        Effect.gen(function* () {
          const path = folderOf(rank)
          const there = yield* Effect.mapError(fs.exists(path), described(path, "cannot be read"))
          return there ? Option.some(FileStore.view(fs, path)) : Option.none()
        })
    }
  })

/** World sizes, each once, from text. */
const sizes = (all: ReadonlyArray<string | undefined>): ReadonlyArray<number> =>
  Array.from(new Set(all.map(Number))).filter((world) => Number.isSafeInteger(world) && world > 1)

/** In a key-value store that all ranks share, under names that begin with `name`. */
export const keyValue = (
  entries: Platform.KeyValueStore,
  name: string,
  of: Rank
): Effect.Effect<RankStores, CheckpointError> =>
  Effect.gen(function* () {
    const prefixOf = (rank: Rank): string => (rank.world === 1 ? name : `${name}-${nameOf(rank)}`)
    // Such a store cannot be asked for its keys: these say which ranks have been here.
    const index = `${name}-worlds`
    const markOf = (rank: Rank): string => `${prefixOf(rank)}-here`
    const read = (key: string) => Effect.mapError(entries.get(key), described(key, "cannot be read"))
    const write = (key: string, text: string) =>
      Effect.mapError(entries.set(key, text), described(key, "cannot be written"))
    const worlds = Effect.map(read(index), (text) => sizes(Option.getOrElse(text, () => "").split(" ")))
    const isNew = Option.isNone(yield* of.world > 1 ? read(markOf(of)) : Effect.succeedNone)
    if (of.world > 1) {
      yield* write(markOf(of), "here")
      const known = yield* worlds
      if (!known.includes(of.world)) yield* write(index, [...known, of.world].join(" "))
    }
    return {
      path: name,
      own: KeyValueStore.make(entries, prefixOf(of)),
      isNew,
      worlds,
      view: (rank) =>
        Effect.gen(function* () {
          const there = rank.world === 1 || Option.isSome(yield* read(markOf(rank)))
          return there ? Option.some(KeyValueStore.make(entries, prefixOf(rank))) : Option.none()
        })
    }
  })

/**
 * Memory that the ranks of one process share.
 *
 * @category models
 * @since 0.1.0
 */
export class SharedMemory {
  readonly #stores = new Map<string, Store>()

  /** The stores as a rank sees them. */
  ranks(of: Rank): RankStores {
    const stores = this.#stores
    const isNew = !stores.has(nameOf(of))
    const own = stores.get(nameOf(of)) ?? MemoryStore.make()
    stores.set(nameOf(of), own)
    return {
      path: "memory",
      own,
      isNew,
      worlds: Effect.sync(() => sizes(Array.from(stores.keys(), (name) => NAME.exec(name)?.[1]))),
      view: (rank) => Effect.sync(() => Option.fromNullable(stores.get(nameOf(rank))))
    }
  }
}
