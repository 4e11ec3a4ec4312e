import { describe, expect, test } from "bun:test"
import { at } from "../../support/rng.ts"
import { expectFit, expectMoments, normal } from "./fit.ts"
import { Script } from "./script.ts"

/** Where the outermost layer ends and the tail begins. */
const TAIL = 3.6541528853610088

const many = (count: number, draw: () => number): Float64Array => Float64Array.from({ length: count }, draw)

/** The two words of a double. */
const double = (value: number): [number, number] => {
  const bits = BigInt(value * 2 ** 53)
  return [Number(bits >> 26n) * 32, Number(bits & 0x3ffffffn) * 64]
}

test("the distribution function of these tests is right", () => {
  expect(normal(0)).toBe(0.5)
  expect(normal(1)).toBeCloseTo(0.841344746068543, 12)
  expect(normal(-1.959963984540054)).toBeCloseTo(0.025, 12)
  expect(normal(5)).toBeCloseTo(0.999999713348428, 12)
})

describe("standardNormal", () => {
  const rng = at(1)
  const draws = many(1_000_000, () => rng.standardNormal())

  test("fits", () => {
    expectFit(draws, normal, 4096)
  })

  test("mean 0, variance 1, fourth moment 3", () => {
    expectMoments(draws, 0, 1, 3)
    let sum = 0
    for (const draw of draws) sum += draw ** 4 - 3
    expect(Math.abs(sum / Math.sqrt(draws.length * (105 - 9)))).toBeLessThan(4)
  })

  test("has the tails it should have, on both sides", () => {
    // Odds of lying beyond: 2 · (1 - Phi).
    for (const [beyond, odds] of [
      [2, 0.04550026],
      [3, 0.0026997961],
      [TAIL, 0.000258038],
      [4, 0.0000633425]
    ] as const) {
      for (const side of [1, -1]) {
        const found = draws.reduce((count, draw) => count + Number(draw * side > beyond), 0)
        const expected = (draws.length * odds) / 2
        expect(Math.abs(found - expected) / Math.sqrt(expected)).toBeLessThan(4)
      }
    }
  })

  test("its lowest bits are in use: hardly a value comes twice", () => {
    expect(new Set(draws.subarray(0, 100_000)).size).toBe(100_000)
  })
})

describe("the branches, by words written down", () => {
  test("well inside a layer: two words", () => {
    // Layer 255, magnitude 0 and a half: half of the tail's edge, since that layer is as wide.
    expect(new Script([255, 0]).standardNormal()).toBe(0)
    expect(new Script([255 + 2 ** 31, 0]).standardNormal()).toBeCloseTo(TAIL / 2, 14)
    expect(new Script([255 + 256 + 2 ** 31, 0]).standardNormal()).toBeCloseTo(-TAIL / 2, 14)
  })

  test("each layer is entered by its own number, and they grow from the top to the base", () => {
    const half = (layer: number) => new Script([layer + 2 ** 31, 0]).standardNormal()
    for (let layer = 3; layer < 256; layer++) expect(half(layer)).toBeGreaterThan(half(layer - 1))
    // The base is a rectangle of the same area, so somewhat wider than the tail's edge.
    expect(half(0)).toBeGreaterThan(half(255))
  })

  test("the second word is the magnitude's low half", () => {
    const one = new Script([255 + 2 ** 31, 1]).standardNormal()
    const none = new Script([255 + 2 ** 31, 0]).standardNormal()
    expect(one - none).toBeGreaterThan(0)
    expect(one - none).toBeLessThan(TAIL * 2 ** -51)
  })

  test("beyond the base: the tail, by Marsaglia's method, on either side", () => {
    const outside = 0xfffffe00
    // x = -ln(1 - 0) = 0, and y = ln 2 lets it pass.
    expect(new Script([outside, 0xffffffff, ...double(0), ...double(0.5)]).standardNormal()).toBe(TAIL)
    expect(new Script([outside + 256, 0xffffffff, ...double(0), ...double(0.5)]).standardNormal()).toBe(-TAIL)
    // x = ln 2 / TAIL = 0.1897; y = 0 refuses it, and the next pair is taken.
    const again = new Script([outside, 0, ...double(0.5), ...double(0), ...double(0.5), ...double(0.5)])
    expect(again.standardNormal()).toBeCloseTo(TAIL + Math.LN2 / TAIL, 14)
    expect(again.used).toBe(10)
    // Between x²/2 and x² a y is let pass: here y = 0.0252 and x² = 0.036.
    const near = new Script([outside, 0, ...double(0.5), ...double(51 / 2048)])
    expect(near.standardNormal()).toBeCloseTo(TAIL + Math.LN2 / TAIL, 14)
  })

  test("in the wedge of a layer: kept or drawn anew by one more double", () => {
    // The far end of the outermost full layer: x just under TAIL, where the density is the layer's own lower edge.
    const wedge = [255 + 0xfffff800, 0xffffffff]
    const kept = new Script([...wedge, ...double(0)])
    expect(kept.standardNormal()).toBeCloseTo(TAIL, 14)
    expect(kept.used).toBe(4)
    // The innermost has no part that lies under the curve as a whole: even close to 0 the double is asked.
    const top = new Script([1 + 2 ** 20, 0, ...double(0)])
    expect(top.standardNormal()).toBeGreaterThan(0)
    expect(top.used).toBe(4)
    const anew = new Script([...wedge, ...double(0.5), 255, 0])
    expect(anew.standardNormal()).toBe(0)
    expect(anew.used).toBe(6)
  })
})

test("normal and fillNormal scale it", () => {
  const rng = at(2)
  const [a, b] = [rng.standardNormal(), rng.standardNormal()]
  expect(at(2).normal(10, 3)).toBe(10 + 3 * a)
  expect(Array.from(at(2).fillNormal(new Float64Array(2), -1, 0.5))).toEqual([-1 + 0.5 * a, -1 + 0.5 * b])
  expect(at(2).normal(7, 0)).toBe(7)
  const filled = at(3).fillNormal(new Float64Array(100_000), 5, 2)
  expectFit(filled, (x) => normal((x - 5) / 2))
})
