import { describe, expect, test } from "bun:test"
import { Effect, type Layer, Option, Stream } from "effect"
import { Batch, Dataset, Image, Pipeline, Sampler, Scheduler, SeedPolicy, Tensor, Workers } from "../../../src/index.ts"
import { use } from "../../../src/wasm/Kernels.ts"
import { at } from "../../support/rng.ts"

const SIZE = 203

const pixels = (data: Uint8Array): Uint8Array => at(5).fill(data)

const digits = (images: Tensor.Tensor<Uint8Array>) =>
  Pipeline.from(
    Dataset.fromColumns({ image: images, label: Array.from({ length: SIZE }, (_, index) => index) }, { name: "digits" })
  ).pipe(
    Pipeline.sample(Sampler.shuffle),
    Pipeline.augment("crop", Image.randomCrop({ size: 11, padding: 3 })),
    Pipeline.augment("flip", Image.randomHorizontalFlip()),
    Pipeline.map("normalize", Image.normalize({ mean: 0.1307, std: 0.3081 })),
    Pipeline.batch(16)
  )

const ordinary = digits(Tensor.make(pixels(new Uint8Array(SIZE * 144)), [SIZE, 12, 12, 1]))

const resident = digits(
  ((): Tensor.Tensor<Uint8Array> => {
    const images = Tensor.resident("uint8", [SIZE, 12, 12, 1])
    pixels(images.data)
    return images
  })()
)

const provided = <A, E>(
  effect: Effect.Effect<A, E, SeedPolicy.SeedPolicy | Workers.Workers>,
  workers: Layer.Layer<Workers.Workers, unknown>
) => Effect.runPromise(effect.pipe(Effect.provide(SeedPolicy.epochWorker({ seed: 42 })), Effect.provide(workers)))

const run = (pipeline: typeof ordinary, workers: Layer.Layer<Workers.Workers, unknown>) =>
  provided(
    Effect.gen(function* () {
      const loader = yield* Scheduler.open(pipeline, { replay: true, epochs: 2, digest: true })
      const size = yield* Stream.runFold(loader.stream, 0, (sum, batch) => sum + batch.size)
      return { digest: yield* loader.digest, size }
    }).pipe(Effect.scoped),
    workers
  )

describe("a run on fibers", () => {
  test("gives one digest, whether memory is overwritten, data is resident, and kernels are there or not", async () => {
    const expected = await run(ordinary, Workers.fibers({ workers: 3 }))
    expect(expected.size).toBe(2 * SIZE)
    for (const pipeline of [ordinary, resident]) {
      for (const debug of [false, true]) {
        for (const kernels of [true, false]) {
          use(kernels)
          try {
            expect(await run(pipeline, Workers.fibers({ workers: 3, debug }))).toEqual(expected)
          } finally {
            use(true)
          }
        }
      }
    }
  })

  test("that lends gives each batch until the next is taken", async () => {
    const outcome = await provided(
      Effect.gen(function* () {
        const loader = yield* Scheduler.open(resident, { epochs: 1, lend: true })
        const take = Effect.map(loader.take, Option.getOrThrow)
        const first = yield* take
        const early = Array.from(first.columns.image.data)
        const view = first.columns.image.data
        const second = yield* take
        const letGo = Batch.hold(second)
        const copied = Batch.copy(second)
        const third = yield* take
        yield* take
        const held = Array.from(second.columns.image.data)
        letGo()
        return { first, early, view: Array.from(view), second, third, held, copied }
      }).pipe(Effect.scoped),
      Workers.fibers({ workers: 1, debug: true })
    )
    expect(outcome.held).toEqual(Array.from(outcome.copied.columns.image.data))
    expect(outcome.early).not.toEqual(outcome.held)
    for (const late of [outcome.first, outcome.second, outcome.third]) {
      expect(() => late.columns.image.data).toThrow("Batch.hold")
      expect(() => Batch.copy(late)).toThrow("given back")
      // What lies in ordinary memory is nobody else's.
      expect(late.columns.label.data.length).toBe(16)
    }
    // In debug mode what is given back is overwritten: bytes of 0xff are a NaN.
    expect(outcome.view.every(Number.isNaN)).toBe(true)
  })

  test("that lends comes round to the same places", async () => {
    const places = await provided(
      Stream.runFold(Scheduler.stream(resident, { epochs: 20, lend: true }), new Set<number>(), (all, batch) =>
        all.add(batch.columns.image.data.byteOffset)
      ),
      Workers.fibers({ workers: 2 })
    )
    // 260 batches lie in as many places as there are batches ahead and in hand, short ones in others.
    expect(places.size).toBeLessThan(30)
  })

  test("that does not lend gives each batch memory that lasts", async () => {
    const batches = await provided(
      Stream.runCollect(Scheduler.stream(resident, { replay: true, epochs: 1 })),
      Workers.fibers({ workers: 2 })
    )
    const copies = await provided(
      Stream.runCollect(Stream.map(Scheduler.stream(resident, { epochs: 1, lend: true }), Batch.copy)),
      Workers.fibers({ workers: 2, debug: true })
    )
    const data = (all: Iterable<Batch.Batch<{ readonly image: Tensor.Tensor }>>) =>
      Array.from(all, ({ columns }) => Array.from(columns.image.data, Number))
    expect(data(batches)).toEqual(data(copies))
  })
})
