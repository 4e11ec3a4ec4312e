/**
 * Decoded blocks, kept up to a number of bytes. Those who ask for a block while it is read and decoded wait for the same
 * read; if all of them are interrupted, so is the read.
 *
 * @since 0.1.0
 */
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import { attempt } from "../formats/Fault.ts"
import type { DecodedBlock, ShardError } from "../formats/Format.ts"
import { type Retained, Retention } from "./Retention.ts"

/** A block in the cache. @since 0.1.0 */
export interface CachedBlock<out Row> extends Retained {
  readonly decoded: DecodedBlock<Row>
}

/** A block that is being read. */
interface Pending<Row, E> {
  readonly done: Deferred.Deferred<CachedBlock<Row>, E>
  fiber: Fiber.RuntimeFiber<unknown, unknown> | undefined
  waiting: number
}

/** What a cache has done so far. @category models @since 0.1.0 */
export interface CacheStats {
  /** How many blocks were decoded, each time counted. */
  readonly decoded: number
  /** How many of these were dropped before and had rows left that nobody had asked for. */
  readonly again: number
  /** How many bytes are kept now. */
  readonly bytes: number
}

/** @since 0.1.0 */
export interface BlockCache<Row, E> {
  /** The block, if it is there; it then counts as used. It is asked for, and used, within `hold`. */
  readonly get: (block: number) => CachedBlock<Row> | undefined
  /** Runs plain code. Until it returns, the blocks that `get` gives it stay as they are. */
  readonly hold: <A>(run: () => A) => A
  /**
   * Runs plain code with a block: from the cache, from a read that is under way, or by a read of its own. It may throw
   * {@link ShardError}, and keeps nothing of the block.
   */
  readonly load: <A>(block: number, use: (own: CachedBlock<Row>) => A) => Effect.Effect<A, E | ShardError>
  /** Whether somebody else is reading the block. */
  readonly isPending: (block: number) => boolean
  /** Counts rows of a block as given. */
  readonly given: (block: CachedBlock<Row>, rows: number) => void
  readonly stats: () => CacheStats
}

/**
 * Returns a cache of at most `most` bytes, and of one block if that has more, for blocks that have `all` bytes together.
 * `decode` reads and decodes a block.
 *
 * @since 0.1.0
 */
export const make = <Row, E>(
  most: number,
  all: number,
  decode: (block: number) => Effect.Effect<DecodedBlock<Row>, E>
): BlockCache<Row, E> => {
  const kept = new Retention<CachedBlock<Row>>(most, all)
  const pending = new Map<number, Pending<Row, E>>()

  const put = (block: number, decoded: DecodedBlock<Row>): CachedBlock<Row> => {
    const own = { decoded, bytes: decoded.bytes, left: decoded.size, used: 0 }
    kept.put(block, own)
    return own
  }

  const get = (block: number): CachedBlock<Row> | undefined => kept.get(block)

  /** Reads a block in a fiber of its own, since the one that asks first may be interrupted while others wait. */
  const start = (block: number): Effect.Effect<Pending<Row, E>> =>
    Effect.gen(function* () {
      const own: Pending<Row, E> = { done: yield* Deferred.make<CachedBlock<Row>, E>(), fiber: undefined, waiting: 0 }
      pending.set(block, own)
      own.fiber = yield* Effect.forkDaemon(
        Effect.interruptible(
          Effect.map(
            Effect.suspend(() => decode(block)),
            (value) => put(block, value)
          )
        ).pipe(
          Effect.onExit((exit) => {
            if (pending.get(block) === own) pending.delete(block)
            return Deferred.done(own.done, exit)
          })
        )
      )
      return own
    })

  const load = (block: number): Effect.Effect<CachedBlock<Row>, E> =>
    Effect.uninterruptibleMask((restore) =>
      Effect.suspend(() => {
        const there = get(block)
        if (there !== undefined) return Effect.succeed(there)
        const found = pending.get(block)
        return Effect.flatMap(found === undefined ? start(block) : Effect.succeed(found), (own) => {
          own.waiting++
          return Effect.onExit(restore(Deferred.await(own.done)), () => {
            own.waiting--
            if (own.waiting > 0 || pending.get(block) !== own || own.fiber === undefined) return Effect.void
            pending.delete(block)
            return Fiber.interrupt(own.fiber)
          })
        })
      })
    )

  return {
    get,
    hold: (run) => run(),
    load: (block, use) => Effect.flatMap(load(block), (own) => attempt(() => use(own))),
    isPending: (block) => pending.has(block),
    given: (own, rows) => {
      own.left -= rows
    },
    stats: () => ({ decoded: kept.counts.put, again: kept.counts.again, bytes: kept.bytes })
  }
}
