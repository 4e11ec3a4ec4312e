/**
 * Neighboring plain stages are one step: each sample goes through all of them before the next one starts.
 */
import { describe, expect, test } from "bun:test"
import { Effect } from "effect"
import { type Batch, Dataset, Pipeline, SeedPolicy } from "../../../src/index.ts"
import type { StageContext } from "../../../src/pipeline/Stage.ts"
import { retrying } from "../../../src/scheduler/build/Retry.ts"
import { rowsOf } from "../../../src/scheduler/build/RowRange.ts"
import { StageError } from "../../../src/scheduler/build/StageError.ts"
import { fromEffect, TypedFailure, toEffect } from "../../../src/scheduler/build/Work.ts"
import { Worker, type WorkerOptions } from "../../../src/scheduler/build/Worker.ts"
import * as RunPlan from "../../../src/scheduler/plan/RunPlan.ts"

type Own = Pipeline.Pipeline<Batch.Batch<unknown>, unknown, SeedPolicy.SeedPolicy>

const policy = Effect.runSync(Effect.provide(SeedPolicy.SeedPolicy, SeedPolicy.elastic({ seed: 7 })))

/** The builder of the first batch, and the rows that it has. */
const first = (pipeline: Own, options?: WorkerOptions) => {
  const plan = RunPlan.make(pipeline, 1, {}, policy)
  const range = rowsOf(plan, 0, 0, 0)
  if (range === undefined) throw new Error("there is no first batch")
  return { worker: new Worker(plan, 0, options), range }
}

const build = (pipeline: Own): unknown => {
  const { range, worker } = first(pipeline)
  return worker.batch(range)
}

const errorOf = (pipeline: Own): StageError => {
  try {
    build(pipeline)
  } catch (thrown) {
    if (TypedFailure.is(thrown) && thrown.error instanceof StageError) return thrown.error
    throw thrown
  }
  throw new Error("it did not fail")
}

const failing = (stage: string, at: number, calls: Array<string>) => (x: number) => {
  calls.push(`${stage} ${x}`)
  if (x === at) throw new Error(`${stage} at ${x}`)
  return x
}

describe("a step of plain stages", () => {
  test("takes each sample through all of its stages, and ends at an effect", async () => {
    const calls: Array<string> = []
    const noted = (stage: string) => failing(stage, -1, calls)
    const pipeline = Pipeline.from(Dataset.range(3)).pipe(
      Pipeline.map("a", noted("a")),
      Pipeline.filter("odd", (x) => noted("odd")(x) !== 1),
      Pipeline.augment("b", (x, rng) => noted("b")(x) + 0 * rng.word()),
      Pipeline.mapEffect("wait", (x) => Effect.sync(() => noted("wait")(x))),
      Pipeline.map("c", noted("c")),
      Pipeline.map("d", noted("d")),
      Pipeline.batch(3)
    )
    const { range, worker } = first(pipeline)
    const batch = await Effect.runPromise(toEffect(() => worker.batch(range)) as Effect.Effect<unknown>) // requires nothing
    expect(batch).toMatchObject({ size: 2, indices: Float64Array.of(0, 2) })
    expect(calls.join()).toBe("a 0,odd 0,b 0,a 1,odd 1,a 2,odd 2,b 2,wait 0,wait 2,c 0,d 0,c 2,d 2")
  })

  test("tells the first sample that fails, in the order of the rows", () => {
    const calls: Array<string> = []
    const pipeline = Pipeline.from(Dataset.range(4)).pipe(
      Pipeline.map("a", failing("a", 2, calls)),
      Pipeline.map("b", failing("b", 1, calls)),
      Pipeline.batch(4)
    )
    const error = errorOf(pipeline)
    expect(error).toMatchObject({ stage: "b", sample: 1, position: 1, batch: 0, cause: new Error("b at 1") })
    expect(calls.join()).toBe("a 0,b 0,a 1,b 1")
  })

  test("attempts again the samples that fail, each from its beginning, and no other", async () => {
    const calls: Array<string> = []
    const once = new Set<string>()
    const shaky = (stage: string, at: number) => (x: number) => {
      const broken = x === at && !once.has(stage)
      once.add(broken ? stage : "")
      return failing(stage, broken ? at : -1, calls)(x)
    }
    const drawn: Array<ReadonlyArray<number>> = []
    const pipeline = Pipeline.from(Dataset.range(4)).pipe(
      Pipeline.map("a", shaky("a", 2)),
      Pipeline.augment("draw", (x, rng) => {
        drawn.push([x, rng.word()])
        return x
      }),
      Pipeline.map("b", shaky("b", 1)),
      Pipeline.batch(4)
    )
    const { range, worker } = first(pipeline, { limits: { careful: true, sample: undefined, fill: "none" } })
    const builder = worker.builder(range)
    let errors = 0
    const rules = {
      retry: () => () =>
        fromEffect<boolean, StageError>(() => {
          errors++
          return Effect.succeed(errors < 9)
        }),
      skip: undefined,
      timeout: { sample: undefined, batch: undefined },
      retried: () => undefined
    }
    const work = toEffect(() => retrying(rules, range, (skipped) => builder.build(skipped))) as Effect.Effect<unknown> // requires nothing
    expect(await Effect.runPromise(work)).toMatchObject({ value: { size: 4, indices: Float64Array.of(0, 1, 2, 3) } })
    expect(errors).toBe(2)
    expect(calls.join()).toBe("a 0,b 0,a 1,b 1,a 2,a 3,b 3,a 1,b 1,a 2,b 2")
    const [, one, , again] = drawn
    expect(drawn.map(([x]) => x)).toEqual([0, 1, 3, 1, 2])
    expect(again).toEqual(one ?? [])
  })

  test("hands each stage draws and a context of its own, as if it stood alone", () => {
    const alone = (name: string): unknown =>
      build(
        Pipeline.from(Dataset.range(5)).pipe(
          Pipeline.augment(name, (_, rng, { index, ordinal, position }) => [rng.word(), index, ordinal, position]),
          Pipeline.batch(5)
        )
      )
    const together = build(
      Pipeline.from(Dataset.range(5)).pipe(
        Pipeline.augment("one", (_, rng, { index, ordinal, position }) => [rng.word(), index, ordinal, position]),
        Pipeline.augment("other", (own, rng, { index, ordinal, position }) => ({
          own,
          other: [rng.word(), index, ordinal, position]
        })),
        Pipeline.batch(5)
      )
    )
    expect(together).toMatchObject({
      columns: {
        own: (alone("one") as Batch.Batch<object>).columns, // a pipeline's batch
        other: (alone("other") as Batch.Batch<object>).columns // as above
      }
    })
  })

  test("blames the stage that writes to its context, and misleads no other", () => {
    const seen: Array<number> = []
    const error = errorOf(
      Pipeline.from(Dataset.range(2)).pipe(
        Pipeline.map("before", (x, { epoch }) => x + epoch),
        Pipeline.map("writes", (x, context) => {
          Object.assign(context as { -readonly [K in keyof StageContext]: StageContext[K] }, { epoch: 9, index: 9 })
          return x
        }),
        Pipeline.map("behind", (x, { epoch, index }) => {
          seen.push(epoch, index)
          return x
        }),
        Pipeline.batch(2)
      )
    )
    expect(error).toMatchObject({ stage: "writes", cause: { _tag: "InvalidResult" } })
    expect(seen).toEqual([0, 0, 0, 1])
  })

  test("refuses a promise, or what is no boolean, with the name of the stage and the sample", () => {
    const between = (returned: (x: number) => unknown, kept: (x: number) => boolean) =>
      errorOf(
        Pipeline.from(Dataset.range(3)).pipe(
          Pipeline.map("before", (x) => x),
          Pipeline.map("maps", (x) => returned(x)),
          Pipeline.filter("keeps", (x) => kept(x as number)), // it returns what it is given
          Pipeline.map("behind", (x) => x as number), // as above
          Pipeline.batch(3)
        )
      )
    const promised = between(
      (x) => (x === 1 ? Promise.reject(new Error("late")) : x),
      () => true
    )
    expect(promised).toMatchObject({ stage: "maps", sample: 1, cause: { what: "returned a Promise" } })
    const unsure = between(
      (x) => x,
      (x) => (x === 2 ? (0 as unknown as boolean) : true)
    ) // as JavaScript lets it pass
    expect(unsure).toMatchObject({ stage: "keeps", sample: 2, cause: { what: "returned 0" } })
  })
})
