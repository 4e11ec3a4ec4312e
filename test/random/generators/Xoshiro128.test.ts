import { describe, expect, test } from "bun:test"
import * as fc from "fast-check"
import { InvalidOption } from "../../../src/core/InvalidOption.ts"
import { make, Xoshiro128 } from "../../../src/random/generators/Xoshiro128.ts"
import { xoshiro } from "./reference.ts"

const word = fc.nat(0xffffffff)
const states = fc.tuple(word, word, word, word).filter((state) => state.some((own) => own !== 0))

const words = (rng: Xoshiro128, count: number): Array<number> => Array.from({ length: count }, () => rng.word())

/** Of Blackman and Vigna's own xoshiro128starstar.c, from the state 1, 2, 3, 4. */
const known = [11520, 0, 5927040, 70819200, 2031721883, 1637235492, 1287239034, 3734860849, 3729100597, 4258142804]

describe("the reference sequence", () => {
  test("from the state 1, 2, 3, 4", () => {
    expect(words(make([1, 2, 3, 4]), 10)).toEqual(known)
  })

  test("of the bigint reference, too", () => {
    expect(xoshiro([1, 2, 3, 4], 10)).toEqual(known)
  })

  test("equals the bigint reference from any state", () => {
    fc.assert(
      fc.property(states, (state) => {
        expect(words(make(state), 40)).toEqual(xoshiro(state, 40))
      })
    )
  })

  test("far down its row", () => {
    const rng = make([1, 2, 3, 4])
    for (let skipped = 0; skipped < 199_998; skipped++) rng.word()
    expect(words(rng, 2)).toEqual(xoshiro([1, 2, 3, 4], 200_000).slice(-2))
  })
})

describe("reseed", () => {
  test("starts at the words of its place, whatever was drawn before", () => {
    const packed = Uint32Array.from([9, 9, 9, 9, 1, 2, 3, 4, 0x80000000, 0xffffffff, 5, 6])
    const rng = new Xoshiro128().reseed(packed, 0)
    rng.word()
    expect(words(rng.reseed(packed, 4), 10)).toEqual(known)
    expect(rng.seed).toEqual({ algorithm: "xoshiro128**", words: [1, 2, 3, 4] })
    expect(words(rng.reseed(packed, 8), 20)).toEqual(xoshiro([0x80000000, 0xffffffff, 5, 6], 20))
    expect(rng.seed.words).toEqual([0x80000000, 0xffffffff, 5, 6])
  })

  test("gives itself back", () => {
    const rng = new Xoshiro128()
    expect(rng.reseed(Uint32Array.of(1, 2, 3, 4), 0)).toBe(rng)
  })
})

describe("refused", () => {
  test.each([[[]], [[1, 2, 3]], [[1, 2, 3, 4, 5]], [[0, 0, 0, 0]]])("words %j", (own) => {
    expect(() => make(own)).toThrow(InvalidOption)
    expect(() => make(own)).toThrow("words of xoshiro128** must be four, not all 0")
  })

  test("nothing that has one word over 0", () => {
    for (const own of [
      [1, 0, 0, 0],
      [0, 1, 0, 0],
      [0, 0, 1, 0],
      [0, 0, 0, 1]
    ]) {
      expect(make(own).seed.words).toEqual(own)
    }
  })
})
