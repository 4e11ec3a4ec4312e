import { describe, expect, test } from "bun:test"
import type { Chart, Figure } from "./Row.ts"
import { flat, lines, reaches, rounded, table } from "./report.ts"

const met: Figure = { key: "loader/loop", value: 3.25, unit: "ratio", goal: { least: 3 } }
const absent: Figure = { key: "loader/pytorch", value: null, unit: "ratio", goal: { least: 40 }, note: "no torch" }
const slow: Figure = { key: "first batch", value: 61, unit: "ms", goal: { most: 60 }, note: "warm" }
const chart: Chart = {
  title: "W1: small images, batches of 128",
  unit: "samples",
  bars: [
    { name: "Furrow", ours: true, perSecond: 1_234_567.8 },
    { name: "PyTorch", ours: false, perSecond: null, note: "no torch" }
  ]
}

test("rounded keeps the digits that say something", () => {
  expect([1234.5, 12.345, 1.2345, -61.25].map(rounded)).toEqual(["1235", "12.3", "1.23", "-61.3"])
})

test("reaches compares by the goal's side, its edge included", () => {
  expect(reaches(met)).toBe(true)
  expect(reaches(slow)).toBe(false)
  expect(reaches({ ...slow, value: 60 })).toBe(true)
  expect(reaches({ ...met, value: 3 })).toBe(true)
  expect(reaches(absent)).toBeUndefined()
  expect(reaches({ key: "k", value: 1, unit: "ms" })).toBeUndefined()
})

test("table has a line a figure, with its goal and whether it was reached", () => {
  expect(table([met, absent, slow])).toEqual([
    "  loader/loop     3.250    (at least 3, reached)",
    "  loader/pytorch  null     (at least 40)          no torch",
    "  first batch     61.0 ms  (at most 60, missed)   warm"
  ])
})

test("lines has a line a bar, and the reason of one that is missing", () => {
  const [title, ours, theirs] = lines(chart)
  expect(title).toBe("W1: small images, batches of 128")
  expect(ours).toMatch(/^ {2}Furrow {3} +1234568 samples\/s$/)
  expect(theirs).toBe("  PyTorch  null: no torch")
})

describe("flat", () => {
  const result = flat({ charts: [chart], figures: [met, absent, slow] })

  test("has ratios under their keys, all else with its unit, reasons beside what is null", () => {
    expect(result).toEqual({
      "loader/loop": 3.25,
      "loader/pytorch": null,
      "loader/pytorch: reason": "no torch",
      "first batch (ms)": 61,
      "W1: Furrow (samples/s)": 1_234_570,
      "W1: PyTorch (samples/s)": null
    })
  })

  test("is one line of JSON that reads back as itself", () => {
    const line = JSON.stringify(result)
    expect(line).not.toContain("\n")
    expect(JSON.parse(line)).toEqual(result)
  })

  test("says once what is a bar and a figure", () => {
    const figure: Figure = { key: "Furrow", value: 5, unit: "samples/s" }
    expect(Object.keys(flat({ charts: [chart], figures: [figure] }))).toEqual([
      "Furrow (samples/s)",
      "W1: PyTorch (samples/s)"
    ])
  })

  test("has no NaN: what could not be measured is null with a reason", () => {
    const broken = flat({ charts: [], figures: [{ key: "a", value: Number.NaN, unit: "ratio" }] })
    expect(broken).toEqual({ a: null, "a: reason": "it could not be measured" })
  })
})
