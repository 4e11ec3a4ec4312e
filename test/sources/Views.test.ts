import { describe, expect, test } from "bun:test"
import { Data, Effect } from "effect"
import * as fc from "fast-check"
import { InvalidOption } from "../../src/core/InvalidOption.ts"
import * as Dataset from "../../src/sources/Dataset.ts"

class Offline extends Data.TaggedError("Offline")<{ readonly index: number }> {}

const all = <A, E>(dataset: Dataset.Dataset<A, E>): Array<A> =>
  Effect.runSync(Effect.orDie(dataset.getMany(Array.from({ length: dataset.size }, (_, index) => index))))

/** The numbers 0 … size − 1, once as plain code and once by Effects. */
const both = (size: number): ReadonlyArray<Dataset.Dataset<number, Dataset.DatasetError>> => [
  Dataset.range(size),
  Dataset.effect({ size, get: (index) => Effect.succeed(index) })
]

test("a tower of views is the same tower of array methods, over plain code and over Effects", () => {
  const step = fc.oneof(
    fc.record({ kind: fc.constant("map" as const), by: fc.integer({ min: 1, max: 9 }) }),
    fc.record({ kind: fc.constant("slice" as const), from: fc.double({ min: 0, max: 1, noNaN: true }) }),
    fc.record({ kind: fc.constant("reverse" as const) }),
    fc.record({ kind: fc.constant("twice" as const) }),
    fc.record({ kind: fc.constant("even" as const) })
  )
  fc.assert(
    fc.property(fc.nat(20), fc.array(step, { maxLength: 6 }), (size, steps) => {
      for (const source of both(size)) {
        let view: Dataset.Dataset<number, Dataset.DatasetError> = source
        let expected = Array.from({ length: size }, (_, index) => index)
        for (const at of steps) {
          if (at.kind === "map") {
            view = view.pipe(Dataset.map((n, index) => n * at.by + index))
            expected = expected.map((n, index) => n * at.by + index)
          } else if (at.kind === "slice") {
            const start = Math.floor(at.from * expected.length)
            view = view.pipe(Dataset.slice(start))
            expected = expected.slice(start)
          } else if (at.kind === "reverse") {
            view = view.pipe(Dataset.subset(expected.map((_, index) => expected.length - 1 - index)))
            expected = expected.toReversed()
          } else if (at.kind === "even") {
            view = Effect.runSync(Effect.orDie(view.pipe(Dataset.filter((n) => n % 2 === 0))))
            expected = expected.filter((n) => n % 2 === 0)
          } else if (expected.length < 100) {
            view = Dataset.concat(view, Dataset.range(0), view)
            expected = [...expected, ...expected]
          }
        }
        expect(view.size).toBe(expected.length)
        expect(all(view)).toEqual(expected)
        for (const [index, value] of expected.entries()) expect(Effect.runSync(view.get(index))).toBe(value)
        expect(Effect.runSync(Effect.flip(view.get(expected.length)))).toMatchObject({ _tag: "IndexError" })
      }
    })
  )
})

test("views read nothing when they are made, and only what is asked for after", () => {
  const read: Array<number> = []
  const source = Dataset.make({ size: 1e9, get: (index) => read.push(index) && index })
  const { b } = Dataset.concat(source.pipe(Dataset.map((n) => n + 1)), source).pipe(
    Dataset.slice(5, 1.5e9),
    Dataset.split({ a: 0.5, b: 0.5 })
  )
  expect(read).toEqual([])
  expect(b.size).toBe(749999997)
  Effect.runSync(b.getMany([0, 1]))
  expect(read).toEqual([750000003, 750000004])
})

describe("map", () => {
  test("what it throws is a DatasetError of the view; what the source throws stays the source's", () => {
    for (const source of both(10)) {
      const view = source.pipe(
        Dataset.map(
          (n) => {
            if (n === 4) throw new Error("no four")
            return n
          },
          { name: "fourless" }
        ),
        Dataset.slice(2)
      )
      for (const run of [Effect.asVoid(view.get(2)), Effect.asVoid(view.getMany([0, 2]))]) {
        const error = Effect.runSync(Effect.flip(run))
        expect(error).toMatchObject({ _tag: "DatasetError", dataset: "fourless", index: 4 })
        expect(error.message).toBe("sample 4 of dataset fourless cannot be read: no four")
      }
    }
    const broken = Dataset.make({
      name: "below",
      size: 3,
      get: (): number => {
        throw new Error("torn")
      }
    })
    const error = Effect.runSync(Effect.flip(broken.pipe(Dataset.map((n) => n + 1)).get(1)))
    expect(error).toMatchObject({ dataset: "below", message: "sample 1 of dataset below cannot be read: torn" })
  })

  test("sees its source change its size", () => {
    const items = [1, 2, 3]
    const view = Dataset.fromArray(items).pipe(Dataset.map((n) => n * 2))
    items.push(4)
    expect(view.size).toBe(4)
    expect(Effect.runSync(view.get(3))).toBe(8)
  })
})

describe("mapEffect", () => {
  test("gives, fails and throws as its function does", () => {
    const view = Dataset.range(10, { name: "ten" }).pipe(
      Dataset.mapEffect((n, index) => {
        if (n === 8) throw new Error("thrown")
        return n === 9 ? new Offline({ index }) : Effect.succeed(n + index)
      })
    )
    expect(Effect.runSync(view.get(3))).toBe(6)
    expect(Effect.runSync(view.getMany([3, 1]))).toEqual([6, 2])
    expect(Effect.runSync(Effect.flip(view.getMany([1, 9])))).toMatchObject({ _tag: "Offline", index: 9 })
    expect(Effect.runSync(Effect.flip(view.get(8)))).toMatchObject({ _tag: "DatasetError", dataset: "ten, mapped" })
    expect(Effect.runSync(Effect.flip(view.get(10)))).toMatchObject({ _tag: "IndexError", index: 10 })
  })

  test("checks its concurrency", () => {
    expect(() => Dataset.mapEffect((n: number) => Effect.succeed(n), { concurrency: 0 })).toThrow(InvalidOption)
  })
})

describe("slice", () => {
  test("cuts nothing to fit", () => {
    const ten = Dataset.range(10, { name: "ten" })
    expect(() => ten.pipe(Dataset.slice(0, 11))).toThrow(
      "end of the slice of ten must be a whole number from 0 to 10, got 11"
    )
    expect(() => ten.pipe(Dataset.slice(-1))).toThrow("start of the slice of ten")
    expect(() => ten.pipe(Dataset.slice(5, 4))).toThrow("a whole number from 5 to 10, got 4")
    expect(() => ten.pipe(Dataset.slice(0, 2.5))).toThrow(InvalidOption)
    expect(() => ten.pipe(Dataset.slice(Number.NaN))).toThrow(InvalidOption)
    expect(ten.pipe(Dataset.slice(10)).size).toBe(0)
  })

  test("holds to its range: a source that shrank is an IndexError of the source", () => {
    const items = [1, 2, 3, 4]
    const view = Dataset.fromArray(items, { name: "four" }).pipe(Dataset.slice(1, 4))
    items.length = 2
    expect(view.size).toBe(3)
    expect(Effect.runSync(view.get(0))).toBe(2)
    expect(Effect.runSync(Effect.flip(view.get(2)))).toMatchObject({ dataset: "four", index: 3, size: 2 })
  })
})

describe("subset", () => {
  test("names the first index that is none, and its place", () => {
    const ten = Dataset.range(10, { name: "ten" })
    for (const index of [-1, 10, 1.5, Number.NaN]) {
      expect(() => ten.pipe(Dataset.subset([0, index, 99]))).toThrow(
        `index at place 1 of the subset of ten must be a whole number from 0 to 9, got ${index}`
      )
    }
    expect(() => Dataset.range(0).pipe(Dataset.subset([0]))).toThrow("the dataset is empty")
  })

  test("copies its indices", () => {
    const indices = [3, 3, 1]
    const view = Dataset.range(10).pipe(Dataset.subset(indices))
    indices[0] = 9
    expect(all(view)).toEqual([3, 3, 1])
  })
})

describe("filter", () => {
  test("looks at every sample once, over more than one chunk", () => {
    for (const source of both(2500)) {
      const seen: Array<number> = []
      const kept = Effect.runSync(source.pipe(Dataset.filter((n, index) => seen.push(index) > 0 && n % 1000 === 999)))
      expect(all(kept)).toEqual([999, 1999])
      expect(seen).toEqual(Array.from({ length: 2500 }, (_, index) => index))
    }
  })

  test("narrows by a refinement", () => {
    const isText = (value: string | number): value is string => typeof value === "string"
    const texts = Effect.runSync(Dataset.fromArray([1, "a", 2, "b"]).pipe(Dataset.filter(isText)))
    const upper: Array<string> = all(texts).map((text) => text.toUpperCase())
    expect(upper).toEqual(["A", "B"])
  })

  test("what it throws is a DatasetError", () => {
    const run = Dataset.range(5, { name: "five" }).pipe(
      Dataset.filter((n) => {
        if (n === 3) throw new Error("no three")
        return true
      })
    )
    expect(Effect.runSync(Effect.flip(run))).toMatchObject({
      _tag: "DatasetError",
      dataset: "five, filtered",
      index: 3
    })
  })

  test("may keep nothing, or have nothing to look at", () => {
    expect(Effect.runSync(Dataset.range(5).pipe(Dataset.filter(() => false))).size).toBe(0)
    expect(Effect.runSync(Dataset.range(0).pipe(Dataset.filter(() => true))).size).toBe(0)
  })
})

describe("concat", () => {
  test("of nothing, of empty parts, of many parts", () => {
    expect(Dataset.concat().size).toBe(0)
    expect(Effect.runSync(Effect.flip(Dataset.concat().get(0)))).toMatchObject({ _tag: "IndexError", size: 0 })
    expect(Dataset.concat(Dataset.range(0), Dataset.fromArray([])).size).toBe(0)
    const parts = [0, 3, 0, 0, 1, 5, 2, 0].map((size) => Dataset.range(size))
    expect(all(Dataset.concat(...parts))).toEqual([0, 1, 2, 0, 0, 1, 2, 3, 4, 0, 1])
  })

  test("of plain code and Effects together asks each part once a batch", () => {
    const asked: Array<ReadonlyArray<number>> = []
    const remote = Dataset.effect({
      size: 3,
      get: (index) => Effect.succeed(100 + index),
      getMany: (indices) => {
        asked.push(indices)
        return Effect.succeed(indices.map((index) => 100 + index))
      }
    })
    const view = Dataset.concat(Dataset.range(2), remote, Dataset.range(2))
    expect(Effect.runSync(view.getMany([6, 2, 0, 4, 5, 3, 1]))).toEqual([1, 100, 0, 102, 0, 101, 1])
    expect(asked).toEqual([[0, 2, 1]])
    expect(Effect.runSync(view.get(4))).toBe(102)
    expect(Effect.runSync(Effect.flip(view.getMany([0, 7])))).toMatchObject({ _tag: "IndexError", index: 7, size: 7 })
  })

  test("is refused where the sizes go beyond 2^53 - 1", () => {
    const half = Dataset.range(2 ** 52)
    expect(Dataset.concat(half, Dataset.range(2 ** 52 - 1)).size).toBe(2 ** 53 - 1)
    expect(() => Dataset.concat(half, half)).toThrow(InvalidOption)
  })

  test("types: a sample, an error, a requirement of any part", () => {
    const view = Dataset.concat(
      Dataset.fromArray(["a"]),
      Dataset.effect({ size: 1, get: (index): Effect.Effect<number, Offline> => new Offline({ index }) })
    )
    const samples: Effect.Effect<
      Array<string | number>,
      Offline | Dataset.DatasetError | Dataset.IndexError
    > = view.getMany([0, 1])
    expect(Effect.runSync(Effect.flip(samples))).toMatchObject({ _tag: "Offline", index: 0 })
  })
})
