import { describe, expect, test } from "bun:test"
import * as fc from "fast-check"
import { InvalidOption } from "../../src/core/InvalidOption.ts"
import { make } from "../../src/core/Tensor.ts"
import { type Image, type Interpolation, randomResizedCrop, resize } from "../../src/image/Image.ts"
import { gray, images, rows } from "../support/images.ts"
import { at, scripted } from "../support/rng.ts"

const counted = (height: number, width: number): Image<Uint8Array> =>
  make(
    Uint8Array.from({ length: height * width }, (_, place) => place),
    [height, width, 1]
  )

describe("randomResizedCrop", () => {
  test("draws share, logarithm of the ratio, top, left", () => {
    const crop = randomResizedCrop({ size: 2, interpolation: "nearest" })
    // A quarter of 4 × 4, as wide as high: 2 × 2.
    const rng = scripted(0.25, 0, 1, 2)
    expect(rows(crop(counted(4, 4), rng))).toEqual([
      [6, 7],
      [10, 11]
    ])
    expect(rng.left).toBe(0)
  })

  test("the ratio is width over height", () => {
    // 8 pixels of 4 × 4 at a ratio of 2: 4 wide, 2 high.
    const crop = randomResizedCrop({ size: [2, 4], ratio: [0.5, 2], interpolation: "nearest" })
    expect(rows(crop(counted(4, 4), scripted(0.5, Math.LN2, 2, 0)))).toEqual([
      [8, 9, 10, 11],
      [12, 13, 14, 15]
    ])
  })

  test("rounds sides half to even", () => {
    // √(25/4) = 2.5 → 2, √(49/4) = 3.5 → 4: the bounds of the places that are drawn tell the side.
    const crop = randomResizedCrop({ size: 1 })
    expect(() => crop(counted(5, 5), scripted(0.25, 0, 3, 3))).not.toThrow()
    expect(() => crop(counted(7, 7), scripted(0.25, 0, 3, 3))).not.toThrow()
    expect(() => crop(counted(7, 7), scripted(0.25, 0, 4, 3))).toThrow("0 … 3")
  })

  test("tries again when a crop does not fit", () => {
    const crop = randomResizedCrop({ size: 1, ratio: [0.25, 4], interpolation: "nearest" })
    // All of 3 × 3 at a ratio of 4 would be 6 wide.
    expect(rows(crop(counted(3, 3), scripted(1, 2 * Math.LN2, 0.12, 0, 2, 1)))).toEqual([[7]])
  })

  test.each([
    // Too wide: all of the height, round(2 · 4/3) = 3 wide, from ⌊(10 − 3) / 2⌋ on.
    [2, 10, [[3], [13]], [2, 1]],
    // Too high: all of the width, round(2 / (3/4)) = 3 high.
    [10, 2, [[6], [8], [10]], [3, 1]],
    // A ratio that is allowed: all of it.
    [3, 3, [[0], [3], [6]], [3, 1]]
  ] as const)("takes the middle after ten tries: %d × %d", (height, width, expected, size) => {
    const crop = randomResizedCrop({ size, scale: [1, 9], interpolation: "nearest" })
    const tries = scripted(...Array.from({ length: 10 }, () => [9, 0]).flat())
    expect(rows(crop(counted(height, width), tries))).toEqual(expected.map((row) => [...row]))
    expect(tries.left).toBe(0)
  })

  test("never takes less than a pixel", () => {
    const crop = randomResizedCrop({ size: 1, scale: [9, 9], ratio: [0.1, 0.2] })
    expect(rows(crop(counted(1, 9), at(3)))).toEqual([[4]])
  })

  test("is a crop and a resize after another, to the bit", () => {
    const interpolations: ReadonlyArray<Interpolation> = ["nearest", "bilinear", "area"]
    const size = fc.integer({ min: 1, max: 6 })
    fc.assert(
      fc.property(images, size, fc.constantFrom(...interpolations), fc.nat(), (image, size, interpolation, seed) => {
        const [height = 0, width = 0, channels = 1] = image.shape
        const side = 1 + (seed % Math.min(height, width))
        const top = seed % (height - side + 1)
        const left = seed % (width - side + 1)
        const share = (side * side) / (height * width)
        const crop = randomResizedCrop({ size, scale: [0.001, 1], interpolation })(image, scripted(share, 0, top, left))
        const cut = image.data.slice(0, side * side * channels)
        for (let row = 0; row < side; row++) {
          const from = ((top + row) * width + left) * channels
          cut.set(image.data.subarray(from, from + side * channels), row * side * channels)
        }
        expect(crop).toEqual(resize({ size, interpolation })(make(cut, [side, side, channels])))
      })
    )
  })

  test("pins its draws", () => {
    const crop = randomResizedCrop({ size: 3 })
    const image = counted(12, 14)
    expect([1, 2, 3].map((seed) => rows(crop(image, at(seed))))).toEqual([
      [
        [11, 13, 16],
        [44, 46, 48],
        [76, 79, 81]
      ],
      [
        [72, 74, 77],
        [105, 107, 109],
        [137, 140, 142]
      ],
      [
        [24, 27, 30],
        [80, 83, 86],
        [136, 139, 142]
      ]
    ])
  })

  test.each([
    ["size", () => randomResizedCrop({ size: -1 }), "-1"],
    ["scale", () => randomResizedCrop({ size: 1, scale: [0, 1] }), "[0,1]"],
    ["scale", () => randomResizedCrop({ size: 1, scale: [1, 0.5] }), "[1,0.5]"],
    ["ratio", () => randomResizedCrop({ size: 1, ratio: [-1, 1] }), "[-1,1]"],
    ["ratio", () => randomResizedCrop({ size: 1, ratio: [1, Number.POSITIVE_INFINITY] }), "Infinity"],
    // @ts-expect-error: no such interpolation.
    ["interpolation", () => randomResizedCrop({ size: 1, interpolation: "cubic" }), '"cubic"'],
    ["the size of", () => randomResizedCrop({ size: 1 })(gray([]), at(1)), "[1,0]"]
  ])("refuses a %s that cannot be meant", (option, build, shown) => {
    expect(build).toThrow(InvalidOption)
    expect(build).toThrow(option)
    expect(build).toThrow(shown)
  })
})
