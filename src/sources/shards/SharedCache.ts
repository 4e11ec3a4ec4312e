/**
 * The cache of decoded blocks in a thread: blocks lie in memory that all threads of a run share, so each is unpacked once for
 * all of them. A block for which there is no room there is decoded for the batch at hand alone.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import { giveBack } from "../../core/ReadBuffers.ts"
import { attempt } from "../formats/Fault.ts"
import type { DecodedBlock, ShardError } from "../formats/Format.ts"
import type { BlockCache, CachedBlock } from "./BlockCache.ts"
import type { Pinned, SharedBlocks } from "./SharedBlocks.ts"

/** Of so many blocks a thread remembers what it has made of their bytes: some hundred bytes each. */
const VIEWS = 1024

/** How blocks are read, unpacked and viewed. @since 0.1.0 */
export interface SharedReading<Row, E> {
  readonly unpack: (block: number) => Effect.Effect<ReadonlyArray<Uint8Array>, E>
  readonly view: (block: number, parts: ReadonlyArray<Uint8Array>) => DecodedBlock<Row>
}

/** A block as this thread sees it. `left` of what it gives is how many rows were given, below zero, and not yet told. */
interface View<Row> extends Pinned {
  readonly cached: CachedBlock<Row>
}

/** @since 0.1.0 */
export const make = <Row, E>(
  blocks: SharedBlocks,
  { unpack, view }: SharedReading<Row, E>
): BlockCache<Row, E | ShardError> => {
  const views = new Map<number, View<Row>>()
  /** The blocks that the code which runs now uses: they are pinned. */
  const inUse = new Map<number, View<Row>>()
  /** How many blocks were decoded for one batch. */
  let alone = 0

  const cachedOf = (block: number, parts: ReadonlyArray<Uint8Array>): CachedBlock<Row> => {
    const decoded = view(block, parts)
    return { number: block, decoded, bytes: decoded.bytes, left: 0, used: 0 }
  }

  /** Takes a block that was pinned into use. */
  const taken = (block: number, pinned: Pinned): CachedBlock<Row> => {
    const known = views.get(block)
    const isSame = known?.slot === pinned.slot && known.generation === pinned.generation
    try {
      const own = isSame ? known : { ...pinned, cached: cachedOf(block, blocks.parts(pinned.slot)) }
      inUse.set(block, own)
      if (!isSame) {
        views.delete(block)
        views.set(block, own)
        const [oldest] = views.keys()
        if (views.size > VIEWS && oldest !== undefined) views.delete(oldest)
      }
      return own.cached
    } finally {
      if (!inUse.has(block)) blocks.unpin(pinned.slot)
    }
  }

  const get = (block: number): CachedBlock<Row> | undefined => {
    const own = inUse.get(block)
    if (own !== undefined) return own.cached
    const pinned = blocks.pin(block)
    return pinned === undefined ? undefined : taken(block, pinned)
  }

  const hold = <A>(run: () => A): A => {
    try {
      return run()
    } finally {
      for (const { cached, slot } of inUse.values()) {
        blocks.given(slot, -cached.left)
        cached.left = 0
        blocks.unpin(slot)
      }
      inUse.clear()
    }
  }

  const useAlone = <A>(block: number, parts: ReadonlyArray<Uint8Array>, use: (own: CachedBlock<Row>) => A) => {
    alone++
    return attempt(() => use(cachedOf(block, parts)))
  }

  /** Unpacks a block, in a slot that this thread has claimed. */
  const fill = <A>(
    block: number,
    slot: number,
    use: (own: CachedBlock<Row>) => A
  ): Effect.Effect<A, E | ShardError> => {
    let isSettled = false
    return Effect.flatMap(unpack(block), (parts) =>
      // What cannot be viewed is abandoned: others wait for the slot.
      Effect.flatMap(
        attempt(() => view(block, parts).size),
        (rows) => {
          isSettled = true
          const pinned = blocks.fill(slot, parts, rows)
          if (pinned === undefined) return useAlone(block, parts, use)
          // They were copied.
          for (const part of parts) giveBack(part)
          return attempt(() => hold(() => use(taken(block, pinned))))
        }
      )
    ).pipe(Effect.onExit(() => Effect.sync(() => (isSettled ? undefined : blocks.abandon(slot)))))
  }

  const settled = (block: number): Effect.Effect<void> =>
    Effect.async((resume) => {
      const waiting = blocks.settled(block)
      if (waiting === undefined) resume(Effect.void)
      else void waiting.then(() => resume(Effect.void))
    })

  const load = <A>(block: number, use: (own: CachedBlock<Row>) => A): Effect.Effect<A, E | ShardError> =>
    // What is claimed is filled or abandoned, whenever an interrupt comes.
    Effect.uninterruptibleMask((restore) =>
      Effect.suspend(() => {
        const claim = blocks.claim(block)
        if (typeof claim === "number") return restore(fill(block, claim, use))
        if (claim === "full") {
          return Effect.flatMap(restore(unpack(block)), (parts) => useAlone(block, parts, use))
        }
        if (claim === "claimed") return Effect.zipRight(restore(settled(block)), restore(load(block, use)))
        const found = attempt(() =>
          hold(() => {
            const own = get(block)
            return own === undefined ? undefined : { value: use(own) }
          })
        )
        // It may have been dropped meanwhile.
        return Effect.flatMap(found, (own) =>
          own === undefined ? restore(load(block, use)) : Effect.succeed(own.value)
        )
      })
    )

  return {
    get,
    // Nothing reads ahead, and is told.
    join: () => undefined,
    leave: () => undefined,
    turnTo: () => undefined,
    turn: () => undefined,
    hold,
    load,
    given: (own, rows) => {
      own.left -= rows
    },
    isPending: (block) => blocks.isClaimed(block),
    // Threads are given a batch at a time, and do not know the order: nothing is read ahead in them.
    isComplete: () => true,
    hasRoom: () => false,
    aheadOf: () => "asked",
    renew: () => undefined,
    readAhead: () => undefined,
    stats: () => {
      const { again, bytes, decoded } = blocks.stats()
      return { decoded: decoded + alone, again: again + alone, bytes, ahead: 0 }
    }
  }
}
