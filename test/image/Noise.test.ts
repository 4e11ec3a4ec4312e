import { describe, expect, test } from "bun:test"
import * as fc from "fast-check"
import { InvalidOption } from "../../src/core/InvalidOption.ts"
import { make } from "../../src/core/Tensor.ts"
import { gaussianNoise } from "../../src/image/Image.ts"
import { gray, grayFloats, images, rgb, rows } from "../support/images.ts"
import { at, scripted } from "../support/rng.ts"

describe("gaussianNoise", () => {
  test("adds mean + sigma · normal to floats and clips", () => {
    const noise = gaussianNoise({ mean: 0.25, sigma: 0.5 })
    expect(rows(noise(grayFloats([0, 0.25, 0.5, 1]), scripted(0.5, -1, 1, -9)))).toEqual([[0.5, 0, 1, 0]])
  })

  test("leaves floats free without clip", () => {
    const noise = gaussianNoise({ sigma: 0.5, clip: false })
    expect(rows(noise(grayFloats([0, 1]), scripted(-1, 3)))).toEqual([[-0.5, 2.5]])
  })

  test("adds 255-fold to bytes, rounded half up and held, clip or not", () => {
    const noise = gaussianNoise({ sigma: 0.5, clip: false })
    // 127.5 a unit: 100 + 127.5 → 228, 100 − 63.75 = 36.25, 200 + 127.5, 100 − 127.5, 255 + 0.
    expect(rows(noise(gray([100, 100, 200, 100, 255]), scripted(1, -0.5, 1, -1, 0)))).toEqual([[228, 36, 255, 0, 255]])
  })

  test("takes a whole unit of noise as all of a byte's range", () => {
    // 255 · 0.75 = 191.25, as torchvision scales it; 256 · 0.75 would be 192.
    expect(rows(gaussianNoise({ sigma: 1 })(gray([0]), scripted(0.75)))).toEqual([[191]])
    expect(rows(gaussianNoise({ mean: 0.75, sigma: 0 })(gray([0]), scripted(0)))).toEqual([[191]])
  })

  test("draws in the order of the values, the channels of a pixel one after the other", () => {
    const noise = gaussianNoise({ sigma: 1 / 255 })
    const image = rgb([[0, 0, 0]], [[0, 0, 0]])
    expect(rows(noise(image, scripted(1, 2, 3, 4, 5, 6)))).toEqual([
      [1, 2, 3],
      [4, 5, 6]
    ])
  })

  test("has the mean and deviation that it is given", () => {
    const noise = gaussianNoise({ mean: 0.5, sigma: 0.1 })
    const { data } = noise(make(new Float32Array(40_000), [200, 200, 1]), at(1))
    const mean = data.reduce((sum, value) => sum + value, 0) / data.length
    const variance = data.reduce((sum, value) => sum + (value - mean) * (value - mean), 0) / data.length
    // Six standard errors: 0.1 / √40000 of the mean, 0.1 / √80000 of the deviation.
    expect(Math.abs(mean - 0.5)).toBeLessThan(0.003)
    expect(Math.abs(Math.sqrt(variance) - 0.1)).toBeLessThan(0.0022)
  })

  test("without deviation leaves an image as it is, and never writes to it", () => {
    fc.assert(
      fc.property(images, fc.nat(), (image, seed) => {
        const before = image.data.slice()
        expect(gaussianNoise({ sigma: 0 })(image, at(seed))).toEqual(image)
        expect(gaussianNoise({ sigma: 9 })(image, at(seed)).dtype).toBe(image.dtype)
        expect(image.data).toEqual(before)
      })
    )
  })

  test("pins its draws", () => {
    expect(rows(gaussianNoise()(gray([100, 100, 100, 100, 100, 100]), at(1)))).toEqual([[85, 76, 97, 115, 118, 95]])
  })

  test.each([
    ["sigma", () => gaussianNoise({ sigma: -0.1 }), "-0.1"],
    ["sigma", () => gaussianNoise({ sigma: Number.NaN }), "NaN"],
    ["mean", () => gaussianNoise({ mean: Number.POSITIVE_INFINITY }), "Infinity"]
  ])("refuses a %s that cannot be meant", (option, build, shown) => {
    expect(build).toThrow(InvalidOption)
    expect(build).toThrow(option)
    expect(build).toThrow(shown)
  })
})
