/**
 * What `src/patches/` knows of Effect from the inside, compared with the release that is installed: if one of these fails
 * after an update, Effect has moved what is patched.
 */
import { describe, expect, test } from "bun:test"
import {
  Data,
  DefaultServices,
  Effect,
  Either,
  Exit,
  Fiber,
  FiberId,
  FiberRef,
  Hash,
  Option,
  Random,
  Tracer
} from "effect"
import * as EffectInternals from "../../src/patches/EffectInternals.ts"
import { toRandom } from "../../src/random/Rng.ts"
import { at } from "../support/rng.ts"

describe("the services that a fiber falls back to", () => {
  test("are a map by key, in which each of the two is found", () => {
    const { unsafeMap } = DefaultServices.liveServices
    expect(unsafeMap).toBeInstanceOf(Map)
    expect(unsafeMap.get(Random.Random.key)).toBe(EffectInternals.live(Random.Random))
    expect(unsafeMap.get(Tracer.Tracer.key)).toBe(EffectInternals.live(Tracer.Tracer))
    // What runs without services of its own is given these, by reference.
    expect(Effect.runSync(FiberRef.get(DefaultServices.currentServices))).toBe(DefaultServices.liveServices)
  })

  test("can be replaced under programs that are given none, and put back", () => {
    const before = EffectInternals.live(Random.Random)
    const own = toRandom(at(7))
    const made = EffectInternals.exchange(Random.Random, () => own)
    try {
      expect(made?.replacement).toBe(own)
      expect(Effect.runSync(Random.next)).toBe(at(7).double())
      expect(Effect.runSync(Effect.random)).toBe(own)
      expect(EffectInternals.exchange(Random.Random, (live) => live)).toBeUndefined()
    } finally {
      made?.undo()
    }
    expect(Effect.runSync(Effect.random)).toBe(before)
  })

  test("the tracer, too: spans are its", () => {
    const names: Array<string> = []
    const tracer = EffectInternals.live(Tracer.Tracer)
    const made = EffectInternals.exchange(Tracer.Tracer, () =>
      Tracer.make({
        span: (...args) => {
          names.push(args[0])
          return tracer.span(...args)
        },
        context: (run, fiber) => tracer.context(run, fiber)
      })
    )
    Effect.runSync(Effect.withSpan(Effect.void, "mine"))
    made?.undo()
    Effect.runSync(Effect.withSpan(Effect.void, "theirs"))
    expect(names).toEqual(["mine"])
  })
})

describe("the hashes of objects", () => {
  test("are drawn by the given generator, once for each object, and by Effect's own after that", () => {
    let drawn = 0
    const made = EffectInternals.hashesBy(() => {
      drawn++
      return 0.25
    })
    const [a, b, c] = [{}, {}, {}]
    try {
      expect(Hash.hash(a)).toBe(Hash.number(Math.floor(0.25 * Number.MAX_SAFE_INTEGER)))
      expect(Hash.hash(a)).toBe(Hash.hash(b))
      expect(drawn).toBe(2)
      expect(EffectInternals.hashesBy(() => 0)).toBeUndefined()
    } finally {
      made?.undo()
    }
    Hash.hash(c)
    expect(drawn).toBe(2)
  })
})

test("a fiber-local value is found on the fiber at work, as the guard of ambient randomness looks for it", () => {
  const local = FiberRef.unsafeMake("outside")
  const found = Effect.sync(() => {
    const fiber = Fiber.getCurrentFiber()
    return fiber._tag === "Some" ? fiber.value.getFiberRef(local) : "no fiber"
  })
  expect(Effect.runSync(Effect.locally(found, local, "inside"))).toBe("inside")
})

describe("what waits for a fiber", () => {
  test("is seen from within, until the fiber hears of it", () => {
    const seen: Array<boolean> = []
    const look = Effect.withFiberRuntime<void>((fiber) => {
      seen.push(EffectInternals.hasMessages(fiber))
      fiber.unsafeInterruptAsFork(FiberId.none)
      seen.push(EffectInternals.hasMessages(fiber))
      return Effect.sync(() => seen.push(EffectInternals.hasMessages(fiber)))
    })
    Effect.runSyncExit(Effect.uninterruptible(look))
    expect(seen).toEqual([false, true, false])
  })

  test("may be there if a fiber does not tell", () => {
    const fiber = Effect.runFork(Effect.void)
    const other = Object.defineProperty(Object.create(fiber), "_queue", { value: undefined })
    expect(EffectInternals.hasMessages(other)).toBe(true)
  })
})

test("an effect that is a value is told from those that are to be run", () => {
  class Success extends Data.TaggedError("Success") {}
  const values = [Effect.void, Effect.succeed(1), Exit.succeed(1)]
  const others = [
    Effect.fail(1),
    Effect.sync(() => 1),
    Effect.yieldNow(),
    Option.some(1),
    Either.right(1),
    new Success()
  ]
  expect(values.map(EffectInternals.isSuccess)).toEqual([true, true, true])
  expect(others.map(EffectInternals.isSuccess)).toEqual(others.map(() => false))
})
