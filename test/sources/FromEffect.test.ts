import { describe, expect, test } from "bun:test"
import { Context, Effect } from "effect"
import * as Dataset from "../../src/sources/Dataset.ts"
import { Offline } from "../support/datasets.ts"

describe("effect", () => {
  class Store extends Context.Tag("test/Store")<Store, { readonly at: (index: number) => string }>() {}

  const stored = Dataset.effect({
    name: "stored",
    size: 100,
    get: (index) =>
      Effect.flatMap(Store, (store) => (index === 13 ? new Offline({ index }) : Effect.succeed(store.at(index))))
  })

  test("carries its requirements and its errors in its type", () => {
    const provide = Effect.provideService(Store, { at: (index) => `#${index}` })
    expect(Effect.runSync(stored.getMany([2, 1]).pipe(provide))).toEqual(["#2", "#1"])
    const error: Offline | Dataset.IndexError | Dataset.DatasetError = Effect.runSync(
      stored.getMany([1, 13]).pipe(provide, Effect.flip)
    )
    expect(error).toMatchObject({ _tag: "Offline", index: 13 })
    // @ts-expect-error Store is not provided
    expect(() => Effect.runSync(stored.get(0))).toThrow("Store")
  })

  test("reads as many samples at once as concurrency says", async () => {
    for (const concurrency of [1, 3]) {
      let now = 0
      let most = 0
      const slow = Dataset.effect({
        size: 20,
        concurrency,
        get: (index) =>
          Effect.gen(function* () {
            now++
            most = Math.max(most, now)
            yield* Effect.yieldNow()
            now--
            return index
          })
      })
      const indices = [5, 4, 3, 2, 1, 0, 9]
      expect(await Effect.runPromise(slow.getMany(indices))).toEqual(indices)
      expect(most).toBe(concurrency)
    }
  })

  test("a getMany of its own is asked once a batch, with its own copy of the indices", () => {
    const asked: Array<ReadonlyArray<number>> = []
    const batched = Dataset.effect({
      size: 10,
      get: () => Effect.die("not asked"),
      getMany: (indices) =>
        Effect.sync(() => {
          asked.push(indices)
          return indices.map((index) => index * 2)
        })
    })
    const indices = Uint32Array.of(4, 1)
    const run = batched.getMany(indices)
    expect(Effect.runSync(run)).toEqual([8, 2])
    indices[0] = 0
    expect(asked).toEqual([[4, 1]])
  })

  test("a getMany that gives too few is a DatasetError", () => {
    const short = Dataset.effect({
      name: "short",
      size: 10,
      get: () => Effect.succeed(0),
      getMany: () => Effect.succeed([1])
    })
    const error = Effect.runSync(Effect.flip(short.getMany([3, 4])))
    expect(error).toMatchObject({ _tag: "DatasetError", dataset: "short", index: 3 })
    expect(error.message).toContain("getMany was asked for 2 samples and gave 1")
  })

  test("a function that throws where it should fail is a DatasetError", () => {
    const broken = Dataset.effect({
      name: "broken",
      size: 10,
      get: (index): Effect.Effect<number> => {
        throw new Error(`no ${index}`)
      }
    })
    for (const run of [Effect.asVoid(broken.get(4)), Effect.asVoid(broken.getMany([4]))]) {
      const error = Effect.runSync(Effect.flip(run))
      expect(error).toMatchObject({ _tag: "DatasetError", dataset: "broken", index: 4 })
    }
  })

  test("concurrency is checked", () => {
    for (const concurrency of [0, 1.5, Number.NaN]) {
      expect(() => Dataset.effect({ size: 1, concurrency, get: () => Effect.succeed(0) })).toThrow(
        "concurrency must be a whole number of at least 1"
      )
    }
  })
})
