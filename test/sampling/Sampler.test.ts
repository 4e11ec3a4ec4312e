import { describe, expect, test } from "bun:test"
import { pipe } from "effect"
import * as fc from "fast-check"
import { InvalidOption } from "../../src/core/InvalidOption.ts"
import * as Pipeline from "../../src/pipeline/Pipeline.ts"
import * as Sampler from "../../src/sampling/Sampler.ts"
import { shuffleWindow } from "../../src/sampling/ShuffleWindow.ts"
import type { SeedPolicy } from "../../src/seeding/SeedPolicy.ts"
import * as Dataset from "../../src/sources/Dataset.ts"
import { at } from "../support/rng.ts"
import { chiSquare, counts, deviation, tally } from "../support/statistics.ts"

const epoch = (sampler: Sampler.Sampler<unknown>, size: number, seed = 42): Array<number> => {
  const order = sampler.order(size, at(seed))
  return Array.from({ length: sampler.count(size) }, (_, position) => order(position))
}

const upTo = (size: number): Array<number> => Array.from({ length: size }, (_, index) => index)

const ascending = (indices: ReadonlyArray<number>): Array<number> => indices.toSorted((a, b) => a - b)

describe("every sampler", () => {
  const size = 70_000
  const samplers: ReadonlyArray<Sampler.Sampler<SeedPolicy>> = [
    Sampler.sequential,
    Sampler.shuffle,
    Sampler.withReplacement(),
    Sampler.weighted(upTo(size)),
    Sampler.subset(upTo(size).slice(3, 69_000), Sampler.shuffle),
    Sampler.limited(Sampler.shuffle, 66_000),
    Sampler.shuffleBlocks({ window: 3, rows: 1000 }),
    shuffleWindow(1024)
  ]

  test("gives one index a position, whatever was asked before", () => {
    for (const sampler of samplers) {
      const forwards = sampler.order(size, at(1))
      const anyhow = sampler.order(size, at(1))
      const count = sampler.count(size)
      fc.assert(
        fc.property(fc.array(fc.integer({ min: 0, max: count - 1 }), { minLength: 1 }), (positions) => {
          const expected = ascending(positions).map(forwards)
          const byPosition = new Map(ascending(positions).map((position, row) => [position, expected[row]]))
          return positions.every((position) => anyhow(position) === byPosition.get(position))
        })
      )
    }
  })

  test("gives indices of the dataset, distinct where it says so", () => {
    for (const sampler of samplers) {
      const indices = epoch(sampler, size)
      expect(indices.every((index) => Number.isInteger(index) && index >= 0 && index < size)).toBe(true)
      expect(new Set(indices).size === indices.length).toBe(sampler.distinct)
    }
  })

  test("changes its order with the seed if and only if it draws", () => {
    for (const sampler of samplers) {
      expect(epoch(sampler, size, 1).join() !== epoch(sampler, size, 2).join()).toBe(sampler.draws)
    }
  })

  test("draws nothing once the order stands", () => {
    for (const sampler of samplers) {
      const rng = at(5)
      const order = sampler.order(size, rng)
      const next = at(5)
      sampler.order(size, next)
      for (const position of [0, 17, 65_000]) order(position)
      expect(rng.word()).toBe(next.word())
    }
  })
})

test("sequential is the dataset's order, at any size", () => {
  expect(epoch(Sampler.sequential, 5)).toEqual([0, 1, 2, 3, 4])
  expect(epoch(Sampler.sequential, 0)).toEqual([])
  expect(Sampler.sequential.order(2 ** 53 - 1, at(0))(2 ** 53 - 2)).toBe(2 ** 53 - 2)
})

describe("shuffle", () => {
  test("visits each index once", () => {
    for (const size of [0, 1, 2, 3, 100, 65_536, 65_537]) {
      expect(ascending(epoch(Sampler.shuffle, size))).toEqual(upTo(size))
    }
  })

  test("pinned", () => {
    expect(epoch(Sampler.shuffle, 8)).toEqual([1, 5, 7, 2, 3, 0, 6, 4])
    expect([0, 1, 2, 3].map(Sampler.shuffle.order(2 ** 40, at(42)))).toEqual([
      689615536968, 104030209466, 279702213996, 258112125259
    ])
  })
})

describe("withReplacement", () => {
  test("each index with the same odds", () => {
    const found = counts(100)
    for (const index of epoch(Sampler.withReplacement({ count: 100_000 }), 100)) tally(found, index)
    expect(Math.abs(deviation(chiSquare(found), 99))).toBeLessThan(4)
  })

  test("the positions of an epoch are independent", () => {
    const indices = epoch(Sampler.withReplacement({ count: 100_000 }), 10)
    const pairs = counts(100)
    for (let position = 0; position < indices.length; position += 2) {
      tally(pairs, (indices[position] ?? 0) * 10 + (indices[position + 1] ?? 0))
    }
    expect(Math.abs(deviation(chiSquare(pairs), 99))).toBeLessThan(4)
  })

  test("positions 2^32 apart draw apart", () => {
    const order = Sampler.withReplacement().order(2 ** 40, at(1))
    const places = [0, 2 ** 32, 2 ** 33, 2 ** 40 - 1, 2 ** 52]
    expect(new Set(places.map(order)).size).toBe(places.length)
  })

  test("as many as the dataset has, or as many as asked for", () => {
    expect(Sampler.withReplacement().count(10)).toBe(10)
    expect(Sampler.withReplacement({ count: 3 }).count(10)).toBe(3)
    expect(Sampler.withReplacement({ count: 30 }).count(10)).toBe(30)
  })

  test("pinned", () => {
    const first = (size: number) => [0, 1, 2, 3, 4, 5, 6, 7].map(Sampler.withReplacement().order(size, at(42)))
    expect(first(10)).toEqual([0, 6, 0, 4, 2, 8, 3, 9])
    expect(first(2 ** 40).slice(0, 4)).toEqual([743587477381, 457287846240, 780582952065, 47785587772])
  })

  test("from an empty dataset is refused", () => {
    for (const sampler of [Sampler.withReplacement(), Sampler.withReplacement({ count: 5 })]) {
      expect(() => sampler.count(0)).toThrow(InvalidOption)
      expect(() => sampler.order(0, at(0))).toThrow("size of the dataset to draw from must be")
    }
  })
})

describe("weighted", () => {
  const shares = (weights: ReadonlyArray<number>, seed: number): Array<number> => {
    const found = counts(weights.length)
    for (const index of epoch(Sampler.weighted(weights, { count: 60_000 }), weights.length, seed)) tally(found, index)
    return found
  }

  test.each([
    ["even", [1, 1, 1, 1, 1]],
    ["rising", [1, 2, 3, 4, 5, 6, 7]],
    ["one heavy", [0.5, 0.5, 98, 0.5, 0.5]],
    ["fractions", [0.1, 0.2, 0.3, 0.05, 0.35]],
    ["large and small", [1e-300, 3e-300, 2e-300]],
    ["a hundred", upTo(100).map((index) => 1 + ((index * 37) % 11))]
  ])("in proportion: %s", (_, weights) => {
    expect(Math.abs(deviation(chiSquare(shares(weights, 3), weights), weights.length - 1))).toBeLessThan(4)
  })

  test("a weight of 0 is never drawn, wherever it stands", () => {
    const weight = fc.oneof(fc.constant(0), fc.double({ min: 0, max: 10, noNaN: true }))
    const some = fc.array(weight, { minLength: 1, maxLength: 40 }).filter((weights) => weights.some((w) => w > 0))
    fc.assert(
      fc.property(some, fc.nat(), (weights, seed) =>
        epoch(Sampler.weighted(weights, { count: 500 }), weights.length, seed).every((index) => weights[index] !== 0)
      )
    )
  })

  test("the smallest weights there are", () => {
    const found = shares([5e-324, 0, 0, 5e-324, 1e-323], 1)
    expect([found[1], found[2]]).toEqual([0, 0])
    expect(Math.abs(deviation(chiSquare([found[0] ?? 0, found[3] ?? 0, found[4] ?? 0], [1, 1, 2]), 2))).toBeLessThan(4)
  })

  test("one weight alone is always drawn", () => {
    expect(epoch(Sampler.weighted([0, 0, 7, 0]), 4)).toEqual([2, 2, 2, 2])
    expect(epoch(Sampler.weighted([1e-320]), 1)).toEqual([0])
  })

  test("reads its weights once", () => {
    const weights = [1, 1, 1]
    const sampler = Sampler.weighted(weights, { count: 50 })
    const before = epoch(sampler, 3)
    weights[0] = 1e9
    expect(epoch(sampler, 3)).toEqual(before)
  })

  test("pinned", () => {
    expect([0, 1, 2, 3, 4, 5, 6, 7].map(Sampler.weighted([1, 2, 3, 4]).order(4, at(42)))).toEqual([
      0, 2, 3, 1, 0, 2, 1, 3
    ])
  })

  test("weights that are none are refused, by place and value", () => {
    expect(() => Sampler.weighted([1, Number.NaN, 2])).toThrow(
      "weight 1 must be a finite number of at least 0, got NaN"
    )
    expect(() => Sampler.weighted([1, 2, -1])).toThrow("weight 2 must be a finite number of at least 0, got -1")
    expect(() => Sampler.weighted([Number.POSITIVE_INFINITY])).toThrow(InvalidOption)
    expect(() => Sampler.weighted([0, 0])).toThrow("the sum of the weights must be finite and greater than 0, got 0")
    expect(() => Sampler.weighted([])).toThrow(InvalidOption)
    expect(() => Sampler.weighted([1e308, 1e308])).toThrow(InvalidOption)
  })

  test("a dataset of another size is refused", () => {
    for (const sampler of [Sampler.weighted([1, 2, 3]), Sampler.weighted([1, 2, 3], { count: 10 })]) {
      expect(() => sampler.count(4)).toThrow("the number of weights must be one a sample of the dataset, 4, got 3")
      expect(() => sampler.order(4, at(0))).toThrow(InvalidOption)
    }
  })
})

describe("subset", () => {
  test("in the order of the list, or as another sampler orders the list", () => {
    const indices = [10, 20, 30, 40, 50, 60, 70, 80]
    expect(epoch(Sampler.subset(indices), 100)).toEqual(indices)
    expect(epoch(Sampler.subset(indices, Sampler.shuffle), 100)).toEqual([20, 60, 80, 30, 40, 10, 70, 50])
    expect(epoch(Sampler.subset([7, 7]), 8)).toEqual([7, 7])
    expect(epoch(Sampler.subset([]), 8)).toEqual([])
  })

  test("draws as its order does; is distinct when both list and order are", () => {
    const flags = ({ distinct, draws }: Sampler.Sampler<unknown>) => ({ distinct, draws })
    expect(flags(Sampler.subset([1, 2]))).toEqual({ distinct: true, draws: false })
    expect(flags(Sampler.subset([2, 1, 2]))).toEqual({ distinct: false, draws: false })
    expect(flags(Sampler.subset([1, 2], Sampler.shuffle))).toEqual({ distinct: true, draws: true })
    expect(flags(Sampler.subset([1, 2], Sampler.withReplacement()))).toEqual({ distinct: false, draws: true })
  })

  test("copies the list", () => {
    const indices = [1, 2, 3]
    const sampler = Sampler.subset(indices)
    indices[0] = 9
    expect(epoch(sampler, 4)).toEqual([1, 2, 3])
  })

  test("indices that are none are refused, by place and value", () => {
    expect(() => Sampler.subset([0, -1])).toThrow("index at place 1 of the subset must be a whole number")
    expect(() => Sampler.subset([0.5])).toThrow("got 0.5")
    expect(() => Sampler.subset([Number.NaN])).toThrow(InvalidOption)
    const sampler = Sampler.subset([3, 10, 11])
    expect(sampler.count(12)).toBe(3)
    expect(() => sampler.count(10)).toThrow("index at place 1 of the subset must be from 0 to 9, as the dataset has it")
    expect(() => sampler.order(11, at(0))).toThrow("index at place 2 of the subset must be from 0 to 10")
    expect(() => sampler.order(0, at(0))).toThrow("the dataset is empty")
  })
})

describe("limited", () => {
  test("the first positions of the epoch's order", () => {
    const whole = epoch(Sampler.shuffle, 100)
    expect(epoch(Sampler.limited(Sampler.shuffle, 7), 100)).toEqual(whole.slice(0, 7))
    expect(epoch(Sampler.limited(Sampler.shuffle, 1000), 100)).toEqual(whole)
  })
})

describe("counts", () => {
  test.each([0, -1, 2.5, Number.NaN, Number.POSITIVE_INFINITY])("%s is refused", (count) => {
    const message = `count must be a whole number of at least 1, got ${count}`
    expect(() => Sampler.withReplacement({ count })).toThrow(message)
    expect(() => Sampler.weighted([1, 2], { count })).toThrow(message)
    expect(() => Sampler.limited(Sampler.shuffle, count)).toThrow(message)
  })
})

test("types: what draws asks for SeedPolicy, what does not, does not", () => {
  const none: ReadonlyArray<Sampler.Sampler> = [
    Sampler.sequential,
    Sampler.subset([1]),
    Sampler.limited(Sampler.sequential, 1)
  ]
  // @ts-expect-error shuffle draws
  const shuffle: Sampler.Sampler = Sampler.shuffle
  // @ts-expect-error so does what it orders
  const subset: Sampler.Sampler = Sampler.subset([1], Sampler.shuffle)
  // @ts-expect-error and a part of it
  const limited: Sampler.Sampler = Sampler.limited(Sampler.weighted([1]), 1)
  expect(none.map(({ draws }) => draws)).toEqual([false, false, false])
  expect([shuffle, subset, limited].map(({ draws }): boolean => draws)).toEqual([true, true, true])
})

test("limited takes its sampler first or last", () => {
  const [first, last] = [Sampler.limited(Sampler.shuffle, 7), pipe(Sampler.shuffle, Sampler.limited(7))]
  expect(epoch(first, 100)).toEqual(epoch(last, 100))
  expect([first.name, first.parameters]).toEqual([last.name, last.parameters])
})

test("limited without a count is refused where it stands, as untyped code may write it", () => {
  const limited = Sampler.limited as (...args: ReadonlyArray<unknown>) => unknown // of untyped code
  for (const args of [[Sampler.shuffle], ["4"], [Sampler.shuffle, 0]]) {
    expect(() => limited(...args)).toThrow("count must be a whole number of at least 1, got ")
  }
  expect(() => limited({}, 4)).toThrow("the sampler of Sampler.limited must be a sampler")
  expect(Sampler.limited(3)(Sampler.sequential).count(10)).toBe(3)
})

test.each([
  [{ name: undefined }, "name of the sampler of Pipeline.sample must be a text that is not empty, got undefined"],
  [
    { lane: () => [5, 5] },
    'a field of sampler mine must be one of name, draws, distinct, count, order, lanes, window, windowBlocks, parameters, got "lane"'
  ],
  [{ draws: "no" }, 'draws of sampler mine must be true or false, got "no"'],
  [{ distinct: undefined }, "distinct of sampler mine must be true or false, got undefined"],
  [{ lanes: [5, 5] }, "lanes of sampler mine must be a function, got [5,5]"]
])("%#: a wrong field of a caller's sampler is refused when it enters a pipeline", (fields, message) => {
  const own = { name: "mine", draws: false, distinct: true, count: Number, order: () => Number, ...fields }
  const sample = () => Pipeline.sample(own as Sampler.Sampler) // as untyped code gives it
  expect(sample).toThrow(message)
})

test("a class may be a sampler, whatever else it holds", () => {
  class Mine {
    readonly name = "mine"
    readonly draws = false
    readonly distinct = true
    readonly table = [2, 1, 0]
    readonly count = () => 3
    readonly order = () => (position: number) => this.table[position] ?? 0
  }
  expect(Pipeline.from(Dataset.range(3)).pipe(Pipeline.sample(new Mine())).stages).toHaveLength(1)
})
