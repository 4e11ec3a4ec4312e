import { expect, test } from "bun:test"
import { Effect } from "effect"
import * as fc from "fast-check"
import * as Dataset from "../../../src/sources/Dataset.ts"
import { all, both } from "../../support/datasets.ts"

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

test("a view takes its dataset first or last, over plain code and over Effects", () => {
  for (const own of both(6)) {
    const twice = (n: number) => 2 * n
    const pairs: ReadonlyArray<readonly [first: typeof own, last: typeof own]> = [
      [Dataset.map(own, twice), own.pipe(Dataset.map(twice))],
      [Dataset.map(own, twice, { name: "even" }), own.pipe(Dataset.map(twice, { name: "even" }))],
      [Dataset.mapEffect(own, Effect.succeed), own.pipe(Dataset.mapEffect(Effect.succeed))],
      [Dataset.slice(own, 2), own.pipe(Dataset.slice(2))],
      [Dataset.slice(own, 2, 4), own.pipe(Dataset.slice(2, 4))],
      [Dataset.subset(own, [3, 3, 0]), own.pipe(Dataset.subset([3, 3, 0]))],
      [Dataset.subset(own, [1], { name: "one" }), own.pipe(Dataset.subset([1], { name: "one" }))],
      [Dataset.split(own, { a: 2, b: 4 }).b, own.pipe(Dataset.split({ a: 2, b: 4 })).b],
      [Dataset.split(own, { a: 2, b: 4 }, { seed: 1 }).b, own.pipe(Dataset.split({ a: 2, b: 4 }, { seed: 1 })).b],
      [Dataset.withContent(own, "1"), own.pipe(Dataset.withContent("1"))]
    ]
    for (const [first, last] of pairs) {
      expect(first.name).toBe(last.name)
      expect(first.made).toEqual(last.made as NonNullable<typeof last.made>) // a view has one
      expect(all(first)).toEqual(all(last))
    }
    const odd = (n: number) => n % 2 === 1
    const [first, last] = [Dataset.filter(own, odd), own.pipe(Dataset.filter(odd))]
    expect(all(Effect.runSync(Effect.orDie(first)))).toEqual(all(Effect.runSync(Effect.orDie(last))))
  }
})

test("an invalid argument is refused where it is given, before the dataset comes in", () => {
  // @ts-expect-error a number is not a function
  expect(() => Dataset.map(5)).toThrow("the function of Dataset.map must be a function, got 5")
  // @ts-expect-error a list is not a dataset
  expect(() => Dataset.map([1, 2], (n: number) => n)).toThrow("the function of Dataset.map must be a function")
  // @ts-expect-error a list is not a dataset
  expect(() => Dataset.slice([1, 2], 1)).toThrow("the dataset to slice must be a dataset")
  // @ts-expect-error a text is not a dataset
  expect(() => Dataset.withContent("photos", "1")).toThrow("the dataset with a content must be a dataset")
})
