/**
 * Neighboring plain stages are one step: each sample goes through all of them before the next one starts.
 */
import { describe, expect, test } from "bun:test"
import { Effect } from "effect"
import { type Batch, Dataset, Pipeline, SeedPolicy, type Tensor } from "../../../src/index.ts"
import type { StageContext } from "../../../src/pipeline/Stage.ts"
import { retrying } from "../../../src/scheduler/build/Retry.ts"
import { type RowRange, rowsOf } from "../../../src/scheduler/build/RowRange.ts"
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

  test("does the same at each place of a step, however many stages it has", () => {
    const names = ["one", "two", "three", "four", "five"]
    type Seen = ReadonlyArray<number>
    const drawing = (name: string) =>
      Pipeline.augment(name, (seen: Seen, rng, { index }): Seen => [...seen, rng.word(), index])
    type Drawing = Pipeline.Pipeline<Seen, never, SeedPolicy.SeedPolicy>
    const columnOf = (stages: ReadonlyArray<string>): Array<number> => {
      const start: Drawing = Pipeline.map(Pipeline.from(Dataset.range(3)), "start", (): Seen => [])
      const drawn = stages.reduce((own, name): Drawing => drawing(name)(own), start)
      const batch = build(drawn.pipe(Pipeline.batchWith(3, (samples: ReadonlyArray<Seen>) => samples.flat())))
      return (batch as Batch.Batch<Array<number>>).columns // a pipeline's batch
    }
    const each = names.map((name) => columnOf([name]))
    for (let count = 1; count <= names.length; count++) {
      const expected = [0, 1, 2].flatMap((row) =>
        each.slice(0, count).flatMap((own) => own.slice(2 * row, 2 * row + 2))
      )
      expect(columnOf(names.slice(0, count))).toEqual(expected)
    }
  })

  test("leaves out a value at whichever stage, and goes on with no other", () => {
    for (let place = 0; place < 5; place++) {
      const calls: Array<string> = []
      const stages = Array.from({ length: 5 }, (_, at) =>
        at === place
          ? Pipeline.filter<number>("keeps", (x) => x !== 1)
          : Pipeline.map(`${at}`, (x: number) => {
              calls.push(`${at} ${x}`)
              return x
            })
      )
      const own = stages.reduce((before, stage) => stage(before), Pipeline.from(Dataset.range(3)))
      expect(build(Pipeline.batch(own, 3))).toMatchObject({ size: 2, indices: Float64Array.of(0, 2) })
      const others = [0, 1, 2, 3, 4].filter((at) => at !== place)
      const expected = [0, 1, 2].flatMap((x) => others.filter((at) => x !== 1 || at < place).map((at) => `${at} ${x}`))
      expect(calls).toEqual(expected)
    }
  })

  test("knows the rows of each batch, whatever was left out of those before", () => {
    const pipeline = Pipeline.from(Dataset.range(16)).pipe(
      Pipeline.filter("some", (x) => x >= 8 || (x >= 4 ? x !== 5 : x % 2 === 1)),
      Pipeline.map("same", (x) => x),
      Pipeline.batch(4)
    )
    const plan = RunPlan.make(pipeline, 1, {}, policy)
    const worker = new Worker(plan, 0)
    const all = [0, 1, 2, 3].map((batch) => {
      const range = rowsOf(plan, 0, 0, batch)
      const builder = worker.builder(range as RowRange) // there are four batches
      const built = builder.build() as Batch.Batch<unknown> // no stage waits
      worker.done(builder)
      return built
    })
    // All of them are looked at when all are built: none shares memory with another.
    expect(all.map(({ indices }) => Array.from(indices))).toEqual([
      [1, 3],
      [4, 6, 7],
      [8, 9, 10, 11],
      [12, 13, 14, 15]
    ])
    expect(all.map(({ columns }) => Array.from((columns as Tensor.Tensor).data as Float64Array))).toEqual([
      [1, 3],
      [4, 6, 7],
      [8, 9, 10, 11],
      [12, 13, 14, 15]
    ])
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
