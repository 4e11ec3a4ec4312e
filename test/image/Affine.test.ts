import { describe, expect, test } from "bun:test"
import * as fc from "fast-check"
import { InvalidOption } from "../../src/core/InvalidOption.ts"
import { randomAffine, randomRotation } from "../../src/image/Image.ts"
import { gray, grayFloats, images, rgb, rows } from "../support/images.ts"
import { at, scripted } from "../support/rng.ts"

const square = gray([1, 2, 3], [4, 5, 6], [7, 8, 9])

describe("randomRotation", () => {
  test.each(["nearest", "bilinear"] as const)("turns by a quarter counter-clockwise, %s", (interpolation) => {
    const turn = randomRotation({ degrees: 180, interpolation })
    expect(rows(turn(square, scripted(90)))).toEqual([
      [3, 6, 9],
      [2, 5, 8],
      [1, 4, 7]
    ])
    expect(rows(turn(square, scripted(180)))).toEqual([
      [9, 8, 7],
      [6, 5, 4],
      [3, 2, 1]
    ])
    expect(rows(turn(square, scripted(-90)))).toEqual([
      [7, 4, 1],
      [8, 5, 2],
      [9, 6, 3]
    ])
  })

  test("turns images of even sides and of color by exact quarters too", () => {
    const turn = randomRotation({ degrees: [0, 720], interpolation: "bilinear" })
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
    expect(rows(turn(image, scripted(450)))).toEqual([
      [4, 5, 6, 10, 11, 12],
      [1, 2, 3, 7, 8, 9]
    ])
  })

  test("fills the corners", () => {
    // 45° puts the corners of the result at √2 from the middle along an axis: nearest is the pixel at 1, fill beyond 1.5.
    const turn = randomRotation({ degrees: 45, fill: 200 })
    expect(rows(turn(square, scripted(45)))).toEqual([
      [2, 3, 6],
      [1, 5, 9],
      [4, 7, 8]
    ])
    const wide = gray([1, 2, 3, 4, 5])
    expect(rows(turn(wide, scripted(45)))).toEqual([[200, 200, 3, 200, 200]])
  })

  test("turns about another point", () => {
    // About the center of the upper left pixel: row r, column c of the result is row c, column −r of the image.
    const turn = randomRotation({ degrees: 90, center: [0.5, 0.5], fill: 100, interpolation: "bilinear" })
    expect(rows(turn(square, scripted(90)))).toEqual([
      [1, 4, 7],
      [100, 100, 100],
      [100, 100, 100]
    ])
  })

  test("turns about a point of an image that is no square", () => {
    const turn = randomRotation({ degrees: 90, center: [0.5, 0.5], fill: 100 })
    // As above; there is no row 2 for the last column.
    expect(rows(turn(gray([1, 2, 3], [4, 5, 6]), scripted(90)))).toEqual([
      [1, 4, 100],
      [100, 100, 100]
    ])
  })

  test("turns about a corner", () => {
    // About (0, 0) a quarter turn brings the pixel center (x, y) to (y, −x): out of the image, all of it.
    const turn = randomRotation({ degrees: 90, center: [0, 0], fill: 9 })
    expect(rows(turn(gray([1, 2], [3, 4]), scripted(90)))).toEqual([
      [9, 9],
      [9, 9]
    ])
  })

  test("leaves the image as it is at 0°", () => {
    fc.assert(
      fc.property(images, fc.constantFrom("nearest", "bilinear"), (image, interpolation) => {
        const turned = randomRotation({ degrees: 30, interpolation })(image, scripted(0))
        expect(turned).toEqual(image)
        expect(turned.data).not.toBe(image.data)
      })
    )
  })

  test("pins its draws", () => {
    const turn = randomRotation({ degrees: 30, interpolation: "bilinear" })
    expect(rows(turn(gray([0, 50, 100], [150, 200, 250], [25, 75, 125]), at(1)))).toEqual([
      [36, 42, 64],
      [117, 200, 207],
      [31, 94, 125]
    ])
  })
})

describe("randomAffine", () => {
  test("moves by whole pixels, to the right and down", () => {
    const move = randomAffine({ degrees: 0, translate: [0.5, 0.5], fill: 7 })
    // Draws: the angle, x, y. ±1.5 pixels at most; 0.6 is rounded to 1, 0.5 to 0 (half to even).
    expect(rows(move(square, scripted(0, 0.6, 0.5)))).toEqual([
      [7, 1, 2],
      [7, 4, 5],
      [7, 7, 8]
    ])
    expect(rows(move(square, scripted(0, -0.6, -1.2)))).toEqual([
      [5, 6, 7],
      [8, 9, 7],
      [7, 7, 7]
    ])
  })

  test("turns clockwise", () => {
    expect(rows(randomAffine({ degrees: 90 })(square, scripted(90)))).toEqual([
      [7, 4, 1],
      [8, 5, 2],
      [9, 6, 3]
    ])
  })

  test("scales about the middle", () => {
    const grow = randomAffine({ degrees: 0, scale: [0.5, 2], interpolation: "bilinear" })
    // Twice the size: the pixel one off the middle is read half a pixel off it.
    expect(rows(grow(grayFloats([0, 2, 4], [6, 8, 10], [12, 14, 16]), scripted(0, 2)))).toEqual([
      [4, 5, 6],
      [7, 8, 9],
      [10, 11, 12]
    ])
    // Half the size: it is read two pixels off.
    const shrink = randomAffine({ degrees: 0, scale: [0.5, 2], fill: 1 })
    expect(rows(shrink(square, scripted(0, 0.5)))).toEqual([
      [1, 1, 1],
      [1, 5, 1],
      [1, 1, 1]
    ])
  })

  test("shears along x: rows move by tan of the angle for each pixel from the middle", () => {
    // The inverse of [[1, −tan p], [0, 1]] reads at x + y·tan p: with 45° the upper row one to the left.
    const shear = randomAffine({ degrees: 0, shear: 45 })
    expect(rows(shear(square, scripted(0, 45)))).toEqual([
      [0, 1, 2],
      [4, 5, 6],
      [8, 9, 0]
    ])
  })

  test("shears along y", () => {
    // A = 1, B = 0, C = −tan q, D = 1: read at y + x·tan q.
    const shear = randomAffine({ degrees: 0, shear: [0, 0, -45, 45] })
    expect(rows(shear(square, scripted(0, 0, 45)))).toEqual([
      [0, 2, 6],
      [1, 5, 9],
      [4, 8, 0]
    ])
  })

  test("takes the fill's share of a blend", () => {
    // Half a pixel to the right cannot be drawn, so half the size on an even image: places −0.5, 1.5 of 2 pixels.
    const shrink = randomAffine({ degrees: 0, scale: [0.5, 1], fill: 0.25, interpolation: "bilinear" })
    expect(rows(shrink(grayFloats([1, 1], [1, 1]), scripted(0, 0.5)))).toEqual([
      [0.4375, 0.4375],
      [0.4375, 0.4375]
    ])
    // uint8: 100/4 + 3·31/4 = 48.25; 101/4 + 3·31/4 = 48.5, rounded up.
    const bytes = randomAffine({ degrees: 0, scale: [0.5, 1], fill: 31, interpolation: "bilinear" })
    expect(rows(bytes(gray([100, 101], [100, 101]), scripted(0, 0.5)))).toEqual([
      [48, 49],
      [48, 49]
    ])
  })

  test("draws only what is asked for", () => {
    const rng = scripted(0, 0, 0, 1, 0, 0)
    const all = randomAffine({ degrees: 1, translate: [1, 1], scale: [1, 2], shear: [-1, 1, -1, 1] })
    expect(all(square, rng)).toEqual(square)
    expect(rng.left).toBe(0)
    const angle = scripted(0, 0)
    randomAffine({ degrees: 1 })(square, angle)
    expect(angle.left).toBe(1)
  })

  test("keeps to the range of the image and the fill, whatever is drawn", () => {
    fc.assert(
      fc.property(images, fc.nat(), fc.constantFrom("nearest", "bilinear"), (image, seed, interpolation) => {
        const wild = randomAffine({
          degrees: 360,
          translate: [1, 1],
          scale: [0.01, 50],
          shear: [-89, 89, -89, 89],
          interpolation
        })
        const before = image.data.slice()
        const result = wild(image, at(seed))
        expect(result.shape).toEqual(image.shape)
        expect(result.dtype).toBe(image.dtype)
        const most = Math.max(...before)
        for (const value of result.data) expect(value >= 0 && value <= most).toBe(true)
        expect(image.data).toEqual(before)
      })
    )
  })

  test("pins its draws", () => {
    const wobble = randomAffine({
      degrees: 10,
      translate: [0.1, 0.1],
      scale: [0.9, 1.1],
      shear: 5,
      interpolation: "bilinear"
    })
    expect(rows(wobble(gray([0, 50, 100], [150, 200, 250], [25, 75, 125]), at(1)))).toEqual([
      [4, 54, 91],
      [131, 200, 230],
      [27, 66, 104]
    ])
  })
})

describe("options that cannot be meant", () => {
  test.each([
    ["degrees", () => randomAffine({ degrees: -1 }), "-1"],
    ["degrees", () => randomAffine({ degrees: Number.NaN }), "NaN"],
    ["degrees", () => randomRotation({ degrees: [10, -10] }), "[10,-10]"],
    ["degrees", () => randomRotation({ degrees: Number.POSITIVE_INFINITY }), "Infinity"],
    ["translate", () => randomAffine({ degrees: 0, translate: [0, 1.5] }), "1.5"],
    ["scale", () => randomAffine({ degrees: 0, scale: [0, 1] }), "[0,1]"],
    ["scale", () => randomAffine({ degrees: 0, scale: [2, 1] }), "[2,1]"],
    ["shear", () => randomAffine({ degrees: 0, shear: 90 }), "90"],
    ["shear", () => randomAffine({ degrees: 0, shear: [0, 1, 3, 2] }), "[3,2]"],
    ["center", () => randomRotation({ degrees: 0, center: [Number.NaN, 0] }), "NaN"],
    ["fill", () => randomRotation({ degrees: 0, fill: [] }), "[]"],
    ["fill", () => randomRotation({ degrees: 0, fill: [1, 2, 3] })(square, scripted(0)), "[1,2,3]"],
    // @ts-expect-error: no such interpolation.
    ["interpolation", () => randomAffine({ degrees: 0, interpolation: "cubic" }), '"cubic"']
  ])("%s", (option, build, shown) => {
    expect(build).toThrow(InvalidOption)
    expect(build).toThrow(new RegExp(`^${option} .*${shown.replace(/[[\]]/g, "\\$&")}`))
  })
})
