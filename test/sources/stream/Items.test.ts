import { expect, test } from "bun:test"
import { Effect, Exit, Fiber, Logger, Scope, TestClock, TestContext } from "effect"
import { type Items, pulling } from "../../../src/sources/stream/Items.ts"

const turn = Effect.promise(() => new Promise((resolve) => setTimeout(resolve, 1)))

/**
 * Opens items, reads of them, and closes them; returns what was logged. With `settle` the next sample is waited for by then, and
 * settled after that.
 */
const closing = (items: Items<number>, settle?: () => void) => {
  const logged: Array<string> = []
  const layer = Logger.replace(
    Logger.defaultLogger,
    Logger.make(({ message }) => {
      logged.push(String(message))
    })
  )
  const run = Effect.gen(function* () {
    const scope = yield* Scope.make()
    const pull = yield* Scope.extend(pulling(items), scope)
    yield* pull(1)
    if (settle === undefined) return yield* Scope.close(scope, Exit.void)
    // In a fiber that is interrupted while it waits, as that of a run is.
    const reader = yield* Effect.fork(Effect.ensuring(pull(1), Scope.close(scope, Exit.void)))
    yield* turn
    yield* Fiber.interruptFork(reader)
    yield* turn
    settle()
    yield* Fiber.await(reader)
  })
  return Effect.as(run, logged).pipe(Effect.provide(layer))
}

const iterable = (end: () => unknown): Items<number> =>
  // Iterators of users' give what they give.
  ({ [Symbol.asyncIterator]: () => ({ next: async () => ({ done: false, value: 1 }), return: end }) }) as Items<number>

const iterableNow = (end: () => unknown): Items<number> =>
  // As above.
  ({ [Symbol.iterator]: () => ({ next: () => ({ done: false, value: 1 }), return: end }) }) as Items<number>

const result = { done: true, value: undefined }
const thrower = (thrown: unknown) => () => {
  throw thrown
}

test.each([
  ["throws an error", iterable(thrower(new Error("lost"))), "lost"],
  ["rejects", iterable(() => Promise.reject(new Error("lost"))), "lost"],
  ["rejects with a text", iterable(() => Promise.reject("lost")), "lost"],
  ["gives nothing", iterable(() => undefined), "gave undefined"],
  ["gives a result, and no promise", iterable(() => result), undefined],
  ["ends well", iterable(async () => result), undefined],
  ["throws an error at once", iterableNow(thrower(new Error("lost"))), "lost"],
  ["throws a text at once", iterableNow(thrower("lost")), "lost"],
  ["throws undefined at once", iterableNow(thrower(undefined)), "undefined"],
  ["gives no object at once", iterableNow(() => 1), "gave 1"],
  ["ends well at once", iterableNow(() => result), undefined]
] as const)("what a source fails with when it is closed is logged: its `return` %s", async (_, items, expected) => {
  const logged = await Effect.runPromise(closing(items))
  if (expected === undefined) expect(logged).toEqual([])
  else expect(logged).toEqual([expect.stringContaining(expected)])
  if (expected !== undefined) expect(logged[0]).toContain("a stream source failed when it was closed: ")
})

/** A generator that waits for its second sample. */
const waiting = (gate: Promise<void>, atEnd: () => void) =>
  (async function* () {
    try {
      yield 1
      await gate
      yield 2
    } finally {
      atEnd()
    }
  })()

test("a generator that waits for its next sample is closed once it has it, and waited for", async () => {
  const gate = Promise.withResolvers<void>()
  let isClosed = false
  const items = waiting(gate.promise, () => {
    isClosed = true
    throw new Error("not flushed")
  })
  const logged = await Effect.runPromise(closing(items, () => gate.resolve()))
  expect(isClosed).toBe(true)
  expect(logged).toEqual([expect.stringContaining("not flushed")])
})

test("what a generator that waits fails with once nobody reads on is logged", async () => {
  const gate = Promise.withResolvers<void>()
  const items = waiting(gate.promise, () => undefined)
  const logged = await Effect.runPromise(closing(items, () => gate.reject(new Error("connection lost"))))
  expect(logged).toEqual([expect.stringContaining("connection lost")])
})

test("a generator that waits without end is left to itself 5 seconds after it was told", async () => {
  const run = Effect.gen(function* () {
    const gate = new Promise<void>(() => undefined)
    const items = waiting(gate, () => undefined)
    const told = Promise.withResolvers<void>()
    const own = yield* Effect.fork(closing(items, told.resolve))
    yield* Effect.promise(() => told.promise)
    yield* TestClock.adjust(4999)
    const isOver = (yield* Fiber.poll(own))._tag === "Some"
    yield* TestClock.adjust(1)
    return { isOver, logged: yield* Fiber.join(own) }
  })
  const { isOver, logged } = await Effect.runPromise(Effect.provide(run, TestContext.TestContext))
  expect(isOver).toBe(false)
  expect(logged).toEqual([expect.stringContaining("is not closed 5 seconds after it was told to")])
})

test("a promise in the place of a stream is refused, with the generator that waits for it", async () => {
  // Untyped code.
  const given = Promise.resolve([1]) as unknown as Items<number>
  const error = await Effect.runPromise(Effect.flip(Effect.sandbox(Effect.scoped(pulling(given)))))
  expect(String(error)).toContain("async function* () { yield* await … }")
})
