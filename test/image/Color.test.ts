import { describe, expect, test } from "bun:test"
import * as fc from "fast-check"
import { InvalidOption } from "../../src/core/InvalidOption.ts"
import { make } from "../../src/core/Tensor.ts"
import { colorJitter } from "../../src/image/Image.ts"
import { gray, grayFloats, images, rgb, rgbFloats, rows } from "../support/images.ts"
import { at, scripted } from "../support/rng.ts"

const inOrder = [0, 1, 2, 3]

// Grays by 0.2989, 0.587, 0.114, rounded down: 76, 149, 29, 254; their mean is 127.
const pure = rgb(
  [
    [255, 0, 0],
    [0, 255, 0]
  ],
  [
    [0, 0, 255],
    [255, 255, 255]
  ]
)

describe("brightness", () => {
  const brighter = colorJitter({ brightness: [0, 2] })

  test("multiplies, holds and drops the fraction of bytes", () => {
    expect(rows(brighter(gray([0, 3, 100, 200]), scripted(inOrder, 1.5)))).toEqual([[0, 4, 150, 255]])
    expect(rows(brighter(pure, scripted(inOrder, 0.5)))).toEqual([
      [127, 0, 0, 0, 127, 0],
      [0, 0, 127, 127, 127, 127]
    ])
  })

  test("holds floats within 0 … 1", () => {
    expect(rows(brighter(grayFloats([-1, 0.25, 0.75]), scripted(inOrder, 2)))).toEqual([[0, 0.5, 1]])
  })

  test("one number b is max(0, 1 − b) … 1 + b", () => {
    const range = colorJitter({ brightness: 0.25 })
    expect(rows(range(gray([100]), scripted(inOrder, 0.75)))).toEqual([[75]])
    expect(rows(range(gray([100]), scripted(inOrder, 1.25)))).toEqual([[125]])
    expect(() => range(gray([100]), scripted(inOrder, 1.26))).toThrow("0.75 … 1.25")
    expect(() => colorJitter({ brightness: 3 })(gray([100]), scripted(inOrder, -1))).toThrow("0 … 4")
  })
})

describe("contrast", () => {
  const sharper = colorJitter({ contrast: [0, 2] })

  test("blends with the mean", () => {
    expect(rows(sharper(gray([0, 100, 200]), scripted(inOrder, 0.5)))).toEqual([[50, 100, 150]])
    expect(rows(sharper(gray([0, 100, 200]), scripted(inOrder, 2)))).toEqual([[0, 100, 255]])
    expect(rows(sharper(grayFloats([0.25, 0.75]), scripted(inOrder, 0.5)))).toEqual([[0.375, 0.625]])
  })

  test("takes the mean of the grays in color", () => {
    expect(rows(sharper(pure, scripted(inOrder, 0)))).toEqual([Array(6).fill(127), Array(6).fill(127)])
    expect(rows(sharper(pure, scripted(inOrder, 0.5)))).toEqual([
      [191, 63, 63, 63, 191, 63],
      [63, 63, 191, 191, 191, 191]
    ])
    // Of floats nothing is rounded: 0.2989 + 0.587 = 0.8859, halved.
    const image = rgbFloats([
      [1, 1, 0],
      [0, 0, 0]
    ])
    expect(sharper(image, scripted(inOrder, 0)).data[5]).toBe(Math.fround(0.8859 / 2))
  })
})

describe("saturation", () => {
  const duller = colorJitter({ saturation: [0, 2] })

  test("blends with each pixel's gray", () => {
    expect(rows(duller(pure, scripted(inOrder, 0)))).toEqual([
      [76, 76, 76, 149, 149, 149],
      [29, 29, 29, 254, 254, 254]
    ])
    expect(rows(duller(pure, scripted(inOrder, 0.5)))).toEqual([
      [165, 38, 38, 74, 202, 74],
      [14, 14, 142, 254, 254, 254]
    ])
    expect(rows(duller(pure, scripted(inOrder, 2)))[0]).toEqual([255, 0, 0, 0, 255, 0])
    expect(duller(rgbFloats([[1, 0, 0]]), scripted(inOrder, 0)).data[1]).toBe(Math.fround(0.2989))
  })
})

describe("hue", () => {
  const turn = colorJitter({ hue: 0.5 })

  test("turns the circle", () => {
    const colors = rgb([
      [255, 0, 0],
      [10, 20, 30],
      [77, 77, 77]
    ])
    // Half the circle: red to cyan; blue at 3½ sixths to orange at ½.
    expect(rows(turn(colors, scripted(inOrder, 0.5)))).toEqual([[0, 255, 255, 30, 20, 10, 77, 77, 77]])
    expect(rows(turn(colors, scripted(inOrder, -0.5)))).toEqual([[0, 255, 255, 30, 20, 10, 77, 77, 77]])
    // A quarter from red: half way from yellow to green, ⌊255.999 / 2⌋.
    expect(
      rows(turn(colors, scripted(inOrder, 0.25)))
        .flat()
        .slice(0, 3)
    ).toEqual([127, 255, 0])
    expect(rows(turn(rgbFloats([[1, 0, 0]]), scripted(inOrder, 0.25)))).toEqual([[0.5, 1, 0]])
    expect(rows(turn(rgbFloats([[0, 0.5, 0]]), scripted(inOrder, -0.25)))).toEqual([[0.5, 0.25, 0]])
  })

  test.each([
    [0, [200, 100, 50]],
    [1 / 6, [150, 200, 50]],
    [1 / 3, [50, 200, 100]],
    [1 / 2, [50, 150, 200]],
    [-1 / 3, [100, 50, 200]],
    [-1 / 6, [200, 50, 150]]
  ])("comes to each sector: %d", (shift, expected) => {
    expect(rows(turn(rgb([[200, 100, 50]]), scripted(inOrder, shift)))).toEqual([expected])
  })

  test("gives all colors back at 0", () => {
    const color = fc.tuple(fc.nat(255), fc.nat(255), fc.nat(255))
    fc.assert(
      fc.property(fc.array(color, { minLength: 1, maxLength: 20 }), (colors) => {
        const image = rgb(colors)
        expect(turn(image, scripted(inOrder, 0))).toEqual(image)
      })
    )
  })

  test("a hue just below 0 is red, not blue", () => {
    const image = rgbFloats([[1, 0, 0]])
    expect(rows(turn(image, scripted(inOrder, -1e-18)))).toEqual([[1, 0, 0]])
  })
})

describe("colorJitter", () => {
  const both = colorJitter({ brightness: 1, contrast: 1 })

  test("draws the order first, then the amounts in an order of their own", () => {
    // Brightness first: 200, 255 with mean 227.5, halved from there. Contrast first: 125, 175, doubled.
    expect(rows(both(gray([100, 200]), scripted([0, 1, 2, 3], 2, 0.5)))).toEqual([[213, 241]])
    expect(rows(both(gray([100, 200]), scripted([3, 1, 2, 0], 2, 0.5)))).toEqual([[250, 255]])
  })

  test("draws the amounts of what is given alone", () => {
    const rng = scripted(inOrder, 0.5, 0, 1)
    colorJitter({ contrast: [0, 1], hue: [0, 0.5] })(pure, rng)
    expect(rng.left).toBe(1)
    const nothing = scripted(inOrder, 1)
    expect(colorJitter({ brightness: 0, contrast: [1, 1], hue: 0 })(pure, nothing)).toEqual(pure)
    expect(nothing.left).toBe(1)
  })

  test("leaves saturation and hue of gray images, but draws them", () => {
    const rng = scripted(inOrder, 0, 0.5)
    const image = gray([1, 2], [3, 4])
    expect(colorJitter({ saturation: 1, hue: 0.5 })(image, rng)).toEqual(image)
    expect(rng.left).toBe(0)
  })

  test("holds all values in range and its input unchanged", () => {
    const wild = colorJitter({ brightness: 5, contrast: 5, saturation: 5, hue: 0.5 })
    fc.assert(
      fc.property(images, fc.nat(), (image, seed) => {
        const before = image.data.slice()
        const result = wild(image, at(seed))
        expect(result.shape).toEqual(image.shape)
        expect(result.dtype).toBe(image.dtype)
        const bound = result.dtype === "uint8" ? 255 : 1
        expect(result.data.every((value) => value >= 0 && value <= bound)).toBe(true)
        expect(image.data).toEqual(before)
      })
    )
  })

  test("pins its draws", () => {
    const jitter = colorJitter({ brightness: 0.4, contrast: 0.4, saturation: 0.4, hue: 0.1 })
    expect([1, 2].map((seed) => rows(jitter(pure, at(seed))))).toEqual([
      [
        [234, 45, 148, 142, 234, 45],
        [45, 148, 234, 234, 234, 234]
      ],
      [
        [241, 69, 6, 12, 247, 75],
        [65, 2, 237, 255, 255, 255]
      ]
    ])
  })

  test.each([
    ["brightness", () => colorJitter({ brightness: -0.1 }), "-0.1"],
    ["brightness", () => colorJitter({ brightness: [-1, 1] }), "-1"],
    ["contrast", () => colorJitter({ contrast: Number.NaN }), "NaN"],
    ["saturation", () => colorJitter({ saturation: [2, 1] }), "[2,1]"],
    ["hue", () => colorJitter({ hue: 0.6 }), "0.6"],
    ["hue", () => colorJitter({ hue: [-0.6, 0] }), "-0.6"],
    ["channels", () => colorJitter()(make(new Uint8Array(2), [1, 1, 2]), at(1)), "2"]
  ])("refuses %s that cannot be meant", (option, build, shown) => {
    expect(build).toThrow(InvalidOption)
    expect(build).toThrow(option)
    expect(build).toThrow(shown)
  })
})
