import { describe, expect, test } from "bun:test"
import * as fc from "fast-check"
import { integer } from "../../../src/random/distributions/Bounded.ts"
import { at } from "../../support/rng.ts"
import { chiSquare, counts, deviation, tally } from "../../support/statistics.ts"
import { Script } from "./script.ts"

const TWO_32 = 1n << 32n
const TWO_53 = 1n << 53n

/** The papers' definition, in bigints: what is drawn, and how many of the words it takes. */
const reference = (words: ReadonlyArray<number>, bound: number): readonly [number, number] => {
  const range = BigInt(bound)
  if (range <= TWO_32) {
    for (let used = 0; used < words.length; used++) {
      const product = BigInt(words[used] ?? 0) * range
      // Lemire: of the 2^32 products, those whose low half lies below 2^32 mod range are too many.
      if (product % TWO_32 >= TWO_32 % range) return [Number(product / TWO_32), used + 1]
    }
    throw new Error("all words were rejected")
  }
  for (let used = 0; used + 1 < words.length; used += 2) {
    const value = (BigInt((words[used] ?? 0) >>> 5) << 26n) | BigInt((words[used + 1] ?? 0) >>> 6)
    if (value < TWO_53 - (TWO_53 % range)) return [Number(value % range), used + 2]
  }
  throw new Error("all words were rejected")
}

const drawn = (words: ReadonlyArray<number>, bound: number): readonly [number, number] => {
  const script = new Script(words)
  return [integer(script, bound), script.used]
}

describe("a bound up to 2^32 is Lemire's, to the word", () => {
  const bounds = fc.oneof(
    fc.integer({ min: 1, max: 20 }),
    fc.integer({ min: 1, max: 2 ** 32 }),
    fc.nat(31).map((bits) => 2 ** bits),
    fc.nat(31).map((bits) => 2 ** bits + 1),
    fc.constantFrom(3, 5, 2 ** 31 + 1, 3_000_000_000, 2 ** 32 - 1, 2 ** 32)
  )

  test("by any words", () => {
    const word = fc.oneof(fc.nat(0xffffffff), fc.constantFrom(0, 1, 2, 0xffff, 0x10000, 0x80000000, 0xffffffff))
    fc.assert(
      fc.property(bounds, fc.array(word, { minLength: 1, maxLength: 4 }), (bound, words) => {
        // A last word that is never rejected ends any row.
        const row = [...words, 0xffffffff]
        expect(drawn(row, bound)).toEqual(reference(row, bound))
      }),
      { numRuns: 2000 }
    )
  })

  test("by the words around every edge: the last that is rejected and the first that is not", () => {
    fc.assert(
      fc.property(bounds, fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }), (bound, share) => {
        const range = BigInt(bound)
        // The first word of a value: the smallest whose product reaches value · 2^32.
        const value = BigInt(Math.floor(share * bound))
        const first = (value * TWO_32 + range - 1n) / range
        for (const shift of [-2n, -1n, 0n, 1n, 2n]) {
          const word = Number((first + shift + TWO_32) % TWO_32)
          const row = [word, 0xffffffff]
          expect(drawn(row, bound)).toEqual(reference(row, bound))
        }
      }),
      { numRuns: 1000 }
    )
  })

  test("words that are rejected, worked out by hand", () => {
    // 2^32 mod 3 = 1: of all words only 0 is one too many.
    expect(drawn([0, 0, 1], 3)).toEqual([0, 3])
    expect(drawn([1], 3)).toEqual([0, 1])
    expect(drawn([0x55555555], 3)).toEqual([0, 1])
    expect(drawn([0x55555556], 3)).toEqual([1, 1])
    expect(drawn([0xffffffff], 3)).toEqual([2, 1])
    // 2^32 mod (2^31 + 1) = 2^31 - 1: every other word.
    expect(drawn([0, 2, 4, 1], 2 ** 31 + 1)).toEqual([0, 4])
    // Powers of two reject none, nor does 1.
    expect(drawn([0], 2 ** 31)).toEqual([0, 1])
    expect(drawn([0], 1)).toEqual([0, 1])
    expect(drawn([0xfffffffe], 2 ** 32)).toEqual([0xfffffffe, 1])
  })

  test("each value has the same number of words: counted in full at the edges of all of its values", () => {
    // For bound n each value must own floor(2^32 / n) words. The words of value v are one run; its ends are counted out.
    for (const bound of [3, 5, 6, 7, 10, 100, 1000, 65_537]) {
      const share = Math.floor(2 ** 32 / bound)
      for (const value of [0, 1, Math.floor(bound / 2), bound - 1]) {
        const lowest = Math.ceil((value * 2 ** 32) / bound)
        const highest = Math.ceil(((value + 1) * 2 ** 32) / bound) - 1
        let rejected = 0
        // Only the first word or so of a run can be rejected: its low half is the smallest.
        for (let word = lowest; word < lowest + 3; word++) if (drawn([word, 0xffffffff], bound)[1] === 2) rejected++
        expect(highest - lowest + 1 - rejected).toBe(share)
        expect(drawn([highest], bound)).toEqual([value, 1])
      }
    }
  })
})

describe("a bound over 2^32 takes 53 bits and rejects what lies beyond the last full multiple", () => {
  const bounds = fc.oneof(
    fc.integer({ min: 2 ** 32 + 1, max: Number.MAX_SAFE_INTEGER }),
    fc.constantFrom(2 ** 32 + 1, 2 ** 52, 2 ** 52 + 1, 2 ** 53 - 1, 10 ** 15)
  )

  test("by any words", () => {
    const word = fc.oneof(fc.nat(0xffffffff), fc.constantFrom(0, 0xffffffff))
    fc.assert(
      fc.property(bounds, fc.array(fc.tuple(word, word), { maxLength: 3 }), (bound, words) => {
        const row = [...words.flat(), 0, 0]
        expect(drawn(row, bound)).toEqual(reference(row, bound))
      }),
      { numRuns: 1000 }
    )
  })

  test("at the edge itself", () => {
    const split = (value: bigint): [number, number] => [Number(value >> 26n) * 32, Number(value & 0x3ffffffn) * 64]
    fc.assert(
      fc.property(bounds, (bound) => {
        const range = BigInt(bound)
        const limit = TWO_53 - (TWO_53 % range)
        expect(drawn(split(limit - 1n), bound)).toEqual([bound - 1, 2])
        if (limit < TWO_53) expect(drawn([...split(limit), ...split(7n)], bound)).toEqual([7, 4])
        if (limit < TWO_53) expect(drawn([...split(TWO_53 - 1n), ...split(7n)], bound)).toEqual([7, 4])
      })
    )
  })
})

describe("even odds", () => {
  test.each([2, 3, 6, 10, 100, 257])("below %s", (bound) => {
    const found = counts(bound)
    const rng = at(bound)
    for (let draw = 0; draw < 100_000; draw++) tally(found, rng.integer(bound))
    expect(Math.abs(deviation(chiSquare(found), bound - 1))).toBeLessThan(4)
  })

  test.each([3_000_000_000, 2 ** 31 + 1, 2 ** 32, 2 ** 32 + 1, 6_004_799_503_160_661, 2 ** 53 - 1])(
    "in 64 even parts of all below %s",
    (bound) => {
      const found = counts(64)
      const rng = at(64)
      for (let draw = 0; draw < 50_000; draw++) tally(found, Math.floor((rng.integer(bound) / bound) * 64))
      expect(Math.abs(deviation(chiSquare(found), 63))).toBeLessThan(4)
    }
  )

  test("the lowest digit, too, where words are folded by a remainder", () => {
    const found = counts(10)
    const rng = at(10)
    for (let draw = 0; draw < 50_000; draw++) tally(found, rng.integer(6_004_799_503_160_661) % 10)
    expect(Math.abs(deviation(chiSquare(found), 9))).toBeLessThan(4)
  })

  test("each order of four items, by permutation, shuffle and choice", () => {
    const orders = [counts(256), counts(256), counts(256)]
    const rng = at(4)
    const cell = (order: ArrayLike<number>): number => Array.from(order).reduce((code, item) => code * 4 + item, 0)
    for (let draw = 0; draw < 48_000; draw++) {
      const [permutations = [], shuffles = [], choices = []] = orders
      tally(permutations, cell(rng.permutation(4)))
      tally(shuffles, cell(rng.shuffle(Float64Array.of(0, 1, 2, 3))))
      tally(choices, cell(rng.choice(4, 4)))
    }
    for (const found of orders) {
      const seen = found.filter((count) => count > 0)
      expect(seen).toHaveLength(24)
      expect(Math.abs(deviation(chiSquare(seen), 23))).toBeLessThan(4)
    }
  })

  test("each item at each place of ten", () => {
    const found = counts(100)
    const rng = at(100)
    for (let draw = 0; draw < 20_000; draw++)
      rng.permutation(10).forEach((item, place) => tally(found, 10 * place + item))
    // Rows and columns are fixed, so 81 of the 100 cells are free; the statistic scales by 10/9 to match.
    expect(Math.abs(deviation(chiSquare(found) * 0.9, 81))).toBeLessThan(4)
  })
})
