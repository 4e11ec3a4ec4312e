import { expect, test } from "bun:test"
import * as fc from "fast-check"
import { StateSet } from "../../src/audit/StateSet.ts"

const word = fc.integer({ min: 0, max: 2 ** 32 - 1 })

test("holds each state once: by its algorithm, the number of its words, and all of them", () => {
  const state = fc.record({
    algorithm: fc.constantFrom("philox", "xoshiro128**", "mt19937"),
    // Few values, so that states come again.
    words: fc.array(fc.oneof(fc.integer({ min: 0, max: 2 }), word), { minLength: 1, maxLength: 5 })
  })
  fc.assert(
    fc.property(fc.array(state, { maxLength: 400 }), (states) => {
      const [own, expected] = [new StateSet(), new Set<string>()]
      for (const { algorithm, words } of states) {
        const before = expected.size
        expected.add(`${algorithm} ${words.join()}`)
        expect(own.add(algorithm, words)).toBe(expected.size > before)
        expect(own.size).toBe(expected.size)
      }
    })
  )
})

test("takes states out of packed words, and grows", () => {
  const count = 20_000
  const words = Uint32Array.from({ length: 4 * count }, (_, index) => index)
  for (const packed of [words, words.map((index) => Math.imul(index, 0x9e3779b1))]) {
    const own = new StateSet()
    for (const isNew of [true, false]) {
      let found = 0
      for (let row = 0; row < count; row++) if (own.add("a", packed, 4 * row, 4) === isNew) found++
      expect(found).toBe(count)
    }
    expect(own.size).toBe(count)
    expect(own.add("b", packed, 0, 4)).toBe(true)
    expect(own.add("a", packed, 0, 3)).toBe(true)
  }
})

test("tells states apart that differ in one word", () => {
  const own = new StateSet()
  for (let place = 0; place < 4; place++) {
    for (let bit = 0; bit < 32; bit++) {
      const words = [0, 0, 0, 0]
      words[place] = 2 ** bit
      expect(own.add("a", words)).toBe(true)
      expect(own.add("a", words)).toBe(false)
    }
  }
  expect(own.size).toBe(128)
})

test("tells states apart that have one hash of 32 bits, as some ten pairs of these have", () => {
  const own = new StateSet()
  for (let row = 0; row < 300_000; row++) own.add("a", [row >>> 9, row & 511])
  expect(own.size).toBe(300_000)
})
