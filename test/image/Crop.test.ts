import { describe, expect, test } from "bun:test"
import * as fc from "fast-check"
import { InvalidOption } from "../../src/core/InvalidOption.ts"
import { make } from "../../src/core/Tensor.ts"
import { centerCrop, pad, randomCrop } from "../../src/image/Image.ts"
import { gray, grayFloats, images, rgb, rows } from "../support/images.ts"
import { at, scripted } from "../support/rng.ts"

const square = gray([1, 2, 3], [4, 5, 6], [7, 8, 9])

describe("pad", () => {
  test("puts one number on all sides", () => {
    expect(rows(pad({ padding: 1 })(gray([1, 2])))).toEqual([
      [0, 0, 0, 0],
      [0, 1, 2, 0],
      [0, 0, 0, 0]
    ])
  })

  test("takes two numbers as sides and ends, four as left, top, right, bottom", () => {
    expect(rows(pad({ padding: [1, 0], fill: 9 })(gray([1, 2])))).toEqual([[9, 1, 2, 9]])
    expect(rows(pad({ padding: [0, 1, 2, 0], fill: 0.5 })(grayFloats([1])))).toEqual([
      [0.5, 0.5, 0.5],
      [1, 0.5, 0.5]
    ])
  })

  test("fills each channel with its own", () => {
    const image = rgb([[1, 2, 3]])
    expect(rows(pad({ padding: [1, 0, 0, 1], fill: [7, 8, 9] })(image))).toEqual([
      [7, 8, 9, 1, 2, 3],
      [7, 8, 9, 7, 8, 9]
    ])
  })
})

describe("randomCrop", () => {
  test("draws the top, then the left edge", () => {
    const rng = scripted(1, 0)
    expect(rows(randomCrop({ size: 2 })(square, rng))).toEqual([
      [4, 5],
      [7, 8]
    ])
    expect(rng.left).toBe(0)
  })

  test("finds its places in the padded image", () => {
    const crop = randomCrop({ size: 3, padding: 1, fill: 255 })
    expect(rows(crop(square, scripted(0, 0)))).toEqual([
      [255, 255, 255],
      [255, 1, 2],
      [255, 4, 5]
    ])
    expect(rows(crop(square, scripted(2, 2)))).toEqual([
      [5, 6, 255],
      [8, 9, 255],
      [255, 255, 255]
    ])
    expect(() => crop(square, scripted(3, 0))).toThrow("0 … 2")
  })

  test("takes height before width, and paddings by side", () => {
    const crop = randomCrop({ size: [1, 3], padding: [2, 0, 0, 0] })
    expect(rows(crop(square, scripted(2, 1)))).toEqual([[0, 7, 8]])
    expect(() => crop(square, scripted(0, 3))).toThrow("0 … 2")
  })

  test("widens by what is missing, on both sides", () => {
    const crop = randomCrop({ size: [1, 4], padIfNeeded: true, fill: 5 })
    // Two of four columns are missing, so there are two on each side, and 3 places.
    expect(rows(crop(gray([1, 2]), scripted(0, 0)))).toEqual([[5, 5, 1, 2]])
    expect(rows(crop(gray([1, 2]), scripted(0, 1)))).toEqual([[5, 1, 2, 5]])
    expect(rows(crop(gray([1, 2]), scripted(0, 2)))).toEqual([[1, 2, 5, 5]])
  })

  test("is a part of the padded image", () => {
    const padding = fc.tuple(fc.nat(3), fc.nat(3), fc.nat(3), fc.nat(3))
    fc.assert(
      fc.property(images, padding, fc.nat(255), fc.nat(), (image, padding, fill, seed) => {
        const padded = pad({ padding, fill })(image)
        const [height = 0, width = 0, channels = 1] = padded.shape
        const size = [1 + (seed % height), 1 + (seed % width)] as const
        const top = seed % (height - size[0] + 1)
        const left = seed % (width - size[1] + 1)
        const crop = randomCrop({ size, padding, fill })(image, scripted(top, left))
        const expected = rows(padded)
          .slice(top, top + size[0])
          .map((row) => row.slice(left * channels, (left + size[1]) * channels))
        expect(rows(crop)).toEqual(expected)
        expect(crop.dtype).toBe(image.dtype)
      })
    )
  })

  test("comes to every place", () => {
    const crop = randomCrop({ size: 1, padding: 1 })
    const found = new Set(Array.from({ length: 200 }, (_, seed) => crop(gray([1, 2]), at(seed)).data[0]))
    expect([...found].toSorted()).toEqual([0, 1, 2])
  })

  test("pins its draws", () => {
    const crop = randomCrop({ size: 2, padding: 1 })
    expect([1, 2, 3, 4].map((seed) => Array.from(crop(square, at(seed)).data))).toEqual([
      [0, 0, 2, 3],
      [0, 0, 0, 1],
      [6, 0, 9, 0],
      [0, 4, 0, 7]
    ])
  })
})

describe("centerCrop", () => {
  test("takes the middle", () => {
    expect(rows(centerCrop({ size: 1 })(square))).toEqual([[5]])
    expect(rows(centerCrop({ size: [3, 1] })(square))).toEqual([[2], [5], [8]])
  })

  test("rounds half a margin to even", () => {
    // Margins of 1, 3, 5: 0.5 → 0, 1.5 → 2, 2.5 → 2.
    expect(rows(centerCrop({ size: [1, 2] })(gray([1, 2, 3])))).toEqual([[1, 2]])
    expect(rows(centerCrop({ size: [1, 1] })(gray([1, 2, 3, 4])))).toEqual([[3]])
    expect(rows(centerCrop({ size: [1, 1] })(gray([1, 2, 3, 4, 5, 6])))).toEqual([[3]])
  })

  test("pads a smaller image with 0, by the smaller half before", () => {
    expect(rows(centerCrop({ size: [1, 4] })(gray([1])))).toEqual([[0, 1, 0, 0]])
    expect(rows(centerCrop({ size: [2, 1] })(gray([1, 2, 3])))).toEqual([[2], [0]])
  })
})

describe("what cannot be meant", () => {
  test.each([
    ["size", () => randomCrop({ size: 0 }), "0"],
    ["size", () => randomCrop({ size: [1, 1.5] }), "1.5"],
    ["size", () => centerCrop({ size: Number.NaN }), "NaN"],
    ["padding", () => randomCrop({ size: 1, padding: -1 }), "-1"],
    ["padding", () => pad({ padding: [0, 0, 0.5, 0] }), "0.5"],
    ["fill", () => pad({ padding: 1, fill: Number.NaN }), "NaN"],
    ["fill", () => pad({ padding: 1, fill: [1, 2] })(square), "[1,2]"],
    ["fill of a uint8 image", () => pad({ padding: 1, fill: -1 })(square), "-1"],
    ["fill of a uint8 image", () => randomCrop({ size: 1, padding: 1, fill: 0.5 })(square, at(1)), "0.5"],
    ["the size of an image to crop", () => randomCrop({ size: [3, 4] })(square, at(1)), "[3,3]"],
    ["image shape", () => pad({ padding: 1 })(make(new Uint8Array(1), [1, 1, 1, 1])), "[1,1,1,1]"],
    // @ts-expect-error: images are of uint8 or float32.
    ["image", () => pad({ padding: 1 })(make(new Int32Array(1), [1, 1, 1])), "int32"],
    // @ts-expect-error: no image in it.
    ["sample", () => pad({ padding: 1 })({ label: 1 }), '{"label":1}']
  ])("%s", (option, build, shown) => {
    expect(build).toThrow(InvalidOption)
    expect(build).toThrow(option)
    expect(build).toThrow(shown)
  })
})
