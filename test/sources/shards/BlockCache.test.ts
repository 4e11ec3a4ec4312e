import { expect, test } from "bun:test"
import { Deferred, Effect, Fiber } from "effect"
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
