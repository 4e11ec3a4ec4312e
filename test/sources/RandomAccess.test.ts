import { describe, expect, test } from "bun:test"
import { Effect } from "effect"
import { InvalidOption } from "../../src/core/InvalidOption.ts"
import * as Dataset from "../../src/sources/Dataset.ts"

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
