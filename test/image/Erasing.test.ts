import { describe, expect, test } from "bun:test"
import * as fc from "fast-check"
import { InvalidOption } from "../../src/core/InvalidOption.ts"
import { make } from "../../src/core/Tensor.ts"
import { randomErasing } from "../../src/image/Image.ts"
import { gray, grayFloats, images, rgb, rows } from "../support/images.ts"
import { at, scripted } from "../support/rng.ts"

const square = gray([1, 2, 3], [4, 5, 6], [7, 8, 9])

describe("randomErasing", () => {
  test("draws whether, share, logarithm of the ratio, top, left", () => {
    const rng = scripted(1, 4 / 9, 0, 1, 0)
    expect(rows(randomErasing({ scale: [0, 1] })(square, rng))).toEqual([
      [1, 2, 3],
      [0, 0, 6],
      [0, 0, 9]
    ])
    expect(rng.left).toBe(0)
  })

  test("leaves the image at the other odds", () => {
    const rng = scripted(0, 1)
    expect(randomErasing()(square, rng)).toEqual(square)
    expect(rng.left).toBe(1)
    fc.assert(
      fc.property(images, fc.nat(), (image, seed) => {
        expect(randomErasing({ p: 0 })(image, at(seed))).toEqual(image)
      })
    )
  })

  test("the ratio is height over width", () => {
    const erase = randomErasing({ scale: [0, 1], ratio: [0.5, 2], value: 255 })
    // 2 of 9 pixels at a ratio of 2: 2 high, 1 wide.
    expect(rows(erase(square, scripted(1, 2 / 9, Math.LN2, 0, 2)))).toEqual([
      [1, 2, 255],
      [4, 5, 255],
      [7, 8, 9]
    ])
  })

  test("tries again when the rectangle is not smaller both ways, ten times", () => {
    const erase = randomErasing({ scale: [0, 1] })
    expect(rows(erase(square, scripted(1, 1, 0, 1 / 9, 0, 0, 0)))).toEqual([
      [0, 2, 3],
      [4, 5, 6],
      [7, 8, 9]
    ])
    // As high as the image, or as wide, is too large as well.
    const sides = scripted(1, 1 / 3, Math.log(3), 1 / 3, -Math.log(3), 1 / 9, 0, 2, 2)
    expect(rows(erase(square, sides))).toEqual([
      [1, 2, 3],
      [4, 5, 6],
      [7, 8, 0]
    ])
    const tries = scripted(1, ...Array.from({ length: 10 }, () => [1, 0]).flat(), 7)
    expect(erase(square, tries)).toEqual(square)
    expect(tries.left).toBe(1)
  })

  test("writes a value a channel", () => {
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
    expect(rows(randomErasing({ scale: [0, 1], value: [20, 30, 40] })(image, scripted(1, 0.25, 0, 0, 1)))).toEqual([
      [1, 2, 3, 20, 30, 40],
      [7, 8, 9, 10, 11, 12]
    ])
  })

  test("writes random values, row by row", () => {
    const erase = randomErasing({ scale: [0, 1], value: "random" })
    expect(rows(erase(square, scripted(1, 4 / 9, 0, 0, 1, 0, 255, 128, 64)))).toEqual([
      [1, 0, 255],
      [4, 128, 64],
      [7, 8, 9]
    ])
    expect(() => erase(square, scripted(1, 1 / 9, 0, 0, 1, 256))).toThrow("0 … 255")
    const floats = grayFloats([0, 0], [0, 0])
    expect(rows(erase(floats, scripted(1, 0.25, 0, 1, 1, -1.5)))).toEqual([
      [0, 0],
      [0, -1.5]
    ])
  })

  test("changes nothing outside of one rectangle, and never its input", () => {
    const erase = randomErasing({ p: 1, value: "random" })
    fc.assert(
      fc.property(images, fc.nat(), (image, seed) => {
        const before = image.data.slice()
        const result = erase(image, at(seed))
        expect(image.data).toEqual(before)
        const [height = 0, width = 0, channels = 1] = image.shape
        const changed = Array.from(result.data.keys()).filter((place) => result.data[place] !== before[place])
        const ys = changed.map((place) => Math.floor(place / (width * channels)))
        const xs = changed.map((place) => Math.floor(place / channels) % width)
        if (changed.length === 0) return
        const high = Math.max(...ys) - Math.min(...ys) + 1
        const wide = Math.max(...xs) - Math.min(...xs) + 1
        // At most a third of the image, but for the rounding of both sides.
        expect((high - 0.5) * (wide - 0.5)).toBeLessThanOrEqual(0.33 * height * width + 1e-9)
      })
    )
  })

  test("pins its draws", () => {
    const image = make(new Uint8Array(30), [5, 6, 1])
    expect(rows(randomErasing({ p: 1, value: "random" })(image, at(1)))).toEqual([
      [0, 152, 83, 0, 0, 0],
      [0, 13, 66, 0, 0, 0],
      [0, 72, 52, 0, 0, 0],
      [0, 0, 0, 0, 0, 0],
      [0, 0, 0, 0, 0, 0]
    ])
  })

  test.each([
    ["p", () => randomErasing({ p: 1.5 }), "1.5"],
    ["scale", () => randomErasing({ scale: [-1, 1] }), "-1"],
    ["scale", () => randomErasing({ scale: [0, 2] }), "2"],
    ["ratio", () => randomErasing({ ratio: [0, 1] }), "[0,1]"],
    ["value", () => randomErasing({ value: [] }), "[]"],
    ["value", () => randomErasing({ value: Number.NaN }), "NaN"],
    ["value", () => randomErasing({ value: [1, 2] })(square, at(1)), "[1,2]"],
    ["value of a uint8 image", () => randomErasing({ value: 256 })(square, at(1)), "256"],
    ["value of a uint8 image", () => randomErasing({ value: 0.5 })(square, at(1)), "0.5"]
  ])("refuses a %s that cannot be meant", (option, build, shown) => {
    expect(build).toThrow(InvalidOption)
    expect(build).toThrow(option)
    expect(build).toThrow(shown)
  })
})
