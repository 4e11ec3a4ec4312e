import { describe, expect, test } from "bun:test"
import * as fc from "fast-check"
import { InvalidOption } from "../../../src/InvalidOption.ts"
import { normalise, toFloat } from "../../../src/stages/Image.ts"
import { grey, greyFloats, images, rgb, rgbFloats, rows } from "../../support/images.ts"

describe("normalise", () => {
  test("brings bytes to 0 … 1 first", () => {
    const result = normalise({ mean: 0.5, std: 0.25 })(grey([0, 51, 255]))
    expect(result.dtype).toBe("float32")
    expect(result.shape).toEqual([1, 3, 1])
    expect(rows(result)).toEqual([[-2, Math.fround((0.2 - 0.5) / 0.25), 2]])
  })

  test("takes floats as they are", () => {
    expect(rows(normalise({ mean: 1, std: 2 })(greyFloats([0, 1, 5])))).toEqual([[-0.5, 0, 2]])
  })

  test("has a mean and a deviation for each channel", () => {
    const own = normalise({ mean: [0, 1, 0.5], std: [1, 2, 0.5] })
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
        expect(normalise({ mean: 0, std: 1 })(image).data).toEqual(Float32Array.from(expected))
        expect(toFloat(image).data).toEqual(Float32Array.from(expected))
        expect(toFloat(image).shape).toEqual(image.shape)
        expect(image.data).toEqual(before)
      })
    )
  })

  test.each([
    ["mean", () => normalise({ mean: Number.NaN, std: 1 }), "NaN"],
    ["mean", () => normalise({ mean: [], std: 1 }), "[]"],
    ["std", () => normalise({ mean: 0, std: 0 }), "0"],
    ["std", () => normalise({ mean: 0, std: [1, Number.POSITIVE_INFINITY] }), "Infinity"],
    ["mean", () => normalise({ mean: [0, 0, 0], std: 1 })(grey([1])), "[0,0,0]"],
    ["std", () => normalise({ mean: 0, std: [1, 2] })(rgb([[1, 2, 3]])), "[1,2]"]
  ])("refuses a %s that cannot be meant", (option, build, shown) => {
    expect(build).toThrow(InvalidOption)
    expect(build).toThrow(option)
    expect(build).toThrow(shown)
  })
})
