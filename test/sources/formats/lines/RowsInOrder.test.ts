import { describe, expect, test } from "bun:test"
import fc from "fast-check"
import type { Block, BlockPlace } from "../../../../src/sources/formats/Format.ts"
import { decode } from "../../../../src/sources/formats/lines/JsonlBlocks.ts"
import { configOf } from "../../../../src/sources/formats/lines/JsonlOptions.ts"
import { RowsInOrder } from "../../../../src/sources/formats/lines/RowsInOrder.ts"

const encoder = new TextEncoder()
const BAD = ["{", "1,2", "[1]]", '"', "\u00a0"]

/** What a line is: a row, a blank one, or one that is not JSON. Some are longer than what is decoded in one go. */
const line = fc.oneof(
  { weight: 8, arbitrary: fc.jsonValue().map((value) => JSON.stringify(value)) },
  fc.constantFrom(
    "null",
    '"naïve \u2028\ufffd"',
    '{"a":1}\r',
    JSON.stringify("ä".repeat(40_000)),
    `"${"b".repeat(140_000)}"`
  ),
  fc.constantFrom("", " ", "\t\r"),
  fc.constantFrom(...BAD)
)
const isBlank = (own: string): boolean => /^[ \t\r]*$/.test(own)
const blockOf = (lines: ReadonlyArray<string>, isEnded: boolean): Uint8Array =>
  encoder.encode(lines.join("\n") + (isEnded ? "\n" : ""))

test("gives no row but the right one, whatever is asked for; all good ones if they are asked for in order", () => {
  fc.assert(
    fc.property(
      fc.array(line, { minLength: 1, maxLength: 30 }),
      fc.boolean(),
      fc.array(fc.nat(), { maxLength: 40 }),
      (lines, isEnded, asked) => {
        const own = lines.filter((text) => !isBlank(text))
        const bytes = blockOf(lines, isEnded)
        const expected = (row: number): unknown =>
          BAD.includes(own[row] as string) ? undefined : JSON.parse(own[row] as string) // below the length
        const chance = new RowsInOrder(bytes, own.length, JSON.parse)
        for (const place of asked) {
          const row = own.length === 0 ? 0 : place % own.length
          const found = chance.row(row)
          if (found !== undefined) expect<unknown>(found).toEqual(expected(row))
        }
        const isLastBlank = isBlank(lines.at(-1) ?? "")
        const inOrder = new RowsInOrder(bytes, own.length, JSON.parse)
        for (let row = 0; row < own.length; row++) {
          const found = inOrder.row(row)
          // Blank lines behind the last row are looked at where all lines are.
          if (row === own.length - 1 && isLastBlank && found === undefined) continue
          expect<unknown>(found).toEqual(expected(row))
          // Once more, as another worker may ask for it.
          const again = inOrder.row(row)
          if (again !== undefined) expect<unknown>(again).toEqual(expected(row))
        }
      }
    ),
    { numRuns: 200 }
  )
})

test("gives no row of a block with bytes that are not UTF-8", () => {
  const bytes = Uint8Array.of(...encoder.encode('{"a":"'), 0xff, ...encoder.encode('"}\n1\n'))
  const rows = new RowsInOrder(bytes, 2, JSON.parse)
  expect([rows.row(0), rows.row(1)]).toEqual([undefined, undefined])
})

describe("a block of JSON Lines", () => {
  const decoded = (text: string | Uint8Array, rows: number) => {
    const bytes = typeof text === "string" ? encoder.encode(text) : text
    const block: Block = { rows, offset: 7, length: bytes.length }
    const info = { location: "a", size: bytes.length, version: "t0" }
    const unread = (): never => {
      throw new Error("decoding reads nothing")
    }
    const place: BlockPlace = {
      shard: { info, read: unread, stream: unread },
      index: { blocks: [block] },
      number: 0,
      firstRow: 5
    }
    const own = decode(bytes, block, place, configOf({}))
    if (!("row" in own)) throw new Error("plain bytes are decoded at once")
    return own
  }

  for (const [rows, read] of [
    [2, 1],
    [4, 3]
  ] as const) {
    test(`that has 3 rows, and by its index ${rows}, gives an error with its row ${read} at the latest`, () => {
      const text = "0\n1\n2\n"
      const reason = `a block has 3 rows, and by its index ${rows}`
      const inOrder = decoded(text, rows)
      for (let row = 0; row < read; row++) expect(inOrder.row(row)).toBe(row)
      expect(() => inOrder.row(read)).toThrow(reason)
      expect(decoded(text, rows).run?.(0, rows)).toBeUndefined()
      expect(() => decoded(text, rows).lines).toThrow(reason)
    })
  }

  test("tells the row and the byte of a bad row, and gives the others", () => {
    const own = decoded('{"a":1}\n\n{"a":\r\n{"a":3}', 3)
    expect(own.row(0)).toEqual({ a: 1 })
    expect(() => own.row(1)).toThrow("a, row 6, byte 16: cannot be read as jsonl: it is not JSON")
    expect(own.row(2)).toEqual({ a: 3 })
    expect(own.run?.(0, 3)).toBeUndefined()
  })

  test("gives rows that follow one another together, each time as objects of their own", () => {
    const own = decoded(Array.from({ length: 1000 }, (_, id) => JSON.stringify({ id })).join("\n"), 1000)
    const first = own.run?.(0, 600)
    expect(first?.length).toBe(600)
    expect(own.run?.(600, 400)).toEqual(Array.from({ length: 400 }, (_, at) => ({ id: 600 + at })))
    expect(own.row(10)).toEqual(first?.[10])
    expect(own.row(10)).not.toBe(first?.[10])
    const again = own.run?.(0, 600)
    if (again !== undefined) {
      expect(again).toEqual(first ?? [])
      expect(again[10]).not.toBe(first?.[10])
    }
  })
})
