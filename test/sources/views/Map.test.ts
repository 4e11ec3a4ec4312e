import { describe, expect, test } from "bun:test"
import { Effect } from "effect"
import * as Dataset from "../../../src/sources/Dataset.ts"
import { both } from "../../support/datasets.ts"

describe("map", () => {
  test("what it throws is a DatasetError of the view; what the source throws stays the source's", () => {
    for (const source of both(10)) {
      const view = source.pipe(
        Dataset.map(
          (n) => {
            if (n === 4) throw new Error("no four")
            return n
          },
          { name: "fourless" }
        ),
        Dataset.slice(2)
      )
      for (const run of [Effect.asVoid(view.get(2)), Effect.asVoid(view.getMany([0, 2]))]) {
        const error = Effect.runSync(Effect.flip(run))
        expect(error).toMatchObject({ _tag: "DatasetError", dataset: "fourless", index: 4 })
        expect(error.message).toBe("sample 4 of dataset fourless cannot be read: no four")
      }
    }
    const broken = Dataset.make({
      name: "below",
      size: 3,
      get: (): number => {
        throw new Error("torn")
      }
    })
    const error = Effect.runSync(Effect.flip(broken.pipe(Dataset.map((n) => n + 1)).get(1)))
    expect(error).toMatchObject({ dataset: "below", message: "sample 1 of dataset below cannot be read: torn" })
  })

  test("sees its source change its size", () => {
    const items = [1, 2, 3]
    const view = Dataset.fromArray(items).pipe(Dataset.map((n) => n * 2))
    items.push(4)
    expect(view.size).toBe(4)
    expect(Effect.runSync(view.get(3))).toBe(8)
  })
})
