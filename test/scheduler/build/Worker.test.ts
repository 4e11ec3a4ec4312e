/**
 * One builder builds batch after batch. Nothing of a batch may be seen in the next one.
 */
import { expect, test } from "bun:test"
import { Effect } from "effect"
import fc from "fast-check"
import { type Batch, Dataset, Pipeline, Sampler, SeedPolicy } from "../../../src/index.ts"
import { installed } from "../../../src/patches/Ambient.ts"
import { rowsOf } from "../../../src/scheduler/build/RowRange.ts"
import { Later, toEffect } from "../../../src/scheduler/build/Work.ts"
import { Worker } from "../../../src/scheduler/build/Worker.ts"
import * as RunPlan from "../../../src/scheduler/plan/RunPlan.ts"

type Own = Pipeline.Pipeline<Batch.Batch<unknown>, unknown, SeedPolicy.SeedPolicy>

const policy = Effect.runSync(Effect.provide(SeedPolicy.SeedPolicy, SeedPolicy.epochWorker({ seed: 7 })))

const SIZE = 23

/** All that a batch can differ by: rows left out, draws, draws in place of `Math.random`, what the context says, an effect. */
const pipeline = (waits: boolean): Own => {
  const traced = Pipeline.from(Dataset.range(SIZE)).pipe(
    Pipeline.ambient("derive"),
    Pipeline.sample(Sampler.shuffle),
    Pipeline.map("context", (x, { batch, epoch, index, ordinal, position, worker }) => ({
      x,
      places: [batch, epoch, index, ordinal, position, worker]
    })),
    Pipeline.filter("some", ({ x }) => x % 5 !== 1),
    Pipeline.augment("drawn", (own, rng) => ({ ...own, drawn: rng.word() })),
    Pipeline.map("derived", (own) => ({ ...own, derived: Math.random() }))
  )
  const waited = waits
    ? traced.pipe(Pipeline.mapEffect("wait", (own) => Effect.as(Effect.yieldNow(), own), { concurrency: 3 }))
    : traced
  return waited.pipe(
    Pipeline.batch(4),
    Pipeline.augment("mixed", (batch, rng) => ({
      ...batch,
      columns: { ...batch.columns, mixed: [String(rng.word())] }
    }))
  )
}

const content = (worker: Worker, plan: RunPlan.RunPlan, epoch: number, batch: number): Promise<unknown> => {
  const range = rowsOf(plan, 0, epoch, batch)
  if (range === undefined) throw new Error("there is no such batch")
  return Effect.runPromise(toEffect(() => worker.batch(range)) as Effect.Effect<unknown>) // requires nothing
}

/** Runs `check` with `Math.random` governed, as it is while a run is open. */
const governed = (check: () => Promise<void>): Promise<void> =>
  Effect.runPromise(Effect.scoped(Effect.zipRight(installed("derive"), Effect.promise(check))))

const numbers = fc.array(fc.tuple(fc.nat(2), fc.nat(Math.ceil(SIZE / 4) - 1)), { minLength: 2, maxLength: 8 })

for (const waits of [false, true]) {
  test(`batches of one builder are those of a new one each${waits ? ", also if they wait" : ""}`, () =>
    governed(() =>
      fc.assert(
        fc.asyncProperty(numbers, async (all) => {
          const plan = RunPlan.make(pipeline(waits), 1, {}, policy)
          const same = new Worker(plan, 0)
          const kept: Array<unknown> = []
          const fresh: Array<unknown> = []
          for (const [epoch, batch] of all) {
            kept.push(await content(same, plan, epoch, batch))
            fresh.push(await content(new Worker(plan, 0), plan, epoch, batch))
          }
          // Compared at the end: nothing that was handed out is written to by the batches behind it.
          expect(kept).toEqual(fresh)
        }),
        { numRuns: 20 }
      )
    ))
}

test("another attempt at a sample derives what the first one derived", () =>
  governed(async () => {
    const drawn: Array<number> = []
    let fails = true
    const flaky: Own = Pipeline.from(Dataset.range(1)).pipe(
      Pipeline.ambient("derive"),
      Pipeline.map("derived", (x) => {
        drawn.push(Math.random())
        if (fails) throw new Error("once")
        return x
      }),
      Pipeline.batch(1)
    )
    const plan = RunPlan.make(flaky, 1, {}, policy)
    const range = rowsOf(plan, 0, 0, 0)
    if (range === undefined) throw new Error("there is no such batch")
    const builder = new Worker(plan, 0, { limits: { careful: true, sample: undefined, fill: "none" } }).builder(range)
    expect(() => builder.build()).toThrow()
    fails = false
    builder.build()
    expect(drawn).toHaveLength(2)
    expect(drawn[1]).toBe(drawn[0])
  }))

test("a builder whose batch failed is not used again", () => {
  let fails = true
  const broken: Own = Pipeline.from(Dataset.range(8)).pipe(
    Pipeline.map("broken", (x) => {
      if (fails && x === 1) throw new Error("one")
      return x
    }),
    Pipeline.batch(4)
  )
  const plan = RunPlan.make(broken, 1, {}, policy)
  const worker = new Worker(plan, 0)
  const range = rowsOf(plan, 0, 0, 0)
  if (range === undefined) throw new Error("there is no such batch")
  expect(() => worker.batch(range)).toThrow()
  fails = false
  const batch = worker.batch(range)
  expect(Later.is(batch)).toBe(false)
  expect(batch).toMatchObject({ index: 0, size: 4, indices: Float64Array.of(0, 1, 2, 3) })
})
