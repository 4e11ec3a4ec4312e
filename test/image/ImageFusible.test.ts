import { describe, expect, test } from "bun:test"
import * as fc from "fast-check"
import { make, Tensor } from "../../src/core/Tensor.ts"
import * as Image from "../../src/image/Image.ts"
import { ImageAllocator } from "../../src/image/ImageAllocator.ts"
import { type Batch, Dataset, furrow, Pipeline, type SeedPolicy } from "../../src/index.ts"
import type { Rng } from "../../src/random/Rng.ts"
import { arena } from "../../src/wasm/Kernels.ts"
import { Output } from "../../src/wasm/Output.ts"
import { fuse } from "../support/fuse.ts"
import { gray, grayFloats, images, rows } from "../support/images.ts"
import { at, scripted } from "../support/rng.ts"

type Stage = (sample: Image.Image, rng: Rng) => Image.Image

/** Every kind of stage, by options that suit images of any size, channels and type. */
const stages: fc.Arbitrary<Stage> = fc.oneof(
  fc
    .record({ size: fc.integer({ min: 1, max: 6 }), padding: fc.nat(2), fill: fc.constantFrom(0, 1, 200) })
    .map(({ fill, padding, size }) => Image.randomCrop({ size, padding, padIfNeeded: true, fill })),
  fc.constant(Image.randomHorizontalFlip()),
  fc.constant(Image.randomVerticalFlip()),
  fc.integer({ min: 1, max: 6 }).map((size): Stage => Image.centerCrop({ size })),
  fc
    .record({ padding: fc.tuple(fc.nat(2), fc.nat(2), fc.nat(2), fc.nat(2)), fill: fc.constantFrom(0, 1, 200) })
    .map(({ fill, padding }): Stage => Image.pad({ padding, fill })),
  fc.constant<Stage>(Image.normalize({ mean: 0.25, std: 0.75 })),
  fc.constant<Stage>(Image.toFloat),
  fc
    .record({
      size: fc.tuple(fc.integer({ min: 1, max: 6 }), fc.integer({ min: 1, max: 6 })),
      interpolation: fc.constantFrom("nearest" as const, "bilinear" as const, "area" as const)
    })
    .map((options): Stage => Image.resize(options)),
  fc.integer({ min: 1, max: 6 }).map((size) => Image.randomResizedCrop({ size })),
  fc
    .constantFrom("nearest" as const, "bilinear" as const)
    .map((interpolation) => Image.randomAffine({ degrees: 30, translate: [0.2, 0.2], interpolation, fill: 3 })),
  fc.constant(Image.randomRotation({ degrees: 180, interpolation: "bilinear" })),
  fc.constant(Image.colorJitter({ brightness: 0.5, contrast: 0.5, saturation: 0.5, hue: 0.2 })),
  fc.constant(Image.gaussianNoise()),
  fc.constant(Image.randomErasing({ p: 0.8, value: "random" }))
)

const rngAt = (stage: number, row: number): Rng => at(1000 * row + stage)

/** What the functions give one after the other, each over the whole batch. */
const apart = (functions: ReadonlyArray<Stage>, batch: ReadonlyArray<Image.Image>): ReadonlyArray<Image.Image> =>
  functions.reduce<ReadonlyArray<Image.Image>>(
    (samples, run, stage) => samples.map((sample, row) => run(sample, rngAt(stage, row))),
    batch
  )

const fused = (functions: ReadonlyArray<unknown>) => {
  const found = fuse(functions)
  if (found === undefined) throw new Error("there is no image stage to begin with")
  return found
}

describe("fused stages", () => {
  test("give what the functions give one after the other, to the bit", () => {
    const row = fc
      .tuple(fc.array(stages, { minLength: 1, maxLength: 6 }), fc.boolean())
      .map(([all, planar]): ReadonlyArray<Stage> => (planar ? [...all, Image.channelsFirst] : all))
    fc.assert(
      fc.property(row, fc.array(images, { minLength: 1, maxLength: 4 }), (functions, batch) => {
        const before = batch.map(({ data }) => data.slice())
        const expected = apart(functions, batch)
        const samples: Array<unknown> = [...batch]
        const { length, run } = fused(functions)
        expect(length).toBe(functions.length)
        const memory = run(samples, rngAt)
        expect(samples).toEqual([...expected])
        expect(batch.map(({ data }) => data)).toEqual(before)
        const [first] = expected
        const alike = expected.every(
          ({ dtype, shape }) => dtype === first?.dtype && shape.join() === first.shape.join()
        )
        expect(memory !== undefined).toBe(alike)
        if (memory === undefined || first === undefined) return
        const { buffer, byteLength, byteOffset } = memory
        const all =
          first.dtype === "uint8"
            ? new Uint8Array(buffer, byteOffset, byteLength)
            : new Float32Array(buffer, byteOffset, byteLength / 4)
        expect(Array.from(all)).toEqual(expected.flatMap(({ data }) => Array.from(data)))
        for (const image of samples) expect((image as Image.Image).data.buffer).toBe(buffer) // `samples` hold images
      }),
      { numRuns: 500 }
    )
  })

  test("give the same again, whatever ran before", () => {
    const functions = [Image.randomCrop({ size: 2, padding: 1 }), Image.gaussianNoise(), Image.toFloat]
    const { run } = fused(functions)
    const once: Array<unknown> = [gray([1, 2], [3, 4])]
    run(once, rngAt)
    const large: Array<unknown> = [make(new Uint8Array(10_000).fill(255), [100, 100, 1])]
    run(large, rngAt)
    const again: Array<unknown> = [gray([1, 2], [3, 4])]
    run(again, rngAt)
    expect(again).toEqual(once)
  })

  test("ask for each stage's generator once a row, in the order of the stages", () => {
    const functions = [
      Image.randomCrop({ size: 2 }),
      Image.randomHorizontalFlip(),
      Image.toFloat,
      Image.gaussianNoise(),
      Image.pad({ padding: 1 })
    ]
    const asked: Array<string> = []
    fused(functions).run([gray([1, 2], [3, 4]), gray([1, 2], [3, 4])], (stage, row) => {
      asked.push(`${row}/${stage}`)
      return at(stage)
    })
    expect(asked).toEqual(["0/0", "0/1", "0/2", "0/3", "0/4", "1/0", "1/1", "1/2", "1/3", "1/4"])
  })

  test("work by hand: pad with 1, flip, subtract, turn", () => {
    const functions = [
      Image.pad({ padding: [1, 0, 0, 0], fill: 1 }),
      Image.randomHorizontalFlip(),
      Image.normalize({ mean: 1, std: 2 }),
      Image.randomRotation({ degrees: 180 })
    ]
    const samples: Array<unknown> = [grayFloats([3, 5])]
    fused(functions).run(samples, (stage) => (stage === 1 ? scripted(1) : scripted(180)))
    // 1 3 5, then 5 3 1, then 2 1 0, then 0 1 2.
    expect(rows(samples[0] as Image.Image)).toEqual([[0, 1, 2]]) // it was an image and is one
  })

  test("one that follows the shared memory's size again stays out of it", () => {
    const samples: Array<unknown> = [gray([1]), gray([2, 3]), gray([4])]
    expect(fused([Image.toFloat]).run(samples, rngAt)).toBeUndefined()
    expect(samples.map((image) => rows(image as Image.Image))).toEqual(
      // they were images and are images
      [[1], [2, 3], [4]].map((row) => [row.map((value) => Math.fround(value / 255))])
    )
  })

  test("keep the other fields of a record, and the record itself", () => {
    const image = gray([1, 2])
    const record = { image, label: 7, name: "seven" }
    const samples: Array<unknown> = [record]
    fused([Image.randomHorizontalFlip({ p: 1 })]).run(samples, rngAt)
    expect(samples).toEqual([{ image: gray([2, 1]), label: 7, name: "seven" }])
    expect(record.image).toBe(image)
    expect(rows(image)).toEqual([[1, 2]])
  })

  test("fill each channel with its own on the way to floats", () => {
    const image = make(Uint8Array.of(255, 0, 51), [1, 1, 3])
    const samples: Array<unknown> = [image]
    const functions = [
      Image.pad({ padding: [1, 1, 0, 0], fill: [0, 51, 255] }),
      Image.normalize({ mean: 0, std: 1 / 5 })
    ]
    fused(functions).run(samples, rngAt)
    // 0, 51 and 255 become 0, 1 and 5.
    expect(rows(samples[0] as Image.Image)).toEqual([
      [0, 1, 5, 0, 1, 5],
      [0, 1, 5, 5, 0, 1]
    ])
  })

  test("refuse a fill at the stage whose fill it is", () => {
    const functions = [
      Image.toFloat,
      Image.randomHorizontalFlip(),
      Image.pad({ padding: 1, fill: [1, 2] }),
      Image.toFloat
    ]
    const asked: Array<number> = []
    const run = (images: ReadonlyArray<unknown>) =>
      fused(images).run([gray([1, 2])], (stage) => {
        asked.push(stage)
        return at(stage)
      })
    expect(() => run(functions)).toThrow("fill must be one number, or 1 for an image of 1 channels, got [1,2]")
    expect(asked).toEqual([0, 1, 2])
    asked.length = 0
    const crop = Image.randomCrop({ size: 2, padding: 1, fill: 0.5 })
    expect(() => run([crop, Image.randomHorizontalFlip(), Image.toFloat])).toThrow("got 0.5")
    expect(asked).toEqual([0])
  })

  test("set no memory aside for a batch that may need more than there is", () => {
    // As many rows as would come to 4 GB if all were alike.
    const results = new ImageAllocator(new Output(arena(), false), 2 ** 20, ({ height, width }) => [height, width, 1])
    const { pixels } = results.target(true, { height: 10, width: 100, channels: 1 }, 1000)
    expect(pixels.byteLength).toBe(4000)
    expect(results.end().length).toBe(1)
    expect(results.shared).toBeUndefined()
    // It is no column then, but images one by one.
    expect(results.column()).toEqual({ _tag: "Items", items: results.end() })
  })

  test("of no rows have no memory to share", () => {
    const samples: Array<unknown> = []
    expect(fused([Image.toFloat]).run(samples, rngAt)).toBeUndefined()
    expect(samples).toEqual([])
  })
})

describe("fuse", () => {
  test("takes image stages up to the first that is none", () => {
    const other = (sample: unknown) => sample
    expect(fuse([])).toBeUndefined()
    expect(fuse([other, Image.toFloat])).toBeUndefined()
    expect(fuse([Image.toFloat, Image.gaussianNoise(), other, Image.toFloat])?.length).toBe(2)
  })

  test("takes stages of one field", () => {
    const left = Image.on("left", Image.toFloat)
    const right = Image.on("right", Image.toFloat)
    expect(fuse([left, left, right])?.length).toBe(2)
    const samples: Array<unknown> = [{ left: gray([255]), right: gray([255]) }]
    fused([left]).run(samples, rngAt)
    const [{ left: one, right: other }] = samples as [{ left: Tensor; right: Tensor }] // as the stage left them
    expect([one.dtype, other.dtype]).toEqual(["float32", "uint8"])
    expect(one).toBeInstanceOf(Tensor)
  })
})

test("an error over whole columns is that of the stage that it is of, as over samples", async () => {
  const images = Dataset.fromColumns({ image: make(new Uint8Array(36), [4, 3, 3, 1]) })
  const flipped = Pipeline.from(images).pipe(Pipeline.augment("flip", Image.randomHorizontalFlip()))
  const normalize = Image.normalize({ mean: [0, 0, 0], std: [1, 1, 1] })
  const crop = Image.randomCrop({ size: 28 })
  const stageOf = (pipeline: Pipeline.Pipeline<Batch.Batch<unknown>, unknown, SeedPolicy.SeedPolicy>) =>
    furrow(pipeline, { seed: 1, epochs: 1 })
      .take()
      .then(
        () => "none",
        (error: unknown) => (error instanceof Object && "stage" in error ? error.stage : error)
      )
  const normalized = Pipeline.from(images).pipe(Pipeline.map("normalize", normalize), Pipeline.batch(4))
  expect(await stageOf(normalized)).toBe("normalize")
  expect(await stageOf(flipped.pipe(Pipeline.map("normalize", normalize), Pipeline.batch(4)))).toBe("normalize")
  const flat = Pipeline.from(Dataset.fromColumns({ image: make(new Uint8Array(36), [4, 9]) })).pipe(
    Pipeline.augment("flip", Image.randomHorizontalFlip()),
    Pipeline.map("normalize", Image.normalize({ mean: 0, std: 1 })),
    Pipeline.batch(4)
  )
  expect(await stageOf(flat)).toBe("flip")
  const both = flipped.pipe(Pipeline.augment("crop", crop), Pipeline.map("normalize", normalize), Pipeline.batch(4))
  expect(await stageOf(both)).toBe("crop")
})
