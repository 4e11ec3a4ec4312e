/**
 * Datasets that come to nothing, opened from a program: an `InvalidOption` that `catchTag` catches, whatever the dataset
 * is made of, whatever samples it, and on every backend. And what a caller's own code throws while a run is planned.
 */
import { describe, expect, test } from "bun:test"
import { Effect, Layer, Stream } from "effect"
import {
  Dataset,
  InvalidOption,
  Parity,
  Pipeline,
  PyTorch,
  Sampler,
  Scheduler,
  SeedAudit,
  SeedPolicy,
  Tensor,
  Workers
} from "../src/index.ts"

const seeded = SeedPolicy.epochWorker({ seed: 42 })
const numbers = Dataset.range(5)

const datasets: Readonly<Record<string, Dataset.Dataset<unknown, unknown>>> = {
  range: Dataset.range(0),
  "an array": Dataset.fromArray([]),
  "a typed array": Dataset.fromColumns({ x: new Float32Array(0) }),
  "a tensor": Dataset.fromColumns({ x: Tensor.make(new Uint8Array(0), [0, 2]) }),
  "a function": Dataset.make({ size: 0, get: (index) => index }),
  effects: Dataset.effect({ size: 0, get: Effect.succeed }),
  "a slice": numbers.pipe(Dataset.slice(2, 2)),
  "a subset": numbers.pipe(Dataset.subset([])),
  "a part of a split": numbers.pipe(Dataset.split({ all: 5, none: 0 })).none,
  "a map": Dataset.range(0).pipe(Dataset.map((x) => x)),
  "parts that are empty": Dataset.concat(Dataset.range(0), Dataset.fromArray([])),
  "a size that cannot be had": {
    name: "database",
    get size(): number {
      throw new Error("no connection")
    },
    get: numbers.get,
    getMany: numbers.getMany,
    pipe: numbers.pipe
  }
}

const samplers: Readonly<Record<string, Sampler.Sampler<SeedPolicy.SeedPolicy>>> = {
  shuffle: Sampler.shuffle,
  "blocks shuffled": Sampler.shuffleBlocks({ rows: 1 }),
  "with replacement": Sampler.withReplacement(),
  weighted: Sampler.weighted([1, 2]),
  "a subset": Sampler.subset([0], Sampler.shuffle),
  limited: Sampler.limited(Sampler.shuffle, 3),
  "PyTorch's": PyTorch.randomSampler
}

const threads = { pipeline: new URL("./support/threaded/numbers.ts", import.meta.url) }
const backends: Readonly<Record<string, Layer.Layer<Workers.Workers, InvalidOption.InvalidOption>>> = {
  fibers: Workers.fibers({ workers: 2 }),
  threads: Workers.threads({ workers: 2, ...threads }),
  auto: Workers.auto({ workers: 2, ...threads })
}

describe.each(Object.entries(datasets))("%s", (_, dataset) => {
  const cases = Object.entries(samplers).flatMap(([name, sampler]) =>
    Object.entries(backends).map(([backend, workers]) => [name, backend, sampler, workers] as const)
  )
  test.each(cases)("%s on %s", async (_, __, sampler, workers) => {
    const pipeline = Pipeline.from(dataset).pipe(Pipeline.sample(sampler), Pipeline.batch(2))
    const caught = <A, E, R>(effect: Effect.Effect<A, E | InvalidOption.InvalidOption, R>) =>
      Effect.as(effect, "ran").pipe(Effect.catchTag("InvalidOption", () => Effect.succeed("caught")))
    for (const policy of [seeded, Parity.pytorch({ torch: 1, shuffle: true })]) {
      const program = Effect.all([
        caught(Stream.runDrain(Scheduler.stream(pipeline, { epochs: 2 }))),
        caught(Effect.scoped(Scheduler.open(pipeline, { epochs: 1, digest: true }))),
        caught(Scheduler.replay(pipeline, { epoch: 0, position: 0, workers: 1 })),
        caught(SeedAudit.run(pipeline, policy))
      ])
      const outcome = await Effect.runPromise(Effect.provide(program, Layer.merge(policy, workers)))
      expect(outcome).toEqual(["caught", "caught", "caught", "caught"])
    }
  })

  test("for await", async () => {
    const pipeline = Pipeline.from(dataset).pipe(Pipeline.batch(2))
    const loop = async () => {
      for await (const _ of Scheduler.iterate(pipeline, Workers.fibers({ workers: 1 }), { epochs: 1 }))
        throw new Error("a batch")
    }
    await expect(loop()).rejects.toBeInstanceOf(InvalidOption.InvalidOption)
  })
})

describe("an audit of a sampler that throws", () => {
  const own = (order: Sampler.Sampler["order"]): Sampler.Sampler => ({
    name: "mine",
    draws: false,
    distinct: true,
    count: (size) => size,
    order
  })
  const orders: Readonly<Record<string, readonly [Sampler.Sampler["order"], string]>> = {
    "when it is asked for an order": [
      () => {
        throw new Error("no order")
      },
      "the order of sampler mine must be one that can be asked for, but asking threw Error: no order"
    ],
    "when it is asked for a place": [
      () => () => {
        throw new Error("no place")
      },
      "asking threw Error: no place"
    ],
    "an InvalidOption": [(_, rng) => Sampler.withReplacement().order(0, rng), "size of the dataset to draw from"]
  }
  test.each(Object.entries(orders))("%s", async (_, [order, says]) => {
    const pipeline = Pipeline.from(numbers).pipe(Pipeline.sample(own(order)), Pipeline.batch(2))
    const error = await Effect.runPromise(Effect.flip(SeedAudit.run(pipeline, seeded)))
    expect(error).toBeInstanceOf(InvalidOption.InvalidOption)
    expect(String(error)).toContain(says)
  })
})

test("what is no pipeline, and a stream without a name, fail and do not die", async () => {
  const none = null as never // from code without types
  const failed = <A, E>(effect: Effect.Effect<A, E, SeedPolicy.SeedPolicy | Workers.Workers>) =>
    Effect.runPromise(Effect.flip(Effect.provide(effect, Layer.merge(seeded, Workers.fibers({ workers: 1 })))))
  for (const effect of [
    Effect.scoped(Scheduler.open(none, { epochs: 1 })),
    Stream.runDrain(Scheduler.stream(none, { epochs: 1 })),
    Scheduler.replay(none, { epoch: 0, position: 0, workers: 1 }),
    SeedAudit.run(none, seeded),
    SeedPolicy.stream(none),
    SeedPolicy.stream("")
  ]) {
    // What they require is provided, though `none` hides it from the types.
    const own = effect as Effect.Effect<unknown, unknown, SeedPolicy.SeedPolicy | Workers.Workers>
    expect(await failed(own)).toMatchObject({ _tag: "InvalidOption" })
  }
})
