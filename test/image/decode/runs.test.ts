/**
 * Decoding stages in runs: bounds, interruption, draws, errors with their place, fibers and threads.
 */
import { describe, expect, test } from "bun:test"
import { Chunk, Effect, Fiber, type Layer, Stream } from "effect"
import sharp from "sharp"
import * as Decode from "../../../src/image/decode/Decode.ts"
import { part } from "../../../src/image/decode/Library.ts"
import { readingOf } from "../../../src/image/decode/Options.ts"
import { cropping } from "../../../src/image/ResizedCrop.ts"
import {
  type Batch,
  Dataset,
  Image,
  Pipeline,
  Scheduler,
  SeedPolicy,
  type Tensor,
  Workers
} from "../../../src/index.ts"
import { fileOf, picture } from "../../support/pictures.ts"
import { BROKEN, broken, pipeline } from "../../support/threaded/photos.ts"

const TIME = 60_000
const policy = SeedPolicy.epochWorker({ seed: 42 })

const all = <A, E>(
  own: Pipeline.Pipeline<Batch.Batch<A>, E, SeedPolicy.SeedPolicy>,
  workers: Layer.Layer<Workers.Workers, unknown> = Workers.fibers({ workers: 1 })
): Promise<ReadonlyArray<A>> =>
  Stream.runCollect(Scheduler.stream(own, { replay: true, epochs: 1 })).pipe(
    Effect.map((batches) => Chunk.toReadonlyArray(batches).map(({ columns }) => columns)),
    Effect.provide(policy),
    Effect.provide(workers),
    Effect.runPromise
  )

/** Counts what sharp is asked for and has not answered yet; its own counters do not count headers. */
class Flights {
  now = 0
  most = 0

  /** `run` with sharp's methods that decode counted. */
  async during<A>(run: () => Promise<A>): Promise<A> {
    const { metadata, toBuffer } = sharp.prototype
    const counted = async <B>(work: () => Promise<B>): Promise<B> => {
      this.now += 1
      this.most = Math.max(this.most, this.now)
      try {
        return await work()
      } finally {
        this.now -= 1
      }
    }
    const flights = { metadata, toBuffer }
    for (const name of ["metadata", "toBuffer"] as const) {
      const own: (...options: ReadonlyArray<unknown>) => Promise<unknown> = flights[name]
      Object.assign(sharp.prototype, {
        [name](this: unknown, ...options: ReadonlyArray<unknown>) {
          return counted(() => Reflect.apply(own, this, options))
        }
      })
    }
    try {
      return await run()
    } finally {
      Object.assign(sharp.prototype, flights)
    }
  }
}

describe("how many are decoded at once", () => {
  test.each([1, 3] as const)(
    "is never more than %d, over all workers and batches, and no fewer",
    async (concurrency) => {
      const file = await fileOf(picture(200, 200).png())
      const files = Dataset.make({ size: 96, get: () => file })
      const decode = Pipeline.from(files).pipe(
        Pipeline.mapEffect("decode", Decode.image({ concurrency, size: 8 })),
        Pipeline.batch(16)
      )
      const crop = Pipeline.from(files).pipe(
        Pipeline.augmentEffect("decode", Decode.randomResizedCrop({ concurrency, size: 8 })),
        Pipeline.batch(16)
      )
      for (const own of [decode, crop]) {
        const flights = new Flights()
        await flights.during(() => all<unknown, unknown>(own, Workers.fibers({ workers: 4 })))
        expect(flights).toMatchObject({ now: 0, most: concurrency })
      }
    }
  )

  test("is nothing once a run that was called off has ended", async () => {
    const file = await fileOf(picture(900, 900).png())
    const endless = Pipeline.from(Dataset.make({ size: 10_000, get: () => file })).pipe(
      Pipeline.mapEffect("decode", Decode.image({ concurrency: 4 })),
      Pipeline.batch(64)
    )
    const flights = new Flights()
    const left = await flights.during(() =>
      Effect.gen(function* () {
        const fiber = yield* Effect.fork(Stream.runDrain(Scheduler.stream(endless, { epochs: 1 })))
        while (flights.now < 4) yield* Effect.sleep(1)
        yield* Fiber.interrupt(fiber)
        return flights.now
      }).pipe(Effect.provide(Workers.fibers({ workers: 2 })), Effect.runPromise)
    )
    expect(left).toBe(0)
  })
})

describe("what stages take and give", () => {
  test("bytes alone become images alone, records keep their other fields", async () => {
    const file = await fileOf(picture(6, 4).png())
    const alone = Pipeline.from(Dataset.fromArray([file])).pipe(
      Pipeline.mapEffect("decode", Decode.image()),
      Pipeline.batch(1)
    )
    const [images] = await all(alone)
    const column: Tensor.Tensor<Uint8Array> | undefined = images
    expect(column?.shape).toEqual([1, 6, 4, 3])
    const records = Dataset.fromArray([{ photo: file, label: 3 }])
    const kept = Pipeline.from(records).pipe(
      Pipeline.mapEffect("decode", Decode.image({ field: "photo", channels: 1 })),
      Pipeline.batch(1)
    )
    const [columns] = await all(kept)
    expect(columns?.photo.shape).toEqual([1, 6, 4, 1])
    expect(Array.from(columns?.label.data ?? [])).toEqual([3])
    // The sample itself is as it was.
    expect((await Effect.runPromise(records.get(0))).photo).toBe(file)
  })

  test("image stages take what comes out", async () => {
    const file = await fileOf(picture(40, 30).jpeg())
    const normalized = Pipeline.from(Dataset.fromArray([{ image: file }])).pipe(
      Pipeline.mapEffect("decode", Decode.image({ size: 32 })),
      Pipeline.augment("crop", Image.randomCrop({ size: 28 })),
      Pipeline.map("normalize", Image.normalize({ mean: 0.5, std: 0.5 })),
      Pipeline.batch(1)
    )
    const [columns] = await all(normalized)
    expect(columns?.image.shape).toEqual([1, 28, 28, 3])
    expect(columns?.image.dtype).toBe("float32")
  })

  test("a sample without bytes fails with the field that it lacks", async () => {
    // As a caller without types has it.
    const samples = Dataset.fromArray([{ image: "photo.jpg" as unknown as Uint8Array }])
    const error = await Stream.runDrain(
      Scheduler.stream(Pipeline.from(samples).pipe(Pipeline.mapEffect("decode", Decode.image()), Pipeline.batch(1)), {
        epochs: 1
      })
    ).pipe(Effect.flip, Effect.provide(Workers.fibers({ workers: 1 })), Effect.runPromise)
    expect(error.message).toContain('a record with them in its field "image"')
  })
})

describe("a random resized crop", () => {
  const COUNT = 24
  const crop = { size: [20, 24], scale: [0.2, 0.9], ratio: [0.6, 1.8] } as const

  const columnsOf = async (
    file: Uint8Array,
    options: Partial<Decode.RandomResizedCropOptions> = {},
    name = "crop"
  ): Promise<Uint8Array> => {
    const own = Pipeline.from(Dataset.make({ size: COUNT, get: () => file })).pipe(
      Pipeline.augmentEffect(name, Decode.randomResizedCrop({ ...crop, ...options })),
      Pipeline.batch(COUNT)
    )
    const [column] = await all(own)
    return column?.data ?? new Uint8Array(0)
  }

  /** The image decoded whole, then cut and resized by sharp, with the draws of `Image.randomResizedCrop`. */
  const reference = async (file: Uint8Array, orient = true): Promise<Uint8Array> => {
    const whole = await Effect.runPromise(Decode.image({ orient })(file))
    const [height = 0, width = 0] = whole.shape
    const { draw } = cropping(crop)
    const own = Pipeline.from(Dataset.range(COUNT)).pipe(
      Pipeline.augmentEffect("crop", (_, rng) => {
        const drawn = new Float64Array(4)
        draw(rng, { height, width, channels: 3 }, drawn)
        const [top = 0, left = 0, high = 0, wide = 0] = drawn
        return Effect.promise(async () => {
          const image = sharp(whole.data, { raw: { width, height, channels: 3 } })
          const cut = image.extract({ top, left, height: high, width: wide })
          return new Uint8Array(await cut.resize(24, 20, { fit: "fill", kernel: "linear" }).raw().toBuffer())
        })
      }),
      Pipeline.batch(COUNT)
    )
    const [column] = await all(own)
    return column?.data ?? new Uint8Array(0)
  }

  const mean = (one: Uint8Array, other: Uint8Array): number => {
    expect(one.length).toBe(other.length)
    return one.reduce((sum, value, at) => sum + Math.abs(value - (other[at] ?? 0)), 0) / one.length
  }

  test.each([
    ["JPEG", () => picture(120, 150).jpeg()],
    ["PNG", () => picture(120, 150).png()],
    ["WebP", () => picture(120, 150).webp()],
    ["a JPEG that EXIF turns", () => picture(120, 150).withMetadata({ orientation: 6 }).jpeg()]
  ] as const)("is the image decoded whole, then cut and resized, to the bit: %s", async (_, encoder) => {
    const file = await fileOf(encoder())
    const found = await columnsOf(file, { shrinkOnLoad: false })
    expect(found.length).toBe(COUNT * 20 * 24 * 3)
    expect(found).toEqual(await reference(file))
    expect(await columnsOf(file, { orient: false, shrinkOnLoad: false })).toEqual(await reference(file, false))
  })

  test.each([
    ["JPEG", { antialias: false }, () => picture(120, 150).jpeg()],
    ["a large JPEG", { antialias: false }, () => picture(400, 480).jpeg()],
    ["WebP, nearest", { antialias: false, interpolation: "nearest" }, () => picture(120, 150).webp()],
    ["PNG to gray", { antialias: false, channels: 1 }, () => picture(120, 150).png()],
    ["a JPEG that EXIF turns", { antialias: false }, () => picture(120, 150).withMetadata({ orientation: 6 }).jpeg()]
  ] as const)(
    "without antialiasing is Decode.image and Image.randomResizedCrop to the bit: %s",
    async (_, options, encoder) => {
      const file = await fileOf(encoder())
      const { channels = 3, interpolation = "bilinear" }: Decode.RandomResizedCropOptions = { ...crop, ...options }
      if (interpolation !== "bilinear" && interpolation !== "nearest") throw new Error("none of Image's")
      const apart = Pipeline.from(Dataset.make({ size: COUNT, get: () => file })).pipe(
        Pipeline.mapEffect("decode", Decode.image({ channels })),
        Pipeline.augment("crop", Image.randomResizedCrop({ ...crop, interpolation })),
        Pipeline.batch(COUNT)
      )
      const [column] = await all(apart)
      const found = await columnsOf(file, options)
      expect(found.length).toBe(COUNT * 20 * 24 * channels)
      expect(found).toEqual(column?.data ?? new Uint8Array(0))
    }
  )

  test("has the draws of Image.randomResizedCrop, and nearly its values", async () => {
    const file = await fileOf(picture(60, 80).png())
    const decoded = Pipeline.from(Dataset.make({ size: COUNT, get: () => file })).pipe(
      Pipeline.mapEffect("decode", Decode.image()),
      Pipeline.augment("crop", Image.randomResizedCrop(crop)),
      Pipeline.batch(COUNT)
    )
    const [column] = await all(decoded)
    const found = await columnsOf(file)
    expect(mean(found, column?.data ?? found)).toBeLessThan(1)
    // Another name, other draws: crops that are elsewhere are not near.
    expect(mean(await columnsOf(file, {}, "other"), found)).toBeGreaterThan(10)
  })

  test("shrinks a large JPEG while it is read: near, not to the bit", async () => {
    const file = await fileOf(picture(400, 480).jpeg({ quality: 95 }))
    const slow = await columnsOf(file, { shrinkOnLoad: false })
    const fast = await columnsOf(file)
    expect(fast).not.toEqual(slow)
    // A pixel of the result spans up to 15 of the file, 30 steps of this slope, and edges are up to half of one off.
    expect(mean(fast, slow)).toBeLessThan(10)
    expect(mean(await columnsOf(file, {}, "other"), slow)).toBeGreaterThan(20)
    const png = await fileOf(picture(400, 480).png())
    expect(await columnsOf(png)).toEqual(await columnsOf(png, { shrinkOnLoad: false }))
  })

  test("of images of one row, one column, one pixel", async () => {
    for (const [height, width] of [
      [1, 50],
      [50, 1],
      [1, 1]
    ] as const) {
      const found = await columnsOf(await fileOf(picture(height, width).png()))
      expect(found.length).toBe(COUNT * 20 * 24 * 3)
    }
  })

  test("does not see what is damaged below it", async () => {
    const file = await fileOf(picture(400, 300).jpeg())
    const damaged = file.slice(0, Math.floor(file.length * 0.9))
    const reading = readingOf({})
    const shape = { size: [8, 8], kernel: "linear", fit: "fill", shrink: false } as const
    const at = (bytes: Uint8Array, top: number) =>
      Effect.runPromise(Effect.either(part(bytes, reading, { top, left: 10, height: 40, width: 50 }, shape)))
    expect(await at(damaged, 20)).toEqual(await at(file, 20))
    expect(await at(damaged, 360)).toMatchObject({ _tag: "Left", left: { _tag: "DecodeError" } })
    expect(await at(file, 360)).toMatchObject({ _tag: "Right" })
  })
})

describe("on fibers and on threads", () => {
  const module = new URL("../../support/threaded/photos.ts", import.meta.url)

  const digestOf = (workers: Layer.Layer<Workers.Workers, unknown>) =>
    Effect.gen(function* () {
      const loader = yield* Scheduler.open(pipeline, { replay: true, epochs: 2, digest: true })
      yield* Stream.runDrain(loader.stream)
      return yield* loader.digest
    }).pipe(Effect.scoped, Effect.provide(policy), Effect.provide(workers), Effect.runPromise)

  test(
    "is the same to the bit",
    async () => {
      const fibers = await digestOf(Workers.fibers({ workers: 2 }))
      expect(await digestOf(Workers.fibers({ workers: 2 }))).toEqual(fibers)
      expect(await digestOf(Workers.threads({ workers: 2, pipeline: module }))).toEqual(fibers)
    },
    TIME
  )

  test(
    "a file that is cut short is an error with its place",
    async () => {
      for (const workers of [
        Workers.fibers({ workers: 1 }),
        Workers.threads({ workers: 1, pipeline: module, name: "broken" })
      ]) {
        const error = await Stream.runDrain(Scheduler.stream(broken, { epochs: 1 })).pipe(
          Effect.flip,
          Effect.provide(workers),
          Effect.runPromise
        )
        expect(error).toMatchObject({ _tag: "StageError", stage: "decode", sample: BROKEN, batch: 1, position: BROKEN })
        expect(error).toMatchObject({ failure: { _tag: "DecodeError", format: "WebP" } })
        expect(error.message).toContain("corrupt or cut short")
        expect(error.message).toContain("Scheduler.replay(pipeline, { epoch: 0, position: 13")
      }
    },
    TIME
  )
})
