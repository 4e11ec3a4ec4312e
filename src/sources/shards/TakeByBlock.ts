/**
 * Takes the rows of a batch from the blocks that they lie in: those that are kept, and those that have to be loaded first.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import { concurrent } from "../../core/Concurrent.ts"
import { ShardError } from "../formats/Format.ts"
import type { BlockCache, CachedBlock } from "./BlockCache.ts"
import type { Asked, BadRows } from "./RowsByBlock.ts"

/** How many blocks of one batch are read at once. */
const AT_ONCE = 8

/** Takes the rows of a batch that lie in a block. Throws {@link ShardError} if none of them can be read. @since 0.1.0 */
export type Take<Row> = (cached: CachedBlock<Row>, asked: Asked) => void

/** @since 0.1.0 */
export interface TakeByBlock<Row, E> {
  /** Takes the rows whose blocks are kept, and notes the blocks that are bad; returns the others. */
  readonly kept: (all: ReadonlyArray<Asked>, take: Take<Row>, bad: BadRows) => Array<Asked>
  /**
   * Loads blocks and takes their rows; notes the blocks that are bad. Rows are taken when all blocks are there, as rows that wait
   * for others become old garbage. Where not all fit into the cache, each block's rows are taken as soon as it is there.
   */
  readonly loaded: (
    missing: ReadonlyArray<Asked>,
    take: Take<Row>,
    bad: BadRows
  ) => Effect.Effect<void, Exclude<E, ShardError>>
}

const nothing = (): void => {}

/** `loads` is run after each time that blocks had to be loaded. @since 0.1.0 */
export const make = <Row, E>(
  cache: BlockCache<Row, E | ShardError>,
  loads: Effect.Effect<void>
): TakeByBlock<Row, E> => {
  const kept: TakeByBlock<Row, E>["kept"] = (all, take, bad) =>
    cache.hold(() => {
      const missing: Array<Asked> = []
      for (const asked of all) {
        const cached = cache.get(asked.block)
        if (cached === undefined) missing.push(asked)
        else takeSoundly(cached, asked, take, bad)
      }
      // What others read is there soon enough.
      return missing.sort((a, b) => Number(cache.isPending(a.block)) - Number(cache.isPending(b.block)))
    })

  const takeSoundly = (cached: CachedBlock<Row>, asked: Asked, take: Take<Row>, bad: BadRows): void => {
    try {
      take(cached, asked)
    } catch (thrown) {
      if (!(thrown instanceof ShardError)) throw thrown
      bad.noteBlock(asked, thrown)
    }
  }

  const each: TakeByBlock<Row, E>["loaded"] = (missing, take, bad) => {
    if (missing.length === 0) return Effect.void
    // Other runs may read before a block is there.
    const run = cache.turn()
    const loaded = (at: number): Effect.Effect<void, Exclude<E, ShardError>> => {
      const asked = missing[at] as Asked // below the length
      cache.turnTo(run)
      const own = cache.load(asked.block, (cached) => {
        cache.turnTo(run)
        take(cached, asked)
      })
      return Effect.catchIf(
        own,
        (error) => error instanceof ShardError,
        (error) => Effect.sync(() => bad.noteBlock(asked, error))
      )
    }
    return Effect.zipRight(
      concurrent(missing.length, AT_ONCE, loaded, (_, cause) => Exit.failCause(cause)),
      loads
    )
  }

  const loaded: TakeByBlock<Row, E>["loaded"] = (missing, take, bad) => {
    if (!cache.hasRoom(missing.map(({ block }) => block))) return each(missing, take, bad)
    const run = cache.turn()
    return Effect.flatMap(each(missing, nothing, bad), () => {
      cache.turnTo(run)
      const good = missing.filter(({ block }) => !bad.blocks.has(block))
      // Others may have dropped some meanwhile.
      return each(kept(good, take, bad), take, bad)
    })
  }

  return { kept, loaded }
}
