/**
 * Indexed shards as a dataset: random access to rows, by reading and decoding the blocks that they lie in.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import type { ColumnArrays } from "../../core/ColumnArrays.ts"
import { Made } from "../../core/Parameters.ts"
import { type ColumnRows, type Gather, Places, runFrom } from "../Columnar.ts"
import { effectful } from "../EffectDataset.ts"
import { type Format, ShardError, type SharedDecode } from "../formats/Format.ts"
import { type Dataset, type EachRead, IndexError } from "../RandomAccess.ts"
import type { StoreError, StoreService } from "../store/Store.ts"
import type { CacheStats } from "./BlockCache.ts"
import * as BlockCache from "./BlockCache.ts"
import { Garbage } from "./Garbage.ts"
import { GatheredRows, rowsOfBlock } from "./GatherColumns.ts"
import { locating } from "./Locate.ts"
import { namedByPlace } from "./Place.ts"
import * as ReadAhead from "./ReadAhead.ts"
import { decodeAt, sharedReading } from "./ReadBlock.ts"
import type { Validate } from "./RowSchema.ts"
import { allRows, rowsAt, rowsIn, runIn } from "./RowsAt.ts"
import { type Asked, BadRows, grouped, placesIn, within } from "./RowsByBlock.ts"
import type { SharedBlocks } from "./SharedBlocks.ts"
import * as SharedCache from "./SharedCache.ts"
import { SlowOrder } from "./SlowOrder.ts"
import type { IndexedShard, Snapshot } from "./Snapshot.ts"
import * as TakeByBlock from "./TakeByBlock.ts"

/** What reads of rows fail with. @category errors @since 0.1.0 */
export type ReadError = ShardError | StoreError

/** What is known of the shards of a dataset. @category models @since 0.1.0 */
export interface Sharded {
  /** The shards, with their blocks. */
  readonly shards: ReadonlyArray<IndexedShard>
  /** The file in which the index is kept; `undefined` if it is not. */
  readonly index: string | undefined
  /** How many shards were indexed when the dataset was opened: the others are from a kept index. */
  readonly scanned: number
  /** How many bytes of decoded blocks are kept. */
  readonly cacheBytes: number
  /** What was decoded so far, and what of it is kept. */
  readonly stats: () => CacheStats
}

/** A dataset of shards. @category models @since 0.1.0 */
export interface ShardedDataset<out A> extends Dataset<A, ReadError> {
  readonly sharded: Sharded
}

/** @since 0.1.0 */
export interface Parts<Row, A> {
  readonly name: string
  /** As they were given. */
  readonly locations: ReadonlyArray<string>
  /** Whether the name was given; else it is where the shards lie. */
  readonly isNamed: boolean
  readonly format: Format<Row>
  readonly snapshot: Snapshot
  readonly store: StoreService
  /** How many bytes of decoded blocks are kept. */
  readonly cacheBytes: number
  /** How many bytes of blocks are read before a batch asks for them. */
  readonly aheadBytes: number
  readonly validate: Validate<A> | undefined
  /** Where blocks are shared with other threads. */
  readonly shared: { readonly blocks: SharedBlocks; readonly decode: SharedDecode<Row> } | undefined
  /** See {@link Sharded}. */
  readonly index: string | undefined
  readonly scanned: number
}

/** Returns what `run` returns; `undefined` if it finds a bad row: `getMany` says which one it is. */
const soundly = <A>(run: () => A): A | undefined => {
  try {
    return run()
  } catch (thrown) {
    if (thrown instanceof ShardError) return undefined
    throw thrown
  }
}

/** @since 0.1.0 */
export const make = <Row, A>({
  aheadBytes,
  cacheBytes,
  format,
  index,
  isNamed,
  locations,
  name,
  scanned,
  shared,
  snapshot,
  store,
  validate
}: Parts<Row, A>): ShardedDataset<A> => {
  const { starts } = snapshot
  const sizes: BlockCache.BlockSizes = {
    count: starts.length - 1,
    all: snapshot.bytes,
    bytesOf: (number) => {
      const { block } = snapshot.at(number)
      return block.bytes ?? block.length
    }
  }
  const cache =
    shared === undefined
      ? BlockCache.make<Row, ReadError>(cacheBytes, sizes, (block) => decodeAt(format, store, snapshot.at(block)))
      : SharedCache.make<Row, ReadError>(shared.blocks, sharedReading(format, shared.decode, store, snapshot))
  const garbage = new Garbage(() => cache.stats().bytes)
  const slow = new SlowOrder(name, cacheBytes, sizes, cache.stats)
  const byBlock = TakeByBlock.make<Row, StoreError>(cache, slow.warn)

  /** Counts rows of a block as given, each as an object of its own. */
  const given = (cached: BlockCache.CachedBlock<Row>, rows: number): void => {
    cache.given(cached, rows)
    garbage.given((rows / cached.decoded.size) * cached.bytes)
  }

  /** Takes the rows of a block, checked by the schema; notes those that are bad. */
  const take = (
    cached: BlockCache.CachedBlock<Row>,
    asked: Asked,
    indices: ReadonlyArray<number>,
    into: Array<A>,
    bad: BadRows
  ) => {
    const first = starts[asked.block] as number // a block that there is
    const { decoded } = cached
    const places = Float64Array.from(asked.places, (place) => (indices[place] as number) - first) // a row of the batch
    const before = bad.errors.size
    const run = runIn(decoded, Places.of(places))
    const rowAt = run === undefined ? rowsAt([decoded], new Uint32Array(places.length), places) : undefined
    for (const [own, place] of asked.places.entries()) {
      const at = places[own] as number // as many as rows that are asked for
      try {
        const row = rowAt === undefined ? (run?.[own] as Row) : rowAt(own) // one of them is there
        // Without a schema a row is what the format gives, which is then what the dataset gives.
        into[place] = validate === undefined ? (row as unknown as A) : valid(validate, asked.block, at, row)
      } catch (thrown) {
        if (!(thrown instanceof ShardError)) throw thrown
        bad.note(place, thrown)
      }
    }
    given(cached, asked.places.length - (bad.areGiven ? 0 : bad.errors.size - before))
  }

  const valid = (check: Validate<A>, block: number, at: number, row: Row): A => {
    const own = check(row)
    if (Either.isRight(own)) return own.right
    const { firstRow, shard } = snapshot.at(block)
    throw new ShardError({
      shard: shard.info.location,
      format: format.name,
      row: firstRow + at,
      reason: `it does not fit the schema: ${own.left}; correct the row or the schema`
    })
  }

  /** Reads rows, each checked once, and notes those that are bad; blocks that are known to be bad are not read again. */
  const read = (
    indices: ReadonlyArray<number>,
    bad: BadRows,
    known?: BadRows["blocks"]
  ): Effect.Effect<Array<A>, ReadError> =>
    Effect.suspend(() => {
      const rows = new Array<A>(indices.length)
      const into: TakeByBlock.Take<Row> = (cached, asked) => take(cached, asked, indices, rows, bad)
      const missing = byBlock.kept(grouped(snapshot, indices), into, bad).filter((asked) => {
        const error = known?.get(asked.block)
        if (error !== undefined) bad.noteBlock(asked, error)
        return error === undefined
      })
      return missing.length === 0 ? Effect.succeed(rows) : Effect.as(byBlock.loaded(missing, into, bad), rows)
    })

  const getMany = (indices: ReadonlyArray<number>): Effect.Effect<Array<A>, ReadError> =>
    Effect.suspend(() => {
      const bad = new BadRows(false)
      return Effect.flatMap(read(indices, bad), (rows) =>
        bad.first === undefined ? Effect.succeed(rows) : Effect.fail(bad.first)
      )
    })

  /** The bad blocks of a batch that could not be gathered, by the error that this failed with. */
  const ungathered = new WeakMap<ShardError, BadRows["blocks"]>()

  const getEach = (indices: ReadonlyArray<number>, after: unknown): Effect.Effect<EachRead<A, ReadError>, ReadError> =>
    Effect.suspend(() => {
      const bad = new BadRows(true)
      const known = after instanceof ShardError ? ungathered.get(after) : undefined
      return Effect.map(read(indices, bad, known), (samples) => ({ samples, failed: bad.errors }))
    })

  /** The part that each block was of the last batch that asked for it. */
  const partOf = new Uint32Array(sizes.count)

  /** The rows, if their blocks are all kept and none of them is bad. */
  const ready = (indices: ArrayLike<number>): Array<A> | undefined => cache.hold(() => readyNow(indices))

  const readyNow = (indices: ArrayLike<number>): Array<A> | undefined => {
    const count = indices.length
    if (count > 0 && runFrom(indices, 0) === count) return readyRun(indices[0] as number, count) // there is one
    /** The blocks, their numbers, and how many of the rows each has. */
    const parts: Array<BlockCache.CachedBlock<Row>> = []
    const numbers: Array<number> = []
    const counts: Array<number> = []
    const of = new Uint32Array(count)
    const places = new Float64Array(count)
    let own = 0
    let first = 0
    let end = 0
    for (let place = 0; place < count; place++) {
      const index = indices[place] as number // below the length
      if (!(index >= first && index < end)) {
        if (!within(index, snapshot.size)) return undefined
        const block = snapshot.blockOf(index)
        own = partOf[block] as number // a block that there is
        if (numbers[own] !== block) {
          const cached = cache.get(block)
          if (cached === undefined) return undefined
          own = parts.push(cached) - 1
          numbers.push(block)
          partOf[block] = own
          counts.push(0)
        }
        first = starts[block] as number // a block that there is
        end = starts[block + 1] as number // as above
      } else if (!Number.isInteger(index)) return undefined
      of[place] = own
      places[place] = index - first
      counts[own] = (counts[own] as number) + 1 // one of the blocks
    }
    const rows = soundly(() => {
      const decoded = parts.map((cached) => cached.decoded)
      // Without a schema a row is what the format gives, which is then what the dataset gives.
      return allRows(decoded, of, places) as unknown as Array<A>
    })
    if (rows === undefined) return undefined
    for (const [at, cached] of parts.entries()) given(cached, counts[at] as number) // as many as blocks
    return rows
  }

  /** The same of rows that follow one another, in as many blocks as they lie in. */
  const readyRun = (first: number, count: number): Array<A> | undefined => {
    const behind = first + count
    if (!within(first, snapshot.size) || behind > snapshot.size) return undefined
    const parts: Array<{ readonly cached: BlockCache.CachedBlock<Row>; readonly places: Places }> = []
    for (let index = first; index < behind; ) {
      const block = snapshot.blockOf(index)
      const cached = cache.get(block)
      if (cached === undefined) return undefined
      const end = Math.min(behind, starts[block + 1] as number) // here and below: a block that there is
      parts.push({ cached, places: Places.run(index - (starts[block] as number), end - index) })
      index = end
    }
    // Without a schema a row is what the format gives, which is then what the dataset gives.
    const rows = soundly(() => parts.map(({ cached, places }) => rowsIn(cached.decoded, places) as unknown as Array<A>))
    if (rows === undefined) return undefined
    for (const { cached, places } of parts) given(cached, places.size)
    return rows.length === 1 ? rows[0] : rows.flat()
  }

  /** The rows as rows of their blocks' columns. */
  const gather: Gather<ReadError | IndexError> = (indices, arrays) => {
    // Of blocks that threads share nothing is kept, so rows are copied.
    const places = shared === undefined ? placesIn(snapshot, indices) : undefined
    // A block that has to be read may be dropped before its rows are used, and its memory be that of another one.
    const cached = places === undefined ? undefined : cache.get(snapshot.blockOf(indices[0] as number)) // there is one
    if (cached === undefined || places === undefined) return gatherMany(indices, arrays)
    const { columns } = cached.decoded
    if (columns === undefined) return undefined
    const own = soundly(() => rowsOfBlock(columns, places))
    if (own !== undefined) cache.given(cached, places.size)
    return own
  }

  /** The same of rows that do not lie in one block. */
  const gatherMany = (
    indices: ArrayLike<number>,
    arrays: ColumnArrays | undefined
  ): ReturnType<Gather<ReadError | IndexError>> => {
    for (let place = 0; place < indices.length; place++) {
      const index = indices[place] as number // below the length
      if (!within(index, snapshot.size))
        return Effect.fail(new IndexError({ dataset: name, index, size: snapshot.size }))
    }
    const gathered = new GatheredRows(indices.length, arrays)
    let fits = true
    const take = (cached: BlockCache.CachedBlock<Row>, { block, places }: Asked): void => {
      const { columns } = cached.decoded
      const first = starts[block] as number // a block that there is
      const rows = new Float64Array(places.length)
      for (let at = 0; at < rows.length; at++) rows[at] = (indices[places[at] as number] as number) - first // a row of the batch
      fits = fits && columns !== undefined && soundly(() => gathered.take(columns, rows, places)) === true
      if (fits) cache.given(cached, rows.length)
    }
    const bad = new BadRows(false)
    const missing = byBlock.kept(grouped(snapshot, indices), take, bad)
    const rows = (): ColumnRows | undefined => (fits ? gathered.rows() : undefined)
    if (missing.length === 0) return rows()
    return Effect.flatMap(byBlock.loaded(missing, take, bad), () => {
      const { blocks, first } = bad
      if (first === undefined) return Effect.succeed(rows())
      ungathered.set(first, blocks)
      return Effect.fail(first)
    })
  }

  const made = new Made(
    "open",
    { name, format: format.made, schema: validate !== undefined },
    [validate && `the schema of dataset ${JSON.stringify(name)}`, snapshot.unseen(name)]
      .filter((part) => part !== undefined)
      .join(", and ") || undefined
  )
  return Object.assign(
    effectful<A, ReadError, never>({
      name,
      size: () => snapshot.size,
      made: isNamed ? made : namedByPlace(made, name),
      content: snapshot.content,
      batched: true,
      reorderedBy: slow.reorderedBy,
      readInWindows: slow.readInWindows,
      blocks: starts,
      locations,
      ...locating(name, format, store, snapshot),
      // A schema is a user's code.
      ready: validate === undefined ? ready : undefined,
      readAhead:
        aheadBytes === 0
          ? undefined
          : Effect.zipRight(
              Effect.sync(() => garbage.begin()),
              ReadAhead.make({
                cache,
                most: aheadBytes,
                blockOf: (index) => (within(index, snapshot.size) ? snapshot.blockOf(index) : undefined),
                bytesOf: sizes.bytesOf,
                starts
              })
            ),
      gather: validate === undefined && format.hasColumns === true ? gather : undefined,
      get: (index) => Effect.map(getMany([index]), ([row]) => row as A), // as many rows as indices
      getMany,
      getEach
    }),
    { sharded: { shards: snapshot.shards, index, scanned, cacheBytes, stats: cache.stats } }
  )
}
