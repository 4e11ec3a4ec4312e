import { expect, test } from "bun:test"
import fc from "fast-check"
import type { BlockLines } from "../../../../src/sources/formats/Format.ts"
import { jointTexts } from "../../../../src/sources/formats/lines/JointTexts.ts"

const encoder = new TextEncoder()

/** Lines with `between` behind each. */
const blockOf = (lines: ReadonlyArray<string>, between: ReadonlyArray<string>): BlockLines<string> => {
  const starts: Array<number> = []
  const ends: Array<number> = []
  let text = ""
  for (const [row, line] of lines.entries()) {
    starts.push(encoder.encode(text).length)
    text += line
    ends.push(encoder.encode(text).length)
    text += between[row % between.length]
  }
  return {
    bytes: encoder.encode(text),
    starts: Uint32Array.from(starts),
    ends: Uint32Array.from(ends),
    parse: (line) => line
  }
}

const line = fc.oneof(
  fc.string({ unit: "binary", maxLength: 30 }).map((text) => text.replaceAll("\n", "\ufeff")),
  fc.constantFrom("", "naïve", "\ufeff{}", "ä".repeat(40_000), "b".repeat(140_000), "c".repeat(270_000))
)
const blocks = fc.array(
  fc.record({
    lines: fc.array(line, { minLength: 1, maxLength: 12 }),
    between: fc.array(fc.constantFrom("\n", "\r\n", "\n \n"), { minLength: 1, maxLength: 4 })
  }),
  { minLength: 1, maxLength: 4 }
)

test("gives each line, in any order, of any length, whatever is between them", () => {
  fc.assert(
    fc.property(
      blocks,
      fc.array(fc.tuple(fc.nat(), fc.nat(), fc.integer({ min: 1, max: 9 })), { maxLength: 20 }),
      (all, asked) => {
        const own = all.map(({ between, lines }) => blockOf(lines, between))
        const wanted = asked.flatMap(([block, from, length]) => {
          const at = block % own.length
          const count = all[at]?.lines.length ?? 0
          return Array.from(
            { length: Math.min(length, count - (from % count)) },
            (_, next) => [at, (from % count) + next] as const
          )
        })
        const texts = jointTexts(
          wanted.map(([block]) => own[block] as BlockLines<string>), // a block that there is
          wanted.map(([, place]) => place)
        )
        expect(texts).toEqual(wanted.map(([block, place]) => all[block]?.lines[place] ?? "none"))
      }
    ),
    { numRuns: 60 }
  )
})
