import { describe, expect, test } from "bun:test"
import * as fc from "fast-check"
import { InvalidOption } from "../../src/core/InvalidOption.ts"
import { make } from "../../src/core/Tensor.ts"
import { type Interpolation, resize } from "../../src/image/Image.ts"
import { gray, grayFloats, images, rgb, rows } from "../support/images.ts"

const square = gray([1, 2, 3], [4, 5, 6], [7, 8, 9])
const every: ReadonlyArray<Interpolation> = ["nearest", "bilinear", "area"]

describe("nearest", () => {
  test("takes the pixel at ⌊x · width / new width⌋", () => {
    // 3 to 5: ⌊0, 0.6, 1.2, 1.8, 2.4⌋; 3 to 2: ⌊0, 1.5⌋.
    expect(rows(resize({ size: [2, 5], interpolation: "nearest" })(square))).toEqual([
      [1, 1, 2, 2, 3],
      [4, 4, 5, 5, 6]
    ])
  })

  test("keeps the channels of a pixel together", () => {
    const image = rgb([
      [1, 2, 3],
      [4, 5, 6]
    ])
    expect(rows(resize({ size: [2, 3], interpolation: "nearest" })(image))).toEqual([
      [1, 2, 3, 1, 2, 3, 4, 5, 6],
      [1, 2, 3, 1, 2, 3, 4, 5, 6]
    ])
  })
})

describe("bilinear", () => {
  // 2 to 4: places −1/4 (the edge), 1/4, 3/4, 5/4 (the edge).
  test("enlarges floats", () => {
    expect(rows(resize({ size: 4 })(grayFloats([0, 1], [2, 3])))).toEqual([
      [0, 0.25, 0.75, 1],
      [0.5, 0.75, 1.25, 1.5],
      [1.5, 1.75, 2.25, 2.5],
      [2, 2.25, 2.75, 3]
    ])
  })

  test("rounds bytes half up", () => {
    expect(rows(resize({ size: 4 })(gray([0, 10], [20, 30])))).toEqual([
      [0, 3, 8, 10],
      [5, 8, 13, 15],
      [15, 18, 23, 25],
      [20, 23, 28, 30]
    ])
  })

  test("shrinks without antialiasing: 5 to 2 reads at 0.75 and 3.25", () => {
    expect(rows(resize({ size: [1, 2] })(gray([0, 100, 255, 200, 40])))).toEqual([[75, 160]])
  })

  test("blends each channel with its own", () => {
    const image = rgb([
      [0, 100, 255],
      [100, 0, 255]
    ])
    expect(rows(resize({ size: [1, 4] })(image))).toEqual([[0, 100, 255, 25, 75, 255, 75, 25, 255, 100, 0, 255]])
  })
})

describe("area", () => {
  test("weighs parts of pixels by their share", () => {
    // A new pixel covers 1.5: (0 + 6/2) / 1.5 and (6/2 + 12) / 1.5.
    expect(rows(resize({ size: [1, 2], interpolation: "area" })(grayFloats([0, 6, 12])))).toEqual([[2, 10]])
    // 7/3, 11/3, 19/3, 23/3.
    expect(rows(resize({ size: 2, interpolation: "area" })(square))).toEqual([
      [2, 4],
      [6, 8]
    ])
  })

  test("rounds bytes half up", () => {
    const image = rgb([
      [0, 254, 1],
      [1, 255, 3]
    ])
    expect(rows(resize({ size: 1, interpolation: "area" })(image))).toEqual([[1, 255, 2]])
  })

  test("keeps the mean", () => {
    const size = fc.tuple(fc.integer({ min: 1, max: 9 }), fc.integer({ min: 1, max: 9 }))
    fc.assert(
      fc.property(images, size, (image, size) => {
        const floats = make(Float32Array.from(image.data), image.shape)
        const result = resize({ size, interpolation: "area" })(floats)
        for (let channel = 0; channel < (image.shape[2] ?? 1); channel++) {
          expect(mean(result, channel)).toBeCloseTo(mean(floats, channel), 3)
        }
      })
    )
  })
})

const mean = ({ data, shape }: ReturnType<typeof grayFloats>, channel: number): number => {
  const values = Array.from(data).filter((_, at) => at % (shape[2] ?? 1) === channel)
  return values.reduce((sum, value) => sum + value, 0) / values.length
}

describe("every interpolation", () => {
  test("leaves an image of that size as it is", () => {
    fc.assert(
      fc.property(images, fc.constantFrom(...every), (image, interpolation) => {
        const [height = 0, width = 0] = image.shape
        expect(resize({ size: [height, width], interpolation })(image)).toEqual(image)
      })
    )
  })

  test("keeps one color one color, and all values within those of the image", () => {
    const size = fc.tuple(fc.integer({ min: 1, max: 9 }), fc.integer({ min: 1, max: 9 }))
    fc.assert(
      fc.property(images, size, fc.constantFrom(...every), fc.nat(255), (image, size, interpolation, color) => {
        const result = resize({ size, interpolation })(image)
        expect(result.shape).toEqual([...size, image.shape[2] ?? 1])
        const least = Math.min(...image.data)
        const most = Math.max(...image.data)
        expect(result.data.every((value) => value >= least && value <= most)).toBe(true)
        const plain = make(
          image.data.map(() => color),
          image.shape
        )
        expect(resize({ size, interpolation })(plain).data.every((value) => value === color)).toBe(true)
      })
    )
  })
})

describe("what cannot be meant", () => {
  test.each([
    ["size", () => resize({ size: 0 }), "0"],
    ["size", () => resize({ size: [2, 2.5] }), "2.5"],
    // @ts-expect-error: no such interpolation.
    ["interpolation", () => resize({ size: 1, interpolation: "cubic" }), '"cubic"'],
    ["the size of an image to resize", () => resize({ size: 1 })(make(new Uint8Array(0), [0, 3, 1])), "[0,3]"]
  ])("%s", (option, build, shown) => {
    expect(build).toThrow(InvalidOption)
    expect(build).toThrow(option)
    expect(build).toThrow(shown)
  })
})
