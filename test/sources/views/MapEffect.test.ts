import { describe, expect, test } from "bun:test"
import { Effect } from "effect"
import { InvalidOption } from "../../../src/core/InvalidOption.ts"
import * as Dataset from "../../../src/sources/Dataset.ts"
import { Offline } from "../../support/datasets.ts"

describe("mapEffect", () => {
  test("gives, fails and throws as its function does", () => {
    const view = Dataset.range(10, { name: "ten" }).pipe(
      Dataset.mapEffect((n, index) => {
        if (n === 8) throw new Error("thrown")
        return n === 9 ? new Offline({ index }) : Effect.succeed(n + index)
      })
    )
    expect(Effect.runSync(view.get(3))).toBe(6)
    expect(Effect.runSync(view.getMany([3, 1]))).toEqual([6, 2])
    expect(Effect.runSync(Effect.flip(view.getMany([1, 9])))).toMatchObject({ _tag: "Offline", index: 9 })
    expect(Effect.runSync(Effect.flip(view.get(8)))).toMatchObject({ _tag: "DatasetError", dataset: "ten, mapped" })
    expect(Effect.runSync(Effect.flip(view.get(10)))).toMatchObject({ _tag: "IndexError", index: 10 })
  })

  test("checks its concurrency", () => {
    expect(() => Dataset.mapEffect((n: number) => Effect.succeed(n), { concurrency: 0 })).toThrow(InvalidOption)
  })
})
