import { describe, expect, test } from "bun:test"
import * as Dataset from "../../../src/sources/Dataset.ts"
import { all } from "../../support/datasets.ts"

describe("subset", () => {
  test("names the first index that is none, and its place", () => {
    const ten = Dataset.range(10, { name: "ten" })
    for (const index of [-1, 10, 1.5, Number.NaN]) {
      expect(() => ten.pipe(Dataset.subset([0, index, 99]))).toThrow(
        `index at place 1 of the subset of ten must be a whole number from 0 to 9, got ${index}`
      )
    }
    expect(() => Dataset.range(0).pipe(Dataset.subset([0]))).toThrow("the dataset is empty")
  })

  test("copies its indices", () => {
    const indices = [3, 3, 1]
    const view = Dataset.range(10).pipe(Dataset.subset(indices))
    indices[0] = 9
    expect(all(view)).toEqual([3, 3, 1])
  })
})
