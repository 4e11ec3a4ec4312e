import { describe, expect, test } from "bun:test"
import * as fc from "fast-check"
import { InvalidOption } from "../../src/core/InvalidOption.ts"
import { make } from "../../src/core/Tensor.ts"
import * as Image from "../../src/image/Image.ts"
import { fuse } from "../support/fuse.ts"
import { gray, grayFloats, images, rgb, rows } from "../support/images.ts"
import { at, scripted } from "../support/rng.ts"

const { pad, randomCrop } = Image
const modes = ["edge", "reflect", "symmetric"] as const

describe("padding by the image itself", () => {
  test.each([
    ["edge", [1, 1, 1, 2, 3, 3, 3]],
    ["reflect", [3, 2, 1, 2, 3, 2, 1]],
    ["symmetric", [2, 1, 1, 2, 3, 3, 2]]
  ] as const)("%s, across and down", (paddingMode, expected) => {
    expect(rows(pad({ padding: [2, 0], paddingMode })(gray([1, 2, 3])))).toEqual([[...expected]])
    const column = pad({ padding: [0, 2], paddingMode })(grayFloats([1], [2], [3]))
    expect(rows(column)).toEqual(expected.map((value) => [value]))
    expect(column.dtype).toBe("float32")
  })

  test.each([
    ["edge", [1, 1, 1, 1, 1, 1, 2, 2, 2]],
    ["reflect", [2, 1, 2, 1, 2, 1, 2, 1, 2]],
    ["symmetric", [1, 1, 2, 2, 1, 1, 2, 2, 1]]
  ] as const)("%s goes on when the padding is wider than the image", (paddingMode, expected) => {
    expect(rows(pad({ padding: [5, 0, 2, 0], paddingMode })(gray([1, 2])))).toEqual([[...expected]])
  })

  test.each(modes)("one pixel goes on as itself: %s", (paddingMode) => {
    expect(rows(pad({ padding: [2, 1, 1, 0], paddingMode })(gray([7])))).toEqual([
      [7, 7, 7, 7],
      [7, 7, 7, 7]
    ])
  })

  test("corners go on both ways, and channels stay together", () => {
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
    expect(rows(pad({ padding: [1, 1, 0, 0], paddingMode: "reflect" })(image))).toEqual([
      [10, 11, 12, 7, 8, 9, 10, 11, 12],
      [4, 5, 6, 1, 2, 3, 4, 5, 6],
      [10, 11, 12, 7, 8, 9, 10, 11, 12]
    ])
    expect(rows(pad({ padding: [1, 1, 0, 0], paddingMode: "symmetric" })(image))[0]).toEqual([
      1, 2, 3, 1, 2, 3, 4, 5, 6
    ])
  })

  test("holds the image in its middle, whatever the mode", () => {
    const padding = fc.tuple(fc.nat(9), fc.nat(9), fc.nat(9), fc.nat(9))
    fc.assert(
      fc.property(images, padding, fc.constantFrom(...modes), (image, [left, top, right, bottom], paddingMode) => {
        const around = pad({ padding: [left, top, right, bottom], paddingMode })(image)
        const [height = 0, width = 0, channels = 1] = image.shape
        expect(around.shape).toEqual([top + height + bottom, left + width + right, channels])
        expect(around.dtype).toBe(image.dtype)
        const middle = rows(around)
          .slice(top, top + height)
          .map((row) => row.slice(left * channels, (left + width) * channels))
        expect(middle).toEqual(rows(image))
      })
    )
  })

  test("mirrors: a walk that turns around at the ends meets the same pixels", () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 6 }), fc.nat(20), fc.boolean(), (width, right, twice) => {
        const values = Array.from({ length: width }, (_, place) => place)
        const walked = [...values]
        let place = width - 1
        let step = -1
        while (walked.length < width + right) {
          // Symmetric stands still for one step as it turns.
          const stands = twice && walked.length % width === 0
          if (!stands && width > 1) place += step
          if (twice && (walked.length + 1) % width === 0) step = -step
          if (!twice && (place === 0 || place === width - 1)) step = -step
          walked.push(place)
        }
        const paddingMode = twice ? "symmetric" : "reflect"
        expect(rows(pad({ padding: [0, 0, right, 0], paddingMode })(gray(values)))).toEqual([walked])
      })
    )
  })
})

describe("crops with padding by the image itself", () => {
  test("draw the top, then the left edge, as with any padding", () => {
    const rng = scripted(0, 2)
    const crop = randomCrop({ size: 2, padding: 1, paddingMode: "edge" })
    expect(rows(crop(gray([1, 2], [3, 4]), rng))).toEqual([
      [2, 2],
      [2, 2]
    ])
    expect(rng.left).toBe(0)
  })

  test("are parts of the padded image", () => {
    fc.assert(
      fc.property(images, fc.nat(3), fc.constantFrom(...modes), fc.nat(), (image, padding, paddingMode, seed) => {
        const padded = pad({ padding, paddingMode })(image)
        const [height = 0, width = 0, channels = 1] = padded.shape
        const size = [1 + (seed % height), 1 + (seed % width)] as const
        const top = seed % (height - size[0] + 1)
        const left = seed % (width - size[1] + 1)
        const crop = randomCrop({ size, padding, paddingMode })(image, scripted(top, left))
        expect(rows(crop)).toEqual(
          rows(padded)
            .slice(top, top + size[0])
            .map((row) => row.slice(left * channels, (left + size[1]) * channels))
        )
      })
    )
  })

  test("may lie beside the image altogether", () => {
    const image = gray([1, 2, 3])
    const crop = randomCrop({ size: [1, 2], padding: [4, 0], paddingMode: "reflect" })
    // The padded image is 1 2 3 2|1 2 3|2 1 2 3, so of its ten places the last two lie behind the image.
    expect(rows(crop(image, scripted(0, 0)))).toEqual([[1, 2]])
    expect(rows(crop(image, scripted(0, 9)))).toEqual([[2, 3]])
    expect(rows(crop(image, scripted(0, 8)))).toEqual([[1, 2]])
  })

  test("widen where the image is smaller than the crop", () => {
    const crop = randomCrop({ size: [1, 4], padIfNeeded: true, paddingMode: "symmetric" })
    expect(rows(crop(gray([1, 2]), scripted(0, 1)))).toEqual([[1, 1, 2, 2]])
  })

  test("give the same fused and apart", () => {
    const paddings = fc.constantFrom<Image.PaddingMode>("constant", ...modes)
    fc.assert(
      fc.property(images, paddings, paddings, fc.nat(), (image, one, other, seed) => {
        const functions = [
          randomCrop({ size: 3, padding: 2, padIfNeeded: true, paddingMode: one }),
          Image.randomHorizontalFlip(),
          pad({ padding: 1, paddingMode: other }),
          Image.randomVerticalFlip(),
          Image.normalize({ mean: 0.25, std: 0.5 })
        ] as const
        const expected = functions.reduce<Image.Image>((now, stage, place) => stage(now, at(seed + place)), image)
        const samples: Array<unknown> = [image]
        fuse(functions)?.run(samples, (place) => at(seed + place))
        expect(samples).toEqual([expected])
      })
    )
  })

  test("pin their draws, those of constant padding", () => {
    const image = gray([1, 2, 3], [4, 5, 6], [7, 8, 9])
    const crop = randomCrop({ size: 2, padding: 1, paddingMode: "edge" })
    // With 0 around: 0 0 2 3, 0 0 0 1, 6 0 9 0, 0 4 0 7.
    expect([1, 2, 3, 4].map((seed) => Array.from(crop(image, at(seed)).data))).toEqual([
      [2, 3, 2, 3],
      [1, 1, 1, 1],
      [6, 6, 9, 9],
      [4, 4, 7, 7]
    ])
  })
})

describe("what cannot be meant", () => {
  test.each([
    // @ts-expect-error: no such mode.
    ["paddingMode", () => pad({ padding: 1, paddingMode: "wrap" }), '"wrap"'],
    // @ts-expect-error: no such mode.
    ["paddingMode", () => randomCrop({ size: 1, paddingMode: 1 }), "1"],
    ["image to pad", () => pad({ padding: 1, paddingMode: "edge" })(make(new Uint8Array(0), [0, 2, 1])), "[0,2]"],
    ["fill", () => pad({ padding: 1, paddingMode: "edge", fill: Number.NaN }), "NaN"]
  ])("%s", (option, build, shown) => {
    expect(build).toThrow(InvalidOption)
    expect(build).toThrow(option)
    expect(build).toThrow(shown)
  })

  test("a fill that the mode leaves aside is not held against the image", () => {
    expect(rows(pad({ padding: [1, 0, 0, 0], paddingMode: "edge", fill: [300, 0] })(gray([4])))).toEqual([[4, 4]])
  })
})
