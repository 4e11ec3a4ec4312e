import { describe, expect, test } from "bun:test"
import { InvalidOption } from "../../../src/core/InvalidOption.ts"
import { Philox4x64 } from "../../../src/parity/numpy/Philox4x64.ts"

const ONES = 0xffffffff

const block = (philox: Philox4x64): ReadonlyArray<string> =>
  Array.from({ length: 4 }, () => {
    philox.next()
    return ((BigInt(philox.high) << 32n) | BigInt(philox.low)).toString(16).padStart(16, "0")
  })

/** Stands before the block of `counter`'s successor. */
const at = (counter: ReadonlyArray<number>, key: ReadonlyArray<number>): Philox4x64 =>
  Philox4x64.fromState([...counter, ...key, 0, 0, 0, 0, 0, 0, 0, 0, 4])

describe("Philox 4×64-10", () => {
  test("gives the known answers that Random123 comes with", () => {
    const zeros = at(Array(8).fill(ONES), [0, 0, 0, 0])
    expect(block(zeros)).toEqual(["16554d9eca36314c", "db20fe9d672d0fdc", "d7e772cee186176b", "7e68b68aec7ba23b"])
    const ones = at([ONES - 1, ...Array(7).fill(ONES)], Array(4).fill(ONES))
    expect(block(ones)).toEqual(["87b092c3013fe90b", "438c3c67be8d0224", "9cc7d7c69cd777b6", "a09caebf594f0ba0"])
  })

  test("counts over the ends of its words, and to 0 after the last", () => {
    for (let words = 0; words <= 8; words++) {
      const before = Array.from({ length: 8 }, (_, index) => (index < words ? ONES : 7))
      const philox = at(before, [1, 2, 3, 4])
      philox.next()
      const after = Array.from({ length: 8 }, (_, index) => (index < words ? 0 : index === words ? 8 : 7))
      expect(philox.state().slice(0, 8)).toEqual(after)
    }
  })

  test("goes on from a state within a block", () => {
    const philox = at([5, 0, 0, 0, 0, 0, 0, 0], [1, 2, 3, 4])
    philox.next()
    const twin = Philox4x64.fromState(philox.state())
    expect(block(twin)).toEqual(block(philox))
  })

  test("refuses a place past the block", () => {
    expect(() => Philox4x64.fromState(Array(21).fill(5))).toThrow(InvalidOption)
  })
})
