/**
 * What every generator owes, whatever its algorithm and whichever methods it overrides.
 */
import { describe, expect, test } from "bun:test"
import * as fc from "fast-check"
import { InvalidOption } from "../../../src/core/InvalidOption.ts"
import type { Rng } from "../../../src/random/Rng.ts"
import * as Seed from "../../../src/random/Seed.ts"
import { chiSquare, counts, deviation, tally } from "../../support/statistics.ts"

/** Draws a little by every method, as a list that can be compared. */
export const taste = (rng: Rng): ReadonlyArray<unknown> => [
  rng.word(),
  rng.float(),
  rng.double(),
  rng.integer(10),
  rng.integer(2 ** 40),
  rng.between(-3, 3),
  rng.bernoulli(0.3),
  rng.uniform(-1, 1),
  rng.normal(1, 2),
  rng.standardNormal(),
  rng.gamma(0.5),
  rng.beta(2, 3),
  Array.from(rng.permutation(5)),
  rng.shuffle(["a", "b", "c", "d"]),
  rng.choice(10, 3),
  rng.choice(10, 3, { replace: true }),
  rng.choice(3, 2, { weights: [1, 2, 3] }),
  rng.choice(3, 2, { replace: true, weights: [1, 2, 3] }),
  Array.from(rng.fill(new Uint8Array(5))),
  Array.from(rng.fillNormal(new Float64Array(3))),
  rng.fork("fork").word()
]

/**
 * The laws, run against a generator: `seeds` are seeds to try it at, `make` starts it, `fixed` is one seed for what is
 * a matter of statistics.
 */
export const laws = (
  name: string,
  seeds: fc.Arbitrary<Seed.Seed>,
  make: (seed: Seed.Seed) => Rng,
  fixed: Seed.Seed
): void => {
  const holds = (law: (rng: Rng) => void, numRuns = 50): void =>
    fc.assert(
      fc.property(seeds, (seed) => law(make(seed))),
      { numRuns }
    )

  describe(`${name} owes`, () => {
    test("a seed that is plain data and starts it again", () => {
      fc.assert(
        fc.property(seeds, (seed) => {
          const rng = make(seed)
          const first = taste(rng)
          expect(Seed.validate(rng.seed)).toEqual(seed)
          expect(taste(make(JSON.parse(JSON.stringify(rng.seed))))).toEqual(first)
          // It went on, and did not start over.
          expect(taste(rng)).not.toEqual(first)
        }),
        { numRuns: 50 }
      )
    })

    test("another row for another seed", () => {
      fc.assert(
        fc.property(seeds, seeds, (one, two) => {
          fc.pre(Seed.format(one) !== Seed.format(two))
          expect(taste(make(one))).not.toEqual(taste(make(two)))
        })
      )
    })

    test("words of 32 bits, floats and doubles below 1", () => {
      holds((rng) => {
        for (let draw = 0; draw < 20; draw++) {
          const word = rng.word()
          expect(word >>> 0).toBe(word)
          const float = rng.float()
          expect(float >= 0 && float < 1).toBe(true)
          expect(Number.isInteger(float * 2 ** 53)).toBe(true)
          const double = rng.double()
          expect(double >= 0 && double < 1).toBe(true)
          expect(Number.isInteger(double * 2 ** 53)).toBe(true)
        }
      })
    })

    test("whole numbers below their bound", () => {
      const bounds = fc.oneof(
        fc.integer({ min: 1, max: 40 }),
        fc.maxSafeNat().map((bound) => bound || 1)
      )
      fc.assert(
        fc.property(seeds, bounds, (seed, bound) => {
          const rng = make(seed)
          for (let draw = 0; draw < 10; draw++) {
            const value = rng.integer(bound)
            expect(Number.isInteger(value) && value >= 0 && value < bound).toBe(true)
          }
        })
      )
    })

    test("the ends of a range, both", () => {
      const rng = make(fixed)
      const found = new Set(Array.from({ length: 200 }, () => rng.between(-2, 2)))
      expect([...found].sort((a, b) => a - b)).toEqual([-2, -1, 0, 1, 2])
      expect(rng.between(7, 7)).toBe(7)
      const far = rng.between(-(2 ** 52), 2 ** 52 - 2)
      expect(far >= -(2 ** 52) && far <= 2 ** 52 - 2).toBe(true)
    })

    test("odds of 0 and of 1 as certainties", () => {
      holds((rng) => {
        for (let draw = 0; draw < 20; draw++) expect([rng.bernoulli(0), rng.bernoulli(1)]).toEqual([false, true])
      })
    })

    test("uniform numbers within their bounds, finite normals, gammas above 0, betas from 0 to 1", () => {
      const bound = fc.double({ min: -1e6, max: 1e6, noNaN: true })
      fc.assert(
        fc.property(seeds, bound, bound, (seed, a, b) => {
          const rng = make(seed)
          const [low, high] = [Math.min(a, b), Math.max(a, b)]
          const value = rng.uniform(low, high)
          expect(value >= low && value <= high).toBe(true)
          expect(Number.isFinite(rng.normal(a, high - low))).toBe(true)
          expect(rng.gamma(1 + Math.abs(a))).toBeGreaterThan(0)
          const beta = rng.beta(0.01, 0.02)
          expect(beta >= 0 && beta <= 1).toBe(true)
        })
      )
    })

    test("permutations and shuffles with every item once", () => {
      fc.assert(
        fc.property(seeds, fc.nat(50), (seed, size) => {
          const rng = make(seed)
          const order = rng.permutation(size)
          expect(order).toBeInstanceOf(Uint32Array)
          expect(Array.from(order).sort((a, b) => a - b)).toEqual(Array.from({ length: size }, (_, index) => index))
          const items = Array.from({ length: size }, (_, index) => `${index}`)
          expect(rng.shuffle(items)).toBe(items)
          expect(new Set(items).size).toBe(size)
        })
      )
    })

    test("choices: distinct without replacement, of weight over 0", () => {
      fc.assert(
        fc.property(seeds, fc.integer({ min: 1, max: 30 }), fc.nat(30), (seed, size, count) => {
          const rng = make(seed)
          const few = Math.min(size, count)
          const distinct = rng.choice(size, few)
          expect(distinct).toHaveLength(few)
          expect(new Set(distinct).size).toBe(few)
          const weights = Array.from({ length: size }, (_, index) => index % 2)
          const heavy = Math.min(few, Math.floor(size / 2))
          const weighted = rng.choice(size, heavy, { weights: heavy === 0 ? weights.map(() => 1) : weights })
          expect(new Set(weighted).size).toBe(heavy)
          const again = rng.choice(size, count, { replace: true })
          expect(again).toHaveLength(count)
          for (const index of [...distinct, ...again]) {
            expect(Number.isInteger(index) && index >= 0 && index < size).toBe(true)
          }
          for (const index of weighted) expect(weights[index]).toBe(1)
        })
      )
    })

    test("a fork that hangs on where it started alone, and that takes nothing from it", () => {
      fc.assert(
        fc.property(seeds, fc.string(), fc.nat(20), (seed, fork, drawn) => {
          const rng = make(seed)
          const early = taste(rng.fork(fork))
          const other = make(seed)
          for (let draw = 0; draw < drawn; draw++) other.word()
          expect(taste(other.fork(fork))).toEqual(early)
          for (let draw = 0; draw < drawn; draw++) rng.word()
          expect(rng.word()).toBe(other.word())
          expect(early).not.toEqual(taste(make(seed)))
        })
      )
    })

    test("another fork for another name, another seed, and within a fork", () => {
      fc.assert(
        fc.property(seeds, seeds, fc.string(), fc.string(), (one, two, a, b) => {
          fc.pre(a !== b && Seed.format(one) !== Seed.format(two))
          const states = [
            make(one).fork(a),
            make(one).fork(b),
            make(two).fork(a),
            make(one).fork(a).fork(b),
            make(one).fork(b).fork(a)
          ].map(({ seed }) => Seed.format(seed))
          expect(new Set(states).size).toBe(states.length)
        })
      )
    })

    test("bytes of even odds in each of a word's four places", () => {
      const rng = make(fixed)
      const found = [0, 8, 16, 24].map((shift) => ({ shift, bytes: counts(256) }))
      for (let draw = 0; draw < 100_000; draw++) {
        const word = rng.word()
        for (const { bytes, shift } of found) tally(bytes, (word >>> shift) & 0xff)
      }
      for (const { bytes } of found) expect(Math.abs(deviation(chiSquare(bytes), 255))).toBeLessThan(4)
    })

    test("words that follow one another without a tie", () => {
      const rng = make(fixed)
      const pairs = counts(256)
      const triples = counts(512)
      for (let draw = 0; draw < 50_000; draw++) {
        tally(pairs, ((rng.word() >>> 28) << 4) | (rng.word() >>> 28))
        tally(triples, ((rng.word() >>> 29) << 6) | ((rng.word() >>> 29) << 3) | (rng.word() >>> 29))
      }
      expect(Math.abs(deviation(chiSquare(pairs), 255))).toBeLessThan(4)
      expect(Math.abs(deviation(chiSquare(triples), 511))).toBeLessThan(4)
    })

    test.each<[string, (rng: Rng) => unknown, string]>([
      ["integer(0)", (rng) => rng.integer(0), "bound must be a whole number of at least 1, got 0"],
      ["integer(1.5)", (rng) => rng.integer(1.5), "bound must be a whole number of at least 1, got 1.5"],
      ["integer(-3)", (rng) => rng.integer(-3), "got -3"],
      ["integer(NaN)", (rng) => rng.integer(Number.NaN), "got NaN"],
      ["integer(2^53)", (rng) => rng.integer(2 ** 53), "got 9007199254740992"],
      ["integer(2^32 + 0.5)", (rng) => rng.integer(2 ** 32 + 0.5), "got 4294967296.5"],
      ["between(1, 0)", (rng) => rng.between(1, 0), "high must be a whole number of at least 1, got 0"],
      ["between(0.5, 2)", (rng) => rng.between(0.5, 2), "low must be a whole number, got 0.5"],
      ["between(-(2^53 - 1), 2)", (rng) => rng.between(-(2 ** 53 - 1), 2), "the span from low to high"],
      ["bernoulli(1.1)", (rng) => rng.bernoulli(1.1), "probability must be a number from 0 to 1, got 1.1"],
      ["bernoulli(-0.1)", (rng) => rng.bernoulli(-0.1), "got -0.1"],
      ["bernoulli(NaN)", (rng) => rng.bernoulli(Number.NaN), "got NaN"],
      ["uniform(1, 0)", (rng) => rng.uniform(1, 0), "high must be a finite number of at least 1, got 0"],
      ["uniform(NaN, 0)", (rng) => rng.uniform(Number.NaN, 0), "low must be a finite number, got NaN"],
      ["uniform(0, Infinity)", (rng) => rng.uniform(0, Number.POSITIVE_INFINITY), "high must be"],
      ["uniform(-1e308, 1e308)", (rng) => rng.uniform(-1e308, 1e308), "high - low must be a finite number"],
      ["normal(NaN)", (rng) => rng.normal(Number.NaN), "mean must be a finite number, got NaN"],
      ["normal(Infinity)", (rng) => rng.normal(Number.POSITIVE_INFINITY), "mean must be a finite number, got Infinity"],
      ["normal(0, -1)", (rng) => rng.normal(0, -1), "deviation must be a finite number of at least 0, got -1"],
      ["normal(0, NaN)", (rng) => rng.normal(0, Number.NaN), "deviation must be"],
      ["fillNormal(…, 0, -1)", (rng) => rng.fillNormal(new Float32Array(1), 0, -1), "deviation must be"],
      ["gamma(0)", (rng) => rng.gamma(0), "shape must be a finite number greater than 0, got 0"],
      ["gamma(Infinity)", (rng) => rng.gamma(Number.POSITIVE_INFINITY), "got Infinity"],
      ["beta(1, NaN)", (rng) => rng.beta(1, Number.NaN), "got NaN"],
      ["permutation(-1)", (rng) => rng.permutation(-1), "size must be a whole number from 0 to 4294967295, got -1"],
      ["permutation(2.5)", (rng) => rng.permutation(2.5), "got 2.5"],
      [
        "choice(3, 4)",
        (rng) => rng.choice(3, 4),
        "count without replacement must be a whole number from 0 to 3, got 4"
      ],
      ["choice(0, 1)", (rng) => rng.choice(0, 1), "size must be a whole number of at least 1, got 0"],
      ["choice(3, -1)", (rng) => rng.choice(3, -1), "count must be a whole number of at least 0, got -1"],
      ["choice by too few weights", (rng) => rng.choice(3, 1, { weights: [1, 2] }), "one weight an index, 3, got 2"],
      ["choice by a NaN", (rng) => rng.choice(2, 1, { weights: [1, Number.NaN] }), "weight 1 must be a finite number"],
      ["choice by a weight below 0", (rng) => rng.choice(2, 1, { weights: [-1, 2] }), "weight 0 must be"],
      ["choice by weights of 0", (rng) => rng.choice(2, 1, { weights: [0, 0] }), "the sum of the weights must be"],
      [
        "choice of more than have weight",
        (rng) => rng.choice(3, 2, { weights: [0, 1, 0] }),
        "count without replacement must be at most the number of weights over 0, 1, got 2"
      ]
    ])("a refusal of %s", (_, draw, message) => {
      expect(() => draw(make(fixed))).toThrow(InvalidOption)
      expect(() => draw(make(fixed))).toThrow(message)
    })
  })
}
