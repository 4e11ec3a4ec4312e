import { describe, expect, test } from "bun:test"
import { measured } from "./measure.ts"
import { bar, fastestOf, found, perSecond, ratio } from "./Row.ts"

const ours = measured("ours", [200])
const theirs = measured("theirs", [800])

test("perSecond turns nanoseconds a unit into units a second", () => {
  expect(perSecond(ours)).toBe(5_000_000)
})

describe("ratio", () => {
  test("is that of throughputs: above 1 where ours takes less time", () => {
    expect(ratio("key", ours, theirs, 3)).toEqual({ key: "key", value: 4, unit: "ratio", goal: { least: 3 } })
    expect(ratio("key", theirs, ours).value).toBe(0.25)
  })

  test("is null with the reason where the rival is absent, and keeps the goal", () => {
    const figure = ratio("key", ours, { name: "theirs", absent: "it is not installed" }, 3)
    expect(figure).toEqual({ key: "key", value: null, unit: "ratio", goal: { least: 3 }, note: "it is not installed" })
  })
})

test("bar has no throughput for who is absent, and says why", () => {
  expect(bar(ours, true)).toEqual({ name: "ours", ours: true, perSecond: 5_000_000 })
  const absent = bar({ name: "theirs", absent: "not here" }, false)
  expect(absent).toEqual({ name: "theirs", ours: false, perSecond: null, note: "not here" })
})

test("fastestOf takes the least time; found names who is missing", () => {
  expect(fastestOf([theirs, ours]).name).toBe("ours")
  expect(() => fastestOf([])).toThrow("nothing was measured")
  expect(found(new Map([["ours", ours]]), "ours")).toBe(ours)
  expect(() => found(new Map(), "ours")).toThrow('"ours"')
})
