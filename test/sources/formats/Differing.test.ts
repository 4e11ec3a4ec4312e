import { expect, test } from "bun:test"
import { differing } from "../../../src/sources/formats/Differing.ts"

const columns = (count: number, type: string) => Array.from({ length: count }, (_, n) => [`c${n}`, type] as const)

test("names the columns that differ, and of many the first ones and how many are left", () => {
  const own = [
    ["id", "number"],
    ["zip", "number"]
  ] as const
  const known = [
    ["id", "number"],
    ["zip", "string"]
  ] as const
  expect(differing(own, known, "a.csv")).toBe('its rows have "zip" number where those of a.csv have "zip" string')
  expect(differing(own, known.slice(0, 1), "a.csv")).toBe(
    'its rows have "zip" number where those of a.csv have no column'
  )
  expect(differing(columns(5000, "number"), columns(5000, "string"), "a.csv")).toBe(
    'its rows have "c0" number, "c1" number, "c2" number where those of a.csv have "c0" string, "c1" string, "c2" string; 4997 more columns differ'
  )
  const long = "x".repeat(10_000)
  expect(differing([[long, "number"]], [[long, "string"]], "a.csv").length).toBeLessThan(400)
  expect(differing([], [], "a.csv", [long, "b"]).length).toBeLessThan(400)
})
