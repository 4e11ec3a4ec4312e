import { describe, expect, test } from "bun:test"
import { Effect, type Layer, Stream } from "effect"
import * as fc from "fast-check"
import * as SeedAudit from "../../src/audit/SeedAudit.ts"
import type { Batch } from "../../src/pipeline/Batch.ts"
import * as Pipeline from "../../src/pipeline/Pipeline.ts"
import * as Rng from "../../src/random/Rng.ts"
import * as Sampler from "../../src/sampling/Sampler.ts"
import * as Workers from "../../src/scheduler/backends/Workers.ts"
import * as Scheduler from "../../src/scheduler/loader/Scheduler.ts"
import { format } from "../../src/seeding/Coordinates.ts"
import { epochRequest } from "../../src/seeding/Request.ts"
import * as SeedPolicy from "../../src/seeding/SeedPolicy.ts"
import { ask } from "../../src/seeding/Service.ts"
import * as Dataset from "../../src/sources/Dataset.ts"
import { constant, failing, Recording, recording } from "../../src/testing.ts"
import type { PartialOptions } from "../support/options.ts"

type Drawing = Pipeline.Pipeline<Batch<unknown>, never, SeedPolicy.SeedPolicy>

const audit = <E>(
  pipeline: Drawing,
  policy: Layer.Layer<SeedPolicy.SeedPolicy, E>,
  { workers = 2, ...options }: PartialOptions & { readonly workers?: number } = {}
): Promise<SeedAudit.Report> =>
  Effect.gen(function* () {
    yield* Stream.runDrain(Scheduler.stream(pipeline, { replay: true, epochs: 1, ...options }))
    const { report } = yield* SeedAudit.SeedAudit
    return yield* report
  }).pipe(Effect.provide(SeedAudit.counting(policy)), Effect.provide(Workers.fibers({ workers })), Effect.runPromise)

const samples = (size: number) => Pipeline.from(Dataset.range(size))
const noise = Pipeline.augment("noise", (x: number, rng) => x + rng.float())
const more = Pipeline.augment("more", (x: number, rng) => x + rng.float())
const policies = [
  ["epochWorker", SeedPolicy.epochWorker({ seed: 42 })],
  ["elastic", SeedPolicy.elastic({ seed: 42 })]
] as const

describe.each(policies)("%s", (_, policy) => {
  test("starts a state for each order, each sample and each drawing stage, none of them twice", async () => {
    const drawing = fc.record({
      size: fc.integer({ min: 1, max: 30 }),
      batch: fc.integer({ min: 1, max: 8 }),
      epochs: fc.integer({ min: 1, max: 3 }),
      workers: fc.integer({ min: 1, max: 4 })
    })
    await fc.assert(
      fc.asyncProperty(drawing, async ({ batch, epochs, size, workers }) => {
        const pipeline = samples(size).pipe(
          Pipeline.sample(Sampler.shuffle),
          noise,
          Pipeline.map("still", (x) => x),
          more,
          Pipeline.batch(batch),
          Pipeline.augment("mix", (own, rng) => ({ ...own, columns: rng.float() }))
        )
        const batches = Math.ceil(size / batch)
        const started = epochs * (1 + 2 * size + batches)
        expect(await audit(pipeline, policy, { epochs, workers })).toEqual({ started, repeated: 0, examples: [] })
      }),
      { numRuns: 20 }
    )
  })

  test("starts nothing for stages that do not draw", async () => {
    const still = samples(10).pipe(
      Pipeline.map("still", (x) => x),
      Pipeline.batch(3)
    )
    expect(await audit(still, policy)).toEqual({ started: 0, repeated: 0, examples: [] })
  })

  test("also where an index is visited twice in an epoch", async () => {
    const pipeline = samples(3).pipe(Pipeline.sample(Sampler.withReplacement({ count: 50 })), noise, Pipeline.batch(4))
    expect(await audit(pipeline, policy, { epochs: 2 })).toEqual({ started: 102, repeated: 0, examples: [] })
  })

  test("also for what ambient randomness is derived from", async () => {
    const pipeline = samples(10).pipe(
      Pipeline.ambient("derive"),
      Pipeline.map("luck", () => Math.random()),
      Pipeline.batch(4)
    )
    // A state a sample for the map, and one a batch for the collate, which could draw too.
    expect(await audit(pipeline, policy)).toEqual({ started: 13, repeated: 0, examples: [] })
  })
})

describe("a policy that repeats", () => {
  test("is found out: all but the first state are repeats, and the first five are named", async () => {
    const report = await audit(samples(10).pipe(noise, Pipeline.batch(4)), constant(7), { epochs: 2, workers: 1 })
    expect(report.started).toBe(20)
    expect(report.repeated).toBe(19)
    expect(report.examples.map(format)).toEqual([
      'epoch 0, stage "noise", rank 0 of 1, worker 0 of 1, batch 0, sample 1 (position 1, ordinal 1)',
      'epoch 0, stage "noise", rank 0 of 1, worker 0 of 1, batch 0, sample 2 (position 2, ordinal 2)',
      'epoch 0, stage "noise", rank 0 of 1, worker 0 of 1, batch 0, sample 3 (position 3, ordinal 3)',
      'epoch 0, stage "noise", rank 0 of 1, worker 0 of 1, batch 1, sample 4 (position 4, ordinal 4)',
      'epoch 0, stage "noise", rank 0 of 1, worker 0 of 1, batch 1, sample 5 (position 5, ordinal 5)'
    ])
  })

  test("a repeat is counted once for each time, and only where it is one", async () => {
    // Every epoch draws the same, every sample apart.
    const fixed = SeedPolicy.fromFunction("fixed", ({ index }) => ({
      algorithm: "xoshiro128**",
      words: [index, 0, 0, 1]
    }))
    const report = await audit(samples(6).pipe(noise, Pipeline.batch(3)), fixed, { epochs: 3 })
    expect(report).toMatchObject({ started: 18, repeated: 12 })
    // A worker may be at epoch 2 before another one is at epoch 1: the order is that of the plan.
    expect(report.examples.map(({ epoch }) => epoch)).toEqual([1, 1, 1, 1, 1])
  })

  test("the worker bug of the field: seeds that hang on the epoch alone", async () => {
    const copied = SeedPolicy.fromFunction("copied", ({ epoch, ordinal }) => ({
      algorithm: "xoshiro128**",
      words: [epoch, ordinal, 0, 1]
    }))
    const pipeline = samples(12).pipe(noise, Pipeline.batch(3))
    expect(await audit(pipeline, copied, { workers: 1 })).toMatchObject({ started: 12, repeated: 0 })
    expect(await audit(pipeline, copied, { workers: 4 })).toMatchObject({ started: 12, repeated: 9 })
  })

  test("states that differ in one bit are two", async () => {
    const close = SeedPolicy.fromFunction("close", ({ index }) => ({
      algorithm: "xoshiro128**",
      words: [0, 1, 2, 3].map((word) => (word === index >> 5 ? (1 << (index & 31)) >>> 0 : 0))
    }))
    expect(await audit(samples(128).pipe(noise, Pipeline.batch(32)), close)).toMatchObject({
      started: 128,
      repeated: 0
    })
  })

  test("one state under two algorithms is two", async () => {
    Rng.register("another", ({ words }) => Rng.make({ algorithm: "xoshiro128**", words }))
    const two = SeedPolicy.fromFunction("two", ({ index }) => ({
      algorithm: index === 0 ? "xoshiro128**" : "another",
      words: [1, 2, 3, 4]
    }))
    const program = Effect.gen(function* () {
      const policy = yield* SeedPolicy.SeedPolicy
      yield* ask(policy, { ...epochRequest({ name: "a", id: 1 }, 0), scope: "sample", indices: [0, 1, 1] })
      return yield* (yield* SeedAudit.SeedAudit).report
    })
    const report = await Effect.runPromise(program.pipe(Effect.provide(SeedAudit.counting(two))))
    expect(report).toMatchObject({ started: 3, repeated: 1 })
  })
})

describe("the audited policy", () => {
  const pipeline = samples(10).pipe(Pipeline.sample(Sampler.shuffle), noise, Pipeline.batch(4))
  const digest = <E>(layer: Layer.Layer<SeedPolicy.SeedPolicy, E>): Promise<string> =>
    Effect.gen(function* () {
      const loader = yield* Scheduler.open(pipeline, { replay: true, epochs: 1, digest: true })
      yield* Stream.runDrain(loader.stream)
      return yield* loader.digest
    }).pipe(Effect.scoped, Effect.provide(layer), Effect.provide(Workers.fibers({ workers: 2 })), Effect.runPromise)

  test.each(policies)("%s gives the same batches as without an audit", async (_, policy) => {
    expect(await digest(SeedAudit.counting(policy))).toBe(await digest(policy))
  })

  test("keeps its name, its seed and what it promises", async () => {
    const names = SeedPolicy.SeedPolicy.pipe(Effect.map(({ elastic, name, seed }) => [name, seed, elastic]))
    const layer = SeedAudit.counting(SeedPolicy.elastic({ seed: "train" }))
    expect(await Effect.runPromise(Effect.provide(names, layer))).toEqual(["elastic", '"train"', true])
  })

  test("still records where it recorded", async () => {
    const program = Effect.gen(function* () {
      yield* Stream.runDrain(Scheduler.stream(samples(4).pipe(noise, Pipeline.batch(2)), { epochs: 1 }))
      const { draws } = yield* Recording
      const { report } = yield* SeedAudit.SeedAudit
      return { draws: yield* draws, report: yield* report }
    })
    const recorded = recording(SeedPolicy.epochWorker({ seed: 1 }))
    const layer = SeedAudit.counting(recorded)
    const { draws, report } = await Effect.runPromise(
      program.pipe(Effect.provide(layer), Effect.provide(Workers.fibers({ workers: 1 })))
    )
    expect(report.started).toBe(4)
    expect(draws).toHaveLength(4)
  })

  test("fails as the policy fails, and counts no state that it did not get", async () => {
    const program = Effect.gen(function* () {
      const error = yield* Effect.flip(Stream.runDrain(Scheduler.stream(pipeline, { epochs: 1 })))
      return { error, report: yield* (yield* SeedAudit.SeedAudit).report }
    })
    const layer = SeedAudit.counting(failing({ stage: "noise" }))
    const { error, report } = await Effect.runPromise(
      program.pipe(Effect.provide(layer), Effect.provide(Workers.fibers({ workers: 1 })))
    )
    expect(error._tag).toBe("CoordinatesError")
    // The order of the epoch.
    expect(report).toEqual({ started: 1, repeated: 0, examples: [] })
  })

  test("an audit begins with its layer: two runs under one are one count, two layers are two", async () => {
    const twice = Effect.gen(function* () {
      yield* Stream.runDrain(Scheduler.stream(pipeline, { epochs: 1 }))
      yield* Stream.runDrain(Scheduler.stream(pipeline, { epochs: 1 }))
      return yield* (yield* SeedAudit.SeedAudit).report
    })
    const layer = SeedAudit.counting(SeedPolicy.epochWorker({ seed: 42 }))
    const report = await Effect.runPromise(
      twice.pipe(Effect.provide(layer), Effect.provide(Workers.fibers({ workers: 2 })))
    )
    // The second run starts from the very states of the first.
    expect(report).toMatchObject({ started: 22, repeated: 11 })
    expect(await audit(pipeline, SeedPolicy.epochWorker({ seed: 42 }))).toMatchObject({ started: 11, repeated: 0 })
  })
})
