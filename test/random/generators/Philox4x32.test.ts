import { describe, expect, test } from "bun:test"
import * as fc from "fast-check"
import { InvalidOption } from "../../../src/core/InvalidOption.ts"
import { Philox4x32 } from "../../../src/random/generators/Philox4x32.ts"
import { type Four, philox } from "./reference.ts"

const words = (rng: Philox4x32, count: number): Array<number> => Array.from({ length: count }, () => rng.word())

const after = (counter: Four, steps: bigint): Four => {
  const [c0, c1, c2, c3] = counter
  const sum = BigInt(c0) + (BigInt(c1) << 32n) + (BigInt(c2) << 64n) + (BigInt(c3) << 96n) + steps
  const part = (by: bigint): number => Number((sum >> by) & 0xffffffffn)
  return [part(0n), part(32n), part(64n), part(96n)]
}

test("draws the blocks at 0, 1, 2 … under its key, word by word", () => {
  const key = [0xa4093822, 0x299f31d0] as const
  const expected = [0, 1, 2].flatMap((counter) => [...philox([counter, 0, 0, 0], key)])
  expect(words(new Philox4x32(key), 12)).toEqual(expected)
})

test("known answer: the first block under key 0", () => {
  expect(words(new Philox4x32([0, 0]), 4)).toEqual([0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8])
})

test("starts at any counter", () => {
  const word = fc.oneof(fc.nat(0xffffffff), fc.constantFrom(0, 0xffffffff))
  fc.assert(
    fc.property(fc.tuple(word, word, word, word), fc.tuple(word, word), (counter, key) => {
      const expected = [0n, 1n, 2n].flatMap((step) => [...philox(after(counter, step), key)])
      expect(words(new Philox4x32([...key, ...counter]), 12)).toEqual(expected)
    })
  )
})

describe("carries", () => {
  const ones = 0xffffffff
  test.each([
    [
      [ones, 0, 0, 0],
      [0, 1, 0, 0]
    ],
    [
      [ones, ones, 0, 0],
      [0, 0, 1, 0]
    ],
    [
      [ones, ones, ones, 7],
      [0, 0, 0, 8]
    ],
    [
      [ones, ones, ones, ones],
      [0, 0, 0, 0]
    ]
  ] as const)("from %j to %j", (from, to) => {
    expect(words(new Philox4x32([1, 2, ...from]), 8).slice(4)).toEqual([...philox(to, [1, 2])])
  })
})

test.each([[[]], [[1]], [[1, 2, 3]], [[1, 2, 3, 4, 5]], [[1, 2, 3, 4, 5, 6, 7]]])("refuses the words %j", (own) => {
  expect(() => new Philox4x32(own)).toThrow(InvalidOption)
  expect(() => new Philox4x32(own)).toThrow("two for the key, or six for key and counter")
})
