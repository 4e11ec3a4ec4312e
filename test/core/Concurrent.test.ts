import { describe, expect, test } from "bun:test"
import { Cause, Effect, Exit, Fiber, FiberRef, FiberRefs } from "effect"
import fc from "fast-check"
import { concurrent } from "../../src/core/Concurrent.ts"

const same = <E>(_: number, cause: Cause.Cause<E>): Exit.Exit<never, E> => Exit.failCause(cause)

describe("effects side by side", () => {
  test("values stand in their order, and never more run than may", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.nat(3), { maxLength: 40 }),
        fc.integer({ min: 1, max: 50 }),
        async (waits, concurrency) => {
          const begun: Array<number> = []
          let running = 0
          let most = 0
          const one = (place: number) =>
            Effect.gen(function* () {
              begun.push(place)
              most = Math.max(most, ++running)
              for (let left = waits[place] ?? 0; left > 0; left--) yield* Effect.promise(() => Promise.resolve())
              running--
              return `value ${place}`
            })
          const values = await Effect.runPromise(concurrent(waits.length, concurrency, one, same))
          expect(values).toEqual(waits.map((_, place) => `value ${place}`))
          expect(begun).toEqual(waits.map((_, place) => place))
          expect(most).toBeLessThanOrEqual(concurrency)
          if (waits.every((wait) => wait > 0)) expect(most).toBe(Math.min(concurrency, waits.length))
        }
      )
    )
  })

  test("many that wait for nothing do not pile up on the stack", async () => {
    const values = await Effect.runPromise(concurrent(100_000, 2, Effect.succeed, same))
    expect(values.length).toBe(100_000)
    expect(values[99_999]).toBe(99_999)
  }, 60_000)

  test("the first that fails ends all others before this fails; those not begun never begin", async () => {
    const ended: Array<number> = []
    const begun: Array<number> = []
    const one = (place: number) =>
      Effect.suspend(() => {
        begun.push(place)
        if (place === 2) return Effect.delay(Effect.fail("two"), 5)
        return Effect.onInterrupt(Effect.never, () =>
          Effect.delay(
            Effect.sync(() => ended.push(place)),
            5
          )
        )
      })
    const failed = (place: number, cause: Cause.Cause<string>) =>
      Exit.failCause(Cause.map(cause, (error) => `${place}: ${error}`))
    const exit = await Effect.runPromiseExit(concurrent(10, 4, one, failed))
    expect(exit).toEqual(Exit.fail("2: two"))
    expect(begun).toEqual([0, 1, 2, 3])
    expect(ended.toSorted()).toEqual([0, 1, 3])
  })

  test("an interrupt ends all of them and waits for it", async () => {
    const ended: Array<number> = []
    const one = (place: number) =>
      Effect.onInterrupt(Effect.never, () =>
        Effect.delay(
          Effect.sync(() => ended.push(place)),
          5
        )
      )
    const run = Effect.gen(function* () {
      const fiber = yield* Effect.fork(concurrent(10, 3, one, same))
      yield* Effect.sleep(5)
      const exit = yield* Fiber.interrupt(fiber)
      return { interrupted: Exit.isInterrupted(exit), ended: [...ended] }
    })
    expect(await Effect.runPromise(run)).toEqual({ interrupted: true, ended: [0, 1, 2] })
  })

  test("what throws instead of giving an effect dies, and one that interrupts itself is no success", async () => {
    const thrown = new Error("no effect")
    const throwing = await Effect.runPromiseExit(
      concurrent(
        2,
        2,
        (place): Effect.Effect<number> => {
          if (place === 1) throw thrown
          return Effect.succeed(place)
        },
        same
      )
    )
    expect(Exit.isFailure(throwing) && Cause.squash(throwing.cause)).toBe(thrown)
    const exit = await Effect.runPromiseExit(concurrent(2, 1, () => Effect.interrupt, same))
    expect(Exit.isFailure(exit)).toBe(true)
  })

  test("each finds what is set for it, and the rest as it is around them", async () => {
    const own = FiberRef.unsafeMake("nobody")
    const around = FiberRef.unsafeMake("nowhere")
    const one = () => Effect.all([FiberRef.get(own), FiberRef.get(around)])
    const setting =
      (place: number) => (refs: FiberRefs.FiberRefs, fiberId: Parameters<typeof FiberRefs.updateAs>[1]["fiberId"]) =>
        FiberRefs.updateAs(refs, { fiberId, fiberRef: own, value: `number ${place}` })
    const run = Effect.locally(concurrent(3, 2, one, same, setting), around, "here")
    expect(await Effect.runPromise(run)).toEqual([
      ["number 0", "here"],
      ["number 1", "here"],
      ["number 2", "here"]
    ])
    expect(await Effect.runPromise(FiberRef.get(own))).toBe("nobody")
  })
})
