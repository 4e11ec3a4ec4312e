import { describe, expect, test } from "bun:test"
import { Context, Data, Effect } from "effect"
import { InvalidOption } from "../../src/core/InvalidOption.ts"
import * as Dataset from "../../src/sources/Dataset.ts"

class Offline extends Data.TaggedError("Offline")<{ readonly index: number }> {}

const many = (size: number, name: string) =>
  Dataset.effect({ name, size, getMany: () => Effect.succeed([]), get: () => Effect.succeed(0) })

const sources: ReadonlyArray<Dataset.Dataset<unknown, unknown>> = [
  Dataset.fromArray([10, 11, 12], { name: "three" }),
  Dataset.range(3, { name: "three" }),
  Dataset.make({ name: "three", size: 3, get: (index) => index }),
  Dataset.effect({ name: "three", size: 3, get: (index) => Effect.succeed(index) }),
  Dataset.fromColumns({ label: new Uint8Array(3) }, { name: "three" }),
  many(3, "three"),
  Dataset.range(9).pipe(
    Dataset.map((n) => n, { name: "three" }),
    Dataset.subset([1, 2, 3], { name: "three" })
  )
]

describe("an index out of range is an IndexError that names dataset, index and range", () => {
  for (const index of [-1, 3, 1.5, Number.NaN, Number.POSITIVE_INFINITY]) {
    test(String(index), () => {
      for (const source of sources) {
        const expected = new Dataset.IndexError({ dataset: "three", index, size: 3 })
        const one = Effect.runSync(Effect.flip(source.get(index)))
        const batch = Effect.runSync(Effect.flip(source.getMany([0, 2, index])))
        for (const error of [one, batch]) {
          expect(error).toBeInstanceOf(Dataset.IndexError)
          expect(error).toMatchObject({ _tag: "IndexError", dataset: "three", index, size: 3 })
          expect(String(error)).toContain(expected.message)
        }
        expect(expected.message).toBe(
          `dataset three has no sample at index ${index}: its indices are the whole numbers from 0 to 2`
        )
      }
    })
  }

  test("of an empty dataset", () => {
    for (const source of [Dataset.fromArray([]), Dataset.range(0), many(0, "none")]) {
      const error = Effect.runSync(Effect.flip(source.get(0)))
      expect(error).toMatchObject({ _tag: "IndexError", index: 0, size: 0 })
      expect((error as Dataset.IndexError).message).toContain("it is empty")
      expect(Effect.runSync(source.getMany([]))).toEqual([])
    }
  })
})

test("sizes that are none are refused", () => {
  for (const size of [-1, 2.5, Number.NaN, 2 ** 53]) {
    expect(() => Dataset.range(size)).toThrow(`size of dataset range must be a whole number of at least 0, got ${size}`)
    expect(() => Dataset.make({ size, get: () => 0 })).toThrow(InvalidOption)
    expect(() => many(size, "some")).toThrow("size of dataset some")
  }
  expect(Dataset.range(2 ** 53 - 1).size).toBe(2 ** 53 - 1)
})

test("getMany gives samples in the order of the indices, in an array of the caller's own", () => {
  const items = ["a", "b", "c", "d"]
  const letters = Dataset.fromArray(items)
  const first = Effect.runSync(letters.getMany(Float64Array.of(3, 0, 3)))
  expect(first).toEqual(["d", "a", "d"])
  first[0] = "z"
  expect(items).toEqual(["a", "b", "c", "d"])
  expect(Effect.runSync(letters.getMany([3]))).toEqual(["d"])
})

describe("fromArray", () => {
  test("sees its array change", () => {
    const items = [1, 2, 3]
    const numbers = Dataset.fromArray(items)
    items.pop()
    expect(numbers.size).toBe(2)
    expect(Effect.runSync(Effect.flip(numbers.get(2)))).toMatchObject({ _tag: "IndexError", size: 2 })
  })

  test("gives undefined where the array holds it", () => {
    expect(Effect.runSync(Dataset.fromArray([undefined, 1]).getMany([0, 1]))).toEqual([undefined, 1])
  })

  test("refuses what is no array", () => {
    // @ts-expect-error a number is no array
    expect(() => Dataset.fromArray(5)).toThrow("items must be an array, got 5")
  })
})

describe("make", () => {
  test("what get throws is a DatasetError that names dataset and index", () => {
    const broken = Dataset.make({
      name: "broken",
      size: 10,
      get: (index) => {
        if (index === 7) throw new Error("bad pixel")
        return index
      }
    })
    expect(Effect.runSync(broken.get(6))).toBe(6)
    for (const run of [broken.get(7), broken.getMany([1, 7, 2])]) {
      const error = Effect.runSync(Effect.flip<unknown, Dataset.IndexError | Dataset.DatasetError, never>(run))
      expect(error).toMatchObject({ _tag: "DatasetError", dataset: "broken", index: 7 })
      expect(error.message).toBe("sample 7 of dataset broken cannot be read: bad pixel")
    }
  })

  test("what is thrown need not be an Error", () => {
    const broken = Dataset.make({
      size: 1,
      get: () => {
        throw "no reason"
      }
    })
    const error = Effect.runSync(Effect.flip(broken.get(0)))
    expect(error.message).toBe("sample 0 of dataset dataset cannot be read: no reason")
  })
})

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
