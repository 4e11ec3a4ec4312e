/**
 * Indexed shards as a dataset: random access to rows, by reading and decoding the blocks that they lie in.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Exit from "effect/Exit"
import { concurrent } from "../../core/Concurrent.ts"
import { Made } from "../../core/Parameters.ts"
import { effectful } from "../EffectDataset.ts"
import { attempt } from "../formats/Fault.ts"
import {
  type Block,
  type BlockPlace,
  type DecodedBlock,
  type Format,
  type Shard,
  ShardError,
  type SharedDecode
} from "../formats/Format.ts"
import type { Dataset, Lineage } from "../RandomAccess.ts"
import type { ObjectInfo, StoreError, StoreService } from "../store/Store.ts"
import type { CacheStats } from "./BlockCache.ts"
import * as BlockCache from "./BlockCache.ts"
import type { Validate } from "./RowSchema.ts"
import type { SharedBlocks } from "./SharedBlocks.ts"
import type { SharedReading } from "./SharedCache.ts"
import * as SharedCache from "./SharedCache.ts"
import type { BlockAt, IndexedShard, Snapshot } from "./Snapshot.ts"

/** How many blocks of one batch are read at once. */
const AT_ONCE = 8

/** From so many blocks on that were decoded again, a warning says so, once. */
const AGAIN = 64

/** What reads of rows fail with. @category errors @since 0.1.0 */
export type ReadError = ShardError | StoreError

/** Whether an index is one of `size`. */
const within = (index: number, size: number): boolean => index >= 0 && index < size && Number.isInteger(index)

/** What is known of the shards of a dataset. @category models @since 0.1.0 */
export interface Sharded {
  /** The shards, with their blocks. */
  readonly shards: ReadonlyArray<IndexedShard>
  /** The file in which the index is kept; `undefined` if it is not. */
  readonly index: string | undefined
  /** How many shards were indexed when the dataset was opened: the others are from a kept index. */
  readonly scanned: number
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
  readonly format: Format<Row>
  readonly snapshot: Snapshot
  readonly store: StoreService
  /** How many bytes of decoded blocks are kept. */
  readonly cacheBytes: number
  readonly validate: Validate<A> | undefined
  /** Where blocks are shared with other threads. */
  readonly shared: { readonly blocks: SharedBlocks; readonly decode: SharedDecode<Row> } | undefined
  /** See {@link Sharded}. */
  readonly index: string | undefined
  readonly scanned: number
}

/** Returns a shard that reads from a store. @since 0.1.0 */
export const shardOf = (store: StoreService, info: ObjectInfo): Shard => ({
  info,
  read: (offset, length) => store.read(info, offset, length),
  stream: (offset) => store.stream(info, offset)
})

/** Reads and decodes a block. @since 0.1.0 */
const decodeAt = <Row>(
  format: Format<Row>,
  store: StoreService,
  at: BlockAt
): Effect.Effect<DecodedBlock<Row>, ReadError> => {
  const {
    block,
    firstRow,
    number,
    shard: { index, info }
  } = at
  const shard = shardOf(store, info)
  return Effect.flatMap(bytesOf(shard, block), (bytes) => {
    const decoded = attempt(() => format.decode(bytes, block, { shard, index, number, firstRow }))
    const checked = (own: DecodedBlock<Row>) => sized(format, at, own)
    return Effect.flatMap(decoded, (own) => (Effect.isEffect(own) ? Effect.flatMap(own, checked) : checked(own)))
  })
}

/** Fails unless a block has as many rows as its index says. */
const sized = <Row>(
  format: Format<Row>,
  { block, firstRow, shard }: BlockAt,
  own: DecodedBlock<Row>
): Effect.Effect<DecodedBlock<Row>, ShardError> => {
  if (own.size === block.rows) return Effect.succeed(own)
  const reason = `a block has ${own.size} rows, and by its index ${block.rows}; remove the kept index, so that it is made again`
  return Effect.fail(
    new ShardError({ shard: shard.info.location, format: format.name, row: firstRow, byte: block.offset, reason })
  )
}

/** How blocks are read that threads share. */
const sharedReading = <Row>(
  format: Format<Row>,
  { unpack, view }: SharedDecode<Row>,
  store: StoreService,
  snapshot: Snapshot
): SharedReading<Row, ReadError> => {
  const placeOf = ({ firstRow, number, shard: { index, info } }: BlockAt): BlockPlace => ({
    shard: shardOf(store, info),
    index,
    number,
    firstRow
  })
  const viewed = (at: BlockAt, parts: ReadonlyArray<Uint8Array>) => view(parts, at.block, placeOf(at))
  return {
    unpack: (number) => {
      const at = snapshot.at(number)
      const place = placeOf(at)
      return Effect.flatMap(bytesOf(place.shard, at.block), (bytes) =>
        Effect.flatMap(
          attempt(() => unpack(bytes, at.block, place)),
          (own) => {
            const parts = Effect.isEffect(own) ? own : Effect.succeed(own)
            return Effect.tap(parts, (own) => sized(format, at, viewed(at, own)))
          }
        )
      )
    },
    view: (number, parts) => viewed(snapshot.at(number), parts)
  }
}

/** The bytes of a block: a stretch, or several ranges one behind the other. */
const bytesOf = (shard: Shard, { length, offset, ranges }: Block): Effect.Effect<Uint8Array, StoreError> => {
  if (ranges === undefined) return shard.read(offset, length)
  const reads = ranges.map(([from, own]) => shard.read(from, own))
  return Effect.map(Effect.all(reads, { concurrency: AT_ONCE }), (parts) => {
    const [first] = parts
    if (parts.length === 1 && first !== undefined) return first
    const bytes = new Uint8Array(parts.reduce((sum, own) => sum + own.length, 0))
    let at = 0
    for (const own of parts) {
      bytes.set(own, at)
      at += own.length
    }
    return bytes
  })
}

/** Some rows of a batch that lie in one block. */
interface Asked {
  readonly block: number
  /** The places of the rows in the batch. */
  readonly places: Array<number>
}

/** Groups the rows of a batch by blocks, in the order in which the blocks first come. */
const grouped = (snapshot: Snapshot, indices: ReadonlyArray<number>): ReadonlyArray<Asked> => {
  const groups: Array<Asked> = []
  const known = new Map<number, Asked>()
  let last: Asked | undefined
  for (const [place, index] of indices.entries()) {
    const { starts } = snapshot
    const near = last?.block
    const block =
      near !== undefined && index >= (starts[near] as number) && index < (starts[near + 1] as number) // a block's ends
        ? near
        : snapshot.blockOf(index)
    if (block !== near) last = known.get(block)
    if (last === undefined) {
      last = { block, places: [] }
      known.set(block, last)
      groups.push(last)
    }
    last.places.push(place)
  }
  return groups
}

/** @since 0.1.0 */
export const make = <Row, A>({
  cacheBytes,
  format,
  index,
  name,
  scanned,
  shared,
  snapshot,
  store,
  validate
}: Parts<Row, A>): ShardedDataset<A> => {
  const { starts } = snapshot
  const cache =
    shared === undefined
      ? BlockCache.make<Row, ReadError>(cacheBytes, (block) => decodeAt(format, store, snapshot.at(block)))
      : SharedCache.make<Row, ReadError>(shared.blocks, sharedReading(format, shared.decode, store, snapshot))
  let told = false

  /** The rows of a block, checked by the schema. Throws {@link ShardError}. */
  const take = (cached: BlockCache.CachedBlock<Row>, asked: Asked, indices: ReadonlyArray<number>, into: Array<A>) => {
    const first = starts[asked.block] as number // a block that there is
    const { decoded } = cached
    for (const place of asked.places) {
      const at = (indices[place] as number) - first // a row of the batch
      const row = decoded.row(at)
      // Without a schema a row is what the format gives, which is then what the dataset gives.
      into[place] = validate === undefined ? (row as unknown as A) : valid(validate, asked.block, at, row)
    }
    cache.given(cached, asked.places.length)
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

  /** Says once that the order makes blocks be decoded again and again. */
  const slow = Effect.suspend(() => {
    const { again, decoded } = cache.stats()
    if (told || again < AGAIN || again < snapshot.starts.length / 2) return Effect.void
    told = true
    const found = `${again} of ${decoded} blocks of dataset ${name} were decoded although they had been before, since not all are kept`
    return Effect.logWarning(
      `${found} until their rows have been asked for. Use Sampler.shuffleBlocks, or raise cacheBytes, now ${cacheBytes}`
    )
  })

  const getMany = (indices: ReadonlyArray<number>): Effect.Effect<Array<A>, ReadError> =>
    Effect.suspend(() => {
      const rows = new Array<A>(indices.length)
      const missing: Array<Asked> = []
      const groups = grouped(snapshot, indices)
      const begin = attempt(() =>
        cache.hold(() => {
          for (const asked of groups) {
            const cached = cache.get(asked.block)
            if (cached === undefined) missing.push(asked)
            else take(cached, asked, indices, rows)
          }
          // What others read is there soon enough.
          missing.sort((a, b) => Number(cache.isPending(a.block)) - Number(cache.isPending(b.block)))
        })
      )
      // Each block's rows are taken as soon as it is there: the batch may need more blocks than the cache holds.
      const loaded = (at: number) => {
        const asked = missing[at] as Asked // below the length
        return cache.load(asked.block, (cached) => take(cached, asked, indices, rows))
      }
      return Effect.flatMap(begin, () =>
        missing.length === 0
          ? Effect.succeed(rows)
          : Effect.flatMap(
              concurrent(missing.length, AT_ONCE, loaded, (_, cause) => Exit.failCause(cause)),
              () => Effect.as(slow, rows)
            )
      )
    })

  /** The rows, if their blocks are all kept and none of them is bad. */
  const ready = (indices: ArrayLike<number>): Array<A> | undefined => cache.hold(() => readyNow(indices))

  const readyNow = (indices: ArrayLike<number>): Array<A> | undefined => {
    const count = indices.length
    const blocks = new Array<BlockCache.CachedBlock<Row>>(count)
    const firsts = new Float64Array(count)
    let cached: BlockCache.CachedBlock<Row> | undefined
    let first = 0
    let end = 0
    for (let place = 0; place < count; place++) {
      const index = indices[place] as number // below the length
      if (index < first || index >= end || cached === undefined) {
        if (!within(index, snapshot.size)) return undefined
        const block = snapshot.blockOf(index)
        cached = cache.get(block)
        if (cached === undefined) return undefined
        first = starts[block] as number // a block that there is
        end = starts[block + 1] as number // as above
      } else if (!Number.isInteger(index)) return undefined
      blocks[place] = cached
      firsts[place] = first
    }
    const rows = new Array<A>(count)
    try {
      for (let place = 0; place < count; place++) {
        const { decoded } = blocks[place] as BlockCache.CachedBlock<Row> // below the length, as all here
        // Without a schema a row is what the format gives, which is then what the dataset gives.
        rows[place] = decoded.row((indices[place] as number) - (firsts[place] as number)) as unknown as A
      }
    } catch (thrown) {
      // `getMany` says which row it is.
      if (thrown instanceof ShardError) return undefined
      throw thrown
    }
    for (let place = 0; place < count; place++) cache.given(blocks[place] as BlockCache.CachedBlock<Row>, 1)
    return rows
  }

  const lineage = (index: number): Lineage => {
    const block = snapshot.blockOf(index)
    const { firstRow, shard } = snapshot.at(block)
    return { dataset: name, shard: shard.info.location, row: firstRow + index - (starts[block] as number) }
  }

  return Object.assign(
    effectful<A, ReadError, never>({
      name,
      size: () => snapshot.size,
      made: new Made(
        "open",
        { name, format: format.made, schema: validate !== undefined },
        validate === undefined ? undefined : `the schema of dataset ${JSON.stringify(name)}`
      ),
      content: snapshot.content,
      batched: true,
      blocks: starts,
      lineage,
      // A schema is a user's code.
      ready: validate === undefined ? ready : undefined,
      get: (index) => Effect.map(getMany([index]), ([row]) => row as A), // as many rows as indices
      getMany
    }),
    { sharded: { shards: snapshot.shards, index, scanned, stats: cache.stats } }
  )
}
