/**
 * How a run behaves: order, back-pressure, endings, errors. What it delivers is held to in `test/laws`.
 */
import { describe, expect, test } from "bun:test"
import {
  Chunk,
  Data,
  Deferred,
  Effect,
  Either,
  Exit,
  Fiber,
  Layer,
  Option,
  Stream,
  TestClock,
  TestContext
} from "effect"
import {
  type Batch,
  Dataset,
  Image,
  Pipeline,
  Sampler,
  Scheduler,
  SeedPolicy,
  Tensor,
  Workers
} from "../../../src/index.ts"
import type { PartialOptions } from "../../support/options.ts"

type Numbers = Batch.Batch<Tensor.Tensor<Float64Array>>

const layer = (workers: number) => Layer.merge(SeedPolicy.epochWorker({ seed: 42 }), Workers.fibers({ workers }))
const numbers = (size: number) => Pipeline.from(Dataset.range(size))
const values = (batch: Numbers): ReadonlyArray<number> => Array.from(batch.columns.data)

/** A stage that counts the samples that are in it, and remembers how many were begun. */
const watched = () => {
  const seen = { begun: 0, inside: 0, most: 0, ended: 0 }
  const stage = (work: Effect.Effect<void>, concurrency = 1) =>
    Pipeline.mapEffect(
      "watched",
      (x: number) =>
        Effect.acquireUseRelease(
          Effect.sync(() => {
            seen.begun++
            seen.inside++
            seen.most = Math.max(seen.most, seen.inside)
          }),
          () => Effect.as(work, x),
          () =>
            Effect.sync(() => {
              seen.inside--
              seen.ended++
            })
        ),
      { concurrency }
    )
  return { seen, stage }
}

const settle = Effect.promise(() => new Promise<void>((resolve) => setTimeout(resolve, 30)))

describe("taking", () => {
  test("an interrupt while a batch is taken loses none of what is taken after it, and nothing hangs", async () => {
    for (let steps = 0; steps < 40; steps++) {
      const taken = await Effect.gen(function* () {
        const loader = yield* Scheduler.open(numbers(8).pipe(Pipeline.batch(1)), { epochs: 1, prefetch: 1 })
        const early = yield* Effect.fork(loader.take)
        for (let step = 0; step < steps; step++) yield* Effect.yieldNow()
        const exit = yield* Fiber.interrupt(early)
        const rest = yield* Stream.runCollect(loader.stream)
        const first = Exit.isSuccess(exit) && Option.isSome(exit.value) ? [exit.value.value] : []
        return { indices: [...first, ...rest].map(({ index }) => index), stats: yield* loader.stats }
      }).pipe(Effect.scoped, Effect.provide(Workers.fibers({ workers: 2 })), Effect.runPromise)
      expect(taken.indices).toEqual([0, 1, 2, 3, 4, 5, 6, 7])
      expect(taken.stats.batches).toBe(8)
    }
  })

  test("a taker that is called off leaves its batch to the next", async () => {
    const { seen, stage } = watched()
    const indices = await Effect.gen(function* () {
      const pipeline = numbers(6).pipe(stage(Effect.sleep(5)), Pipeline.batch(1))
      const loader = yield* Scheduler.open(pipeline, { epochs: 1 })
      const all: Array<number> = []
      for (;;) {
        const batch = yield* Effect.option(Effect.timeout(loader.take, 1))
        if (Option.isNone(batch)) continue
        if (Option.isNone(batch.value)) return all
        all.push(batch.value.value.index)
      }
    }).pipe(Effect.scoped, Effect.provide(Workers.fibers({ workers: 2 })), Effect.runPromise)
    expect(indices).toEqual([0, 1, 2, 3, 4, 5])
    expect(seen.ended).toBe(6)
  })
})

describe("order and back-pressure", () => {
  test("in the plan's order each worker holds at most `prefetch` batches that were made and not taken", async () => {
    for (const [workers, prefetch] of [
      [1, 1],
      [3, 1],
      [2, 4]
    ] as const) {
      const { seen, stage } = watched()
      const program = Effect.gen(function* () {
        const loader = yield* Scheduler.open(numbers(1000).pipe(stage(Effect.void), Pipeline.batch(1)), {
          epochs: 1,
          prefetch
        })
        yield* settle
        expect(seen.begun).toBe(workers * prefetch)
        for (let taken = 1; taken <= 5; taken++) {
          yield* loader.take
          yield* settle
          expect(seen.begun).toBe(workers * prefetch + taken)
        }
      })
      await Effect.runPromise(program.pipe(Effect.scoped, Effect.provide(layer(workers))))
    }
  })

  test("as ready: a slow worker holds up only its own batches; in the plan's order it holds up the row", async () => {
    const first = (order: "plan" | "ready") =>
      Effect.gen(function* () {
        const gate = yield* Deferred.make<void>()
        const pipeline = numbers(12).pipe(
          Pipeline.mapEffect("gate", (x, { worker }) =>
            Effect.as(worker === 0 ? Deferred.await(gate) : Effect.void, x)
          ),
          Pipeline.batch(1)
        )
        const loader = yield* Scheduler.open(pipeline, { epochs: 1, order })
        const early = yield* loader.take.pipe(
          Effect.repeatN(4),
          Effect.timeoutTo({ duration: 100, onSuccess: () => "flowed", onTimeout: () => "held up" })
        )
        yield* Deferred.succeed(gate, undefined)
        return early
      }).pipe(Effect.scoped, Effect.provide(layer(3)), Effect.runPromise)
    expect(await first("ready")).toBe("flowed")
    expect(await first("plan")).toBe("held up")
  })

  test("a row of plain batches lets timers in", async () => {
    let fired = 0
    const timer = setInterval(() => fired++, 1)
    const busy = numbers(600).pipe(
      Pipeline.map("busy", (x) => {
        const until = performance.now() + 0.5
        while (performance.now() < until);
        return x
      }),
      Pipeline.batch(2)
    )
    await Effect.runPromise(Stream.runDrain(Scheduler.stream(busy, { epochs: 1 })).pipe(Effect.provide(layer(2))))
    clearInterval(timer)
    expect(fired).toBeGreaterThan(5)
  }, 60_000)

  test("an effectful stage holds as many samples at once as it may, and their order stays", async () => {
    const { seen, stage } = watched()
    const pipeline = numbers(20).pipe(stage(Effect.sleep(2), 5), Pipeline.batch(10))
    const batches = await Effect.runPromise(
      Stream.runCollect(Scheduler.stream(pipeline, { epochs: 1 })).pipe(Effect.provide(layer(1)))
    )
    expect(Array.from(batches).flatMap(values)).toEqual(Array.from({ length: 20 }, (_, index) => index))
    expect(seen.most).toBe(5)
  })

  test("takers that overlap are served one after the other, and nobody is left waiting at the end", async () => {
    const program = Effect.gen(function* () {
      const loader = yield* Scheduler.open(numbers(10).pipe(Pipeline.batch(1)), { epochs: 1 })
      const taken = yield* Effect.all(
        Array.from({ length: 14 }, () => loader.take),
        { concurrency: "unbounded" }
      )
      expect(taken.slice(0, 10).map((batch) => values(Option.getOrThrow(batch))[0])).toEqual([...Array(10).keys()])
      expect(taken.slice(10).every(Option.isNone)).toBe(true)
      expect(Option.isNone(yield* loader.take)).toBe(true)
    })
    await Effect.runPromise(program.pipe(Effect.scoped, Effect.provide(layer(3))))
  })

  test("works under a simulated clock", async () => {
    const pipeline = numbers(4).pipe(
      Pipeline.mapEffect("slow", (x) => Effect.as(Effect.sleep("1 hour"), x)),
      Pipeline.batch(2)
    )
    const program = Effect.gen(function* () {
      const fiber = yield* Effect.fork(Stream.runCount(Scheduler.stream(pipeline, { epochs: 1 })))
      yield* TestClock.adjust("5 hours")
      return yield* Fiber.join(fiber)
    })
    expect(
      await Effect.runPromise(program.pipe(Effect.provide(layer(2)), Effect.provide(TestContext.TestContext)))
    ).toBe(2)
  })
})

describe("sizes", () => {
  const count = (
    size: number,
    batch: number,
    workers: number,
    options: PartialOptions & { dropLast?: boolean } = {}
  ) => {
    const { dropLast = false, ...rest } = options
    const pipeline = numbers(size).pipe(Pipeline.sample(Sampler.shuffle), Pipeline.batch(batch, { dropLast }))
    return Effect.runPromise(
      Effect.gen(function* () {
        const loader = yield* Scheduler.open(pipeline, { epochs: 1, ...rest })
        const batches = yield* Stream.runCollect(loader.stream)
        return { planned: loader.batches, sizes: Array.from(batches, ({ size }) => size), stats: yield* loader.stats }
      }).pipe(Effect.scoped, Effect.provide(layer(workers)))
    )
  }

  test("more workers than batches, one batch, no batch, no epoch", async () => {
    expect(await count(5, 2, 9)).toMatchObject({ planned: 3, sizes: [2, 2, 1] })
    expect(await count(5, 10, 4)).toMatchObject({ planned: 1, sizes: [5] })
    expect(await count(5, 10, 4, { dropLast: true })).toMatchObject({ planned: 0, sizes: [] })
    expect(await count(5, 2, 2, { epochs: 0 })).toMatchObject({ planned: 3, sizes: [] })
    expect(await count(5, 2, 2, { epochs: 3 })).toMatchObject({ sizes: [2, 2, 1, 2, 2, 1, 2, 2, 1] })
  })

  test("stats count what was handed over", async () => {
    const { stats } = await count(10, 4, 2, { epochs: 2 })
    expect(stats).toMatchObject({ batches: 6, samples: 20 })
    expect(stats.waited).toBeGreaterThanOrEqual(0)
  })

  test("stages see epoch, rank, worker, and where the sample stands", async () => {
    const seen: Array<Pipeline.StageContext> = []
    const pipeline = numbers(8).pipe(
      Pipeline.map("see", (x, context) => {
        seen.push({ ...context })
        return x
      }),
      Pipeline.batch(4)
    )
    const options = { rank: 1, world: 2, epochs: 2 }
    await Effect.runPromise(Stream.runDrain(Scheduler.stream(pipeline, options)).pipe(Effect.provide(layer(2))))
    const sorted = seen.toSorted((a, b) => a.epoch - b.epoch || a.position - b.position)
    const at = (epoch: number, batch: number, ordinal: number, position: number) => ({
      epoch,
      rank: 1,
      world: 2,
      worker: batch,
      workers: 2,
      batch,
      ordinal,
      position,
      index: position
    })
    expect(sorted).toEqual(
      [0, 1].flatMap((epoch) => [at(epoch, 0, 0, 2), at(epoch, 0, 1, 3), at(epoch, 1, 0, 6), at(epoch, 1, 1, 7)])
    )
  })

  test("a filter makes batches smaller, and an empty one is not delivered", async () => {
    const pipeline = numbers(12).pipe(
      Pipeline.filter("some", (x) => x < 3 || x === 9),
      Pipeline.batch(3)
    )
    const batches = await Effect.runPromise(
      Stream.runCollect(Scheduler.stream(pipeline, { epochs: 1 })).pipe(Effect.provide(layer(2)))
    )
    expect(Array.from(batches, (batch) => [batch.index, values(batch), Array.from(batch.indices)])).toEqual([
      [0, [0, 1, 2], [0, 1, 2]],
      [3, [9], [9]]
    ])
  })
})

describe("endings leave no fiber and no resource behind", () => {
  /** A pipeline whose effectful stage never ends, and a layer whose resource is counted. */
  const endless = () => {
    const { seen, stage } = watched()
    const resource = { open: 0 }
    const counted = Layer.scopedDiscard(
      Effect.acquireRelease(
        Effect.sync(() => resource.open++),
        () => Effect.sync(() => resource.open--)
      )
    )
    return { seen, resource, stage, layer: Layer.merge(layer(3), counted) }
  }

  test("an interrupt in the middle of a batch", async () => {
    const { layer: own, resource, seen, stage } = endless()
    const pipeline = numbers(100).pipe(stage(Effect.never, 4), Pipeline.batch(10))
    const fiber = Effect.runFork(Stream.runDrain(Scheduler.stream(pipeline, { epochs: 1 })).pipe(Effect.provide(own)))
    await Effect.runPromise(settle)
    expect(seen.inside).toBe(12)
    const exit = await Effect.runPromise(Fiber.interrupt(fiber))
    expect(Exit.isInterrupted(exit)).toBe(true)
    expect({ inside: seen.inside, begun: seen.begun === seen.ended, ...resource }).toEqual({
      inside: 0,
      begun: true,
      open: 0
    })
  })

  test("a consumer that takes some and leaves", async () => {
    const { layer: own, resource, seen, stage } = endless()
    const pipeline = numbers(100).pipe(stage(Effect.sleep(1)), Pipeline.batch(2))
    await Effect.runPromise(
      Scheduler.stream(pipeline, { epochs: 1 }).pipe(Stream.take(3), Stream.runDrain, Effect.provide(own))
    )
    const { begun } = seen
    await Effect.runPromise(settle)
    expect({ inside: seen.inside, begun: seen.begun, ...resource }).toEqual({ inside: 0, begun, open: 0 })
  })

  test("a worker that fails ends the others", async () => {
    const { layer: own, resource, seen, stage } = endless()
    const pipeline = numbers(100).pipe(
      stage(Effect.sleep(1)),
      Pipeline.map("fail", (x) => {
        if (x === 7) throw new Error("seven")
        return x
      }),
      Pipeline.batch(2)
    )
    const exit = await Effect.runPromiseExit(
      Stream.runDrain(Scheduler.stream(pipeline, { epochs: 1 })).pipe(Effect.provide(own))
    )
    expect(Exit.isFailure(exit)).toBe(true)
    const { begun } = seen
    await Effect.runPromise(settle)
    expect({ inside: seen.inside, begun: seen.begun, ...resource }).toEqual({ inside: 0, begun, open: 0 })
  })

  describe("for await", () => {
    const leave = async (how: "break" | "throw" | "return" | "end") => {
      const { layer: own, resource, seen, stage } = endless()
      const pipeline = numbers(40).pipe(stage(Effect.sleep(1)), Pipeline.batch(2))
      let batches = 0
      const loop = async (): Promise<string> => {
        for await (const batch of Scheduler.iterate(pipeline, own, { epochs: 1 })) {
          expect(batch.size).toBe(2)
          batches++
          if (batches === 3 && how === "break") break
          if (batches === 3 && how === "throw") throw new Error("the consumer's own")
          if (batches === 3 && how === "return") return "returned"
        }
        return "left"
      }
      const result = await loop().catch((error: Error) => error.message)
      // At once: the loop is left only when all is closed.
      return { result, batches, inside: seen.inside, open: resource.open }
    }

    test.each([
      ["break", "left", 3],
      ["throw", "the consumer's own", 3],
      ["return", "returned", 3],
      ["end", "left", 20]
    ] as const)("%s ends all workers before the loop is left", async (how, result, batches) => {
      expect(await leave(how)).toEqual({ result, batches, inside: 0, open: 0 })
    })

    test("an error is thrown as the typed error it is, after the batches before it", async () => {
      const pipeline = numbers(10).pipe(
        Pipeline.map("fail", (x) => {
          if (x === 5) throw new Error("five")
          return x
        }),
        Pipeline.batch(2)
      )
      const seen: Array<number> = []
      const loop = async () => {
        for await (const batch of Scheduler.iterate(pipeline, layer(3), { epochs: 1 })) seen.push(...values(batch))
      }
      const error = await loop().catch((thrown: unknown) => thrown)
      expect(error).toBeInstanceOf(Scheduler.StageError)
      expect(seen).toEqual([0, 1, 2, 3])
    })

    test("a layer that cannot be built is thrown as its error; return ends a next under way; the end stays the end", async () => {
      const pipeline = numbers(10).pipe(Pipeline.batch(2))
      const broken = Scheduler.iterate(pipeline, Workers.fibers({ workers: 0 }), { epochs: 1 })[Symbol.asyncIterator]()
      expect(await broken.next().catch((thrown: unknown) => thrown)).toMatchObject({ _tag: "InvalidOption", value: 0 })

      const stuck = numbers(10).pipe(
        Pipeline.mapEffect("never", () => Effect.never),
        Pipeline.batch(2)
      )
      const iterator = Scheduler.iterate(stuck, layer(2), { epochs: 1 })[Symbol.asyncIterator]()
      const pending = iterator.next()
      await Effect.runPromise(settle)
      await iterator.return?.()
      expect(await pending).toEqual({ done: true, value: undefined })
      expect(await iterator.next()).toEqual({ done: true, value: undefined })
    })
  })
})

class Unreadable extends Data.TaggedError("Unreadable")<{ readonly index: number }> {}

describe("errors carry their place", () => {
  const failAt = (bad: number) =>
    numbers(20).pipe(
      Pipeline.sample(Sampler.shuffle),
      Pipeline.augment("jitter", (x, rng) => x + rng.float()),
      Pipeline.augment("fail", (x, rng) => {
        const draw = rng.word()
        if (Math.floor(x) === bad) throw new Error(`drew ${draw}`)
        return x
      }),
      Pipeline.batch(4)
    )

  test("a stage that throws: seed, policy, epoch, batch, worker, sample, stage; and the call that makes it again", async () => {
    const pipeline = failAt(13)
    const program = Stream.runCollect(Scheduler.stream(pipeline, { epochs: 1 })).pipe(
      Effect.flip,
      Effect.provide(layer(3))
    )
    const error = await Effect.runPromise(program)
    if (!(error instanceof Scheduler.StageError)) throw error
    const { batch, epoch, ordinal, position, sample, stage, worker, workers } = error
    expect({ epoch, sample, stage, workers, policy: error.policy, seed: error.seed }).toEqual({
      epoch: 0,
      sample: 13,
      stage: "fail",
      workers: 3,
      policy: "epochWorker",
      seed: "42"
    })
    expect(batch).toBe(Math.floor((position ?? Number.NaN) / 4))
    expect(worker).toBe(batch % 3)
    expect(ordinal).toBe(Math.floor(batch / 3) * 4 + ((position ?? Number.NaN) % 4))
    expect(error.replay).toBe(`Scheduler.replay(pipeline, { epoch: 0, position: ${position}, workers: 3 })`)
    for (const part of [
      'stage "fail"',
      "epoch 0",
      `batch ${batch}`,
      `worker ${worker} of 3`,
      "sample 13",
      "seed 42",
      error.replay,
      "drew"
    ]) {
      expect(error.message).toContain(part)
    }
    // The very call, with the very draw.
    const again = await Effect.runPromise(
      Scheduler.replay(pipeline, { epoch: 0, position: position ?? 0, workers: 3 }).pipe(
        Effect.flip,
        Effect.provide(layer(1))
      )
    )
    expect(again.message).toBe(error.message)
  })

  test("batches before the bad one are delivered first, in the plan's order", async () => {
    const pipeline = numbers(20).pipe(
      Pipeline.map("fail", (x) => {
        if (x === 13) throw new Error("unlucky")
        return x
      }),
      Pipeline.batch(4)
    )
    for (const workers of [1, 2, 5]) {
      const seen: Array<number> = []
      const program = Scheduler.stream(pipeline, { epochs: 1 }).pipe(
        Stream.runForEach((batch) => Effect.sync(() => seen.push(batch.index))),
        Effect.exit,
        Effect.provide(layer(workers))
      )
      expect(Exit.isFailure(await Effect.runPromise(program))).toBe(true)
      expect(seen).toEqual([0, 1, 2])
    }
  })

  test("an effect's own error is kept, typed, as `failure`; what it dies of is the cause", async () => {
    const fails = Dataset.effect({
      name: "disk",
      size: 8,
      get: (index) => (index === 5 ? Effect.fail(new Unreadable({ index })) : Effect.succeed(index))
    })
    const dataset = await Effect.runPromise(
      Stream.runDrain(Scheduler.stream(Pipeline.from(fails).pipe(Pipeline.batch(2)), { epochs: 1 })).pipe(
        Effect.flip,
        Effect.provide(layer(2))
      )
    )
    if (!(dataset instanceof Scheduler.StageError)) throw dataset
    const failure: Unreadable | Dataset.DatasetError | undefined = dataset.failure
    expect(failure).toBeInstanceOf(Unreadable)
    expect(dataset).toMatchObject({ stage: "dataset", batch: 2, epoch: 0, cause: { _tag: "Unreadable", index: 5 } })

    const dies = numbers(4).pipe(
      Pipeline.mapEffect("die", (x) => (x === 3 ? Effect.die("oh") : Effect.succeed(x))),
      Pipeline.batch(2)
    )
    const died = await Effect.runPromise(
      Stream.runDrain(Scheduler.stream(dies, { epochs: 1 })).pipe(Effect.flip, Effect.provide(layer(1)))
    )
    expect(died).toMatchObject({ _tag: "StageError", stage: "die", sample: 3, cause: "oh" })
  })

  test("a sampler that throws, while it makes an order or is asked for a place, is the stage `sample`", async () => {
    const error = (sampler: Sampler.Sampler) =>
      Effect.runPromise(
        Stream.runDrain(
          Scheduler.stream(numbers(4).pipe(Pipeline.sample(sampler), Pipeline.batch(2)), { epochs: 1 })
        ).pipe(Effect.flip, Effect.provide(layer(1)))
      )
    const making = () => {
      throw new Error("no order")
    }
    const asking = () => (position: number) => {
      if (position === 3) throw new Error("no place")
      return position
    }
    const own = { ...Sampler.sequential, name: "own" }
    expect(await error({ ...own, order: making })).toMatchObject({ _tag: "StageError", stage: "sample", batch: 0 })
    expect(await error({ ...own, order: asking })).toMatchObject({ _tag: "StageError", stage: "sample", batch: 1 })
  })

  test("a policy that gives another number of seeds than was asked for is refused", async () => {
    const short: SeedPolicy.Service = {
      name: "short",
      seed: "none",
      elastic: true,
      seeds: () =>
        Either.right({ _tag: "Packed", algorithm: "xoshiro128**", width: 4, words: Uint32Array.of(1, 2, 3, 4) })
    }
    const pipeline = numbers(4).pipe(
      Pipeline.augment("draw", (x, rng) => x + rng.float()),
      Pipeline.batch(2)
    )
    const error = await Effect.runPromise(
      Stream.runDrain(Scheduler.stream(pipeline, { epochs: 1 })).pipe(
        Effect.flip,
        Effect.provide(Layer.succeed(SeedPolicy.SeedPolicy, short)),
        Effect.provide(Workers.fibers({ workers: 1 }))
      )
    )
    expect(error).toMatchObject({ _tag: "CoordinatesError", reason: "it gave 1 seeds where 2 were asked for" })
  })

  test("a policy that throws, or gives something else than an Either, is a CoordinatesError with the place", async () => {
    const pipeline = numbers(4).pipe(
      Pipeline.augment("draw", (x, rng) => x + rng.float()),
      Pipeline.batch(2)
    )
    const error = (seeds: SeedPolicy.Service["seeds"]) =>
      Effect.runPromise(
        Stream.runDrain(Scheduler.stream(pipeline, { epochs: 1 })).pipe(
          Effect.flip,
          Effect.provide(Layer.succeed(SeedPolicy.SeedPolicy, { name: "own", seed: "none", elastic: true, seeds })),
          Effect.provide(Workers.fibers({ workers: 1 }))
        )
      )
    const throwing = await error(({ batch }) => {
      throw new RangeError(`no seed for batch ${batch}`)
    })
    expect(throwing).toMatchObject({
      _tag: "CoordinatesError",
      policy: "own",
      reason: "no seed for batch 0",
      coordinates: { stage: { name: "draw" }, batch: 0 }
    })
    // What code without types may give.
    const nothing = await error((() => undefined) as never)
    expect(nothing).toMatchObject({ reason: "it gave undefined instead of an Either of seeds" })
    for (const seeds of [undefined, 5, {}]) {
      const none = await error((() => Either.right(seeds)) as never)
      expect(none).toMatchObject({ _tag: "CoordinatesError", reason: expect.stringContaining("instead of seeds") })
    }
    const effect = await error((() => Effect.succeed(1)) as never)
    expect(effect).toMatchObject({ _tag: "CoordinatesError", reason: expect.stringContaining("instead of an Either") })
  })

  test("an interruption that a stage or a dataset meets within is an error with its place, not the end of the run", async () => {
    const gone = Effect.flatMap(Effect.fork(Effect.never), (fiber) =>
      Effect.zipRight(Fiber.interrupt(fiber), Fiber.join(fiber))
    )
    for (const within of [Effect.interrupt, gone]) {
      const pipeline = numbers(10).pipe(
        Pipeline.mapEffect("svc", (x) => (x === 5 ? within : Effect.succeed(x))),
        Pipeline.batchWith(1, (samples) => samples)
      )
      const error = await Effect.runPromise(
        Stream.runDrain(Scheduler.stream(pipeline, { epochs: 1 })).pipe(
          Effect.flip,
          Effect.provide(Workers.fibers({ workers: 2 }))
        )
      )
      expect(error).toMatchObject({ _tag: "StageError", stage: "svc", sample: 5 })
      const seen: Array<number> = []
      const loop = async () => {
        for await (const { index } of Scheduler.iterate(pipeline, Workers.fibers({ workers: 2 }), { epochs: 1 }))
          seen.push(index)
      }
      await expect(loop()).rejects.toThrow('stage "svc"')
      expect(seen).toEqual([0, 1, 2, 3, 4])
    }
  })

  test("a dataset that gives another number of samples than was asked for is refused", async () => {
    const sound = Dataset.effect({ size: 4, get: (index) => Effect.succeed(index) })
    for (const count of [3, 6]) {
      const dataset: Dataset.Dataset<number> = Object.create(sound, {
        getMany: { value: () => Effect.succeed(Array.from({ length: count }, (_, index) => index)) },
        size: { value: 4 }
      })
      const error = await Effect.runPromise(
        Stream.runDrain(Scheduler.stream(Pipeline.from(dataset).pipe(Pipeline.batch(4)), { epochs: 1 })).pipe(
          Effect.flip,
          Effect.provide(Workers.fibers({ workers: 1 }))
        )
      )
      expect(error).toMatchObject({ _tag: "StageError", stage: "dataset" })
      expect(error.message).toContain(`getMany was asked for 4 samples and gave ${count}`)
    }
  })

  test("a sampler has its rng and no other randomness; one that says that it does not draw has none at all", async () => {
    const own = { name: "own", distinct: false, count: (size: number) => size }
    const error = (order: Sampler.Sampler["order"]) => {
      const sampler: Sampler.Sampler = { ...own, draws: false, order }
      const run = Stream.runDrain(
        Scheduler.stream(numbers(4).pipe(Pipeline.sample(sampler), Pipeline.batch(2)), { epochs: 1 })
      )
      return Effect.runPromise(run.pipe(Effect.flip, Effect.provide(Workers.fibers({ workers: 1 }))))
    }
    for (const order of [
      (size: number) => () => Math.floor(Math.random() * size),
      (size: number) => {
        const first = Math.floor(Math.random() * size)
        return () => first
      }
    ]) {
      expect(await error(order)).toMatchObject({
        _tag: "StageError",
        stage: "sample",
        cause: { _tag: "AmbientRandomness", stage: "sample" }
      })
    }
    const drawn = await error((size, rng) => {
      const order = rng.permutation(size)
      return (position) => order[position] ?? 0
    })
    expect(drawn).toMatchObject({
      _tag: "StageError",
      stage: "sample",
      cause: { _tag: "InvalidOption", option: "draws" }
    })
  })

  test("a count or a size that throws when it is asked for is named", async () => {
    const failing = (): number => {
      throw new Error("no number")
    }
    const sampler = { ...Sampler.sequential, name: "own", count: failing }
    const sized: Dataset.Dataset<number> = Object.create(Dataset.range(4), { size: { get: failing } })
    for (const [pipeline, name] of [
      [Pipeline.sample(sampler)(numbers(4)), "sampler own"],
      [Pipeline.from(sized), "size of dataset"]
    ] as const) {
      const run = Stream.runDrain(Scheduler.stream(Pipeline.batch(2)(pipeline), { epochs: 1 }))
      const error = await Effect.runPromise(run.pipe(Effect.flip, Effect.provide(Workers.fibers({ workers: 1 }))))
      expect(error._tag).toBe("InvalidOption")
      expect(error.message).toContain(name)
      expect(error.message).toContain("no number")
    }
  })

  test("an image that is none is put down to the first image stage, at its own sample", async () => {
    for (const bad of [0, 2]) {
      const images = Array.from({ length: 3 }, (_, index) =>
        index === bad ? Tensor.make(new Int16Array(16), [4, 4, 1]) : Tensor.make(new Uint8Array(16), [4, 4, 1])
      )
      // The type says uint8; what comes from outside can be anything.
      const pipeline = Pipeline.from(Dataset.fromArray(images as Array<Tensor.Tensor<Uint8Array>>)).pipe(
        Pipeline.augment("crop", Image.randomCrop({ size: 4, padding: 1 })),
        Pipeline.augment("flip", Image.randomHorizontalFlip({ p: 0.5 })),
        Pipeline.batch(3)
      )
      const error = await Effect.runPromise(
        Stream.runDrain(Scheduler.stream(pipeline, { epochs: 1 })).pipe(Effect.flip, Effect.provide(layer(1)))
      )
      expect(error).toMatchObject({ _tag: "StageError", stage: "crop", sample: bad, position: bad })
    }
  })

  test("what is thrown is shown, whatever it is", async () => {
    for (const [thrown, text] of [
      [{ code: 5 }, '{"code":5}'],
      [Object.create(null), "{}"],
      [undefined, "undefined"],
      [Symbol("odd"), "Symbol(odd)"]
    ] as const) {
      const pipeline = numbers(1).pipe(
        Pipeline.map("throw", () => {
          throw thrown
        }),
        Pipeline.batchWith(1, (samples) => samples)
      )
      const error = await Effect.runPromise(
        Stream.runDrain(Scheduler.stream(pipeline, { epochs: 1 })).pipe(
          Effect.flip,
          Effect.provide(Workers.fibers({ workers: 1 }))
        )
      )
      expect(error.message).toContain(`: ${text}\n`)
    }
  })

  test("a replay of a position that is another rank's is refused, and so is one of nothing", async () => {
    const pipeline = numbers(8).pipe(Pipeline.batch(4))
    const error = (options: Scheduler.ReplayOptions) =>
      Effect.runSync(Effect.flip(Scheduler.replay(pipeline, options))).message
    const ranks = { epoch: 0, workers: 1, world: 2 }
    expect(error({ ...ranks, position: 2, rank: 0 })).toContain("from 0 to 1, rank 0's share of batch 0")
    expect(error({ ...ranks, position: 0, rank: 1 })).toContain("from 2 to 3")
    expect(Effect.runSync(Scheduler.replay(pipeline, { ...ranks, position: 2, rank: 1 }))._tag).toBe("Some")
    // Callers without types can leave out what the type asks for.
    expect(error({ epoch: 0, workers: 1 } as Scheduler.ReplayOptions)).toContain("a position or a batch")
  })

  test("a dataset that changes its size is told, not read wrong", async () => {
    const items = [1, 2, 3, 4, 5, 6]
    const pipeline = Pipeline.from(Dataset.fromArray(items)).pipe(Pipeline.batch(2))
    const program = Effect.gen(function* () {
      const loader = yield* Scheduler.open(pipeline, { epochs: 5, prefetch: 1 })
      yield* loader.take
      items.push(7)
      return yield* Effect.flip(Effect.forever(loader.take))
    })
    const error = await Effect.runPromise(program.pipe(Effect.scoped, Effect.provide(layer(1))))
    expect(error).toMatchObject({ _tag: "DatasetChanged", from: 6, to: 7 })
    expect(error.message).toContain("had 6 samples")
  })

  test("rows that make no column", async () => {
    const ragged = Pipeline.from(Dataset.fromArray([[1], [1, 2]])).pipe(Pipeline.batch(2))
    const error = await Effect.runPromise(
      Stream.runDrain(Scheduler.stream(ragged, { epochs: 1 })).pipe(Effect.flip, Effect.provide(layer(1)))
    )
    expect(error).toMatchObject({ _tag: "StageError", stage: "batch", cause: { _tag: "CollateError" } })
    expect(error.message).toContain("[2], row 0 has [1]")
  })

  test("columns that cannot be digested", async () => {
    const pipeline = numbers(2).pipe(Pipeline.batchWith(2, () => ({ call: () => 1 })))
    const digest = Effect.scoped(
      Effect.flatMap(Scheduler.open(pipeline, { epochs: 1, digest: true }), ({ take }) => take)
    )
    expect(await Effect.runPromise(digest.pipe(Effect.flip, Effect.provide(layer(1))))).toMatchObject({
      _tag: "DigestError",
      column: "call"
    })
    const without = Stream.runCollect(Scheduler.stream(pipeline, { epochs: 1 })).pipe(
      Effect.map(Chunk.size),
      Effect.provide(layer(1))
    )
    expect(await Effect.runPromise(without)).toBe(1)
  })

  test.each([
    [{ epochs: -1 }, "epochs"],
    [{ epochs: Number.NaN }, "epochs"],
    [{ epochs: Number.POSITIVE_INFINITY }, "epochs"],
    [{ prefetch: 0 }, "prefetch"],
    [{ prefetch: 1.5 }, "prefetch"],
    [{ order: "random" as "plan" }, "order"],
    [{ rank: 1 }, "rank"],
    [{ world: 0 }, "world"],
    [{ world: 3 }, "batch size"]
  ])("options that cannot be meant: %j", async (options, option) => {
    const program = Stream.runDrain(Scheduler.stream(numbers(4).pipe(Pipeline.batch(2)), { epochs: 1, ...options }))
    const error = await Effect.runPromise(program.pipe(Effect.flip, Effect.provide(layer(1))))
    expect(error).toMatchObject({ _tag: "InvalidOption", option })
  })

  test("an empty dataset, and replays of what is not there", async () => {
    const fail = <A, E, R>(effect: Effect.Effect<A, E, R | SeedPolicy.SeedPolicy | Workers.Workers>) =>
      Effect.runPromise(Effect.flip(effect.pipe(Effect.provide(layer(1)))) as Effect.Effect<E>)
    const empty = numbers(0).pipe(Pipeline.batch(2))
    expect(await fail(Stream.runDrain(Scheduler.stream(empty, { epochs: 1 })))).toMatchObject({
      _tag: "InvalidOption",
      value: 0
    })
    const pipeline = numbers(5).pipe(Pipeline.batch(2, { dropLast: true }))
    for (const [what, option] of [
      [{ position: 5 }, "position"],
      [{ position: -1 }, "position"],
      [{ batch: 2 }, "batch"],
      [{ position: 4 }, "batch"]
    ] as const) {
      expect(await fail(Scheduler.replay(pipeline, { epoch: 0, workers: 1, ...what }))).toMatchObject({
        _tag: "InvalidOption",
        option
      })
    }
    expect(await fail(Scheduler.replay(pipeline, { epoch: 0.5, workers: 1, batch: 0 }))).toMatchObject({
      option: "epoch"
    })
  })
})

describe("forEach", () => {
  const pipeline = numbers(40).pipe(
    Pipeline.mapEffect("slow", (x) => Effect.delay(Effect.succeed(x), x % 3)),
    Pipeline.batch(4)
  )

  test("hands on every batch, and fails with the step's own error or the run's", async () => {
    const run = Effect.gen(function* () {
      const loader = yield* Scheduler.open(pipeline, { epochs: 1 })
      const seen: Array<number> = []
      yield* loader.forEach(({ index }) => Effect.sync(() => seen.push(index)))
      const after = yield* loader.take
      return { seen, after }
    }).pipe(Effect.scoped, Effect.provide(layer(3)))
    expect(await Effect.runPromise(run)).toEqual({ seen: [0, 1, 2, 3, 4, 5, 6, 7, 8, 9], after: Option.none() })
    const failing = Effect.gen(function* () {
      const loader = yield* Scheduler.open(pipeline, { epochs: 1 })
      return yield* loader.forEach(({ index }) => (index === 3 ? Effect.fail("the step") : Effect.void))
    }).pipe(Effect.scoped, Effect.provide(layer(3)), Effect.flip)
    expect(await Effect.runPromise(failing)).toBe("the step")
  })

  test("an interrupt at any moment leaves the cursor behind the last step that was done", async () => {
    for (let at = 0; at < 30; at++) {
      const run = Effect.gen(function* () {
        const loader = yield* Scheduler.open(pipeline, { epochs: 1 })
        let steps = 0
        const step = Effect.gen(function* () {
          yield* Effect.yieldNow()
          steps++
          yield* Effect.sleep(1)
        })
        const fiber = yield* Effect.fork(loader.forEach(() => step))
        yield* Effect.sleep(at / 2)
        yield* Fiber.interrupt(fiber)
        return { steps, cursor: yield* loader.cursor }
      }).pipe(Effect.scoped, Effect.provide(layer(2)))
      const { cursor, steps } = await Effect.runPromise(run)
      expect({ batch: cursor.epoch * 10 + cursor.batch, batches: cursor.batches }).toEqual({
        batch: steps,
        batches: steps
      })
    }
  }, 60_000)
})
