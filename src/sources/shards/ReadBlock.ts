/**
 * Reads a block of a shard, and has its format decode it.
 *
 * @since 0.1.0
 */

import * as Effect from "effect/Effect"
import { giveBack, take } from "../../core/ReadBuffers.ts"
import { attempt, miscounted } from "../formats/Fault.ts"
import type {
  Block,
  BlockPlace,
  DecodedBlock,
  Format,
  RowBytes,
  Shard,
  ShardError,
  SharedDecode
} from "../formats/Format.ts"
import type { ObjectInfo, StoreError, StoreService } from "../store/Store.ts"
import type { SharedReading } from "./SharedCache.ts"
import type { BlockAt, Snapshot } from "./Snapshot.ts"

/** How many ranges of one block are read at once. */
const AT_ONCE = 8

type ReadError = ShardError | StoreError

/** Returns a shard that reads from a store. @since 0.1.0 */
export const shardOf = (store: StoreService, info: ObjectInfo): Shard => ({
  info,
  read: (offset, length) => store.read(info, offset, length),
  stream: (offset) => store.stream(info, offset)
})

const placeOf = (store: StoreService, { firstRow, number, shard: { index, info } }: BlockAt): BlockPlace => ({
  shard: shardOf(store, info),
  index,
  number,
  firstRow
})

/** Reads and decodes a block. @since 0.1.0 */
export const decodeAt = <Row>(
  format: Format<Row>,
  store: StoreService,
  at: BlockAt
): Effect.Effect<DecodedBlock<Row>, ReadError> => {
  const { block } = at
  const place = placeOf(store, at)
  return Effect.flatMap(bytesOf(place.shard, block), (bytes) => {
    const decoded = attempt(() => format.decode(bytes, block, place))
    const checked = (own: DecodedBlock<Row>) => sized(format, block, place, own)
    return Effect.flatMap(decoded, (own) => (Effect.isEffect(own) ? Effect.flatMap(own, checked) : checked(own)))
  })
}

/** Fails unless a block has as many rows as its index says. */
const sized = <Row>(
  format: Format<Row>,
  block: Block,
  place: BlockPlace,
  own: DecodedBlock<Row>
): Effect.Effect<DecodedBlock<Row>, ShardError> =>
  own.size === block.rows ? Effect.succeed(own) : Effect.fail(miscounted(format.name, block, place, own.size))

/** Reads a block to find the bytes of its rows; `undefined` if the format's rows have none. @since 0.1.0 */
export const bytesAt = (
  { locate, name }: Format<unknown>,
  store: StoreService,
  at: BlockAt
): Effect.Effect<RowBytes, ReadError> | undefined => {
  if (locate === undefined) return undefined
  const { block } = at
  const place = placeOf(store, at)
  return Effect.flatMap(bytesOf(place.shard, block), (bytes) =>
    Effect.flatMap(
      attempt(() => locate(bytes, block, place)),
      (found) => {
        const own = Effect.isEffect(found) ? found : Effect.succeed(found)
        const isWhole = ({ starts }: RowBytes): boolean => starts.length === block.rows
        return Effect.filterOrFail(own, isWhole, ({ starts }) => miscounted(name, block, place, starts.length))
      }
    )
  )
}

/** How blocks are read that threads share. @since 0.1.0 */
export const sharedReading = <Row>(
  format: Format<Row>,
  { unpack, view }: SharedDecode<Row>,
  store: StoreService,
  snapshot: Snapshot
): SharedReading<Row, ReadError> => {
  const viewed = (at: BlockAt, parts: ReadonlyArray<Uint8Array>) => view(parts, at.block, placeOf(store, at))
  return {
    unpack: (number) => {
      const at = snapshot.at(number)
      const place = placeOf(store, at)
      return Effect.flatMap(bytesOf(place.shard, at.block), (bytes) =>
        Effect.flatMap(
          attempt(() => unpack(bytes, at.block, place)),
          (own) => {
            const parts = Effect.isEffect(own) ? own : Effect.succeed(own)
            return Effect.tap(parts, (own) => sized(format, at.block, place, viewed(at, own)))
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
    const bytes = take(parts.reduce((sum, own) => sum + own.length, 0))
    let at = 0
    for (const own of parts) {
      bytes.set(own, at)
      at += own.length
      giveBack(own)
    }
    return bytes
  })
}
