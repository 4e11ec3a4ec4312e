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
