/**
 * A process that delivers the same batches a second time is told so, once, with both places and the cure.
 */
import { describe, expect, test } from "bun:test"
import { Effect, Layer, Logger, Option, type Scope, Stream } from "effect"
import { Dataset, furrow, Pipeline, Sampler, Scheduler, SeedPolicy, Workers } from "../../../src/index.ts"
import { pipeline as threaded } from "../../support/threaded/epochs.ts"

const TIME = 60_000
const module = new URL("../../support/threaded/epochs.ts", import.meta.url)

let names = 0
/** A pipeline that the register has not met. */
const fresh = (size = 12) =>
  Pipeline.from(Dataset.make({ name: `repeats ${names++}`, size, get: (index) => index })).pipe(
    Pipeline.sample(Sampler.shuffle),
    Pipeline.batch(3)
  )

/** A layer that keeps what is logged as a warning. */
const listening = () => {
  const told: Array<string> = []
  const layer = Logger.replace(
    Logger.defaultLogger,
    Logger.make(({ logLevel, message }) => {
      if (logLevel.label === "WARN") told.push(String(message))
    })
  )
  return { told, layer }
}

const services = (seed = 42, workers = 2) => Layer.merge(SeedPolicy.epochWorker({ seed }), Workers.fibers({ workers }))

type Own = ReturnType<typeof fresh>

const told = async (use: Effect.Effect<unknown, unknown, SeedPolicy.SeedPolicy | Scope.Scope>, layer = services()) => {
  const { layer: logger, told } = listening()
  await Effect.runPromise(Effect.scoped(use).pipe(Effect.provide(layer), Effect.provide(logger)))
  return told
}

const drain = (own: Own, options: Scheduler.Options) => Stream.runDrain(Scheduler.stream(own, options))

/** Takes so many batches of a run. */
const part = (own: Own, options: Scheduler.Options, count: number) =>
  Effect.scoped(
    Effect.flatMap(Scheduler.open(own, options), (loader) =>
      Effect.zipRight(Stream.runDrain(Stream.take(loader.stream, count)), loader.cursor)
    )
  )

describe("the loop that repeats its first epoch", () => {
  const loops: Readonly<Record<string, (own: Own) => Promise<ReadonlyArray<string>>>> = {
    iterate: async (own) => {
      const { layer, told } = listening()
      for (let epoch = 0; epoch < 4; epoch++) {
        for await (const _ of Scheduler.iterate(own, Layer.merge(services(), layer), { epochs: 1 })) {
          if (epoch === 0) expect(told).toEqual([])
          else expect(told.length).toBe(1)
        }
      }
      return told
    },
    "one iteration, again and again": async (own) => {
      const { layer, told } = listening()
      const epochs = Scheduler.iterate(own, Layer.merge(services(), layer), { epochs: 1 })
      for (let epoch = 0; epoch < 4; epoch++) for await (const _ of epochs);
      return told
    },
    "epochs of iterate": async (own) => {
      const { layer, told } = listening()
      for (let round = 0; round < 3; round++) {
        const runs = Scheduler.iterate(own, Layer.merge(services(), layer), { epochs: 1 })
        for await (const epoch of runs.epochs) for await (const _ of epoch);
      }
      return told
    },
    stream: (own) =>
      told(
        Effect.repeatN(
          Effect.suspend(() => drain(own, { epochs: 1 })),
          2
        )
      ),
    open: (own) =>
      told(
        Effect.repeatN(
          Effect.suspend(() => part(own, { epochs: 1, order: "ready" }, 1000)),
          2
        )
      ),
    furrow: async (own) => {
      const { layer, told } = listening()
      for (let epoch = 0; epoch < 3; epoch++) {
        for await (const _ of furrow(own, { seed: 42, workers: 2, epochs: 1, layer }));
      }
      return told
    }
  }
  for (const [name, loop] of Object.entries(loops)) {
    test(`is told in its second round, once: ${name}`, async () => {
      const own = fresh()
      const lines = await loop(own)
      expect(lines.length).toBe(1)
      const [line = ""] = lines
      expect(line).toContain(`epoch 0 is delivered a second time: batch 0 of the pipeline over ${own.dataset.name}`)
      expect(line).toContain("policy epochWorker, seed 42")
      for (const cure of ["{ epochs: n }", "{ epoch: k }", "{ replay: true }"]) expect(line).toContain(cure)
      const places = Array.from(line.matchAll(/run opened at .*?([\w.]+):(\d+):\d+/g), ([, file, row]) => [file, row])
      expect(places.length).toBe(2)
      for (const [file] of places) expect(file).toBe("Repeats.test.ts")
    })
  }

  test(
    "is told on threads as well",
    async () => {
      const config = { size: 11, batch: 3 }
      const own = threaded(config)
      const { layer, told } = listening()
      for (let epoch = 0; epoch < 2; epoch++) {
        for await (const _ of furrow(own, {
          seed: "on threads",
          epochs: 1,
          threads: { pipeline: module, config },
          layer
        }));
      }
      expect(told.length).toBe(1)
    },
    TIME
  )

  test("names both places where they differ", async () => {
    const own = fresh()
    const first = Effect.suspend(() => drain(own, { epochs: 1 }))
    const second = Effect.suspend(() => part(own, { epoch: 0 }, 1))
    const [line = ""] = await told(Effect.zipRight(first, second))
    expect(line).toMatch(/first by the run opened at .*Repeats\.test\.ts:\d+:\d+/)
    expect(line).toMatch(/again by the run opened at .*Repeats\.test\.ts:\d+:\d+/)
    const [one, other] = Array.from(line.matchAll(/Repeats\.test\.ts:(\d+)/g), ([, row]) => row)
    expect(one).not.toBe(other)
  })
})

describe("nothing is told", () => {
  const quiet: Readonly<Record<string, (own: Own) => Promise<ReadonlyArray<string>>>> = {
    "of several epochs in one run": (own) => told(drain(own, { epochs: 3 })),
    "of a loop that names its epochs": (own) => told(Effect.forEach([0, 1, 2], (epoch) => drain(own, { epoch }))),
    "where the repeat is meant": (own) =>
      told(
        Effect.repeatN(
          Effect.suspend(() => drain(own, { epochs: 1, replay: true })),
          2
        )
      ),
    "of a run after one that was a replay": (own) =>
      told(Effect.zipRight(drain(own, { epochs: 1, replay: true }), drain(own, { epochs: 1 }))),
    "of another seed": (own) =>
      told(Effect.forEach([1, 2], (seed) => Effect.provide(drain(own, { epochs: 1 }), services(seed)))),
    "of another policy": (own) =>
      told(
        Effect.zipRight(
          drain(own, { epochs: 1 }),
          Effect.provide(drain(own, { epochs: 1 }), SeedPolicy.elastic({ seed: 42 }))
        )
      ),
    "of other ranks": (own) => told(Effect.forEach([0, 1, 2], (rank) => drain(own, { epochs: 1, rank, world: 3 }))),
    "of other workers under a policy to which they matter": (own) =>
      told(Effect.forEach([1, 2], (workers) => Effect.provide(drain(own, { epochs: 1 }), services(42, workers)))),
    "of a run that goes on from its cursor": (own) =>
      told(Effect.flatMap(part(own, { epochs: 2 }, 5), (from) => drain(own, { from }))),
    "of a run that goes on from an earlier cursor, as after a crash": (own) =>
      told(
        Effect.flatMap(part(own, { epochs: 2 }, 2), (from) =>
          Effect.zipRight(drain(own, { from }), drain(own, { from }))
        )
      ),
    "of what was skipped, or built ahead, and not delivered": (own) =>
      told(
        Effect.gen(function* () {
          const loader = yield* Scheduler.open(own, { epochs: 3, prefetch: 3 })
          yield* Stream.runForEach(loader.epochs, ({ number, stream }) =>
            number === 1 ? Effect.void : Stream.runDrain(stream)
          )
          yield* drain(own, { epoch: 1 })
        })
      ),
    "of a run that was opened, and took nothing": (own) =>
      told(Effect.zipRight(part(own, { epochs: 1 }, 0), drain(own, { epochs: 1 })))
  }
  for (const [name, run] of Object.entries(quiet)) {
    test(name, async () => expect(await run(fresh())).toEqual([]))
  }

  test("of two streams without a name", async () => {
    const unnamed = () =>
      Pipeline.from(Dataset.fromStream([1, 2, 3])).pipe(
        Pipeline.augment("jitter", (value, rng) => value + rng.float()),
        Pipeline.batch(3)
      )
    const run = (own: ReturnType<typeof unnamed>) => Stream.runDrain(Scheduler.stream(own, { epochs: 1 }))
    expect(await told(Effect.zipRight(run(unnamed()), run(unnamed())))).toEqual([])
    const same = unnamed()
    expect((await told(Effect.zipRight(run(same), run(same)))).length).toBe(1)
  })

  test("where nothing draws", async () => {
    const still = Pipeline.from(Dataset.make({ name: "still", size: 9, get: (index) => index })).pipe(Pipeline.batch(3))
    const { layer, told } = listening()
    const run = Effect.suspend(() => Stream.runDrain(Scheduler.stream(still, { epochs: 1 })))
    await Effect.runPromise(Effect.repeatN(run, 2).pipe(Effect.provide(layer)))
    expect(told).toEqual([])
  })
})

describe("it is told", () => {
  test("under an elastic policy whatever the number of workers", async () => {
    const own = fresh()
    const elastic = SeedPolicy.elastic({ seed: 42 })
    const runs = Effect.forEach([1, 2], (workers) =>
      Effect.provide(drain(own, { epochs: 1 }), Layer.merge(elastic, Workers.fibers({ workers })))
    )
    expect((await told(runs)).length).toBe(1)
  })

  test("from the batch on that comes twice: behind a part that was resumed, within an epoch, of two runs in step", async () => {
    const resumed = fresh()
    const [line = ""] = await told(
      Effect.gen(function* () {
        const cursor = yield* part(resumed, { epochs: 2 }, 2)
        yield* part(resumed, { from: cursor }, 3)
        // Epoch 1's first batch was delivered by the second run; epoch 1 alone delivers it again.
        yield* drain(resumed, { epoch: 1 })
      })
    )
    expect(line).toContain("epoch 1 is delivered a second time: batch 0")
    const within = fresh()
    const [other = ""] = await told(
      Effect.gen(function* () {
        const cursor = yield* part(within, { epochs: 1, replay: true }, 2)
        yield* drain(within, { from: cursor })
        yield* drain(within, { epochs: 1 })
      })
    )
    expect(other).toContain("epoch 0 is delivered a second time: batch 2")
    const both = fresh()
    const lines = await told(
      Effect.gen(function* () {
        const [one, two] = [yield* Scheduler.open(both, { epochs: 1 }), yield* Scheduler.open(both, { epochs: 1 })]
        for (;;) {
          const batches = [yield* one.take, yield* two.take]
          if (batches.some(Option.isNone)) break
        }
      })
    )
    expect(lines.length).toBe(1)
  })

  test("of each pipeline once, and of any of the last thousand", async () => {
    const pipelines = Array.from({ length: 50 }, () => fresh(3))
    const lines = await told(
      Effect.forEach([0, 1, 2], () => Effect.forEach(pipelines, (own) => drain(own, { epochs: 1 }), { discard: true }))
    )
    expect(lines.length).toBe(50)
    expect(new Set(lines).size).toBe(50)
  })
})
