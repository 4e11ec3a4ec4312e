import { describe, expect, test } from "bun:test"
import { Effect } from "effect"
import * as Dataset from "../../src/sources/Dataset.ts"

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

test("lineage must be a function", () => {
  // @ts-expect-error a record is not a function
  expect(() => Dataset.make({ name: "a", size: 1, get: String, lineage: { row: 1 } })).toThrow(
    "lineage of dataset a must be a function"
  )
})
