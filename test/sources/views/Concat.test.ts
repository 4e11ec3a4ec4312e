import { describe, expect, test } from "bun:test"
import { Effect } from "effect"
import { InvalidOption } from "../../../src/core/InvalidOption.ts"
import * as Dataset from "../../../src/sources/Dataset.ts"
import { all, Offline } from "../../support/datasets.ts"

describe("concat", () => {
  test("of nothing, of empty parts, of many parts", () => {
    expect(Dataset.concat().size).toBe(0)
    expect(Effect.runSync(Effect.flip(Dataset.concat().get(0)))).toMatchObject({ _tag: "IndexError", size: 0 })
    expect(Dataset.concat(Dataset.range(0), Dataset.fromArray([])).size).toBe(0)
    const parts = [0, 3, 0, 0, 1, 5, 2, 0].map((size) => Dataset.range(size))
    expect(all(Dataset.concat(...parts))).toEqual([0, 1, 2, 0, 0, 1, 2, 3, 4, 0, 1])
  })

  test("of plain code and Effects together asks each part once a batch", () => {
    const asked: Array<ReadonlyArray<number>> = []
    const remote = Dataset.effect({
      size: 3,
      get: (index) => Effect.succeed(100 + index),
      getMany: (indices) => {
        asked.push(indices)
        return Effect.succeed(indices.map((index) => 100 + index))
      }
    })
    const view = Dataset.concat(Dataset.range(2), remote, Dataset.range(2))
    expect(Effect.runSync(view.getMany([6, 2, 0, 4, 5, 3, 1]))).toEqual([1, 100, 0, 102, 0, 101, 1])
    expect(asked).toEqual([[0, 2, 1]])
    expect(Effect.runSync(view.get(4))).toBe(102)
    expect(Effect.runSync(Effect.flip(view.getMany([0, 7])))).toMatchObject({ _tag: "IndexError", index: 7, size: 7 })
  })

  test("is refused where the sizes go beyond 2^53 - 1", () => {
    const half = Dataset.range(2 ** 52)
    expect(Dataset.concat(half, Dataset.range(2 ** 52 - 1)).size).toBe(2 ** 53 - 1)
    expect(() => Dataset.concat(half, half)).toThrow(InvalidOption)
  })

  test("types: a sample, an error, a requirement of any part", () => {
    const view = Dataset.concat(
      Dataset.fromArray(["a"]),
      Dataset.effect({ size: 1, get: (index): Effect.Effect<number, Offline> => new Offline({ index }) })
    )
    const samples: Effect.Effect<
      Array<string | number>,
      Offline | Dataset.DatasetError | Dataset.IndexError
    > = view.getMany([0, 1])
    expect(Effect.runSync(Effect.flip(samples))).toMatchObject({ _tag: "Offline", index: 0 })
  })
})
