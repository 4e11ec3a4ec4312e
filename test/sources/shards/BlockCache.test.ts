import { expect, test } from "bun:test"
import { Deferred, Effect, Fiber, Option } from "effect"
import * as BlockCache from "../../../src/sources/shards/BlockCache.ts"

test("a block that another one displaces keeps its memory until those who waited for it have used it", async () => {
  const released: Array<number> = []
  const gate = Effect.runSync(Deferred.make<void>())
  // One block is kept.
  const cache = BlockCache.make<number, never>(0, { count: 2, all: 20, bytesOf: () => 10 }, (block) =>
    Effect.as(Deferred.await(gate), {
      size: 1,
      bytes: 10,
      row: () => block,
      release: () => {
        released.push(block)
      }
    })
  )
  const load = (block: number) => cache.load(block, ({ decoded }) => [decoded.row(0), released.includes(block)])
  const run = Effect.gen(function* () {
    const loads = yield* Effect.fork(Effect.all([load(0), load(1)], { concurrency: "unbounded" }))
    yield* Effect.sleep(1)
    yield* Deferred.succeed(gate, undefined)
    return yield* Fiber.join(loads)
  })
  expect(await Effect.runPromise(run)).toEqual([
    [0, false],
    [1, false]
  ])
  expect(released).toEqual([0])
})

test("blocks whose rows were all given are given back before another one is read, where not all fit", async () => {
  const released: Array<number> = []
  /** What had been given back when each block began to be read. */
  const before = new Map<number, ReadonlyArray<number>>()
  const cache = BlockCache.make<number, never>(40, { count: 8, all: 80, bytesOf: () => 10 }, (block) =>
    Effect.sync(() => {
      before.set(block, [...released])
      return { size: 2, bytes: 10, row: () => block, release: () => void released.push(block) }
    })
  )
  const use = (block: number, rows: number) => cache.load(block, (own) => cache.given(own, rows))
  await Effect.runPromise(Effect.all([use(0, 2), use(1, 2), use(2, 1)]))
  expect(before.get(2)).toEqual([0, 1])
  await Effect.runPromise(use(2, 1))
  const read = cache.readAhead(3, Effect.runFork)
  // At once: memory that is given back is used again for what is read now.
  expect(released).toEqual([0, 1, 2])
  await Effect.runPromise(use(3, 1))
  expect([read?.isPending(), before.get(3)]).toEqual([false, [0, 1, 2]])
})

/** A cache whose first read of a block waits for `gate`, with what became of its reads and blocks. */
const stalling = (gate: Deferred.Deferred<void>) => {
  const interrupted: Array<number> = []
  const released: Array<number> = []
  let reads = 0
  const cache = BlockCache.make<number, never>(80, { count: 2, all: 20, bytesOf: () => 10 }, () =>
    Effect.suspend(() => {
      const read = reads++
      return Effect.as(read === 0 ? Deferred.await(gate) : Effect.void, {
        size: 1,
        bytes: 10,
        row: () => read,
        release: () => void released.push(read)
      }).pipe(Effect.onInterrupt(() => Effect.sync(() => interrupted.push(read))))
    })
  )
  return { cache, interrupted, released, load: cache.load(0, ({ decoded }) => decoded.row(0)) }
}

test("a read ahead that is given up by whoever asked, as a timeout does, is given up, and the block read again", () =>
  Effect.gen(function* () {
    const { cache, interrupted, load } = stalling(yield* Deferred.make<void>())
    const ahead = cache.readAhead(0, Effect.runFork)
    expect(yield* Effect.timeoutOption(load, 5)).toEqual(Option.none())
    expect([interrupted, ahead?.isPending()]).toEqual([[0], false])
    expect(yield* load).toBe(1)
    yield* ahead?.giveUp ?? Effect.void
    expect(cache.stats()).toMatchObject({ decoded: 1, bytes: 10 })
  }).pipe(Effect.runPromise))

test("a read that one has given up is waited for by the others, and by nobody else", () =>
  Effect.gen(function* () {
    for (const isOver of [true, false]) {
      const gate = yield* Deferred.make<void>()
      const { cache, interrupted, load, released } = stalling(gate)
      const other = yield* Effect.fork(load)
      expect(yield* Effect.timeoutOption(load, 5)).toEqual(Option.none())
      expect(yield* load).toBe(1)
      expect(interrupted).toEqual([])
      if (isOver) {
        yield* Deferred.succeed(gate, undefined)
        expect(yield* Fiber.join(other)).toBe(0)
      } else yield* Fiber.interrupt(other)
      expect({ interrupted, released }).toEqual(
        isOver ? { interrupted: [], released: [0] } : { interrupted: [0], released: [] }
      )
      // The block is kept once.
      expect(cache.stats().bytes).toBe(10)
      expect(yield* load).toBe(1)
    }
  }).pipe(Effect.runPromise))
