import { describe, expect, test } from "bun:test"
import * as fc from "fast-check"
import { Pcg64 } from "../../../src/parity/numpy/Pcg64.ts"

const MULTIPLIER = 0x2360ed051fc65da44385df649fccf645n

/** The paper's definition, in bigints. */
const advance = (state: bigint, increment: bigint): bigint => BigInt.asUintN(128, state * MULTIPLIER + increment)
const output = (state: bigint): bigint => {
  const mixed = BigInt.asUintN(64, (state >> 64n) ^ state)
  const by = state >> 122n
  return BigInt.asUintN(64, (mixed >> by) | (mixed << (64n - by)))
}

const words = (value: bigint): ReadonlyArray<number> =>
  [0n, 32n, 64n, 96n].map((by) => Number((value >> by) & 0xffffffffn))

const uint128 = fc.oneof(
  fc.bigInt({ min: 0n, max: 2n ** 128n - 1n }),
  // Words of all zeros and all ones, where carries go wrong if they do.
  fc
    .array(fc.constantFrom<bigint>(0n, 1n, 0xffffffffn, 0x80000000n), { minLength: 4, maxLength: 4 })
    .map((parts) => parts.reduce((sum, part) => (sum << 32n) | part, 0n))
)

describe("PCG64", () => {
  test("is its definition, from any state and stream", () => {
    fc.assert(
      fc.property(uint128, uint128, (start, stream) => {
        const increment = stream | 1n
        const pcg = Pcg64.fromState([...words(start), ...words(increment)])
        let state = start
        for (let draw = 0; draw < 5; draw++) {
          state = advance(state, increment)
          pcg.next()
          expect((BigInt(pcg.high) << 32n) | BigInt(pcg.low)).toBe(output(state))
        }
        expect(pcg.state()).toEqual([...words(state), ...words(increment)])
      }),
      { numRuns: 500 }
    )
  })

  test("turns by every number of places", () => {
    // The state before that with `by` in its top bits, by the multiplier's inverse; the increment is 1.
    let inverse = 1n
    for (let step = 0; step < 7; step++) inverse = BigInt.asUintN(128, inverse * (2n - MULTIPLIER * inverse))
    for (let by = 0n; by < 64n; by++) {
      const state = (by << 122n) | 0x123456789abcdef0fedcba98n
      const before = BigInt.asUintN(128, (state - 1n) * inverse)
      const pcg = Pcg64.fromState([...words(before), 1, 0, 0, 0])
      pcg.next()
      expect((BigInt(pcg.high) << 32n) | BigInt(pcg.low)).toBe(output(state))
    }
  })
})
