import { describe, expect, test } from "bun:test"
import { Effect } from "effect"
import { InvalidOption } from "../../../src/core/InvalidOption.ts"
import * as Dataset from "../../../src/sources/Dataset.ts"

describe("slice", () => {
  test("cuts nothing to fit", () => {
    const ten = Dataset.range(10, { name: "ten" })
    expect(() => ten.pipe(Dataset.slice(0, 11))).toThrow(
      "end of the slice of ten must be a whole number from 0 to 10, got 11"
    )
    expect(() => ten.pipe(Dataset.slice(-1))).toThrow("start of the slice of ten")
    expect(() => ten.pipe(Dataset.slice(5, 4))).toThrow("a whole number from 5 to 10, got 4")
    expect(() => ten.pipe(Dataset.slice(0, 2.5))).toThrow(InvalidOption)
    expect(() => ten.pipe(Dataset.slice(Number.NaN))).toThrow(InvalidOption)
    expect(ten.pipe(Dataset.slice(10)).size).toBe(0)
  })

  test("holds to its range: a source that shrank is an IndexError of the source", () => {
    const items = [1, 2, 3, 4]
    const view = Dataset.fromArray(items, { name: "four" }).pipe(Dataset.slice(1, 4))
    items.length = 2
    expect(view.size).toBe(3)
    expect(Effect.runSync(view.get(0))).toBe(2)
    expect(Effect.runSync(Effect.flip(view.get(2)))).toMatchObject({ dataset: "four", index: 3, size: 2 })
  })
})
