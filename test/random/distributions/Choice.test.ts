import { describe, expect, test } from "bun:test"
import * as fc from "fast-check"
import { cumulative, pick } from "../../../src/random/distributions/Choice.ts"
import { at } from "../../support/rng.ts"
import { chiSquare, counts, deviation, tally } from "../../support/statistics.ts"

describe("pick", () => {
  test("finds the index whose share holds the number", () => {
    const sums = cumulative([1, 2, 0, 1], 4)
    expect([0, 0.2499, 0.25, 0.7499, 0.75, 0.9999].map((unit) => pick(sums, unit))).toEqual([0, 0, 1, 1, 3, 3])
  })

  test("equals a plain search, and never gives an index of weight 0", () => {
    const weights = fc.array(fc.oneof(fc.constant(0), fc.nat(9), fc.double({ min: 0, max: 1e300, noNaN: true })), {
      minLength: 1,
      maxLength: 12
    })
    const unit = fc.oneof(
      fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
      fc.constantFrom(0, 1 - 2 ** -53)
    )
    fc.assert(
      fc.property(weights, unit, (own, share) => {
        fc.pre(own.some((weight) => weight > 0))
        const sums = cumulative(own, own.length)
        const target = share * (sums[own.length - 1] ?? 0)
        const plain = Array.from(sums).findIndex((sum) => sum > target)
        const index = pick(sums, share)
        if (plain >= 0) expect(index).toBe(plain)
        // A weight too small to move the sum has no share of it.
        expect(own[index]).toBeGreaterThan(0)
      }),
      { numRuns: 500 }
    )
  })

  test("the first weights may be 0", () => {
    expect(pick(cumulative([0, 0, 5], 3), 0)).toBe(2)
  })

  test("the last weights may be 0, even where rounding reaches the total", () => {
    // 1 - 2^-53 of the smallest number there is rounds to that number.
    const sums = cumulative([0, Number.MIN_VALUE, 0, 0], 4)
    expect(pick(sums, 1 - 2 ** -53)).toBe(1)
  })
})

describe("choice", () => {
  test("without replacement: each ordered triple of five has the same odds", () => {
    const rng = at(1)
    const found = counts(125)
    for (let draw = 0; draw < 60_000; draw++) {
      const [a = 0, b = 0, c = 0] = rng.choice(5, 3)
      tally(found, 25 * a + 5 * b + c)
    }
    const triples = found.flatMap((_, cell) => {
      const items = [Math.floor(cell / 25), Math.floor(cell / 5) % 5, cell % 5]
      return new Set(items).size === 3 ? [cell] : []
    })
    const seen = triples.map((cell) => found[cell] ?? 0)
    expect(seen).toHaveLength(60)
    expect(seen.reduce((sum, count) => sum + count, 0)).toBe(60_000)
    expect(Math.abs(deviation(chiSquare(seen), 59))).toBeLessThan(4)
  })

  test("with replacement: each pair of seven, equal ones included", () => {
    const rng = at(2)
    const found = counts(49)
    for (let draw = 0; draw < 49_000; draw++) {
      const [a = 0, b = 0] = rng.choice(7, 2, { replace: true })
      tally(found, 7 * a + b)
    }
    expect(Math.abs(deviation(chiSquare(found), 48))).toBeLessThan(4)
  })

  test("by weight with replacement: in proportion to the weights", () => {
    const rng = at(3)
    const weights = [1, 0, 2, 7, 0.5]
    const found = counts(5)
    for (const index of rng.choice(5, 100_000, { replace: true, weights })) tally(found, index)
    expect(found[1]).toBe(0)
    const rest = [0, 2, 3, 4]
    const share = (from: ReadonlyArray<number>) => rest.map((index) => from[index] ?? 0)
    expect(Math.abs(deviation(chiSquare(share(found), share(weights)), 3))).toBeLessThan(4)
  })

  test("by weight without replacement: each next one from the rest in proportion to its weight", () => {
    const rng = at(4)
    const weights = [1, 2, 3, 6]
    const total = 12
    const found = counts(16)
    for (let draw = 0; draw < 60_000; draw++) {
      const [a = 0, b = 0] = rng.choice(4, 2, { weights })
      tally(found, 4 * a + b)
    }
    const pairs = weights.flatMap((_, a) => weights.map((__, b) => [a, b] as const)).filter(([a, b]) => a !== b)
    const shares = pairs.map(([a, b]) => {
      const [first = 0, second = 0] = [weights[a], weights[b]]
      return (first / total) * (second / (total - first))
    })
    const seen = pairs.map(([a, b]) => found[4 * a + b] ?? 0)
    expect(seen.reduce((sum, count) => sum + count, 0)).toBe(60_000)
    expect(Math.abs(deviation(chiSquare(seen, shares), 11))).toBeLessThan(4)
  })

  test("by weight: setting one weight to 0 leaves the order of the others", () => {
    for (let seed = 0; seed < 50; seed++) {
      const all = at(seed).choice(5, 5, { weights: [3, 1, 4, 1, 5] })
      const fewer = at(seed).choice(5, 4, { weights: [3, 1, 0, 1, 5] })
      expect(fewer).toEqual(all.filter((index) => index !== 2))
    }
  })

  test("takes typed arrays as weights", () => {
    expect(at(5).choice(3, 3, { weights: Float32Array.of(1, 2, 3) })).toEqual(
      at(5).choice(3, 3, { weights: [1, 2, 3] })
    )
  })

  test("a few of very many cost a few", () => {
    const few = at(6).choice(2 ** 53 - 1, 5)
    expect(new Set(few).size).toBe(5)
    expect(few.some((index) => index > 2 ** 52)).toBe(true)
  })

  test("nothing of nothing", () => {
    expect(at(7).choice(0, 0)).toEqual([])
    expect(at(7).choice(3, 0, { replace: true })).toEqual([])
  })
})
