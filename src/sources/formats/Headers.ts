/**
 * What decoding needs of a shard besides a block's bytes, where that is large: a footer, dictionaries. The shards read last have
 * theirs in memory, as many as go into a bound; that of any other shard is read again, which is when the shard is checked
 * against its index.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import type { StoreError } from "../store/Store.ts"
import type { BlockPlace, Shard, ShardError, ShardIndex } from "./Format.ts"
import { shardError } from "./Located.ts"
import { Malformed } from "./Malformed.ts"

/** @since 0.1.0 */
export interface Indexed<H> {
  readonly index: ShardIndex
  readonly header: H
  /** How many bytes the header takes, about. */
  readonly bytes: number
}

type Failure = ShardError | StoreError

/** @since 0.1.0 */
export interface Headers<H> {
  readonly index: (shard: Shard) => Effect.Effect<ShardIndex, Failure>
  /** Runs `decode` with the header of the block's shard: at once if it is in memory. */
  readonly use: <A>(
    place: BlockPlace,
    decode: (header: H) => A | Effect.Effect<A, Failure>
  ) => A | Effect.Effect<A, Failure>
}

/** Headers of one format take so many bytes, or one header does. */
const BOUND = 64 * 2 ** 20

/** Headers that `find` finds. `format` is for errors. @since 0.1.0 */
export const headersOf = <H>(
  format: string,
  find: (shard: Shard) => Effect.Effect<Indexed<H>, Failure>,
  bound = BOUND
): Headers<H> => {
  const held = new Map<ShardIndex, Indexed<H>>()
  let total = 0
  const keep = (index: ShardIndex, own: Indexed<H>): void => {
    total += own.bytes - (held.get(index)?.bytes ?? 0)
    held.delete(index)
    held.set(index, own)
    for (const [oldest, { bytes }] of held) {
      if (total <= bound || oldest === index) return
      held.delete(oldest)
      total -= bytes
    }
  }
  /** Of blocks of a shard that are decoded at the same time one reads the header, and the others wait for it. */
  const turns = new WeakMap<ShardIndex, Effect.Semaphore>()
  const turnOf = (index: ShardIndex): Effect.Semaphore => {
    const own = turns.get(index) ?? Effect.unsafeMakeSemaphore(1)
    turns.set(index, own)
    return own
  }
  const again = (place: BlockPlace): Effect.Effect<H, Failure> =>
    Effect.flatMap(find(place.shard), (own) => {
      if (!sameBlocks(own.index, place.index)) {
        const reason = "its blocks are not those of its index; remove the kept index, so that it is made again"
        return Effect.fail(shardError({ shard: place.shard, format }, new Malformed(reason)))
      }
      keep(place.index, own)
      return Effect.succeed(own.header)
    })
  return {
    index: (shard) =>
      Effect.map(find(shard), (own) => {
        keep(own.index, own)
        return own.index
      }),
    use: (place, decode) => {
      const own = held.get(place.index)
      if (own !== undefined) {
        keep(place.index, own)
        return decode(own.header)
      }
      const found = Effect.suspend(() => {
        const there = held.get(place.index)
        return there === undefined ? again(place) : Effect.succeed(there.header)
      })
      return Effect.flatMap(turnOf(place.index).withPermits(1)(found), (header) => {
        const result = decode(header)
        return Effect.isEffect(result) ? result : Effect.succeed(result)
      })
    }
  }
}

const sameBlocks = ({ blocks }: ShardIndex, { blocks: others }: ShardIndex): boolean =>
  blocks.length === others.length &&
  blocks.every(({ length, offset, rows }, at) => {
    const other = others[at]
    return other?.rows === rows && other.offset === offset && other.length === length
  })
