import { describe, expect, test } from "bun:test"
import { Effect } from "effect"
import * as Dataset from "../../src/sources/Dataset.ts"

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
