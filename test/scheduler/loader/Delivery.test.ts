/**
 * A batch is accounted for when it is handed on: what is told of it before, and what may go wrong there, loses nothing.
 */
import { describe, expect, test } from "bun:test"
import { Effect, Exit, Fiber, type Layer, Logger, Option, Stream } from "effect"
import {
  Dataset,
  FailurePolicy,
  furrow,
  InvalidOption,
  Pipeline,
  Sampler,
  Scheduler,
  SeedPolicy,
  Tensor,
  Workers
} from "../../../src/index.ts"
import { Recording, recording } from "../../../src/testing.ts"
import { type Config, callsFor, counted } from "../../support/threaded/counted.ts"

const module = new URL("../../support/threaded/counted.ts", import.meta.url)
const TIME = 60_000

const config = (): Config => ({
  size: 20,
  batch: 5,
  source: "make",
  stages: [],
  faults: [{ stage: -1, index: 6, times: 1e9 }],
  calls: callsFor(0, 20)
})

const backends: ReadonlyArray<readonly [string, (own: Config) => Layer.Layer<Workers.Workers, unknown>]> = [
  ["fibers", () => Workers.fibers({ workers: 2 })],
  ["threads", (own) => Workers.threads({ workers: 2, pipeline: module, name: "counted", config: own })]
]

describe.each(backends)("what is told before a batch is handed on, on %s", (_, workers) => {
  const opened = <A, E>(
    report: (skipped: FailurePolicy.Skipped) => Effect.Effect<void>,
    use: (loader: Scheduler.Loader<Float64Array, unknown>) => Effect.Effect<A, E>
  ) => {
    const own = config()
    return Effect.flatMap(Scheduler.open(counted(own), { epochs: 1, replay: true }), use).pipe(
      Effect.scoped,
      Effect.provide(SeedPolicy.elastic({ seed: 1 })),
      Effect.provide(workers(own)),
      Effect.provide(FailurePolicy.skip({ budget: { samples: 5 }, report })),
      Effect.runPromise
    )
  }
  const indices = (batch: Option.Option<{ readonly indices: Float64Array }>) =>
    Option.match(batch, { onNone: () => [], onSome: (own) => [...own.indices] })

  test(
    "fails without losing the batch: it is not accounted for, and is the next one",
    async () => {
      let reports = 0
      const seen = await opened(
        () => (++reports === 1 ? Effect.die(new Error("the log's disk is full")) : Effect.void),
        (loader) =>
          Effect.gen(function* () {
            const first = indices(yield* loader.take)
            const failed = yield* Effect.exit(loader.take)
            expect(Exit.isFailure(failed)).toBe(true)
            expect(yield* loader.cursor).toMatchObject({ epoch: 0, batch: 1, batches: 1, skipped: 0 })
            const rest = yield* Stream.runCollect(Stream.map(loader.stream, (own) => [...own.indices]))
            return [first, ...rest]
          })
      )
      expect(seen.flat()).toEqual([0, 1, 2, 3, 4, 5, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19])
      expect(reports).toBe(2)
    },
    TIME
  )

  test(
    "is called off without losing the batch",
    async () => {
      let reports = 0
      const seen = await opened(
        () =>
          Effect.suspend(() => {
            reports++
            return reports === 1 ? Effect.never : Effect.void
          }),
        (loader) =>
          Effect.gen(function* () {
            const first = indices(yield* loader.take)
            const taking = yield* Effect.fork(loader.take)
            while (reports === 0) yield* Effect.sleep(1)
            yield* Fiber.interrupt(taking)
            expect(yield* loader.cursor).toMatchObject({ batch: 1, skipped: 0 })
            return [...first, ...indices(yield* loader.take)]
          })
      )
      expect(seen).toEqual([0, 1, 2, 3, 4, 5, 7, 8, 9])
    },
    TIME
  )
})

test("a logger that dies of the warning of a repeat loses no batch", async () => {
  const pipeline = Pipeline.from(Dataset.range(4, { name: "logger that dies" })).pipe(
    Pipeline.sample(Sampler.shuffle),
    Pipeline.batch(2)
  )
  const logger = Logger.replace(
    Logger.defaultLogger,
    Logger.make(() => {
      throw new Error("logger broke")
    })
  )
  const run = () => furrow(pipeline, { seed: 5, epochs: 1, layer: logger })
  for await (const _ of run()) void _
  const again = run()
  await expect(again.take()).rejects.toThrow("logger broke")
  expect(again.cursor).toMatchObject({ epoch: 0, batch: 0 })
  expect(again.stats.batches).toBe(0)
})

test("epochs that are collected first are all over, the last one too", async () => {
  const pipeline = Pipeline.from(Dataset.range(6)).pipe(Pipeline.batch(2))
  const exits = await Effect.gen(function* () {
    const loader = yield* Scheduler.open(pipeline, { epochs: 3 })
    const epochs = yield* Stream.runCollect(loader.epochs)
    return yield* Effect.forEach(epochs, ({ take }) => Effect.flip(take))
  }).pipe(Effect.scoped, Effect.provide(Workers.fibers({ workers: 2 })), Effect.runPromise)
  expect(exits.map(({ _tag }) => _tag)).toEqual(["EpochPassed", "EpochPassed", "EpochPassed"])
})

test("an epoch's order is asked for once, however far apart the workers are", async () => {
  for (const order of ["plan", "ready"] as const) {
    let orders = 0
    const sampler: Sampler.Sampler<SeedPolicy.SeedPolicy> = {
      ...Sampler.shuffle,
      order: (size, rng) => {
        orders++
        return Sampler.shuffle.order(size, rng)
      }
    }
    const slow = Pipeline.from(Dataset.range(2)).pipe(
      Pipeline.sample(sampler),
      Pipeline.mapEffect("slow", (x, { worker }) => Effect.as(worker === 1 ? Effect.sleep(2) : Effect.void, x)),
      Pipeline.batch(1)
    )
    const draws = await Effect.gen(function* () {
      yield* Stream.runDrain(Scheduler.stream(slow, { epochs: 60, prefetch: 40, order, replay: true }))
      return yield* (yield* Recording).draws
    }).pipe(
      Effect.provide(recording(SeedPolicy.epochWorker({ seed: 3 }))),
      Effect.provide(Workers.fibers({ workers: 2 })),
      Effect.runPromise
    )
    expect(orders).toBe(60)
    expect(draws.length).toBe(60)
  }
})

test("an order that is no function, or gives no number, is refused with its place", async () => {
  const errorOf = (order: unknown) =>
    Stream.runDrain(
      Scheduler.stream(
        Pipeline.from(Dataset.range(4)).pipe(
          Pipeline.sample({ ...Sampler.sequential, order: order as Sampler.Sampler["order"] }), // code without types
          Pipeline.batch(2)
        ),
        { epochs: 1 }
      )
    ).pipe(Effect.flip, Effect.provide(Workers.fibers({ workers: 1 })), Effect.runPromise)
  for (const [order, says] of [
    [() => [0, 1, 2, 3], "for an order"],
    [() => undefined, "for an order"],
    [() => () => null, "gave null for an index"],
    [() => () => "1", "gave 1 for an index"]
  ] as const) {
    const error = await errorOf(order)
    expect(error).toMatchObject({ _tag: "StageError", stage: "sample", cause: { _tag: "InvalidResult" } })
    expect(error.message).toContain(says)
  }
})

test("memory that is detached in the middle of a run is an error, not zeros", async () => {
  const numbers = new Float64Array(10).fill(7)
  const run = furrow(Pipeline.from(Dataset.fromColumns({ numbers })).pipe(Pipeline.batch(2)), {
    epochs: 1,
    prefetch: 1
  })
  await run.take()
  structuredClone(numbers.buffer, { transfer: [numbers.buffer] })
  const rest = async () => {
    while ((await run.take()) !== undefined) void 0
  }
  await expect(rest()).rejects.toMatchObject({ _tag: "DatasetChanged", from: 10, to: 0 })

  const { Image } = await import("../../../src/index.ts")
  const pixels = Array.from({ length: 6 }, () => new Uint8Array(4).fill(9))
  const images = Dataset.fromArray(pixels.map((own) => ({ image: Tensor.make(own, [2, 2, 1]) })))
  const flipped = Pipeline.from(images).pipe(Pipeline.augment("flip", Image.randomHorizontalFlip()), Pipeline.batch(2))
  const broken = furrow(flipped, { seed: 1, epochs: 1, prefetch: 1, replay: true })
  await broken.take()
  for (const own of pixels) structuredClone(own.buffer, { transfer: [own.buffer] })
  const left = async () => {
    while ((await broken.take()) !== undefined) void 0
  }
  await expect(left()).rejects.toMatchObject({ _tag: "StageError", stage: "flip" })
})

test("epochs whose batches cannot be counted are refused", async () => {
  const pipeline = Pipeline.from(Dataset.range(5)).pipe(Pipeline.batch(1))
  for (const epoch of [2 ** 51, 2 ** 53 - 2]) {
    const error = await furrow(pipeline, { epoch })
      .take()
      .catch((own: unknown) => own)
    expect(error).toBeInstanceOf(InvalidOption.InvalidOption)
  }
})

describe("in the order of readiness", () => {
  const sleepOnce = (index: number) => {
    let first = true
    return (own: number) => {
      const slow = own === index && first
      if (slow) first = false
      return slow ? Effect.as(Effect.sleep(60), own) : Effect.succeed(own)
    }
  }
  const named = (batch: { readonly epoch: number; readonly index: number }) => `${batch.epoch}.${batch.index}`

  test("a batch of a later epoch that was not told of waits for its turn", async () => {
    let calls = 0
    let open: () => void = () => undefined
    const hold = new Promise<void>((resolve) => {
      open = resolve
    })
    let waits = true
    const data = Dataset.effect({
      size: 4,
      get: (index) => {
        if (index === 3 && calls++ > 0) return Effect.fail("bad")
        if (index !== 0 || !waits) return Effect.succeed(index)
        waits = false
        return Effect.as(
          Effect.promise(() => hold),
          index
        )
      }
    })
    let reports = 0
    const policy = FailurePolicy.skip({
      budget: { samples: 10 },
      report: () => Effect.suspend(() => (++reports === 1 ? Effect.never : Effect.void))
    })
    const seen = await Effect.gen(function* () {
      const loader = yield* Scheduler.open(Pipeline.from(data).pipe(Pipeline.batch(2)), { epochs: 2, order: "ready" })
      const taken = [named(Option.getOrThrow(yield* loader.take))]
      const fiber = yield* Effect.fork(loader.take)
      while (reports === 0) yield* Effect.sleep(1)
      yield* Fiber.interrupt(fiber)
      open()
      yield* Stream.runForEach(loader.epochs, ({ stream }) =>
        Stream.runForEach(stream, (batch) => Effect.sync(() => taken.push(named(batch))))
      )
      return { taken, skipped: (yield* loader.stats).skipped }
    }).pipe(Effect.scoped, Effect.provide(Workers.fibers({ workers: 2 })), Effect.provide(policy), Effect.runPromise)
    expect(seen.taken.toSorted()).toEqual(["0.0", "0.1", "1.0", "1.1"])
    expect(seen.skipped).toBe(1)
  })

  test("an epoch delivers its own batches alone, of several ranks, too", async () => {
    const data = Dataset.effect({
      size: 4,
      get: (index) => (index < 2 ? Effect.as(Effect.sleep(30), index) : Effect.succeed(index))
    })
    const pipeline = Pipeline.from(data).pipe(Pipeline.batch(2))
    const ranks = { rank: 0, world: 2, order: "ready", workers: 2 } as const
    const one = furrow(pipeline, { epochs: 2, ...ranks })
    await one.take()
    await one.close()
    const seen: Array<readonly [number, string]> = []
    for await (const epoch of furrow(pipeline, { from: one.cursor, ...ranks }).epochs) {
      for await (const batch of epoch) seen.push([epoch.number, named(batch)])
    }
    expect(seen.map(([epoch, batch]) => Number(batch.split(".")[0]) - epoch)).toEqual([0, 0, 0])
    expect(seen.map(([, batch]) => batch).toSorted()).toEqual(["0.0", "1.0", "1.1"])
  })

  test("an epoch ends at its own end, whatever of the next was taken before", async () => {
    const pipeline = Pipeline.from(Dataset.effect({ size: 4, get: sleepOnce(3) })).pipe(Pipeline.batch(2))
    const run = furrow(pipeline, { epochs: 2, order: "ready", workers: 2 })
    const seen: Array<string> = []
    for (let early = 0; early < 2; early++) {
      const batch = await run.take()
      if (batch !== undefined) seen.push(named(batch))
    }
    for await (const epoch of run.epochs) for await (const batch of epoch) seen.push(named(batch))
    expect(seen.toSorted()).toEqual(["0.0", "0.1", "1.0", "1.1"])
  })
})

test("takes that overlap at the end all find it", async () => {
  const run = furrow(Pipeline.from(Dataset.range(2)).pipe(Pipeline.batch(2)), { epochs: 1 })
  const all = await Promise.all([run.take(), run.take(), run.take(), run.take()])
  expect(all.map((batch) => batch?.size)).toEqual([2, undefined, undefined, undefined])
})
