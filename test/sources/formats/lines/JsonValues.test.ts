/** Lines that are parsed together give what each gives alone, or nothing. */
import { describe, expect, test } from "bun:test"
import fc from "fast-check"
import { exactJson } from "../../../../src/core/ExactJson.ts"
import { runtime } from "../../../../src/core/runtime.ts"
import { valuesOfLines } from "../../../../src/sources/formats/lines/JsonValues.ts"
import { ParsedBlock } from "../../../../src/sources/formats/lines/ParsedBlock.ts"

const encoder = new TextEncoder()
const isHere = runtime.name === "bun"

/** Parts of JSON, of which few make a line that is one value, and many one that goes on in the next. */
const part = fc.constantFrom(
  ...[
    "1",
    "-0",
    "1e999",
    "01",
    '"a"',
    '"ï"',
    '"\u2028\ufffd"',
    '"',
    "{",
    "}",
    '{"a":1}',
    '{"__proto__":1}',
    "[",
    "]",
    "[1"
  ],
  ...["2]", ",", ",3", ":", " ", "\t", "\r", "\n", "\n", "\n", "null", "tru", "\ufeff", "\0", "\u00a0", "//"]
)
const text = fc.array(part, { minLength: 1, maxLength: 12 }).map((parts) => parts.join(""))

/** The values of the lines that are not blank, each parsed alone; `undefined` if one is none. */
const alone = (own: string): { readonly count: number; readonly values: ReadonlyArray<unknown> | undefined } => {
  const lines = own.split("\n").filter((line) => !/^[ \t\r]*$/.test(line))
  try {
    return { count: lines.length, values: lines.map((line): unknown => exactJson(line)) }
  } catch {
    return { count: lines.length, values: undefined }
  }
}

describe("Lines that are parsed together", () => {
  test("give the value of each, if each is one", () => {
    fc.assert(
      fc.property(text, (own) => {
        const { count, values } = alone(own)
        fc.pre(count > 0)
        const expected = isHere ? values : undefined
        expect<unknown>(valuesOfLines?.(false)(encoder.encode(own), count)).toEqual(expected)
        expect<unknown>(ParsedBlock.of(encoder.encode(own), count, false)?.run(0, count)).toEqual(expected)
      }),
      { numRuns: 3000 }
    )
  })

  for (const [why, lines, count] of [
    ["a value that goes over two lines", "[1\n,2]\n3", 3],
    ["two values in one line and one in two", "1 2\n[3\n,4]", 3],
    ["a return between two values", "1\r2\n[3\n,4]", 3],
    ["an array that a line leaves open and another one closes", "[1\n2],3", 2],
    ["fewer values than the index says", "1\n2", 3],
    ["more", "1\n2", 1]
  ] as const) {
    test(`give nothing for ${why}`, () => {
      expect(valuesOfLines?.(false)(encoder.encode(lines), count)).toBeUndefined()
      expect(ParsedBlock.of(encoder.encode(lines), count, false)).toBeUndefined()
    })
  }

  test("give nothing for bytes that are not UTF-8", () => {
    const bytes = Uint8Array.of(...encoder.encode('{"a":"'), 0xff, ...encoder.encode('"}\n1\n'))
    expect(valuesOfLines?.(false)(bytes, 2)).toBeUndefined()
    expect(ParsedBlock.of(bytes, 2, false)).toBeUndefined()
  })
})

if (isHere) {
  describe("A block that is parsed at once", () => {
    const rows = 3000
    const bytes = encoder.encode(
      Array.from({ length: rows }, (_, id) =>
        JSON.stringify({ id, text: (id % 700 < 350 ? "naïve " : "plain ").repeat(40) })
      ).join("\n\n")
    )
    const block = (): ParsedBlock => {
      const own = ParsedBlock.of(bytes, rows, false)
      if (own === undefined) throw new Error("each line is a row")
      return own
    }
    const ids = (own: ReadonlyArray<unknown> | undefined): ReadonlyArray<number> | undefined =>
      own?.map((row) => (row as { readonly id: number }).id) // as written above
    const run = (first: number, count: number): ReadonlyArray<number> =>
      Array.from({ length: count }, (_, at) => first + at)

    test("gives each row once, in any order of runs", () => {
      const own = block()
      expect(ids(own.run(0, 256))).toEqual(run(0, 256))
      expect(ids(own.run(512, 256))).toEqual(run(512, 256))
      expect(ids(own.run(256, 256))).toEqual(run(256, 256))
      expect(own.run(700, 100)).toBeUndefined()
      expect(own.run(0, 1)).toBeUndefined()
      expect(ids(own.run(768, rows - 768))).toEqual(run(768, rows - 768))
      expect(own.run(rows - 1, 1)).toBeUndefined()
    })

    test("is none if it is larger than 4 MiB", () => {
      expect(ParsedBlock.of(encoder.encode(`1\n"${"x".repeat(2 ** 22)}"`), 2, false)).toBeUndefined()
    })
  })
}
