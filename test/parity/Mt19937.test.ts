import { describe, expect, test } from "bun:test"
import * as fc from "fast-check"
import { InvalidOption } from "../../src/core/InvalidOption.ts"
import { Mt19937 } from "../../src/parity/Mt19937.ts"

const take = (twister: Mt19937, count: number): Array<number> => Array.from({ length: count }, () => twister.word())

describe("Mt19937", () => {
  test("draws the 10000th word that the C++ standard demands of mt19937", () => {
    expect(take(Mt19937.fromSeed(5489), 10000)[9999]).toBe(4123659995)
  })

  test("starts from a key as the authors' own mt19937ar.out shows", () => {
    const twister = Mt19937.fromArray([0x123, 0x234, 0x345, 0x456])
    expect(take(twister, 5)).toEqual([1067595299, 955945823, 477289528, 4107218783, 4228976476])
  })

  test("takes keys longer than its state", () => {
    // NumPy 1.24.2: RandomState(np.arange(1000)).randint(0, 2**32, 3, dtype=np.uint64)
    const key = Array.from({ length: 1000 }, (_, index) => index)
    expect(take(Mt19937.fromArray(key), 3)).toEqual([4012946933, 3615799318, 1210851548])
  })

  test("stands at 624 after seeding, and goes on from a state at any place", () => {
    const twister = Mt19937.fromSeed(7)
    expect(twister.state().position).toBe(624)
    expect(twister.state().words[0]).toBe(7)
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 1300 }), (drawn) => {
        const first = Mt19937.fromSeed(7)
        take(first, drawn)
        const { words, position } = first.state()
        const again = Mt19937.fromState(words, position)
        const clone = first.clone()
        const expected = take(first, 700)
        expect(take(again, 700)).toEqual(expected)
        expect(take(clone, 700)).toEqual(expected)
      }),
      { numRuns: 30 }
    )
  })

  test("a state is a copy", () => {
    const twister = Mt19937.fromSeed(7)
    const { words } = twister.state()
    const expected = take(twister.clone(), 5)
    words.fill(0)
    expect(take(twister, 5)).toEqual(expected)
  })

  test.each([
    ["a negative seed", () => Mt19937.fromSeed(-1), "-1"],
    ["a seed of 33 bits", () => Mt19937.fromSeed(2 ** 32), "4294967296"],
    ["a fraction", () => Mt19937.fromSeed(0.5), "0.5"],
    ["an empty key", () => Mt19937.fromArray([]), "at least one word"],
    ["a key with a wide word", () => Mt19937.fromArray([1, 2 ** 32]), "4294967296"],
    ["too short a state", () => Mt19937.fromState(new Uint32Array(623), 0), "623"],
    ["a position past the end", () => Mt19937.fromState(new Uint32Array(624), 625), "625"]
  ])("refuses %s", (_, make, named) => {
    expect(make).toThrow(InvalidOption)
    expect(make).toThrow(named)
  })
})
