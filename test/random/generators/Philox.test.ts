import { describe, expect, test } from "bun:test"
import * as fc from "fast-check"
import { block, blocks } from "../../../src/random/generators/Philox.ts"
import { use } from "../../../src/wasm/Kernels.ts"
import { type Four, philox, philoxInverse, type Two } from "./reference.ts"

const at = (counter: Four, key: Two): Array<number> => {
  const out = new Uint32Array(4)
  block(...counter, ...key, out, 0)
  return Array.from(out)
}

const word = fc.oneof(fc.nat(0xffffffff), fc.constantFrom(0, 1, 0xffff, 0x10000, 0x7fffffff, 0x80000000, 0xffffffff))
const counters = fc.tuple(word, word, word, word)
const keys = fc.tuple(word, word)

describe("Random123's known answers", () => {
  test("all zeros", () => {
    expect(at([0, 0, 0, 0], [0, 0])).toEqual([0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8])
  })

  test("all ones", () => {
    const ones = 0xffffffff
    expect(at([ones, ones, ones, ones], [ones, ones])).toEqual([0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd])
  })

  test("the digits of pi", () => {
    const counter = [0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344] as const
    expect(at(counter, [0xa4093822, 0x299f31d0])).toEqual([0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1])
  })

  test("the bigint reference gives them, too", () => {
    const counter = [0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344] as const
    expect(philox(counter, [0xa4093822, 0x299f31d0])).toEqual([0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1])
  })
})

describe("laws", () => {
  test("equals the bigint reference", () => {
    fc.assert(
      fc.property(counters, keys, (counter, key) => {
        expect(at(counter, key)).toEqual([...philox(counter, key)])
      }),
      { numRuns: 500 }
    )
  })

  test("a block gives back its counter: under one key no two counters share a block", () => {
    fc.assert(
      fc.property(counters, keys, (counter, key) => {
        const [a = 0, b = 0, c = 0, d = 0] = at(counter, key)
        expect(philoxInverse([a, b, c, d], key)).toEqual(counter)
      }),
      { numRuns: 500 }
    )
  })

  test("counters that differ in one bit differ in about half of the block's", () => {
    fc.assert(
      fc.property(counters, keys, fc.nat(127), (counter, key, bit) => {
        const place = bit >>> 5
        const other = counter.map((value, index) => (index === place ? (value ^ (1 << (bit & 31))) >>> 0 : value))
        const [a = 0, b = 0, c = 0, d = 0] = other
        const one = at(counter, key)
        const two = at([a, b, c, d], key)
        const differing = one.reduce((sum, value, index) => sum + bits(value ^ (two[index] ?? 0)), 0)
        // Binomial of 128 and a half: mean 64, deviation 5.7. Six deviations, since the inputs vary from run to run.
        expect(differing).toBeGreaterThan(30)
        expect(differing).toBeLessThan(98)
      }),
      { numRuns: 300 }
    )
  })

  test("words are taken modulo 2^32, signed or not", () => {
    fc.assert(
      fc.property(counters, keys, (counter, key) => {
        const [a, b, c, d] = counter
        const out = new Uint32Array(4)
        block(a | 0, b | 0, c | 0, d | 0, key[0] | 0, key[1] | 0, out, 0)
        expect(Array.from(out)).toEqual(at(counter, key))
      })
    )
  })

  test("writes where it is told and nowhere else", () => {
    const out = new Uint32Array(8).fill(7)
    block(0, 0, 0, 0, 0, 0, out, 3)
    expect(Array.from(out)).toEqual([7, 7, 7, 0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8, 7])
  })
})

const bits = (value: number): number => {
  let count = 0
  for (let rest = value >>> 0; rest > 0; rest = Math.floor(rest / 2)) count += rest % 2
  return count
}

test("many blocks at once are the blocks one by one, with kernels and without", () => {
  const word = fc.integer({ min: 0, max: 2 ** 32 - 1 })
  const counters = fc.array(fc.tuple(word, word, word, word), { maxLength: 40 })
  fc.assert(
    fc.property(counters, word, word, fc.boolean(), (all, k0, k1, on) => {
      const words = Uint32Array.from(all.flat())
      const expected = new Uint32Array(words.length)
      all.forEach(([c0, c1, c2, c3], at) => block(c0, c1, c2, c3, k0, k1, expected, 4 * at))
      use(on)
      try {
        blocks(words, k0, k1)
      } finally {
        use(true)
      }
      expect(words).toEqual(expected)
    })
  )
})
