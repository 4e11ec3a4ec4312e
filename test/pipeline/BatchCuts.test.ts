import { expect, test } from "bun:test"
import { Effect, Stream } from "effect"
import fc from "fast-check"
import { InvalidOption } from "../../src/core/InvalidOption.ts"
import { Dataset, Pipeline, Scheduler, Workers } from "../../src/index.ts"
import { type Budget, byBudget, type Cut } from "../../src/pipeline/BatchCuts.ts"
import { withCuts } from "../support/cuts.ts"

const cases = fc.record({
  costs: fc.array(fc.integer({ min: 0, max: 20 }), { maxLength: 40 }),
  most: fc.integer({ min: 0, max: 30 }),
  size: fc.integer({ min: 1, max: 8 })
})

const all = (budget: Budget, count: number, size: number, from = 0): ReadonlyArray<Cut> => {
  const { at } = byBudget(budget).cut({ epoch: 0, from, count, size, order: () => (position) => position })
  const cuts: Array<Cut> = []
  for (let cut = at(0); cut !== undefined; cut = at(cuts.length)) cuts.push(cut)
  return cuts
}

test("a batch ends at the size or at the budget, whichever comes first; an oversized sample is alone", () => {
  fc.assert(
    fc.property(cases, ({ costs, most, size }) => {
      const cost = (index: number) => costs[index] ?? Number.NaN
      let position = 0
      const cuts = all({ most, cost, oversized: "alone" }, costs.length, size)
      for (const cut of cuts) {
        expect(cut.position).toBe(position)
        position += cut.size
        const sum = costs.slice(cut.position, position).reduce((one, other) => one + other, 0)
        expect(cut.size === 1 || (cut.size <= size && sum <= most)).toBe(true)
        // One more would have been too many, or too much.
        if (position < costs.length) expect(cut.size === size || sum + cost(position) > most).toBe(true)
      }
      expect(position).toBe(costs.length)
    })
  )
})

test("from the beginning of a batch on, the rest is cut as in the whole epoch, whatever was asked before", () => {
  fc.assert(
    fc.property(cases, fc.nat({ max: 9 }), ({ costs, most, size }, skip) => {
      const budget: Budget = { most, cost: (index) => costs[index] ?? Number.NaN, oversized: "alone" }
      const cuts = all(budget, costs.length, size)
      const from = cuts[skip]?.position ?? costs.length
      expect(all(budget, costs.length, size, from)).toEqual(cuts.slice(skip))
      const { at } = byBudget(budget).cut({ epoch: 0, from: 0, count: costs.length, size, order: () => (own) => own })
      expect(at(skip)).toEqual(cuts[skip])
    })
  )
})

test("an oversized sample, or a cost that is none, is an InvalidOption that names it", () => {
  const budget = (cost: (index: number) => number): Budget => ({ most: 10, cost, oversized: "error" })
  expect(() =>
    all(
      budget((index) => (index === 3 ? 11 : 1)),
      9,
      2
    )
  ).toThrow(InvalidOption)
  expect(() =>
    all(
      budget((index) => (index === 3 ? 11 : 1)),
      9,
      2
    )
  ).toThrow(
    'the cost of sample 3 must be at most the budget of a batch, 10; or take "alone" for samples that exceed it, got 11'
  )
  for (const cost of [Number.NaN, -1, Number.POSITIVE_INFINITY]) {
    expect(() =>
      all(
        budget(() => cost),
        9,
        2
      )
    ).toThrow("the cost of sample 0 must be a finite number ≥ 0")
  }
})

test("in a run, costs are those of the samples, in the order of the epoch", async () => {
  const lengths = [5, 1, 1, 9, 2, 2, 12, 1, 3]
  const pipeline = withCuts(
    Pipeline.from(Dataset.range(lengths.length)).pipe(Pipeline.batch(3)),
    byBudget({ most: 10, cost: (index) => lengths[index] ?? 0, oversized: "alone" })
  )
  const run = (workers: number) =>
    Effect.runPromise(
      Stream.runCollect(Scheduler.stream(pipeline, { epochs: 1 })).pipe(Effect.provide(Workers.fibers({ workers })))
    )
  for (const workers of [1, 3]) {
    const batches = await run(workers)
    expect(Array.from(batches, ({ indices }) => Array.from(indices))).toEqual([[0, 1, 2], [3], [4, 5], [6], [7, 8]])
  }
})
