import { describe, expect, test } from "bun:test"
import { Effect, type Either } from "effect"
import * as fc from "fast-check"
import { InvalidOption } from "../../src/core/InvalidOption.ts"
import { make } from "../../src/core/Tensor.ts"
import { channelsFirst, normalize, toFloat } from "../../src/image/Image.ts"
import { Dataset, Pipeline, Scheduler, SeedPolicy, Workers } from "../../src/index.ts"
import { gray, grayFloats, images, rgb, rgbFloats, rows } from "../support/images.ts"

describe("normalize", () => {
  test("brings bytes to 0 … 1 first", () => {
    const result = normalize({ mean: 0.5, std: 0.25 })(gray([0, 51, 255]))
    expect(result.dtype).toBe("float32")
    expect(result.shape).toEqual([1, 3, 1])
    expect(rows(result)).toEqual([[-2, Math.fround((0.2 - 0.5) / 0.25), 2]])
  })

  test("takes floats as they are", () => {
    expect(rows(normalize({ mean: 1, std: 2 })(grayFloats([0, 1, 5])))).toEqual([[-0.5, 0, 2]])
  })

  test("has a mean and a deviation for each channel", () => {
    const own = normalize({ mean: [0, 1, 0.5], std: [1, 2, 0.5] })
    expect(
      rows(
        own(
          rgb([
            [255, 255, 255],
            [0, 0, 0]
          ])
        )
      )
    ).toEqual([[1, 0, 1, 0, -0.5, -1]])
    expect(rows(own(rgbFloats([[3, 3, 3]])))).toEqual([[3, 1, 5]])
  })

  test("of a mean of 0 and a deviation of 1 is toFloat", () => {
    fc.assert(
      fc.property(images, (image) => {
        const before = image.data.slice()
        const expected = image.dtype === "uint8" ? Float32Array.from(image.data, (value) => value / 255) : image.data
        expect(normalize({ mean: 0, std: 1 })(image).data).toEqual(Float32Array.from(expected))
        expect(toFloat(image).data).toEqual(Float32Array.from(expected))
        expect(toFloat(image).shape).toEqual(image.shape)
        expect(image.data).toEqual(before)
      })
    )
  })

  test.each([
    ["mean", () => normalize({ mean: Number.NaN, std: 1 }), "NaN"],
    ["mean", () => normalize({ mean: [], std: 1 }), "[]"],
    ["std", () => normalize({ mean: 0, std: 0 }), "0"],
    ["std", () => normalize({ mean: 0, std: [1, Number.POSITIVE_INFINITY] }), "Infinity"],
    ["mean", () => normalize({ mean: [0, 0, 0], std: 1 })(gray([1])), "[0,0,0]"],
    ["std", () => normalize({ mean: 0, std: [1, 2] })(rgb([[1, 2, 3]])), "[1,2]"]
  ])("refuses a %s that cannot be meant", (option, build, shown) => {
    expect(build).toThrow(InvalidOption)
    expect(build).toThrow(option)
    expect(build).toThrow(shown)
  })
})

describe("channelsFirst", () => {
  test("gives each channel a plane of its own", () => {
    const image = rgb(
      [
        [1, 2, 3],
        [4, 5, 6]
      ],
      [
        [7, 8, 9],
        [10, 11, 12]
      ]
    )
    const result = channelsFirst(image)
    expect(result.shape).toEqual([3, 2, 2])
    expect([...result.data]).toEqual([1, 4, 7, 10, 2, 5, 8, 11, 3, 6, 9, 12])
  })

  test("puts the value at (row, column, channel) to (channel, row, column), of any image", () => {
    fc.assert(
      fc.property(images, (image) => {
        const [height = 0, width = 0, channels = 0] = image.shape
        const result = channelsFirst(image)
        expect(result.dtype).toBe(image.dtype)
        expect(result.shape).toEqual([channels, height, width])
        for (let row = 0; row < height; row++) {
          for (let column = 0; column < width; column++) {
            for (let channel = 0; channel < channels; channel++) {
              const from = (row * width + column) * channels + channel
              expect(result.data[(channel * height + row) * width + column]).toBe(image.data[from] as number)
            }
          }
        }
      })
    )
  })

  test("is the last of the image stages of a field: a run with another behind it is refused", async () => {
    const image = make(new Uint8Array(2 * 12), [2, 2, 2, 3])
    const data = Dataset.fromColumns({ image })
    const opened = (pipeline: Parameters<typeof Scheduler.open>[0]) =>
      Effect.runPromise(
        Effect.either(Effect.scoped(Scheduler.open(pipeline, { epochs: 1 }))).pipe(
          Effect.provide(Workers.fibers({ workers: 1 })),
          Effect.provide(SeedPolicy.epochWorker({ seed: 1 }))
        ) as Effect.Effect<Either.Either<unknown, unknown>, unknown>
      )
    const planes = Pipeline.from(data).pipe(Pipeline.map("planes", channelsFirst))
    const off = planes.pipe(Pipeline.map("normalize", normalize({ mean: 0, std: 1 })), Pipeline.batch(2))
    expect(await opened(off)).toMatchObject({
      left: { _tag: "InvalidOption", value: "normalize", expected: expect.stringContaining("channelsFirst") }
    })
    expect(await opened(planes.pipe(Pipeline.batch(2)))).toMatchObject({ _tag: "Right" })
  })
})
