import { expect, test } from "bun:test"
import * as fc from "fast-check"
import { StateLog } from "../../src/audit/StateLog.ts"

const word = fc.integer({ min: 0, max: 2 ** 32 - 1 })

test("finds each state that was there before: by its algorithm, the number of its words, and all of them", () => {
  const state = fc.record({
    algorithm: fc.constantFrom("philox", "xoshiro128**", "mt19937"),
    // Few values, so that states come again.
    words: fc.array(fc.oneof(fc.integer({ min: 0, max: 2 }), word), { minLength: 1, maxLength: 5 })
  })
  fc.assert(
    fc.property(fc.array(state, { maxLength: 400 }), fc.nat({ max: 6 }), (states, most) => {
      const [own, seen] = [new StateLog(), new Set<string>()]
      const repeated: Array<number> = []
      for (const [number, { algorithm, words }] of states.entries()) {
        own.add(algorithm, words.length, words)
        const key = `${algorithm} ${words.join()}`
        if (seen.has(key)) repeated.push(number)
        seen.add(key)
      }
      expect(own.size).toBe(states.length)
      expect(own.repeats(most)).toEqual({ count: repeated.length, first: repeated.slice(0, most) })
    })
  )
})

test("in any order, the first of equal states is no repeat, whichever was noted first", () => {
  const places = fc.array(fc.tuple(fc.nat({ max: 4 }), fc.nat({ max: 50 })), { maxLength: 200 })
  fc.assert(
    fc.property(places, fc.nat({ max: 3 }), (all, most) => {
      const own = new StateLog()
      for (const [value] of all) own.add("a", 1, [value])
      const order = (one: number, other: number): number => (all[one]?.[1] ?? 0) - (all[other]?.[1] ?? 0) || one - other
      const seen = new Set<number>()
      const repeated = Array.from(all.keys())
        .toSorted(order)
        .filter((number) => {
          const value = all[number]?.[0] ?? 0
          const before = seen.has(value)
          seen.add(value)
          return before
        })
      expect(own.repeats(most, order)).toEqual({ count: repeated.length, first: repeated.slice(0, most) })
    })
  )
})

test("takes states out of packed words, and may be asked again", () => {
  const count = 20_000
  const words = Uint32Array.from({ length: 4 * count }, (_, index) => index)
  for (const packed of [words, words.map((index) => Math.imul(index, 0x9e3779b1))]) {
    const own = new StateLog()
    own.add("a", 4, packed, count)
    expect(own.repeats(5)).toEqual({ count: 0, first: [] })
    own.add("b", 4, packed, count)
    own.add("a", 3, packed, count)
    expect(own.repeats(5)).toEqual({ count: 0, first: [] })
    own.add("a", 4, packed.subarray(4), count - 1)
    expect(own.size).toBe(4 * count - 1)
    const first = [0, 1, 2].map((number) => 3 * count + number)
    expect(own.repeats(3)).toEqual({ count: count - 1, first })
  }
})

test("finds one state that never changes", () => {
  const own = new StateLog()
  own.add("a", 2, new Uint32Array(200_000), 100_000)
  expect(own.repeats(2)).toEqual({ count: 99_999, first: [1, 2] })
})

test("tells states apart that differ in one bit, or have one hash of 32 bits, as some ten pairs of these have", () => {
  const own = new StateLog()
  for (let place = 0; place < 4; place++) {
    for (let bit = 0; bit < 32; bit++) {
      const words = [0, 0, 0, 0]
      words[place] = 2 ** bit
      own.add("a", 4, words)
    }
  }
  for (let row = 0; row < 300_000; row++) own.add("a", 2, [row >>> 9, row & 511])
  expect(own.repeats(1)).toEqual({ count: 0, first: [] })
})
