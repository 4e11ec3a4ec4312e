import { describe, expect, test } from "bun:test"
import * as fc from "fast-check"
import { InvalidOption } from "../../src/core/InvalidOption.ts"
import { randomHorizontalFlip, randomVerticalFlip } from "../../src/image/Image.ts"
import { gray, grayFloats, images, rgb, rows } from "../support/images.ts"
import { at, scripted } from "../support/rng.ts"

const colors = rgb(
  [
    [1, 2, 3],
    [4, 5, 6]
  ],
  [
    [7, 8, 9],
    [10, 11, 12]
  ]
)

describe("randomHorizontalFlip", () => {
  test("swaps left and right, pixels as a whole", () => {
    expect(rows(randomHorizontalFlip()(gray([1, 2, 3], [4, 5, 6]), scripted(1)))).toEqual([
      [3, 2, 1],
      [6, 5, 4]
    ])
    expect(rows(randomHorizontalFlip()(colors, scripted(1)))).toEqual([
      [4, 5, 6, 1, 2, 3],
      [10, 11, 12, 7, 8, 9]
    ])
  })

  test("leaves the image at the other odds", () => {
    expect(randomHorizontalFlip()(colors, scripted(0))).toEqual(colors)
  })
})

describe("randomVerticalFlip", () => {
  test("swaps top and bottom", () => {
    expect(rows(randomVerticalFlip()(grayFloats([0.5, 1], [2, 3], [4, 5]), scripted(1)))).toEqual([
      [4, 5],
      [2, 3],
      [0.5, 1]
    ])
    expect(rows(randomVerticalFlip()(colors, scripted(1)))).toEqual([
      [7, 8, 9, 10, 11, 12],
      [1, 2, 3, 4, 5, 6]
    ])
  })

  test("leaves the image at the other odds", () => {
    expect(randomVerticalFlip()(colors, scripted(0))).toEqual(colors)
  })
})

test.each([
  ["randomHorizontalFlip", randomHorizontalFlip],
  ["randomVerticalFlip", randomVerticalFlip]
] as const)("%s twice is the image", (_, flip) => {
  fc.assert(
    fc.property(images, fc.nat(), (image, seed) => {
      const always = flip({ p: 1 })
      expect(always(always(image, at(seed)), at(seed))).toEqual(image)
      expect(flip({ p: 0 })(image, at(seed))).toEqual(image)
    })
  )
})

test("flips at the odds that it is given", () => {
  const image = gray([0, 1])
  const count = (p: number) =>
    Array.from({ length: 1000 }, (_, seed) => Number(randomHorizontalFlip({ p })(image, at(seed)).data[0])).reduce(
      (sum, one) => sum + one,
      0
    )
  // Six standard deviations: √(1000 · p · (1 − p)) is 13.7 and 9.5.
  expect(Math.abs(count(0.25) - 250)).toBeLessThan(83)
  expect(Math.abs(count(0.9) - 900)).toBeLessThan(57)
})

test("pins its draws", () => {
  const flips = (flip: typeof randomHorizontalFlip) =>
    Array.from({ length: 16 }, (_, seed) => flip()(gray([0, 1], [1, 0]), at(seed)).data[0])
  expect(flips(randomHorizontalFlip)).toEqual([0, 1, 1, 0, 0, 0, 1, 0, 0, 0, 0, 0, 1, 0, 0, 0])
  expect(flips(randomVerticalFlip)).toEqual(flips(randomHorizontalFlip))
})

test.each([-0.1, 1.1, Number.NaN])("refuses the probability %d", (p) => {
  expect(() => randomHorizontalFlip({ p })).toThrow(InvalidOption)
  expect(() => randomVerticalFlip({ p })).toThrow(`p must be a number from 0 to 1, got ${p}`)
})
