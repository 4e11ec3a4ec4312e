import { describe, expect, test } from "bun:test"
import { at } from "../../support/rng.ts"
import { expectFit, expectMoments, normal } from "./fit.ts"

const many = (draw: () => number): Float64Array => Float64Array.from({ length: 200_000 }, draw)

describe("gamma", () => {
  test("of shape 1 is exponential", () => {
    const rng = at(1)
    expectFit(
      many(() => rng.gamma(1)),
      (x) => 1 - Math.exp(-x)
    )
  })

  test("of shape 3 fits", () => {
    const rng = at(3)
    expectFit(
      many(() => rng.gamma(3)),
      (x) => 1 - Math.exp(-x) * (1 + x + (x * x) / 2)
    )
  })

  test("of shape 1/2 is half of a squared normal", () => {
    const rng = at(5)
    expectFit(
      many(() => rng.gamma(0.5)),
      (x) => 2 * normal(Math.min(Math.sqrt(2 * x), 6)) - 1
    )
  })

  test.each([0.2, 1, 7.5, 100])("of shape %s has mean and variance of that size", (shape) => {
    const rng = at(shape * 10)
    expectMoments(
      many(() => rng.gamma(shape)),
      shape,
      shape,
      3 * shape * shape + 6 * shape
    )
  })

  test("of the smallest shapes is 0 or more, never NaN", () => {
    const rng = at(9)
    for (const shape of [Number.MIN_VALUE, 1e-300, 1e-10]) {
      for (let draw = 0; draw < 100; draw++) expect(rng.gamma(shape)).toBeGreaterThanOrEqual(0)
    }
  })
})

describe("beta", () => {
  test("of 1 and 1 is uniform", () => {
    const rng = at(11)
    expectFit(
      many(() => rng.beta(1, 1)),
      (x) => x
    )
  })

  test("of 1/2 and 1/2 is the arcsine law", () => {
    const rng = at(12)
    expectFit(
      many(() => rng.beta(0.5, 0.5)),
      (x) => (2 / Math.PI) * Math.asin(Math.sqrt(x))
    )
  })

  test("of 2 and 3 fits, and is not that of 3 and 2", () => {
    const rng = at(13)
    const distribution = (x: number) => 6 * x ** 2 * (1 - x) ** 2 + 4 * x ** 3 * (1 - x) + x ** 4
    expectFit(
      many(() => rng.beta(2, 3)),
      distribution
    )
    expectFit(
      many(() => rng.beta(3, 2)),
      (x) => 1 - distribution(1 - x)
    )
  })

  test("of 0.2 and 0.2, as mixup draws it, has mean 1/2 and variance 1/5.6", () => {
    const rng = at(14)
    const a = 0.2
    const variance = 1 / (4 * (2 * a + 1))
    // Of the symmetric beta: 3 / (16 (2a + 1) (2a + 3)).
    expectMoments(
      many(() => rng.beta(a, a)),
      0.5,
      variance,
      3 / (16 * (2 * a + 1) * (2 * a + 3))
    )
  })

  test("of shapes so small that both gammas are 0 is one of the two ends, by their odds", () => {
    const rng = at(15)
    let ones = 0
    for (let draw = 0; draw < 10_000; draw++) {
      const value = rng.beta(3e-320, 1e-320)
      expect(value === 0 || value === 1).toBe(true)
      ones += value
    }
    expect(Math.abs(ones - 7500) / Math.sqrt(1875)).toBeLessThan(4)
  })
})
