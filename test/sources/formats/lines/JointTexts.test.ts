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
    parse: (line) => line,
    alone: () => {
      throw new Error("a line is decoded alone by those who ask for the texts")
    }
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

test("gives no text of a line that is not UTF-8, and the right one of each other that has one", () => {
  const cut = fc.constantFrom([0xff], [0xe2, 0x82], [0xc3], [0x80], [0xf0, 0x9f, 0x98], [0xed, 0xa0, 0x80])
  const good = fc.constantFrom("", "naïve", "\ufffd", "a\ufffdb", "z".repeat(70_000))
  const lines = fc.array(fc.oneof({ weight: 4, arbitrary: good }, { weight: 1, arbitrary: cut }), {
    minLength: 1,
    maxLength: 8
  })
  fc.assert(
    fc.property(lines, fc.array(fc.nat(), { maxLength: 12 }), (all, asked) => {
      const encoded = all.map((own) => (typeof own === "string" ? encoder.encode(own) : Uint8Array.from(own)))
      const starts: Array<number> = []
      const ends: Array<number> = []
      const joined: Array<number> = []
      for (const own of encoded) {
        starts.push(joined.length)
        for (const byte of own) joined.push(byte)
        ends.push(joined.length)
        joined.push(10)
      }
      const block: BlockLines<string> = {
        ...blockOf([], [""]),
        bytes: Uint8Array.from(joined),
        starts: Uint32Array.from(starts),
        ends: Uint32Array.from(ends)
      }
      const isSound = all.every((own) => typeof own === "string")
      for (const places of [asked.map((own) => own % all.length), Array.from(all.keys())]) {
        const texts = jointTexts(
          places.map(() => block),
          places
        )
        expect(texts.length).toBe(places.length)
        for (const [at, place] of places.entries()) {
          const own = all[place]
          if (typeof own !== "string") expect(texts[at]).toBe(undefined)
          else if (isSound || texts[at] !== undefined) expect(texts[at]).toBe(own)
        }
      }
    }),
    { numRuns: 60 }
  )
})
