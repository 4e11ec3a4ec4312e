import { describe, expect, test } from "bun:test"
import { Effect } from "effect"
import * as fc from "fast-check"
import { InvalidOption } from "../../../src/core/InvalidOption.ts"
import * as Dataset from "../../../src/sources/Dataset.ts"

const all = <A>(dataset: Dataset.Dataset<A>): Array<A> =>
  Effect.runSync(dataset.getMany(Array.from({ length: dataset.size }, (_, index) => index)))

const sizes = (parts: Readonly<Record<string, number>>, size: number): Array<number> =>
  Object.values(Dataset.range(size).pipe(Dataset.split(parts))).map((part) => part.size)

describe("every sample in exactly one part", () => {
  const weights = fc
    .array(fc.nat(100), { minLength: 1, maxLength: 6 })
    .filter((parts) => parts.some((part) => part > 0))
  const seed = fc.option(fc.nat(), { nil: undefined })

  test("by shares, each within one sample of its share", () => {
    fc.assert(
      fc.property(fc.nat(3000), weights, seed, (size, drawn, from) => {
        const total = drawn.reduce((sum, part) => sum + part, 0)
        const shares = Object.fromEntries(drawn.map((part, at) => [`part${at}`, part / total]))
        const options = from === undefined ? {} : { seed: from }
        const parts = Object.values(Dataset.range(size).pipe(Dataset.split(shares, options)))
        parts.forEach((part, at) => {
          expect(Math.abs(part.size - ((drawn[at] ?? 0) / total) * size)).toBeLessThan(1 + 1e-6)
        })
        const samples = parts.flatMap(all).toSorted((a, b) => a - b)
        expect(samples).toEqual(Array.from({ length: size }, (_, index) => index))
      })
    )
  })

  test("by sizes, exactly", () => {
    fc.assert(
      fc.property(weights, seed, (drawn, from) => {
        const size = drawn.reduce((sum, part) => sum + part, 0)
        const parts = Object.fromEntries(drawn.map((part, at) => [`part${at}`, part]))
        const views = Object.values(
          Dataset.range(size).pipe(Dataset.split(parts, from === undefined ? {} : { seed: from }))
        )
        expect(views.map((view) => view.size)).toEqual(drawn)
        expect(new Set(views.flatMap(all)).size).toBe(size)
      })
    )
  })
})

test("shares are rounded where the parts end, halves up", () => {
  expect(sizes({ train: 0.8, test: 0.2 }, 10_000)).toEqual([8000, 2000])
  expect(sizes({ a: 0.5, b: 0.5 }, 3)).toEqual([2, 1])
  expect(sizes({ a: 1 / 3, b: 1 / 3, c: 1 / 3 }, 10)).toEqual([3, 4, 3])
  expect(sizes({ a: 0.7, b: 0.2, c: 0.1 }, 10)).toEqual([7, 2, 1])
  expect(sizes({ a: 0.7, b: 0.2, c: 0.1 }, 0)).toEqual([0, 0, 0])
  expect(sizes({ all: 1 }, 7)).toEqual([7])
  expect(sizes({ none: 0, all: 1 }, 1)).toEqual([0, 1])
  expect(sizes({ a: 0.1, b: 0.9 }, 2 ** 53 - 1)).toEqual([900719925474099, 8106479329266892])
})

test("without a seed the parts are cut in order", () => {
  const { test: held, train } = Dataset.range(5).pipe(Dataset.split({ train: 3, test: 2 }))
  expect([all(train), all(held)]).toEqual([
    [0, 1, 2],
    [3, 4]
  ])
})

test("pinned: by seeds of every kind", () => {
  const drawn = (seed: number | bigint | string) => {
    const { a, b } = Dataset.range(10).pipe(Dataset.split({ a: 0.7, b: 0.3 }, { seed }))
    return [all(a), all(b)]
  }
  const expected = [
    [9, 2, 5, 7, 1, 6, 4],
    [8, 0, 3]
  ]
  expect(drawn(42)).toEqual(expected)
  expect(drawn(42n)).toEqual(expected)
  expect(drawn("digits")).toEqual([
    [5, 3, 1, 8, 2, 7, 9],
    [0, 6, 4]
  ])
})

describe("with keepOrder", () => {
  test("each part has the samples that the seed draws, in the dataset's order", () => {
    const { a, b } = Dataset.range(10).pipe(Dataset.split({ a: 0.7, b: 0.3 }, { seed: 42, keepOrder: true }))
    expect([all(a), all(b)]).toEqual([
      [1, 2, 4, 5, 6, 7, 9],
      [0, 3, 8]
    ])
    fc.assert(
      fc.property(fc.array(fc.nat(40), { minLength: 1, maxLength: 5 }), fc.nat(), (drawn, seed) => {
        const size = drawn.reduce((sum, part) => sum + part, 0)
        const parts = Object.fromEntries(drawn.map((part, at) => [`part${at}`, part]))
        fc.pre(size > 0)
        const sorted = Object.values(Dataset.split(Dataset.range(size), parts, { seed })).map((part) =>
          all(part).toSorted((one, other) => one - other)
        )
        const kept = Object.values(Dataset.split(Dataset.range(size), parts, { seed, keepOrder: true }))
        expect(kept.map(all)).toEqual(sorted)
      })
    )
    const cut = Dataset.split(Dataset.range(4), { a: 0.5, b: 0.5 }, { keepOrder: true })
    expect([all(cut.a), all(cut.b)]).toEqual([
      [0, 1],
      [2, 3]
    ])
  })

  test("each part has the dataset's blocks of which it has samples", () => {
    const blocks = Float64Array.of(0, 1, 4, 7, 8, 10)
    const self = { ...Dataset.range(10), blocks }
    const { a, b, none } = Dataset.split(self, { a: 7, b: 3, none: 0 }, { seed: 42, keepOrder: true })
    // 1 2 | 4 5 6 | 7 | 9, and 0 | 3 | 8
    expect([a.blocks, b.blocks, none.blocks]).toEqual([
      Float64Array.of(0, 2, 5, 6, 7),
      Float64Array.of(0, 1, 2, 3),
      undefined
    ])
    expect(Dataset.split(self, { a: 7, b: 3 }, { seed: 42 }).a.blocks).toBeUndefined()
  })

  test("is refused of more samples than it has room for, and if it is no flag", () => {
    const split = () => Dataset.split(Dataset.range(2 ** 32 + 1), { a: 1 }, { seed: 1, keepOrder: true })
    expect(split).toThrow("keepOrder must be left out")
    // @ts-expect-error not a flag
    expect(() => Dataset.split(Dataset.range(3), { a: 1 }, { keepOrder: 1 })).toThrow(InvalidOption)
  })
})

test("by a seed at 2^40 samples, in no memory", () => {
  const { a, b } = Dataset.range(2 ** 40).pipe(Dataset.split({ a: 0.25, b: 0.75 }, { seed: 1 }))
  expect([a.size, b.size]).toEqual([2 ** 38, 3 * 2 ** 38])
  const some = Effect.runSync(Effect.all([a.getMany([0, 1, 2 ** 38 - 1]), b.getMany([0, 3 * 2 ** 38 - 1])]))
  expect(new Set(some.flat()).size).toBe(5)
})

test("over Effects as over plain code", () => {
  const source = Dataset.effect({ size: 10, get: (index) => Effect.succeed(index) })
  const { a } = source.pipe(Dataset.split({ a: 0.7, b: 0.3 }, { seed: 42 }))
  expect(Effect.runSync(a.getMany([0, 1, 6]))).toEqual([9, 2, 4])
  expect(Effect.runSync(Effect.flip(a.get(7)))).toMatchObject({ _tag: "IndexError", index: 7, size: 7 })
})

test("the parts' names are in the type and in errors", () => {
  const parts = Dataset.range(4, { name: "four" }).pipe(Dataset.split({ train: 0.5, test: 0.5 }))
  // @ts-expect-error there is no such part
  expect(parts.validation).toBe(undefined)
  expect([parts.train.name, parts.test.name]).toEqual(["four, train", "four, test"])
})

describe("refused", () => {
  test.each([[{ a: 0.5, b: 0.4 }], [{ a: 3, b: 3 }], [{ a: 2.5, b: 2.5 }], [{ a: 0, b: 0 }], [{}]])(
    "parts that do not add up: %j",
    (parts: Record<string, number>) => {
      expect(() => Dataset.range(5).pipe(Dataset.split(parts))).toThrow(InvalidOption)
      expect(() => Dataset.range(5).pipe(Dataset.split(parts))).toThrow(
        "sizes that add up to 5, or shares that add up to 1"
      )
    }
  )

  test.each([-0.5, Number.NaN, Number.POSITIVE_INFINITY])("a part of %s", (part) => {
    expect(() => Dataset.range(5).pipe(Dataset.split({ a: part, b: 1.5 }))).toThrow(
      `part "a" must be a size or a share, at least 0, got ${part}`
    )
  })

  test.each([-1, 1.5, Number.NaN])("seed %s", (seed) => {
    expect(() => Dataset.range(5).pipe(Dataset.split({ a: 1 }, { seed }))).toThrow(`, got ${seed}`)
  })
})

describe("parts by names that objects have from birth", () => {
  const parts = Object.fromEntries([
    ["__proto__", 1],
    ["constructor", 2],
    ["hasOwnProperty", 3],
    ["toString", 4]
  ])

  test("all are there, each with its own samples", () => {
    const split = Dataset.split(parts)(Dataset.range(10))
    expect(Object.getPrototypeOf(split)).toBe(Object.prototype)
    const found = Object.entries(split).map(([name, part]) => [
      name,
      Effect.runSync(part.getMany(Array.from({ length: part.size }, (_, index) => index)))
    ])
    expect(found).toEqual([
      ["__proto__", [0]],
      ["constructor", [1, 2]],
      ["hasOwnProperty", [3, 4, 5]],
      ["toString", [6, 7, 8, 9]]
    ])
  })

  test("whole numbers come first, the smallest first, as JavaScript orders keys", () => {
    const split = Dataset.split({ b: 1, 10: 2, 9: 3, a: 4 })(Dataset.range(10))
    const starts = Object.entries(split).map(([name, part]) => [name, Effect.runSync(part.get(0))])
    expect(starts).toEqual([
      ["9", 0],
      ["10", 3],
      ["b", 5],
      ["a", 6]
    ])
  })
})
