import { describe, expect, test } from "bun:test"
import * as fc from "fast-check"
import { InvalidOption } from "../../src/core/InvalidOption.ts"
import { make, Tensor } from "../../src/core/Tensor.ts"
import * as Image from "../../src/image/Image.ts"
import type { Rng } from "../../src/random/Rng.ts"
import { gray, images, rgb, rows } from "../support/images.ts"
import { at, scripted } from "../support/rng.ts"

/** All image stages by their names; each takes images of any size, channels and type. */
const stages = {
  centerCrop: Image.centerCrop({ size: 3 }),
  channelsFirst: Image.channelsFirst,
  colorJitter: Image.colorJitter({ brightness: 0.5, contrast: 0.5, saturation: 0.5, hue: 0.5 }),
  gaussianNoise: Image.gaussianNoise({ sigma: 2 }),
  normalize: Image.normalize({ mean: 0.1, std: 0.3 }),
  pad: Image.pad({ padding: 1, fill: 1 }),
  randomAffine: Image.randomAffine({ degrees: 45, scale: [0.5, 2], shear: 20, interpolation: "bilinear" }),
  randomCrop: Image.randomCrop({ size: 3, padIfNeeded: true }),
  randomErasing: Image.randomErasing({ p: 1, value: "random" }),
  randomHorizontalFlip: Image.randomHorizontalFlip(),
  randomResizedCrop: Image.randomResizedCrop({ size: 3 }),
  randomRotation: Image.randomRotation({ degrees: 90 }),
  randomVerticalFlip: Image.randomVerticalFlip(),
  resize: Image.resize({ size: 3 }),
  toFloat: Image.toFloat
} satisfies Record<string, (sample: Image.Image, rng: Rng) => Image.Image>

/** Their results have the channels first. */
const planar = ["channelsFirst"]

const toFloats = ["normalize", "toFloat"]

test("all stages of the module are under test here", () => {
  // The others are no stages, or stages on batches.
  const others = ["cutMix", "custom", "kernelMemory", "mixup", "on"]
  const functions = Object.keys(Image).filter((name) => !others.includes(name))
  expect(functions.toSorted()).toEqual(Object.keys(stages))
})

describe.each(Object.entries(stages))("%s", (name, stage) => {
  test("gives finite values of the type that it says, and leaves its input", () => {
    fc.assert(
      fc.property(images, fc.nat(), (image, seed) => {
        const before = image.data.slice()
        const result = stage(image, at(seed))
        expect(result.dtype).toBe(toFloats.includes(name) ? "float32" : image.dtype)
        expect(result.shape).toHaveLength(3)
        expect(result.shape[planar.includes(name) ? 0 : 2]).toBe(image.shape[2])
        expect(result.data).toHaveLength(result.shape.reduce((product, axis) => product * axis, 1))
        expect(result.data.every((value) => Number.isFinite(value))).toBe(true)
        expect(result.data.buffer === image.data.buffer).toBe(false)
        expect(image.data).toEqual(before)
      })
    )
  })

  test("gives the same for the same seed, as an image and in a record", () => {
    fc.assert(
      fc.property(images, fc.nat(), (image, seed) => {
        const label = { digit: 7 }
        const record = { image, label, weight: 0.5 }
        const result = stage(record, at(seed))
        expect(result.image).toEqual(stage(image, at(seed)))
        expect(Object.keys(result)).toEqual(["image", "label", "weight"])
        expect(result.label).toBe(label)
        expect(result.weight).toBe(0.5)
        expect(record.image).toBe(image)
      })
    )
  })

  test("takes an image without an axis of channels for one of one channel", () => {
    const image = make(Uint8Array.of(10, 20, 30, 40), [2, 2])
    expect(stage(image, at(5))).toEqual(stage(make(image.data, [2, 2, 1]), at(5)))
  })

  test("refuses what is no image", () => {
    const bad = [make(new Uint8Array(4), [4]), make(new Uint8Array(4), [1, 2, 2, 1]), make(new Int8Array(4), [2, 2, 1])]
    // These are no images, which is what is tested.
    for (const image of bad as Array<Image.Image>) expect(() => stage(image, at(1))).toThrow(InvalidOption)
    // @ts-expect-error: nor is this.
    expect(() => stage({ photo: gray([1]) }, at(1))).toThrow(
      'an image tensor, or a record with one in its field "image"; for its field "photo" write Image.on("photo", stage), got'
    )
    // @ts-expect-error: nor is this.
    expect(() => stage({ photo: Uint8Array.of(1) }, at(1))).toThrow('one in its field "image", got')
  })
})

describe("on", () => {
  test("works on another field and leaves all others", () => {
    const sample = { left: gray([1, 2]), right: gray([3, 4]), image: gray([5, 6]) }
    const result = Image.on("right", Image.randomHorizontalFlip())(sample, scripted(1))
    expect(rows(result.right)).toEqual([[4, 3]])
    expect(result.left).toBe(sample.left)
    expect(result.image).toBe(sample.image)
    expect(Image.on("left", Image.pad({ padding: [1, 0] }))(sample).left).toEqual(gray([0, 1, 2, 0]))
    expect(Image.on("left", Image.toFloat)(sample).left.dtype).toBe("float32")
  })

  test("refuses a function that is no image stage", () => {
    const other = <S>(sample: S): S => sample
    expect(() => Image.on("left", other)).toThrow(InvalidOption)
  })

  test("names the field that holds no image", () => {
    // @ts-expect-error: no image.
    expect(() => Image.on("left", Image.toFloat)({ left: 1 })).toThrow('"left"')
  })
})

test("one pipeline of all kinds, pinned", () => {
  const photo = rgb(
    [
      [255, 0, 0],
      [0, 255, 0],
      [0, 0, 255]
    ],
    [
      [10, 20, 30],
      [100, 110, 120],
      [200, 210, 220]
    ],
    [
      [255, 255, 0],
      [0, 255, 255],
      [255, 0, 255]
    ]
  )
  const drawing = [
    stages.randomAffine,
    stages.randomResizedCrop,
    stages.randomHorizontalFlip,
    stages.colorJitter,
    Image.gaussianNoise({ sigma: 0.05 }),
    Image.randomErasing({ value: "random" })
  ]
  const result = drawing.reduce<Image.Image>((image, stage, place) => stage(image, at(place)), photo)
  expect(result).toBeInstanceOf(Tensor)
  expect(rows(result)).toEqual([
    [131, 240, 108, 132, 180, 86, 137, 84, 49],
    [112, 197, 113, 135, 159, 120, 130, 98, 57],
    [133, 146, 170, 121, 139, 141, 88, 108, 92]
  ])
})
