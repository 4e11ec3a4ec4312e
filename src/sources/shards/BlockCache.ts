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
  /** How many wait for it, or use it as the first ones. */
  waiting: number
  /** What has been dropped since, and is given back once nobody uses it. */
  dropped: DecodedBlock<Row> | undefined
}

interface Kept<Row, E> extends CachedBlock<Row> {
  readonly read: Pending<Row, E>
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
  // Plain code that uses a block ends before another one can be put.
  const kept = new Retention<Kept<Row, E>>(most, all, ({ decoded, read }) => {
    if (read.waiting > 0) read.dropped = decoded
    else decoded.release?.()
  })
  const pending = new Map<number, Pending<Row, E>>()

  const put = (block: number, decoded: DecodedBlock<Row>, read: Pending<Row, E>): CachedBlock<Row> => {
    const own = { decoded, bytes: decoded.bytes, left: decoded.size, used: 0, read }
    kept.put(block, own)
    return own
  }

  const get = (block: number): CachedBlock<Row> | undefined => kept.get(block)

  /** Reads a block in a fiber of its own, since the one that asks first may be interrupted while others wait. */
  const start = (block: number): Effect.Effect<Pending<Row, E>> =>
    Effect.gen(function* () {
      const done = yield* Deferred.make<CachedBlock<Row>, E>()
      const own: Pending<Row, E> = { done, fiber: undefined, waiting: 1, dropped: undefined }
      pending.set(block, own)
      own.fiber = yield* Effect.forkDaemon(
        Effect.interruptible(
          Effect.map(
            Effect.suspend(() => decode(block)),
            (value) => put(block, value, own)
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

  /** The read that is under way, or another one; the caller is one of those who wait for it. */
  const waitFor = (block: number): Effect.Effect<Pending<Row, E>> => {
    const found = pending.get(block)
    if (found === undefined) return start(block)
    found.waiting++
    return Effect.succeed(found)
  }

  const left = (block: number, own: Pending<Row, E>): Effect.Effect<void> => {
    if (--own.waiting > 0) return Effect.void
    own.dropped?.release?.()
    if (pending.get(block) !== own || own.fiber === undefined) return Effect.void
    pending.delete(block)
    return Fiber.interrupt(own.fiber)
  }

  const load = <A>(block: number, use: (own: CachedBlock<Row>) => A): Effect.Effect<A, E | ShardError> =>
    Effect.uninterruptibleMask((restore) =>
      Effect.flatMap(
        attempt(() => {
          const there = get(block)
          return there === undefined ? undefined : { value: use(there) }
        }),
        (found): Effect.Effect<A, E | ShardError> => {
          if (found !== undefined) return Effect.succeed(found.value)
          return Effect.flatMap(waitFor(block), (own) => {
            const used = Effect.flatMap(Deferred.await(own.done), (cached) => attempt(() => use(cached)))
            return Effect.onExit(restore(used), () => left(block, own))
          })
        }
      )
    )

  return {
    get,
    hold: (run) => run(),
    load,
    isPending: (block) => pending.has(block),
    given: (own, rows) => {
      own.left -= rows
    },
    stats: () => ({ decoded: kept.counts.put, again: kept.counts.again, bytes: kept.bytes })
  }
}
