import { describe, expect, test } from "bun:test"
import fc from "fast-check"
import { multiplyAdd } from "../../../src/parity/pytorch/MultiplyAdd.ts"

/** A float64 as a whole number of 2^-1074, the unit in which all of them are whole. */
const units = (value: number): bigint => {
  const view = new DataView(new ArrayBuffer(8))
  view.setFloat64(0, value)
  const all = view.getBigUint64(0)
  const exponent = (all >> 52n) & 0x7ffn
  const fraction = all & ((1n << 52n) - 1n)
  const size = exponent === 0n ? fraction : (fraction | (1n << 52n)) << (exponent - 1n)
  return all >> 63n === 1n ? -size : size
}

/** The float64 nearest to `value` / 2^2148, ties to even, for results that are neither subnormal nor infinite. */
const nearest = (value: bigint): number => {
  if (value === 0n) return 0
  const size = value < 0n ? -value : value
  const excess = BigInt(size.toString(2).length - 53)
  let mantissa = excess > 0n ? size >> excess : size << -excess
  const rest = excess > 0n ? size - (mantissa << excess) : 0n
  const half = excess > 0n ? 1n << (excess - 1n) : 1n
  if (rest > half || (rest === half && mantissa % 2n === 1n)) mantissa += 1n
  // In two steps, as 2^-2148 itself is below all float64.
  const scaled = Number(mantissa) * 2 ** Math.min(1000, Number(excess) - 2148)
  return value < 0n ? -scaled : scaled
}

const exactly = (a: number, b: number, c: number): number => nearest(units(a) * units(b) + (units(c) << 1074n))

describe("a * b + c, rounded once", () => {
  const unit = fc.bigInt({ min: 0n, max: 2n ** 53n - 1n }).map((bits) => Number(bits) * 2 ** -53)
  const value = fc.oneof(
    fc.double({ min: -1e6, max: 1e6, noNaN: true }).filter((own) => own === 0 || Math.abs(own) > 1e-200),
    fc.integer({ min: -10, max: 10 }),
    fc.double({ min: 1e-30, max: 1e30, noNaN: true }),
    // Sums and products of few bits, for ties.
    fc.tuple(fc.integer({ min: -3, max: 3 }), fc.integer({ min: -60, max: 60 })).map(([own, shift]) => own * 2 ** shift)
  )

  test("is the exact value's nearest", () => {
    fc.assert(
      fc.property(unit, value, value, (a, b, c) => {
        expect(multiplyAdd(a, b, c) - exactly(a, b, c)).toBe(0)
      }),
      { numRuns: 3000 }
    )
  })

  test("differs from a product and a sum where these round twice", () => {
    // The product is a little over 2^-53, half of what 1 can be told from, and rounds to just that.
    const a = 1 - 2 ** -53
    const b = 2 ** -53 + 2 ** -105
    expect(multiplyAdd(a, b, 1)).toBe(1 + 2 ** -52)
    expect(a * b + 1).toBe(1)
    // And a tie that is one goes to the even side, whichever that is.
    expect(multiplyAdd(0.5, 2 ** -52, 1)).toBe(1)
    expect(multiplyAdd(0.5, 2 ** -52, 1 + 2 ** -52)).toBe(1 + 2 ** -51)
    expect(multiplyAdd(0.5, -(2 ** -53), 1)).toBe(1)
    expect(multiplyAdd(0.5 + 2 ** -53, -(2 ** -53), 1)).toBe(1 - 2 ** -53)
  })

  test("stays finite near the end of the range", () => {
    expect(multiplyAdd(0.5, 1e308, -1e308)).toBe(-5e307)
    expect(multiplyAdd(0.75, Number.MAX_VALUE, 0)).toBe(0.75 * Number.MAX_VALUE)
  })
})
