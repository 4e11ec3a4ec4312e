/** JSON is read without rounding. */
import { describe, expect, test } from "bun:test"
import fc from "fast-check"
import { exactJson, hasLongDigits } from "../../src/core/ExactJson.ts"

/** Texts that look like what is searched for. */
const text = fc.oneof(
  fc.string(),
  fc.constantFrom('"', "\\", '\\"', "12345678901234567890", '"9007199254740993', "bigint:", "bigint::1", "1e400")
)
const number = fc.oneof(
  fc.double({ noNaN: true, noDefaultInfinity: true }),
  fc.integer(),
  fc.constantFrom(2 ** 53, -(2 ** 53), 1e20, 1e21, 1.5e300, -0)
)
const value = fc.letrec<{ value: unknown }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 4 },
    fc.constantFrom(null, true, false),
    text,
    number,
    fc.bigInt(),
    fc.array(tie("value"), { maxLength: 4 }),
    fc.dictionary(text, tie("value"), { maxKeys: 4 })
  )
})).value

/** As a writer of another language would: bigints as digits, and doubles of any size so that they are no whole number in digits. */
const written = (own: unknown): string => {
  if (typeof own === "bigint") return String(own)
  if (typeof own === "number") return Object.is(own, -0) ? "-0" : Number.isSafeInteger(own) ? String(own) : float(own)
  if (Array.isArray(own)) return `[${own.map(written).join(" , ")}]`
  if (typeof own !== "object" || own === null) return JSON.stringify(own)
  return `{${Object.entries(own)
    .map(([name, field]) => `${JSON.stringify(name)}:${written(field)}`)
    .join(",")}}`
}
const float = (own: number): string => own.toExponential()

/** Bigints that a double holds without doubt are read as numbers. */
const expected = (own: unknown): unknown => {
  if (typeof own === "bigint") return Number.isSafeInteger(Number(own)) ? Number(own) : own
  if (Array.isArray(own)) return own.map(expected)
  if (typeof own !== "object" || own === null) return own
  // Not by assignment, which a field named __proto__ would not survive.
  return Object.fromEntries(Object.entries(own).map(([name, field]) => [name, expected(field)]))
}

describe("exactJson", () => {
  test("gives what was written: bigints for whole numbers beyond 2^53, and texts that look like these as they are", () => {
    fc.assert(
      fc.property(value, (own) => {
        expect(exactJson(written(own))).toEqual(expected(own))
      }),
      { numRuns: 1000 }
    )
  })

  test("tells the least numbers that are rounded from the largest that are not", () => {
    expect(exactJson("[9007199254740991,9007199254740992,9007199254740993]")).toEqual([
      9007199254740991,
      9007199254740992n,
      9007199254740993n
    ])
    expect(exactJson('{"a":-9007199254740992,"b":9007199254740993.0,"c":1e17}')).toEqual({
      a: -9007199254740992n,
      b: 9007199254740992,
      c: 1e17
    })
  })

  test("takes no text for one of them, however it is written", () => {
    const texts = '["bigint:5","\\u0062igint:5","bigint\\u003aabc","9007199254740993"]'
    expect(exactJson(`[9007199254740993,${texts}]`)).toEqual([9007199254740993n, JSON.parse(texts)])
    const colons = `bigint${":".repeat(2 ** 20)}`
    expect(exactJson(`[9007199254740993,"${colons}"]`)).toEqual([9007199254740993n, colons])
  })

  test("finds them wherever they stand, and goes through long digits in a text once", () => {
    for (let before = 0; before < 40; before++) {
      const own = `{"a":${" ".repeat(before)}-9007199254740993}`
      expect(exactJson(own)).toEqual({ a: -9007199254740993n })
      expect(hasLongDigits(new TextEncoder().encode(own))).toBe(true)
      expect(hasLongDigits(new TextEncoder().encode(`{"a":${" ".repeat(before)}0.90071992547409931}`))).toBe(false)
    }
    const digits = "1".repeat(2 ** 20)
    expect(exactJson(`[".${digits}",0.${digits},1e400]`)).toEqual([`.${digits}`, 1 / 9, Number.POSITIVE_INFINITY])
    const deep = `${"[".repeat(2000)}9007199254740993${"]".repeat(2000)}`
    expect(JSON.stringify(exactJson(deep), (_, own) => (typeof own === "bigint" ? 0 : own))).toContain("[0]")
  })
})
