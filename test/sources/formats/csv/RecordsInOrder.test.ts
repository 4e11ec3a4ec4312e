import { expect, test } from "bun:test"
import fc from "fast-check"
import { records } from "../../../../src/sources/formats/csv/Cells.ts"
import { RecordsInOrder } from "../../../../src/sources/formats/csv/RecordsInOrder.ts"
import { ofText } from "../../../../src/sources/formats/lines/Characters.ts"

const encoder = new TextEncoder()
const split = records(",".charCodeAt(0), "none")

/** A record of two cells; some are longer than what is decoded in one go, some go over several lines. */
const record = fc.oneof(
  { weight: 8, arbitrary: fc.tuple(fc.nat(), fc.constantFrom("a", "naïve", "日本", "\ufffd", "")).map(String) },
  fc.constantFrom(
    '1,"a\nb"',
    '2,"""\r\n"""',
    `3,"${"ä\n".repeat(40_000)}"`,
    `4,${"b".repeat(140_000)}`,
    `5,${"日".repeat(50_000)}`,
    '6,a"b'
  )
)
const text = fc
  .tuple(
    fc.array(fc.tuple(record, fc.constantFrom("\n", "\r\n", "\n\n")), { minLength: 1, maxLength: 30 }),
    fc.boolean()
  )
  .map(([all, isEnded]) => {
    const own = all.map(([cells, end]) => cells + end).join("")
    return isEnded ? own : own.replace(/(?:\r?\n)+$/, "")
  })

const expectedOf = (own: string): ReadonlyArray<string> => {
  const { count, ends, starts } = split(ofText(own), true)
  return Array.from({ length: count }, (_, row) => own.slice(starts[row], ends[row]))
}

const found = (rows: RecordsInOrder, row: number): string | undefined => {
  const own = rows.find(row)
  return own === -1 ? undefined : rows.text.slice(rows.start(own), rows.end(own))
}

test("gives no record but the right one, whatever is asked for; nearly all if they are asked for in order", () => {
  let given = 0
  let asked = 0
  fc.assert(
    fc.property(text, fc.array(fc.nat(), { maxLength: 40 }), (own, places) => {
      const expected = expectedOf(own)
      const bytes = encoder.encode(own)
      const chance = new RecordsInOrder(bytes, expected.length, split)
      for (const place of places) {
        const row = place % Math.max(expected.length, 1)
        const record = found(chance, row)
        if (record !== undefined) expect(record).toBe(expected[row] ?? "none")
      }
      const inOrder = new RecordsInOrder(bytes, expected.length, split)
      for (const [row, record] of expected.entries()) {
        const one = found(inOrder, row)
        asked++
        if (one === undefined) continue
        given++
        expect(one).toBe(record)
        // Once more, as another worker may ask for it.
        expect(found(inOrder, row)).toBe(record)
      }
    }),
    { numRuns: 150 }
  )
  // Those that are longer than a stretch, and those behind them, are found where all are.
  expect(given / asked).toBeGreaterThan(0.5)
})

test("a record whose quotes are open at the end of a stretch begins the next one", () => {
  const lines = Array.from({ length: 9000 }, (_, row) => `${row},"naïve\n${"x".repeat(row % 40)}"`)
  const bytes = encoder.encode(`${lines.join("\n")}\n`)
  expect(bytes.length).toBeGreaterThan(2 ** 17)
  const rows = new RecordsInOrder(bytes, lines.length, split)
  expect(lines.map((_, row) => found(rows, row))).toEqual(lines)
})

test("gives no record of a stretch that is not UTF-8, and none behind it", () => {
  const bytes = Uint8Array.of(...encoder.encode("1,a\n2,"), 0xff, ...encoder.encode("\n3,c\n"))
  const rows = new RecordsInOrder(bytes, 3, split)
  expect([0, 1, 2].map((row) => found(rows, row))).toEqual([undefined, undefined, undefined])
})

test("gives no last record of a block that has not as many as its index says", () => {
  const bytes = encoder.encode("1,a\n2,b\n3,c\n")
  const fewer = new RecordsInOrder(bytes, 2, split)
  expect([0, 1].map((row) => found(fewer, row))).toEqual(["1,a", undefined])
  const more = new RecordsInOrder(bytes, 4, split)
  expect([0, 1, 2, 3].map((row) => found(more, row))).toEqual(["1,a", "2,b", "3,c", undefined])
})
