/**
 * The inside of the scheduler by itself: a worker builds batches without an Effect, as long as nothing waits.
 */
import { describe, expect, test } from "bun:test"
import { Effect } from "effect"
import { type Batch, Dataset, Pipeline, SeedPolicy } from "../../../src/index.ts"
import type { Observer } from "../../../src/scheduler/build/Observer.ts"
import { rowsOf } from "../../../src/scheduler/build/RowRange.ts"
import { StageTimes } from "../../../src/scheduler/build/StageTimes.ts"
import { Later, TypedFailure, toEffect } from "../../../src/scheduler/build/Work.ts"
import { Worker, type WorkerOptions } from "../../../src/scheduler/build/Worker.ts"
import * as RunPlan from "../../../src/scheduler/plan/RunPlan.ts"

type Own = Pipeline.Pipeline<Batch.Batch<unknown>, unknown, SeedPolicy.SeedPolicy>

const policy = Effect.runSync(Effect.provide(SeedPolicy.SeedPolicy, SeedPolicy.elastic({ seed: 7 })))
const planOf = (pipeline: Own) => RunPlan.make(pipeline, 1, {}, policy)

/** Builds a batch in one attempt, as worker 0. */
const build = (pipeline: Own, epoch: number, batch: number, options?: WorkerOptions) => {
  const plan = planOf(pipeline)
  const rows = rowsOf(plan, 0, epoch, batch)
  return rows === undefined ? undefined : new Worker(plan, 0, options).batch(rows)
}

/** An observer that writes down what it is told. */
const writing = () => {
  const told: Array<string> = []
  const observer: Observer = {
    batch: (epoch, batch, worker) => {
      told.push(`batch ${epoch} ${batch} ${worker}`)
      return {
        begin: (step, form, stages) => {
          const several = stages === undefined ? "" : `: ${stages.join(", ")}`
          told.push(`begin ${step}${form === undefined ? "" : ` as ${form}`}${several}`)
        },
        enter: (place) => void told.push(`enter ${place}`),
        end: (failed) => void told.push(failed ? "failed" : "end")
      }
    }
  }
  return { told, observer }
}

const plain = Pipeline.from(Dataset.range(10)).pipe(
  Pipeline.filter("even", (x) => x % 2 === 0),
  Pipeline.augment("noise", (x, rng) => x + rng.double()),
  Pipeline.batch(4)
)

describe("a worker", () => {
  test("builds a batch of plain stages at once", () => {
    const batch = build(plain, 0, 1)
    expect(batch).toMatchObject({ epoch: 0, index: 1, size: 2, indices: Float64Array.of(4, 6) })
    expect(build(plain, 0, 1)).toEqual(batch)
    const worker = new Worker(planOf(plain), 0)
    const range = { epoch: 0, batch: 1, position: 4, size: 4, ordinal: 4 }
    expect(worker.sample(range, 5)).toBeUndefined() // the filter leaves it out
    expect(Later.is(worker.sample(range, 6))).toBe(false)
  })

  test("hands back the rest of a batch where a stage waits, and has called nothing behind it", async () => {
    const calls: Array<string> = []
    const waiting = Pipeline.from(Dataset.range(4)).pipe(
      Pipeline.map("before", (x) => {
        calls.push(`before ${x}`)
        return x
      }),
      Pipeline.mapEffect("wait", (x) => Effect.as(Effect.yieldNow(), x), { concurrency: 2 }),
      Pipeline.map("behind", (x) => {
        calls.push(`behind ${x}`)
        return x
      }),
      Pipeline.batch(2)
    )
    const batch = build(waiting, 0, 1)
    expect(Later.is(batch)).toBe(true)
    expect(calls).toEqual(["before 2", "before 3"])
    const made = toEffect(() => batch) as Effect.Effect<Batch.Batch<unknown> | undefined> // requires nothing
    expect(await Effect.runPromise(made)).toMatchObject({ index: 1, size: 2 })
    expect(calls).toEqual(["before 2", "before 3", "behind 2", "behind 3"])
  })

  test("throws the error of a stage with its place, as a typed failure", () => {
    const broken = Pipeline.from(Dataset.range(4)).pipe(
      Pipeline.map("broken", (x) => {
        if (x === 3) throw new Error("three")
        return x
      }),
      Pipeline.batch(2)
    )
    let thrown: unknown
    try {
      build(broken, 0, 1)
    } catch (error) {
      thrown = error
    }
    if (!TypedFailure.is(thrown)) throw thrown
    expect(thrown.error).toMatchObject({ _tag: "StageError", stage: "broken", batch: 1, sample: 3, position: 3 })
  })

  test("tells its observer of each step, in order", () => {
    const { observer, told } = writing()
    build(plain, 2, 0, { observer })
    expect(told).toEqual([
      "batch 2 0 0",
      ...["begin sample", "end", "begin dataset range", "end"],
      // Each sample goes through both stages before the next one starts; the odd ones are left out by the first.
      ...[
        "begin even + noise as samples: even, noise",
        "enter 0",
        "enter 1",
        "enter 0",
        "enter 0",
        "enter 1",
        "enter 0",
        "end"
      ],
      ...["begin batch", "end"]
    ])
  })

  test("tells the time of each stage of a step apart, and counts those that a sample has reached", () => {
    const times = new StageTimes()
    const none = Pipeline.from(Dataset.range(4)).pipe(
      Pipeline.map("same", (x) => x),
      Pipeline.filter("none", (_, { batch }) => batch > 0),
      Pipeline.map("behind", (x) => x),
      Pipeline.batch(2)
    )
    build(none, 0, 0, { observer: times })
    build(none, 0, 1, { observer: times })
    const own = times.stages.map(({ batches, forms, name }) => [name, batches, ...forms])
    expect(own).toEqual([
      ["sample", 2],
      ["dataset range", 2],
      ["same", 2, "samples"],
      ["none", 2, "samples"],
      ["behind", 1, "samples"],
      ["batch", 1]
    ])
  })

  test("tells it of the step that failed, and of no other", () => {
    const { observer, told } = writing()
    const broken = Pipeline.from(Dataset.range(4)).pipe(
      Pipeline.map("broken", () => {
        throw new Error("always")
      }),
      Pipeline.batch(2)
    )
    expect(() => build(broken, 0, 0, { observer })).toThrow()
    expect(told.slice(-2)).toEqual(["begin broken as samples", "failed"])
  })
})
