/**
 * The ambient guard in a world that does not hold still: frozen, sealed and read-only globals, libraries that patch the
 * same functions while a run is open, runs that fail while they open. After each test the world is as it was before.
 */
import { afterEach, beforeEach, describe, expect, test } from "bun:test"
import { Context, DefaultServices, Effect, Exit, Layer, Random, Scope, Stream, Tracer } from "effect"
import * as Pipeline from "../../src/pipeline/Pipeline.ts"
import * as Workers from "../../src/scheduler/backends/Workers.ts"
import * as Scheduler from "../../src/scheduler/loader/Scheduler.ts"
import * as SeedPolicy from "../../src/seeding/SeedPolicy.ts"
import * as Dataset from "../../src/sources/Dataset.ts"
import * as frozen from "../support/threaded/frozen.ts"

/** All that a run may change. */
const world = () => ({
  random: Math.random,
  ownRandom: Object.getOwnPropertyDescriptor(Math, "random"),
  fill: crypto.getRandomValues,
  uuid: crypto.randomUUID,
  own: Object.getOwnPropertyNames(crypto),
  inherited: Object.getOwnPropertyDescriptors(Object.getPrototypeOf(crypto)),
  effect: Context.get(DefaultServices.liveServices, Random.Random),
  tracer: Context.get(DefaultServices.liveServices, Tracer.Tracer)
})

const realMath = Math
const realCrypto = Object.getOwnPropertyDescriptor(globalThis, "crypto") as PropertyDescriptor // every runtime has one
let before = world()
beforeEach(() => {
  before = world()
})
afterEach(() => {
  globalThis.Math = realMath
  Object.defineProperty(globalThis, "crypto", realCrypto)
  expect(world()).toEqual(before)
  expect(Math.random).toBe(before.random)
})

/** A copy of `Math`, which can be frozen for the time of a test. */
const ownMath = (): typeof Math => {
  const copy: typeof Math = Object.defineProperties(Object.create(null), Object.getOwnPropertyDescriptors(realMath))
  globalThis.Math = copy
  return copy
}

/** An object like `crypto`, its functions on its prototype, as they are on the real one. */
const ownCrypto = (): Crypto => {
  const real = globalThis.crypto
  class Likeness {
    getRandomValues(array: Uint8Array<ArrayBuffer>) {
      return real.getRandomValues(array)
    }
    randomUUID() {
      return real.randomUUID()
    }
  }
  const copy = new Likeness() as unknown as Crypto // as much of it as the guard touches
  Object.defineProperty(globalThis, "crypto", { value: copy, configurable: true, writable: true })
  return copy
}

const layer = Layer.merge(SeedPolicy.epochWorker({ seed: 42 }), Workers.fibers({ workers: 1 }))

/** Runs a pipeline of one plain stage, and gives its error or none. */
const outcome = (stage: () => unknown, setting: "refuse" | "leave" = "refuse") =>
  Stream.runDrain(
    Scheduler.stream(
      Pipeline.from(Dataset.range(4)).pipe(
        Pipeline.ambient(setting),
        Pipeline.map("luck", () => Number(Boolean(stage()))),
        Pipeline.batch(2)
      ),
      { epochs: 1 }
    )
  ).pipe(
    Effect.match({ onFailure: (error): unknown => error, onSuccess: () => undefined }),
    Effect.provide(layer),
    Effect.runPromise
  )

const refused = { _tag: "StageError", cause: { _tag: "AmbientRandomness" } }

/** A run that is held open. */
const opened = async (): Promise<() => Promise<void>> => {
  const scope = await Effect.runPromise(Scope.make())
  const pipeline = Pipeline.from(Dataset.range(4)).pipe(Pipeline.batch(2))
  await Scheduler.open(pipeline, { epochs: 1 }).pipe(Effect.provide(layer), Scope.extend(scope), Effect.runPromise)
  return () => Effect.runPromise(Scope.close(scope, Exit.void))
}

describe("what cannot be replaced", () => {
  const refusals: ReadonlyArray<readonly [string, string, () => void]> = [
    ["a frozen Math", "Math.random", () => Object.freeze(ownMath())],
    [
      "a Math.random that is neither writable nor configurable",
      "Math.random",
      () => Object.defineProperty(ownMath(), "random", { writable: false, configurable: false })
    ],
    [
      "a Math.random with a getter that cannot be redefined",
      "Math.random",
      () => {
        const { random } = realMath
        Object.defineProperty(ownMath(), "random", { get: () => random, configurable: false })
      }
    ],
    [
      "a Math that is a Proxy and refuses",
      "Math.random",
      () => {
        globalThis.Math = new Proxy(ownMath(), {
          defineProperty: () => {
            throw new Error("hands off")
          }
        })
      }
    ],
    [
      "a frozen crypto, whose prototype is frozen too",
      "crypto.getRandomValues",
      () => {
        Object.freeze(Object.getPrototypeOf(ownCrypto()))
        Object.freeze(globalThis.crypto)
      }
    ],
    [
      "a randomUUID of its own that is read-only",
      "crypto.randomUUID",
      () => Object.defineProperty(ownCrypto(), "randomUUID", { value: () => "", writable: false, configurable: false })
    ]
  ]

  test.each(refusals)(
    "%s: a typed error names %s and the way out, and all else is put back",
    async (_, call, spoil) => {
      spoil()
      const spoilt = world()
      const error = await outcome(() => 1)
      expect(error).toMatchObject({ _tag: "InvalidOption", option: call })
      expect(String(error)).toContain(`${call} must be writable or configurable`)
      expect(String(error)).toContain('Pipeline.ambient("leave")')
      expect(world()).toEqual(spoilt)
      // The way out.
      expect(await outcome(() => Math.random() < 2 && crypto.randomUUID(), "leave")).toBeUndefined()
      expect(world()).toEqual(spoilt)
    }
  )

  test.each(refusals)("%s: the next run tries again, and is guarded", async (_, __, spoil) => {
    spoil()
    expect(await outcome(() => 1)).toMatchObject({ _tag: "InvalidOption" })
    globalThis.Math = realMath
    Object.defineProperty(globalThis, "crypto", realCrypto)
    for (const draw of [
      () => Math.random(),
      () => crypto.randomUUID(),
      () => crypto.getRandomValues(new Uint8Array(1))
    ]) {
      expect(await outcome(draw)).toMatchObject(refused)
    }
    expect(world()).toEqual(before)
  })

  test("a run that is open already stays guarded when another one cannot be opened", async () => {
    const close = await opened()
    const other = ownMath()
    other.random = () => 0.5
    Object.freeze(other)
    expect(await outcome(() => 1)).toMatchObject({ _tag: "InvalidOption", option: "Math.random" })
    globalThis.Math = realMath
    expect(Math.random).not.toBe(before.random)
    expect(await outcome(() => Math.random())).toMatchObject(refused)
    await close()
    expect(world()).toEqual(before)
  })
})

describe("what can be replaced in another way", () => {
  const ways: ReadonlyArray<readonly [string, () => void]> = [
    ["a sealed Math", () => Object.seal(ownMath())],
    ["a read-only Math.random", () => Object.defineProperty(ownMath(), "random", { writable: false })],
    [
      "a Math.random behind a getter",
      () => {
        const { random } = realMath
        Object.defineProperty(ownMath(), "random", { get: () => random, configurable: true })
      }
    ],
    ["a frozen crypto", () => Object.freeze(ownCrypto())],
    ["a sealed crypto", () => Object.seal(ownCrypto())]
  ]
  test.each(ways)("%s: the run is guarded, and the property is as before", async (_, spoil) => {
    spoil()
    const spoilt = world()
    for (const draw of [
      () => Math.random(),
      () => crypto.randomUUID(),
      () => crypto.getRandomValues(new Uint8Array(1))
    ]) {
      expect(await outcome(draw)).toMatchObject(refused)
      expect(world()).toEqual(spoilt)
    }
  })
})

describe("what changes while a run is open", () => {
  test("a library's own Math.random is left to the library, and works on when the run is closed", async () => {
    const close = await opened()
    const inner = Math.random
    const theirs = () => inner() / 2
    Math.random = theirs
    // A run that is opened now is guarded, whatever the library's function draws from.
    expect(await outcome(() => Math.random())).toMatchObject(refused)
    await close()
    expect(Math.random).toBe(theirs)
    expect(Math.random()).toBeLessThan(0.5)
    // The library puts back what it found: the run's function, which governs nothing any more.
    Math.random = inner
    expect(Math.random()).toBeLessThan(1)
    expect(await outcome(() => 1)).toBeUndefined()
    expect(Math.random).toBe(before.random)
  })

  test("a spy that was put back to what was there before the run leaves it there", async () => {
    const close = await opened()
    Math.random = before.random
    await close()
    expect(world()).toEqual(before)
  })

  test("Object.freeze while a run is open: the run closes, draws outside of stages go on, the next run is guarded", async () => {
    const copy = ownMath()
    const close = await opened()
    Object.freeze(copy)
    await close()
    expect(Math.random()).toBeLessThan(1)
    expect(crypto.randomUUID).toBe(before.uuid)
    expect(await outcome(() => Math.random())).toMatchObject(refused)
    expect(await outcome(() => Math.random() + 1, "leave")).toBeUndefined()
  })

  test("Object.seal while a run is open: the function is put back", async () => {
    const copy = ownMath()
    const close = await opened()
    Object.seal(copy)
    await close()
    expect(Math.random).toBe(before.random)
  })

  test("a run that fails while it opens puts everything back", async () => {
    const pipeline = Pipeline.from(Dataset.range(4)).pipe(Pipeline.batch(2))
    const failing = Layer.succeed(Workers.Workers, {
      count: 1,
      // Workers are started behind the guard.
      backend: { name: "failing", open: () => Effect.die(new Error("no worker")) },
      chosen: Effect.succeedNone
    })
    const exit = await Effect.runPromiseExit(
      Stream.runDrain(Scheduler.stream(pipeline, { epochs: 1 })).pipe(Effect.provide(failing))
    )
    expect(Exit.isFailure(exit)).toBe(true)
    expect(world()).toEqual(before)
    expect(await outcome(() => Math.random())).toMatchObject(refused)
  })
})

describe("a thread whose Math is frozen", () => {
  const module = new URL("../support/threaded/frozen.ts", import.meta.url)
  const run = (name: "guarded" | "left") =>
    Stream.runCount(Scheduler.stream(name === "left" ? frozen.left : frozen.guarded, { epochs: 1 })).pipe(
      Effect.match({ onFailure: (error): unknown => error, onSuccess: (count): unknown => count }),
      Effect.provide(Workers.threads({ workers: 1, pipeline: module, name })),
      Effect.runPromise
    )

  test("is an error that names the function and the way out", async () => {
    const error = await run("guarded")
    expect(error).toMatchObject({ _tag: "BackendError" })
    expect(String(error)).toContain("Math.random must be writable or configurable")
    expect(String(error)).toContain('Pipeline.ambient("leave")')
  }, 60_000)

  test("runs a pipeline that leaves ambient randomness alone", async () => {
    expect(await run("left")).toBe(4)
  }, 60_000)
})
