import { describe, expect, test } from "bun:test"
import { type Source, standardNormal, tables } from "../../../src/parity/numpy/Ziggurat.ts"
import { sha256 } from "./reference.ts"

/** Gives 64-bit words of a script, and refuses to give more. */
const scripted = (words: ReadonlyArray<bigint>): Source & { used: number } => {
  const source = {
    low: 0,
    high: 0,
    used: 0,
    next: () => {
      const word = words[source.used++]
      if (word === undefined) throw new Error("drew more words than the script has")
      source.low = Number(word & 0xffffffffn)
      source.high = Number(word >> 32n)
    }
  }
  return source
}

const word = (magnitude: bigint, negative: boolean, layer: number): bigint =>
  (magnitude << 9n) | (negative ? 256n : 0n) | BigInt(layer)

describe("NumPy's ziggurat", () => {
  test("has the tables of NumPy 1.24.2's library, bit for bit", () => {
    // ki_double as float64, wi_double and fi_double.
    expect(sha256(tables.inside)).toBe("d3c6847aee4edccce48020e66271d2c4cc11056c0013e69e082c1c6ef30bd23b")
    expect(sha256(tables.width)).toBe("33c6472209e1d09ea3548f0291e5e1ad67fb4f1d0305e9f1086689584b7bb7fa")
    expect(sha256(tables.height)).toBe("acd898d9d87e212f657755ba43b21e40958090a7ff2103c9e79f4ea1b0fe2bc5")
  })

  test("takes a draw inside its layer at once, its sign from bit 8", () => {
    const magnitude = 0x1234567890abcn
    const expected = Number(magnitude) * (tables.width[200] as number)
    expect(standardNormal(scripted([word(magnitude, false, 200)]))).toBe(expected)
    expect(standardNormal(scripted([word(magnitude, true, 200)]))).toBe(-expected)
    // Bits 61 to 63 are of no use to it.
    expect(standardNormal(scripted([word(magnitude, false, 200) | (7n << 61n)]))).toBe(expected)
  })

  test("at an edge, decides by the density, and starts over when it is outside", () => {
    const edge = word(2n ** 52n - 1n, false, 100)
    const inner = word(5n, false, 100)
    // A uniform of 0 is at the bottom of the wedge, inside; one near 1 at its top, outside.
    const inside = scripted([edge, 0n])
    expect(standardNormal(inside)).toBe((2 ** 52 - 1) * (tables.width[100] as number))
    const outside = scripted([edge, 2n ** 64n - 1n, inner])
    expect(standardNormal(outside)).toBe(5 * (tables.width[100] as number))
    expect(outside.used).toBe(3)
  })

  test("goes beyond the last layer with the sign of bit 17", () => {
    // Uniforms of 1/2 and 1/2: x = ln 2 / r, y = ln 2, and y + y > x².
    const half = 2n ** 63n
    const beyond = 3.6541528853610088 + Math.LN2 * 0.27366123732975828
    const magnitude = 2n ** 52n - 1n
    expect(standardNormal(scripted([word(magnitude, false, 0), half, half]))).toBeCloseTo(-beyond, 12)
    expect(standardNormal(scripted([word(magnitude - 256n, true, 0), half, half]))).toBeCloseTo(beyond, 12)
    // A uniform of 0 gives y = 0, which no x is below: drawn again.
    const again = scripted([word(magnitude, true, 0), half, 0n, half, half])
    expect(standardNormal(again)).toBeCloseTo(-beyond, 12)
    expect(again.used).toBe(5)
    // x = ln 1024 / r = 1.9, x² = 3.6; y = ln 12 = 2.5: kept only as y counts twice.
    const far = [2n ** 64n - 2n ** 54n, 2n ** 64n - 2n ** 64n / 12n]
    const kept = standardNormal(scripted([word(magnitude, true, 0), ...far]))
    expect(kept).toBeCloseTo(-(3.6541528853610088 + 10 * Math.LN2 * 0.27366123732975828), 12)
  })
})
