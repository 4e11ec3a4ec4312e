/**
 * Decoded blocks, kept up to a number of bytes. Those who ask for a block while it is read and decoded wait for the same
 * read; if all of them are interrupted, so is the read.
 *
 * @since 0.1.0
 */
import type * as Cause from "effect/Cause"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as FiberId from "effect/FiberId"
import { attempt } from "../formats/Fault.ts"
import type { DecodedBlock, ShardError } from "../formats/Format.ts"
import { type Retained, Retention } from "./Retention.ts"

/** A block in the cache. @since 0.1.0 */
export interface CachedBlock<out Row> extends Retained {
  readonly number: number
  readonly decoded: DecodedBlock<Row>
}

/** A block that is being read. */
interface Pending<Row, E> {
  readonly done: Deferred.Deferred<CachedBlock<Row>, E>
  fiber: Fiber.RuntimeFiber<unknown, unknown> | undefined
  /** How many wait for it, or use it as the first ones. */
  waiting: number
  /** Whether one of these reads ahead. */
  isAhead: boolean
  /** Whether one of these was not it, and asked for rows. */
  asked: boolean
  /** Whether one of these has given it up, by a timeout perhaps: whoever asks from then on has it read again. */
  isGivenUp: boolean
  /** The run that it is read for. */
  readonly run: RunRows | undefined
  /** What has been dropped since, and is given back once nobody uses it. */
  dropped: DecodedBlock<Row> | undefined
}

interface Kept<Row, E> extends CachedBlock<Row> {
  readonly read: Pending<Row, E>
  /** The run that it was read for, and how many of its rows that asks for in an epoch. */
  run: RunRows | undefined
  rows: number
  /** How many of them have not been given; for other runs that have been given rows of it, the same of theirs. */
  own: number
  others: Map<RunRows | undefined, number> | undefined
}

/** What a cache has done so far. @category models @since 0.1.0 */
export interface CacheStats {
  /** How many blocks were decoded, each time counted. */
  readonly decoded: number
  /**
   * At least so many of these had been dropped, in the same epoch, with rows left that nobody had asked for: those that come behind
   * half of all blocks may be of the next epoch, and are not counted.
   */
  readonly again: number
  /** How many bytes are kept now. */
  readonly bytes: number
  /** How many blocks began to be read before a batch asked for them. */
  readonly ahead: number
}

/** A run, by how many rows of a block it asks for in an epoch, where that is not each of them once. @since 0.1.0 */
export type RunRows = ReadonlyMap<number, number>

/** Starts a fiber. @since 0.1.0 */
export type Fork = (effect: Effect.Effect<unknown, unknown>) => Fiber.RuntimeFiber<unknown, unknown>

/** A read that was begun ahead. @since 0.1.0 */
export interface ReadOfBlock {
  /** Whether it has not ended. */
  readonly isPending: () => boolean
  /** Gives it up, unless others wait for it, and forgets why the block could not be read. */
  readonly giveUp: Effect.Effect<void>
}

/**
 * How far a block is that is read ahead: not begun, under way or unused, one that a batch has asked for, or one that is kept
 * although all of its rows were given. @since 0.1.0
 */
export type Ahead = "absent" | "ahead" | "asked" | "given"

/** @since 0.1.0 */
export interface BlockCache<Row, E> {
  /** The block, if it is there; it then counts as used. It is asked for, and used, within `hold`. */
  readonly get: (block: number) => CachedBlock<Row> | undefined
  /** A run opens. */
  readonly join: (run: RunRows) => void
  /** It closes: what it has not been given of blocks, it does not ask for. */
  readonly leave: (run: RunRows) => void
  /** The run that reads, or reads ahead, from here on: one part of a split has other rows of a block than another one. */
  readonly turnTo: (run: RunRows | undefined) => void
  readonly turn: () => RunRows | undefined
  /** Runs plain code. Until it returns, the blocks that `get` gives it stay as they are. */
  readonly hold: <A>(run: () => A) => A
  /**
   * Runs plain code with a block: from the cache, from a read that is under way, or by a read of its own. It may throw
   * {@link ShardError}, and keeps nothing of the block.
   */
  readonly load: <A>(block: number, use: (own: CachedBlock<Row>) => A) => Effect.Effect<A, E | ShardError>
  /** Whether somebody else is reading the block. */
  readonly isPending: (block: number) => boolean
  /** Whether every block is kept, so that there is nothing to read ahead. */
  readonly isComplete: () => boolean
  /** Whether blocks can be read, and kept, without anything being dropped that may still be asked for. */
  readonly hasRoom: (blocks: Iterable<number>) => boolean
  readonly aheadOf: (block: number) => Ahead
  /** Says that a block whose rows were all given will be asked for again: it is then as if it had been read ahead. */
  readonly renew: (block: number) => void
  /**
   * Begins to read a block for those who will ask for it. If that fails, the first of them is told what it would have been told
   * without it: there is one attempt. Whoever begins it is one of those who wait for it, also once others ask for the block, so
   * gives it up in the end. `undefined` if it is there or under way.
   */
  readonly readAhead: (block: number, fork: Fork) => ReadOfBlock | undefined
  /** Counts rows of a block as given. */
  readonly given: (block: CachedBlock<Row>, rows: number) => void
  readonly stats: () => CacheStats
}

/** What blocks take. @since 0.1.0 */
export interface BlockSizes {
  /** How many blocks there are. */
  readonly count: number
  /** How many bytes all of them have once they are decoded, about. */
  readonly all: number
  /** How many bytes one of them has once it is decoded, about. */
  readonly bytesOf: (block: number) => number
}

/** How many rows of a block the run asks for that has most of them before it. */
const leftOf = ({
  others,
  own
}: {
  readonly own: number
  readonly others: Kept<unknown, unknown>["others"]
}): number => (others === undefined ? own : Math.max(own, ...others.values()))

/**
 * Returns a cache of at most `most` bytes, and of one block if that has more. `decode` reads and decodes a block.
 *
 * @since 0.1.0
 */
export const make = <Row, E>(
  most: number,
  { all, bytesOf, count }: BlockSizes,
  decode: (block: number) => Effect.Effect<DecodedBlock<Row>, E>
): BlockCache<Row, E> => {
  // Plain code that uses a block ends before another one can be put.
  const release = ({ decoded, read }: Kept<Row, E>): void => {
    if (read.waiting > 0) read.dropped = decoded
    else decoded.release?.()
  }
  const kept = new Retention<Kept<Row, E>>(most, all, release)
  const pending = new Map<number, Pending<Row, E>>()
  /** Why blocks could not be read ahead that nobody has asked for since. */
  const failed = new Map<number, { readonly cause: Cause.Cause<E>; readonly read: Pending<Row, E> }>()
  /** How many bytes decoded blocks have had, and were expected to have. */
  let found = 1
  let expected = 1
  let begunAhead = 0
  const asking = new Set<RunRows>()
  let asker: RunRows | undefined

  /** How many rows of a block a run asks for in an epoch; the one that asks for most, if it is not known which. */
  const rowsOf = (run: RunRows | undefined, block: number, all: number): number => {
    if (run !== undefined) return run.get(block) ?? all
    let most = 0
    for (const rows of asking) most = Math.max(most, rows.get(block) ?? all)
    return asking.size === 0 ? all : most
  }

  const put = (block: number, decoded: DecodedBlock<Row>, read: Pending<Row, E>): CachedBlock<Row> => {
    found += decoded.bytes
    expected += bytesOf(block)
    const { run } = read
    const rows = rowsOf(run, block, decoded.size)
    const own: Kept<Row, E> = {
      number: block,
      decoded,
      bytes: decoded.bytes,
      used: 0,
      read,
      run,
      rows,
      own: rows,
      others: undefined,
      left: rows
    }
    // It is larger than its index says: what may still be asked for is worth more. Or it was given up, and read again meanwhile.
    const isLarger = !read.asked && kept.size > 0 && !kept.hasRoom(decoded.bytes)
    if (isLarger || kept.peek(block) !== undefined) read.dropped = decoded
    else kept.put(block, own)
    return own
  }

  /** Where runs over parts of a dataset meet at a block, it is used up once each has been given its rows. */
  const give = (own: Kept<Row, E>, rows: number): void => {
    if (own.run === asker) own.own -= rows
    else {
      own.others ??= new Map()
      const before = own.others.get(asker) ?? rowsOf(asker, own.number, own.decoded.size)
      own.others.set(asker, before - rows)
    }
    own.left = leftOf(own)
  }

  const leave = (run: RunRows): void => {
    asking.delete(run)
    if (asker === run) asker = undefined
    for (const own of kept.all()) {
      if (own.run === run) own.own = 0
      own.others?.delete(run)
      own.left = leftOf(own)
    }
  }

  const get = (block: number): CachedBlock<Row> | undefined => kept.get(block)

  /** What waits for a block that is about to be read. */
  const enter = (block: number, isAhead: boolean): Pending<Row, E> => {
    // A window of blocks is read at once: the memory of the one before is used again for them.
    kept.dropFinished()
    const done = Deferred.unsafeMake<CachedBlock<Row>, E>(FiberId.none)
    const own = {
      done,
      fiber: undefined,
      waiting: 1,
      isAhead,
      asked: !isAhead,
      isGivenUp: false,
      run: asker,
      dropped: undefined
    }
    pending.set(block, own)
    return own
  }

  const read = (block: number, own: Pending<Row, E>): Effect.Effect<unknown, E> =>
    Effect.map(
      Effect.suspend(() => decode(block)),
      (value) => put(block, value, own)
    ).pipe(
      Effect.interruptible,
      Effect.onExit((exit) => {
        if (pending.get(block) === own) pending.delete(block)
        // At once, so that nobody reads it again before that is known.
        if (Exit.isFailure(exit) && own.isAhead && !own.asked) failed.set(block, { cause: exit.cause, read: own })
        hasWaited(own)
        return Deferred.done(own.done, exit)
      })
    )

  /** Whoever reads ahead waits no longer. */
  const hasWaited = (own: Pending<Row, E>): void => {
    if (!own.isAhead) return
    own.isAhead = false
    if (--own.waiting === 0) own.dropped?.release?.()
  }

  /** Reads a block in a fiber of its own, since the one that asks first may be interrupted while others wait. */
  const start = (block: number): Effect.Effect<Pending<Row, E>> =>
    Effect.suspend(() => {
      const own = enter(block, false)
      return Effect.map(Effect.forkDaemon(read(block, own)), (fiber) => {
        own.fiber = fiber
        return own
      })
    })

  /** The read that is under way, or another one; the caller is one of those who wait for it. */
  const waitFor = (block: number): Effect.Effect<Pending<Row, E>> => {
    const found = pending.get(block)
    if (found === undefined || found.isGivenUp) return start(block)
    found.waiting++
    found.asked = true
    return Effect.succeed(found)
  }

  /** Whoever waited does so no longer: the block was there, or could not be read, or this was interrupted. */
  const left = (block: number, own: Pending<Row, E>, isInterrupted: boolean): Effect.Effect<void> => {
    own.isGivenUp ||= isInterrupted
    own.waiting--
    // A read that stalls would else be waited for by those who ask again.
    if (isInterrupted && own.isAhead && own.waiting === 1) {
      own.isAhead = false
      own.waiting = 0
    }
    if (own.waiting > 0) return Effect.void
    own.dropped?.release?.()
    const isPending = pending.get(block) === own
    // Another read may have taken its place.
    if (own.fiber === undefined || !(isPending || own.isGivenUp)) return Effect.void
    if (isPending) pending.delete(block)
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
          const before = failed.get(block)
          if (before !== undefined) {
            failed.delete(block)
            return Effect.failCause(before.cause)
          }
          return Effect.flatMap(waitFor(block), (own) => {
            const used = Effect.flatMap(Deferred.await(own.done), (cached) => attempt(() => use(cached)))
            return Effect.onExit(restore(used), (exit) => left(block, own, Exit.isInterrupted(exit)))
          })
        }
      )
    )

  const aheadOf = (block: number): Ahead => {
    const read = pending.get(block)
    if (read !== undefined) return read.asked ? "asked" : "ahead"
    if (failed.has(block)) return "ahead"
    const own = kept.peek(block)
    if (own === undefined) return "absent"
    if (own.left <= 0) return "given"
    return own.read.asked || own.left < own.rows ? "asked" : "ahead"
  }

  const hasRoom = (blocks: Iterable<number>): boolean => {
    if (kept.isShort) return false
    let bytes = 0
    for (const own of blocks) if (!pending.has(own)) bytes += bytesOf(own)
    for (const own of pending.keys()) bytes += bytesOf(own)
    return kept.hasRoom(bytes * Math.max(1, found / expected))
  }

  const readAhead = (block: number, fork: Fork): ReadOfBlock | undefined => {
    if (aheadOf(block) !== "absent") return undefined
    begunAhead++
    const own = enter(block, true)
    own.fiber = fork(read(block, own))
    return { isPending: () => own.isAhead, giveUp: giveUp(block, own) }
  }

  const giveUp = (block: number, own: Pending<Row, E>): Effect.Effect<void> =>
    Effect.suspend(() => {
      if (failed.get(block)?.read === own) failed.delete(block)
      if (!own.isAhead) return Effect.void
      own.isAhead = false
      return left(block, own, false)
    })

  return {
    get,
    join: (run) => {
      asking.add(run)
    },
    leave,
    turnTo: (run) => {
      asker = run
    },
    turn: () => asker,
    hold: (run) => run(),
    load,
    isPending: (block) => pending.has(block),
    isComplete: () => kept.size === count,
    hasRoom,
    aheadOf,
    renew: (block) => {
      const own = kept.peek(block)
      if (own === undefined || own.left > 0) return
      own.run = asker
      own.rows = rowsOf(asker, block, own.decoded.size)
      own.own = own.rows
      own.others = undefined
      kept.renew(own, own.rows)
      own.read.asked = false
    },
    readAhead,
    given: ({ number }, rows) => {
      const own = kept.peek(number)
      if (own !== undefined) give(own, rows)
    },
    stats: () => ({ decoded: kept.counts.put, again: kept.counts.again, bytes: kept.bytes, ahead: begunAhead })
  }
}
