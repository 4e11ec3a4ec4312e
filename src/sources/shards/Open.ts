/**
 * Opens shards as a dataset.
 *
 * @since 0.1.0
 */

import * as Effect from "effect/Effect"
import { whole } from "../../core/Check.ts"
import { checked, InvalidOption } from "../../core/InvalidOption.ts"
import { functionOf, optionsOf, textOf } from "../../core/Options.ts"
import { text } from "../../core/Parameters.ts"
import { plural } from "../../core/Plural.ts"
import { columnsIn } from "../formats/csv/Columns.ts"
import { differing } from "../formats/Differing.ts"
import { isCompressed } from "../formats/Endings.ts"
import { type Format, type Shard, ShardError, type ShardIndex } from "../formats/Format.ts"
import { refusingPointer } from "../formats/GitLfs.ts"
import { schemeOf } from "../store/Location.ts"
import { type ObjectInfo, Store, type StoreService } from "../store/Store.ts"
import { sameVersion } from "../store/Version.ts"
import { checking, rowsByManifest, sha256ByManifest } from "./Checksums.ts"
import * as IndexStore from "./IndexStore.ts"
import { shardOf } from "./ReadBlock.ts"
import { type RowSchema, validating } from "./RowSchema.ts"
import { seeing } from "./SeenBytes.ts"
import { make, type ReadError, type ShardedDataset } from "./ShardedDataset.ts"
import { shardsAt } from "./ShardList.ts"
import * as SharedMemory from "./SharedMemory.ts"
import * as Snapshot from "./Snapshot.ts"

/** How far the scan of shards without a kept index has come. @category models @since 0.1.0 */
export interface ScanProgress {
  /** How many shards are scanned, and how many of these are done. */
  readonly shards: number
  readonly shardsDone: number
  /** How many bytes they have, and how many of these have been read. */
  readonly bytes: number
  readonly bytesDone: number
}

/** @category options @since 0.1.0 */
export interface OpenOptions<Row, A = Row, I = unknown> {
  /** How the shards are read, such as `Format.jsonl()`. */
  readonly format: Format<Row>
  /** Its name in errors, lineage and cursors. Default: the locations, which cursors do not compare. */
  readonly name?: string
  /**
   * What each row goes through when it is read: a schema of `effect` or `@effect/schema`, or of any library that follows
   * Standard Schema. A row that does not fit is a `ShardError`. Default: rows are as the format gives them.
   */
  readonly schema?: RowSchema<A, I>
  /**
   * The file of the index. If it is there, the shards are those that it lists, and each is checked when it is first
   * read; else it is made. A file that holds something else is refused. `false` keeps no index. Default: a file in the cache folder (`FURROW_CACHE`, or `furrow` in the
   * user's cache folder), of which only shards that have not changed are used.
   */
  readonly index?: string | false
  /** How many bytes may be scanned for an index before this refuses. Default 2^40. */
  readonly limit?: number
  /** Called before the scan, and as it goes on. */
  readonly onProgress?: (progress: ScanProgress) => void
  /** How many bytes of decoded blocks are kept. A window of `Sampler.shuffleBlocks` must fit. Default 2^28. */
  readonly cacheBytes?: number
  /**
   * How many bytes of decoded blocks a run on fibers reads before its batches ask for them, within `cacheBytes`; one block at
   * least, and none at all if it is 0. Stores that are far away need as many as they send while a block is on its way.
   * Default 2^22 of local files, else 2^24.
   */
  readonly aheadBytes?: number
}

/** How many shards are indexed at once. */
const AT_ONCE = 4

/** A scan of more bytes than this is told in the log. */
const TOLD = 2 ** 26

/** A compressed byte takes longer than so many others: gzip is scanned at 10 to 50 MB/s, lines at about 1 GB/s. */
const UNPACKED = 8

/** How much is read ahead of local files, and of stores that may be far away. */
const NEAR = 2 ** 22
const FAR = 2 ** 24

const namesOf = {
  format: true,
  name: true,
  schema: true,
  index: "own",
  limit: true,
  onProgress: true,
  cacheBytes: true,
  aheadBytes: true
} as const

/** Returns options that are as they should be; throws `InvalidOption` otherwise. */
const optionsFrom = <Row, A, I>(locations: string | ReadonlyArray<string>, options: OpenOptions<Row, A, I>) => {
  const list = typeof locations === "string" ? [locations] : locations
  if (!Array.isArray(list) || list.length === 0) {
    const expected = "a location, or a list of at least one"
    throw new InvalidOption({ option: "the locations of Dataset.open", value: locations, expected })
  }
  for (const location of list) textOf("a location of Dataset.open", location)
  optionsOf("Dataset.open", options, namesOf)
  const isNear = list.every((location) => schemeOf(location) === "file")
  const { format, index, name, onProgress, schema } = options
  const given: unknown = format
  if (typeof given !== "object" || given === null || !("decode" in given) || !("index" in given)) {
    throw new InvalidOption({ option: "format", value: given, expected: "a format, such as Format.jsonl()" })
  }
  if (index !== undefined && index !== false) textOf("index", index, "the path of a file, or false")
  if (onProgress !== undefined) functionOf("onProgress", onProgress)
  return {
    locations: list,
    format,
    name: name === undefined ? list.join(", ") : textOf("name of Dataset.open", name),
    isNamed: name !== undefined,
    validate: schema === undefined ? undefined : validating(schema),
    index,
    limit: whole("limit", options.limit ?? 2 ** 40, 0),
    onProgress,
    cacheBytes: whole("cacheBytes", options.cacheBytes ?? 2 ** 28, 0),
    aheadBytes: whole("aheadBytes", options.aheadBytes ?? (isNear ? NEAR : FAR), 0)
  }
}

type Checked = ReturnType<typeof optionsFrom>

/**
 * Opens shards of one format as a dataset of rows: an immutable snapshot of which shards there are, of their versions, and
 * of the blocks that their rows lie in. A shard that changes later is an error when it is read.
 *
 * Of a folder the shards are the files with an ending of the format (`.jsonl`, `.ndjson`, `.jsonlines` and `.json` of JSON Lines,
 * also compressed), or all files if none has one; with wildcards they are what matches.
 *
 * Of a folder with a manifest, as `Sink.run` writes it, the shards are those that it names, and each is checked against its
 * SHA-256 before it is first read, and must have as many rows as that says. An index that you name goes without.
 *
 * Formats without a footer (JSONL, CSV, text) are scanned once, and the index is kept; see `index`. Reads go through the
 * `Store` that is there when the dataset is opened. Fails with `StoreError` if a shard cannot be listed or read, with
 * {@link ShardError} if one is not sound, and with `InvalidOption` for options that are not as said, or if more than
 * `limit` bytes had to be scanned.
 *
 * @category constructors
 * @since 0.1.0
 */
export const open = <Row, A = Row, I = unknown>(
  locations: string | ReadonlyArray<string>,
  options: OpenOptions<Row, A, I>
): Effect.Effect<ShardedDataset<A>, ReadError | InvalidOption> =>
  Effect.gen(function* () {
    const own = yield* checked(() => optionsFrom(locations, options))
    const store = yield* Store
    const { aheadBytes, cacheBytes, format, isNamed, locations: given, name, validate } = own
    const { index, scanned, shards } = yield* shardsFrom(own, store)
    const snapshot = Snapshot.make(agreed(format, shards))
    const shared = yield* sharedIn(format, snapshot, cacheBytes)
    // Of an index that was named the shards were not listed now.
    const isListed = index !== undefined && index === own.index && scanned === 0
    return make({
      name,
      isNamed,
      locations: given,
      format,
      snapshot,
      store: checking(isListed ? IndexStore.listedBy(index, store) : store),
      cacheBytes,
      aheadBytes,
      shared,
      validate,
      index,
      scanned
    })
  })

/** Where the blocks of a format are shared with other threads, and how. */
const sharedIn = <Row>(format: Format<Row>, snapshot: Snapshot.Snapshot, cacheBytes: number) =>
  Effect.gen(function* () {
    const blocks = format.shared && (yield* SharedMemory.memoryFor(text(format.made), snapshot, cacheBytes))
    return blocks && format.shared && { blocks, decode: yield* format.shared }
  })

/** The shards with their indexes, how many of these were made now, and where they are kept. */
interface Found {
  readonly shards: ReadonlyArray<Snapshot.IndexedShard>
  readonly scanned: number
  readonly index: string | undefined
}

/** The shards with their indexes: from a kept index, or by a scan. */
const shardsFrom = (own: Checked, store: StoreService) =>
  Effect.gen(function* () {
    const { format, index, locations } = own
    const kind = text(format.made)
    const named = index === false ? undefined : index
    if (named !== undefined) {
      const kept = yield* IndexStore.read(named, kind, false)
      if (kept?.every(({ info }) => hasVersion(info))) return { shards: kept, scanned: 0, index: named } satisfies Found
      if (yield* IndexStore.isOther(named)) {
        const expected =
          "the path of an index, or of no file yet: this file holds something else, and would be replaced"
        return yield* new InvalidOption({ option: "index", value: named, expected })
      }
    }
    const infos = yield* shardsAt(store, locations, format)
    const lasting = infos.filter(hasVersion)
    const isKept = index !== false && format.scans && lasting.length > 0
    const cached = isKept ? yield* IndexStore.placeFor(locations, kind) : undefined
    /** Indexes what is not known, and keeps the index. */
    const build = (known: ReadonlyArray<Snapshot.IndexedShard>): Effect.Effect<Found, ReadError | InvalidOption> =>
      Effect.gen(function* () {
        const scanned = missing(infos, known)
        const shards = yield* indexed(own, store, infos, known)
        const kept = shards.filter(({ info }) => hasVersion(info))
        const isCached =
          cached !== undefined && (missing(lasting, known) === 0 || (yield* IndexStore.keep(cached, kind, kept)))
        const isNamed = named !== undefined && (yield* writeNamed(named, kind, shards))
        return { shards, scanned, index: isNamed ? named : isCached ? cached : undefined }
      })
    if (cached === undefined) return yield* build([])
    const known = (yield* IndexStore.read(cached, kind, true)) ?? []
    if (missing(lasting, known) === 0) return yield* build(known)
    // Another process may build it meanwhile.
    return yield* IndexStore.alone(
      cached,
      Effect.flatMap(IndexStore.readAgain(cached, kind), (now = []) => build(now))
    )
  })

/** Whether a later opening can tell if an object is still the one whose index is kept. */
const hasVersion = ({ version }: ObjectInfo): boolean => version !== ""

/** Writes the index that the user names, which must be of all shards: it is their list. `false`, with a warning, if it is not kept. */
const writeNamed = (path: string, format: string, shards: ReadonlyArray<Snapshot.IndexedShard>) =>
  Effect.gen(function* () {
    const unknown = shards.find(({ info }) => !hasVersion(info))
    if (unknown === undefined && (yield* IndexStore.write(path, format, shards))) return true
    const reason =
      unknown === undefined
        ? "cannot be written"
        : `is not kept, since ${unknown.info.location} has no version (an ETag or Last-Modified) by which a change would be noticed`
    return yield* Effect.as(
      Effect.logWarning(`the index ${path} ${reason}, so the shards are indexed again at each opening`),
      false
    )
  })

/** The kept indexes of shards that are as they were. */
const reusable = (known: ReadonlyArray<Snapshot.IndexedShard>) => {
  const byLocation = new Map(known.map((own) => [own.info.location, own]))
  return (info: ObjectInfo): Snapshot.IndexedShard | undefined => {
    const own = byLocation.get(info.location)
    if (own === undefined || !hasVersion(info) || own.info.size !== info.size) return undefined
    if (!sameVersion(own.info.version, info.version)) return undefined
    // An address may have been signed again.
    return { ...own, info }
  }
}

const missing = (infos: ReadonlyArray<ObjectInfo>, known: ReadonlyArray<Snapshot.IndexedShard> = []): number => {
  const kept = reusable(known)
  return infos.filter((info) => kept(info) === undefined).length
}

/** Indexes the shards that have no kept index. */
const indexed = (
  { format, limit, name, onProgress }: Checked,
  store: StoreService,
  infos: ReadonlyArray<ObjectInfo>,
  known: ReadonlyArray<Snapshot.IndexedShard>
) =>
  Effect.gen(function* () {
    const kept = reusable(known)
    const todo = infos.filter((info) => kept(info) === undefined)
    const bytes = format.scans ? todo.reduce((sum, { size }) => sum + size, 0) : 0
    if (bytes > limit) {
      const expected = `at least ${bytes}: so many bytes of ${plural(todo.length, "shard")} must be read to index dataset ${name}; give a higher limit, or the file of an index`
      return yield* new InvalidOption({ option: "limit", value: limit, expected })
    }
    const work = todo.reduce((sum, { location, size }) => sum + size * (isCompressed(location) ? UNPACKED : 1), 0)
    let shardsDone = 0
    let bytesDone = 0
    const tell = Effect.sync(() => onProgress?.({ shards: todo.length, shardsDone, bytes, bytesDone }))
    if (todo.length > 0 && format.scans) {
      if (work > TOLD)
        yield* Effect.logInfo(
          `scanning ${plural(bytes, "byte")} of ${plural(todo.length, "shard")} to index dataset ${name}`
        )
      yield* tell
    }
    const told = (shard: Shard): Shard => ({
      ...shard,
      read: (offset, length) =>
        Effect.tap(shard.read(offset, length), () => {
          bytesDone = Math.min(bytes, bytesDone + length)
          return tell
        })
    })
    const shards = yield* Effect.forEach(
      infos,
      (info) => {
        const own = kept(info)
        if (own !== undefined) return Effect.succeed(own)
        const { seen, shard } = seeing(shardOf(store, info), format.scans, sha256ByManifest(info))
        const indexOf = (own: Shard) => format.index(format.scans ? told(own) : own)
        return Effect.tap(
          Effect.map(refusingPointer(shard, format.name, indexOf), (index) => ({ info, index, seen: seen() })),
          () => {
            shardsDone++
            return format.scans ? tell : Effect.void
          }
        )
      },
      { concurrency: AT_ONCE }
    )
    yield* counted(format, shards)
    return yield* Effect.as(alike(format, agreed(format, shards)), shards)
  })

/** Fails if a shard has more or fewer rows than its manifest says. */
const counted = (
  format: Format<unknown>,
  shards: ReadonlyArray<Snapshot.IndexedShard>
): Effect.Effect<void, ShardError> => {
  for (const { index, info } of shards) {
    const expected = rowsByManifest(info, format.name)
    if (expected === undefined) continue
    const rows = index.blocks.reduce((sum, block) => sum + block.rows, 0)
    if (rows === expected) continue
    const reason = `it has ${plural(rows, "row")}, and by its manifest ${expected}; open it with the options that it was written with, or write it again`
    return Effect.fail(new ShardError({ shard: info.location, format: format.name, reason }))
  }
  return Effect.void
}

/** The shards, with what the index of one leaves open as those of the others have it. */
const agreed = (format: Format<unknown>, shards: ReadonlyArray<Snapshot.IndexedShard>) => {
  if (format.agree === undefined) return shards
  const indexes = format.agree(shards.map(({ index }) => index))
  return shards.map((own, place) => ({ ...own, index: indexes[place] ?? own.index }))
}

/** Columns with their types, of a format that has such. */
const columnsOf = ({ columns, header }: ShardIndex) =>
  columns ?? columnsIn(header)?.map(({ name, type }) => [name, type] as const) ?? []

/** Fails if the rows of two shards are not alike. */
const alike = (
  format: Format<unknown>,
  shards: ReadonlyArray<Snapshot.IndexedShard>
): Effect.Effect<void, ShardError> => {
  const first = shards.find(({ index }) => index.schema !== undefined)
  const other = shards.find(({ index }) => index.schema !== undefined && index.schema !== first?.index.schema)
  if (first === undefined || other === undefined) return Effect.void
  const schemas = [other.index.schema, first.index.schema] as const
  const what = differing(columnsOf(other.index), columnsOf(first.index), first.info.location, schemas)
  const way =
    "declare the types of columns of CSV (types, --types), or choose columns that all shards of Parquet or Arrow have (columns, --columns)"
  const reason = `${what}; open shards of one schema, ${way}`
  return Effect.fail(new ShardError({ shard: other.info.location, format: format.name, reason }))
}
