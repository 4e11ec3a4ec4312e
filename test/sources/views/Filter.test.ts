import { describe, expect, test } from "bun:test"
import { Effect } from "effect"
import * as Dataset from "../../../src/sources/Dataset.ts"
import { all, both } from "../../support/datasets.ts"

describe("filter", () => {
  test("looks at every sample once, over more than one chunk", () => {
    for (const source of both(2500)) {
      const seen: Array<number> = []
      const kept = Effect.runSync(source.pipe(Dataset.filter((n, index) => seen.push(index) > 0 && n % 1000 === 999)))
      expect(all(kept)).toEqual([999, 1999])
      expect(seen).toEqual(Array.from({ length: 2500 }, (_, index) => index))
    }
  })

  test("narrows by a refinement", () => {
    const isText = (value: string | number): value is string => typeof value === "string"
    const texts = Effect.runSync(Dataset.fromArray([1, "a", 2, "b"]).pipe(Dataset.filter(isText)))
    const upper: Array<string> = all(texts).map((text) => text.toUpperCase())
    expect(upper).toEqual(["A", "B"])
  })

  test("what it throws is a DatasetError", () => {
    const run = Dataset.range(5, { name: "five" }).pipe(
      Dataset.filter((n) => {
        if (n === 3) throw new Error("no three")
        return true
      })
    )
    expect(Effect.runSync(Effect.flip(run))).toMatchObject({
      _tag: "DatasetError",
      dataset: "five, filtered",
      index: 3
    })
  })

  test("may keep nothing, or have nothing to look at", () => {
    expect(Effect.runSync(Dataset.range(5).pipe(Dataset.filter(() => false))).size).toBe(0)
    expect(Effect.runSync(Dataset.range(0).pipe(Dataset.filter(() => true))).size).toBe(0)
  })
})
