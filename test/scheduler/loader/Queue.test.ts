import { describe, expect, test } from "bun:test"
import { Deferred, Effect, Exit, Fiber } from "effect"
import { Bell, Credits, Mutex } from "../../../src/scheduler/loader/Queue.ts"

describe("a bell", () => {
  test("runs the work at once, and at each ring until it is done", async () => {
    const bell = new Bell()
    let runs = 0
    const waiting = Effect.runFork(bell.until(() => ++runs === 3))
    bell.ring()
    expect(runs).toBe(2)
    bell.ring()
    await Effect.runPromise(Fiber.join(waiting))
    bell.ring()
    expect(runs).toBe(3)
  })

  test("rings for nobody once the wait is called off", async () => {
    const bell = new Bell()
    let runs = 0
    const waiting = Effect.runFork(
      bell.until(() => {
        runs++
        return false
      })
    )
    await Effect.runPromise(Fiber.interrupt(waiting))
    bell.ring()
    expect(runs).toBe(1)
  })
})

test("credits that is given rings, and can be used up without an effect", async () => {
  const credits = new Credits(1)
  const seen: Array<number> = []
  const waiting = Effect.runFork(
    credits.given.until(() => {
      seen.push(credits.left)
      if (credits.left > 0) credits.use()
      return seen.length === 3
    })
  )
  credits.give()
  credits.give()
  await Effect.runPromise(Fiber.join(waiting))
  expect(seen).toEqual([1, 1, 1])
  expect(credits.left).toBe(0)
})

test("credits in lots ring once for a lot, and again for each one that is left, or whenever they are flushed", () => {
  const credits = new Credits(0, 3)
  const seen: Array<number> = []
  const waiting = Effect.runFork(
    credits.given.until(() => {
      seen.push(credits.left)
      return false
    })
  )
  credits.flush()
  credits.give()
  expect(seen).toEqual([0])
  credits.flush()
  for (let given = 1; given < 4; given++) credits.give()
  expect(seen).toEqual([0, 1, 3, 4])
  Effect.runFork(Fiber.interrupt(waiting))
})

describe("turns", () => {
  test("come one after the other, in the order in which they were asked for", async () => {
    const turn = new Mutex()
    const log: Array<string> = []
    const work = (name: string) =>
      turn.during(
        Effect.gen(function* () {
          log.push(`${name} in`)
          yield* Effect.yieldNow()
          yield* Effect.sleep(1)
          log.push(`${name} out`)
        })
      )
    await Effect.runPromise(Effect.all([work("a"), work("b"), work("c")], { concurrency: "unbounded" }))
    expect(log).toEqual(["a in", "a out", "b in", "b out", "c in", "c out"])
  })

  test("end with a failure, and with an interrupt", async () => {
    const turn = new Mutex()
    expect(Exit.isFailure(await Effect.runPromiseExit(turn.during(Effect.fail("no"))))).toBe(true)
    const fiber = Effect.runFork(turn.during(Effect.never))
    await Effect.runPromise(Effect.sleep(1))
    await Effect.runPromise(Fiber.interrupt(fiber))
    expect(await Effect.runPromise(turn.during(Effect.succeed(1)))).toBe(1)
  })

  test("that had to be waited for can be interrupted: while waiting, and when it is theirs", async () => {
    const turn = new Mutex()
    const gate = Effect.runSync(Deferred.make<void>())
    const held = Effect.runFork(turn.during(Deferred.await(gate)))
    const gone = Effect.runFork(turn.during(Effect.succeed("never")))
    const begun = Effect.runSync(Deferred.make<void>())
    const endless = Effect.runFork(turn.during(Effect.zipRight(Deferred.succeed(begun, undefined), Effect.never)))
    await Effect.runPromise(Effect.sleep(1))
    expect(Exit.isInterrupted(await Effect.runPromise(Fiber.interrupt(gone)))).toBe(true)
    await Effect.runPromise(Deferred.succeed(gate, undefined))
    await Effect.runPromise(Fiber.join(held))
    await Effect.runPromise(Deferred.await(begun))
    expect(Exit.isInterrupted(await Effect.runPromise(Fiber.interrupt(endless)))).toBe(true)
  })
})
