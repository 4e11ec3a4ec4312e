/**
 * Numbers that are read from the text that they stand in: the same bits as by `Number`, and nothing that a cell of numbers may
 * not be.
 */
import { expect, test } from "bun:test"
import * as fc from "fast-check"
import { shortDecimal } from "../../../../src/sources/formats/csv/ShortDecimal.ts"
import { valueFrom } from "../../../../src/sources/formats/csv/Types.ts"

/** Reads it between others, as cells stand. */
const read = (cell: string): number | undefined => shortDecimal(`1,${cell},2`, 2, 2 + cell.length)

const digits = fc.stringMatching(/^[0-9]{0,12}$/)
const likely = fc
  .tuple(
    fc.constantFrom("", "", "", "-", "+"),
    digits,
    fc.constantFrom("", ".", "."),
    digits,
    fc.constantFrom("", "", "e3")
  )
  .map((parts) => parts.join(""))
const any = fc.string({ unit: fc.constantFrom(..."0123456789.-+eE x,"), maxLength: 20 })

test("a number is the one that the cell's text gives, to the bit, declared or inferred", () => {
  fc.assert(
    fc.property(fc.oneof(likely, any), fc.boolean(), (cell, isDeclared) => {
      const own = read(cell)
      if (own === undefined) return
      expect(Object.is(own, Number(cell))).toBe(true)
      expect(Object.is(own, valueFrom("number", cell, isDeclared))).toBe(true)
    }),
    { numRuns: 3000 }
  )
})

test("numbers of up to 15 digits are read here", () => {
  fc.assert(
    fc.property(fc.integer({ min: -(10 ** 15) + 1, max: 10 ** 15 - 1 }), fc.nat(14), (whole, places) => {
      const text = String(Math.abs(whole)).padStart(places + 1, "0")
      const cell = `${whole < 0 ? "-" : ""}${text.slice(0, text.length - places)}${places === 0 ? "" : `.${text.slice(-places)}`}`
      expect(read(cell)).toBe(Number(cell))
    }),
    { numRuns: 1000 }
  )
})

test("what loses something, is no number, or has more digits, is left to others", () => {
  const others = ["", "-", ".", "-0", "-0.0", "+1", "01", "00.5", ".5", "5.", "1e3", "1.2.3", "1 ", " 1", "0x10", "nan"]
  for (const cell of [...others, "1234567890123456", "0.1234567890123456"]) expect(read(cell)).toBeUndefined()
  expect(read("0")).toBe(0)
  expect(read("0.00")).toBe(0)
  expect(read("123456789012345")).toBe(123456789012345)
  expect(read("-0.30")).toBe(-0.3)
})
