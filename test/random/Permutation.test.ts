import { describe, expect, test } from "bun:test"
import * as fc from "fast-check"
import { InvalidOption } from "../../src/core/InvalidOption.ts"
import * as Permutation from "../../src/random/Permutation.ts"
import { network } from "../../src/random/permutation/Feistel.ts"
import { table } from "../../src/random/permutation/Table.ts"
import { at } from "../support/rng.ts"
import { chiSquare, counts, deviation, tally } from "../support/statistics.ts"

const items = (order: Permutation.Permutation): Array<number> =>
  Array.from({ length: order.size }, (_, position) => order.at(position))

const isBijection = (order: Permutation.Permutation): boolean => {
  const found = new Uint8Array(order.size)
  for (let position = 0; position < order.size; position++) {
    const item = order.at(position)
    if (order.positionOf(item) !== position) return false
    found[item] = 1
  }
  return found.every((seen) => seen === 1)
}

describe("one to one", () => {
  test("at every size from 0 to 300, as a table and as a network", () => {
    for (let size = 0; size <= 300; size++) {
      expect(isBijection(table(size, at(size)))).toBe(true)
      expect(isBijection(network(size, at(size)))).toBe(true)
    }
  })

  test("at sizes drawn up to 100,000", () => {
    const sizes = fc.integer({ min: 301, max: 100_000 })
    fc.assert(
      fc.property(sizes, fc.nat(), (size, seed) => isBijection(Permutation.make(size, at(seed)))),
      { numRuns: 20 }
    )
  })

  test.each([65_535, 65_536, 65_537, 131_072, 131_073])("on both sides of where the table ends: %s", (size) => {
    expect(isBijection(Permutation.make(size, at(size)))).toBe(true)
  })

  test.each([2 ** 31, 2 ** 32, 2 ** 32 + 1, 2 ** 40, 2 ** 40 + 1, 2 ** 53 - 1])(
    "at %s places of which 100,000 are asked",
    (size) => {
      const order = Permutation.make(size, at(9))
      const step = Math.floor(size / 100_000)
      const seen = new Set<number>()
      for (let probe = 0; probe < 100_000; probe++) {
        // The last place of all first, then evenly over the size.
        const position = probe === 0 ? size - 1 : probe * step
        const item = order.at(position)
        if (!(item >= 0 && item < size && Number.isInteger(item))) throw new Error(`${item} at ${position}`)
        if (order.positionOf(item) !== position) throw new Error(`${item} is not at ${position}`)
        seen.add(item)
      }
      expect(seen.size).toBe(100_000)
    }
  )
})

describe("equal odds", () => {
  test("all 24 orders of four", () => {
    const found = counts(24)
    for (let seed = 0; seed < 48_000; seed++) {
      const [a = 0, b = 0, c = 0] = items(Permutation.make(4, at(seed)))
      // The order's rank among all: by the first, then the second and third among what is left.
      const second = b - Number(b > a)
      const third = c - Number(c > a) - Number(c > b)
      tally(found, a * 6 + second * 2 + third)
    }
    expect(Math.abs(deviation(chiSquare(found), 23))).toBeLessThan(4)
  })

  test.each([1000, 65_537, 2 ** 40])("each item at each place of a network of %s", (size) => {
    for (const position of [0, 1, Math.floor(size / 2), size - 1]) {
      const found = counts(64)
      for (let seed = 0; seed < 6400; seed++) {
        tally(found, Math.floor((network(size, at(seed)).at(position) / size) * 64))
      }
      expect(Math.abs(deviation(chiSquare(found), 63))).toBeLessThan(4)
    }
  })

  test("the steps between places 1, 256, 512 and 4096 apart", () => {
    // 512 is where a network of four rounds shows: its halves have nine bits at this size.
    for (const apart of [1, 256, 512, 4096]) {
      for (let seed = 0; seed < 5; seed++) {
        const size = 131_072
        const order = Permutation.make(size, at(seed))
        const found = counts(64)
        for (let position = 0; position < 40_000; position++) {
          const step = (order.at(position + apart) - order.at(position) + size) % size
          tally(found, Math.floor((step / size) * 64))
        }
        expect(Math.abs(deviation(chiSquare(found), 63))).toBeLessThan(4.5)
      }
    }
  })

  test("two seeds next to each other are not alike", () => {
    for (const size of [50_000, 131_072, 2 ** 40]) {
      const one = Permutation.make(size, at(1))
      const two = Permutation.make(size, at(2))
      let sum = 0
      const probes = 20_000
      for (let probe = 0; probe < probes; probe++) sum += (one.at(probe) / size - 0.5) * (two.at(probe) / size - 0.5)
      // Uncorrelated, the mean product of two uniforms about 0 has deviation 1/12 / sqrt(probes).
      expect(Math.abs((sum / probes) * 12 * Math.sqrt(probes))).toBeLessThan(4)
    }
  })
})

describe("pinned", () => {
  test("a table", () => {
    expect(items(Permutation.make(10, at(42)))).toEqual([3, 8, 2, 1, 5, 9, 4, 0, 7, 6])
  })

  test("networks", () => {
    const first = (size: number) => [0, 1, 2, size - 1].map(Permutation.make(size, at(42)).at)
    expect(first(65_537)).toEqual([33699, 56820, 28800, 45430])
    expect(first(1_281_167)).toEqual([844588, 523430, 731097, 227692])
    expect(first(2 ** 40)).toEqual([689615536968, 104030209466, 279702213996, 352229165228])
    expect(first(2 ** 53 - 1)).toEqual([2169730008246978, 4559126860097250, 8263610567646053, 2639834607280883])
  })
})

describe("refused", () => {
  test.each([-1, 10, 1.5, Number.NaN, Number.POSITIVE_INFINITY])("place and item %s of ten", (value) => {
    for (const order of [table(10, at(0)), network(10, at(0))]) {
      expect(() => order.at(value)).toThrow(InvalidOption)
      expect(() => order.at(value)).toThrow(`position must be a whole number from 0 to 9, got ${value}`)
      expect(() => order.positionOf(value)).toThrow(`item must be a whole number from 0 to 9, got ${value}`)
    }
  })

  test.each([-1, 2.5, Number.NaN, 2 ** 53])("size %s", (size) => {
    expect(() => Permutation.make(size, at(0))).toThrow(InvalidOption)
  })

  test("any place of none", () => {
    expect(() => Permutation.make(0, at(0)).at(0)).toThrow(InvalidOption)
  })
})
