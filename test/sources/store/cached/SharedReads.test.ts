import { expect, test } from "bun:test"
import { Deferred, Effect, Fiber } from "effect"
import { sharedReads } from "../../../../src/sources/store/cached/SharedReads.ts"

test("one read serves all; one who leaves does not end it, and the last one does", async () => {
  let [begun, ended] = [0, 0]
  await Effect.runPromise(
    Effect.gen(function* () {
      const shared = sharedReads<number, never>()
      const gate = yield* Deferred.make<number>()
      const read = Effect.onExit(
        Effect.suspend(() => {
          begun++
          return Deferred.await(gate)
        }),
        () => Effect.sync(() => void ended++)
      )
      const readers = yield* Effect.forEach([1, 2, 3], () => Effect.fork(shared("a", read)))
      yield* Effect.yieldNow()
      yield* Effect.repeat(Effect.yieldNow(), { until: () => begun > 0 })
      const [first, ...others] = readers
      if (first !== undefined) yield* Fiber.interrupt(first)
      expect([begun, ended]).toEqual([1, 0])
      yield* Deferred.succeed(gate, 7)
      expect(yield* Effect.forEach(others, Fiber.join)).toEqual([7, 7])
      const alone = yield* Effect.fork(
        shared(
          "b",
          Effect.onExit(Effect.never, () => Effect.sync(() => void ended++))
        )
      )
      yield* Effect.yieldNow()
      yield* Fiber.interrupt(alone)
      expect([begun, ended]).toEqual([1, 2])
      expect(yield* shared("a", Effect.succeed(8))).toBe(8)
    })
  )
})
