import { describe, expect, test } from "bun:test"
import fc from "fast-check"
import { find, WINDOW } from "../../src/audit/Overlap.ts"
import { Rng } from "../../src/index.ts"

/** Cuts of one long row of words, and what must be found among them, by looking at their starts alone. */
const cuts = fc.record({
  starts: fc.array(fc.tuple(fc.integer({ min: 0, max: 2 }), fc.integer({ min: 0, max: 60 })), { maxLength: 12 }),
  shift: fc.integer({ min: 0, max: 40 })
})

const rows = [1, 2, 3].map((first) =>
  Rng.make({ algorithm: "xoshiro128**", words: [first, 5, 9, 7] }).fill(new Uint32Array(200))
)

describe("find", () => {
  test("finds the equal and the shifted among cuts of one row, and nothing else", () => {
    fc.assert(
      fc.property(cuts, ({ shift, starts }) => {
        const streams = starts.map(([row, at]) => (rows[row] as Uint32Array).subarray(at, at + shift + WINDOW))
        const { classes, distinct, shifted } = find(streams, { shift })
        const names = starts.map(([row, at]) => `${row}/${at}`)
        const first = [...new Set(names)]
        expect(Array.from(classes)).toEqual(names.map((name) => first.indexOf(name)))
        expect(distinct).toBe(first.length)
        const expected = first.flatMap((earlier, a) =>
          first.flatMap((later, b) => {
            const [row, at] = earlier.split("/").map(Number)
            const [other, from] = later.split("/").map(Number)
            const apart = Number(from) - Number(at)
            return row === other && apart > 0 && apart <= shift ? [{ earlier: a, later: b, shift: apart }] : []
          })
        )
        const order = (one: { earlier: number; later: number }) => one.earlier * 100 + one.later
        expect(shifted.toSorted((a, b) => order(a) - order(b))).toEqual(
          expected.toSorted((a, b) => order(a) - order(b))
        )
      })
    )
  })

  test("needs all words of the window to agree", () => {
    const [words = new Uint32Array()] = rows
    for (let place = 0; place < WINDOW; place++) {
      const other = words.slice(0, WINDOW)
      other[place] = (other[place] ?? 0) ^ 1
      expect(find([words.slice(0, WINDOW), other]).distinct).toBe(2)
      const late = Uint32Array.from([7, ...other])
      expect(find([late, words.slice(0, WINDOW + 1)], { shift: 1 }).shifted).toEqual([])
    }
  })

  test("finds a shift of a thousand words, and not one more than it was asked for", () => {
    const words = Rng.make({ algorithm: "xoshiro128**", words: [4, 3, 2, 1] }).fill(new Uint32Array(1100))
    const pair = (apart: number) => [words.subarray(0, 1008), words.subarray(apart, apart + 1008)]
    expect(
      find(
        pair(1000).map((cut) => new Uint32Array(1008).map((_, at) => cut[at] ?? at)),
        { shift: 1000 }
      ).shifted
    ).toEqual([{ earlier: 0, later: 1, shift: 1000 }])
    expect(find(pair(51), { shift: 50 }).shifted).toEqual([])
  })

  test("refuses a stream of too few words, and a shift that is none", () => {
    expect(() => find([new Uint32Array(WINDOW - 1)])).toThrow("stream 0")
    expect(() => find([], { shift: -1 })).toThrow("shift")
  })
})
