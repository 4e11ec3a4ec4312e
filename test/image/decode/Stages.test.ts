/**
 * Image files of all kinds, sound and broken, against the pixels that they were made from.
 */
import { beforeAll, describe, expect, test } from "bun:test"
import { Effect, Either } from "effect"
import * as fc from "fast-check"
import sharp, { type Sharp } from "sharp"
import { InvalidOption } from "../../../src/core/InvalidOption.ts"
import type { Tensor } from "../../../src/core/Tensor.ts"
import * as Decode from "../../../src/image/decode/Decode.ts"
import { fileOf, HEIGHT, picture, pixels, WIDTH } from "../../support/pictures.ts"

const decoded = (bytes: Uint8Array, options?: Decode.DecodeOptions): Promise<Tensor<Uint8Array>> =>
  Effect.runPromise(Decode.image(options)(bytes))

const failure = async (bytes: Uint8Array, options?: Decode.DecodeOptions): Promise<Decode.DecodeError> => {
  const result = await Effect.runPromise(Effect.either(Decode.image(options)(bytes)))
  if (Either.isRight(result)) throw new Error(`decoded to ${result.right}`)
  expect(result.left).toBeInstanceOf(Decode.DecodeError)
  return result.left as Decode.DecodeError // as the line above has it
}

/** The largest and the mean distance of two images. */
const distance = (one: Uint8Array, other: Uint8Array): { readonly most: number; readonly mean: number } => {
  expect(one.length).toBe(other.length)
  let [most, sum] = [0, 0]
  one.forEach((value, at) => {
    const apart = Math.abs(value - (other[at] ?? 0))
    most = Math.max(most, apart)
    sum += apart
  })
  return { most, mean: sum / one.length }
}

describe("files without loss come back to the bit", () => {
  test.each([
    ["PNG", () => picture().png()],
    ["PNG, interlaced", () => picture().png({ progressive: true })],
    ["PNG of 16 bits", () => picture().toColourspace("rgb16").png()],
    ["PNG, opaque by its alpha", () => picture().ensureAlpha(1).png()],
    ["WebP", () => picture().webp({ lossless: true })]
  ] as const)("%s", async (_, encoder) => {
    const image = await decoded(await fileOf(encoder()))
    expect(image.shape).toEqual([HEIGHT, WIDTH, 3])
    expect(image.dtype).toBe("uint8")
    expect(image.data.constructor).toBe(Uint8Array)
    expect(image.data).toEqual(pixels())
  })
})

describe("files with loss come back near", () => {
  test.each([
    ["JPEG", 6, () => picture().jpeg({ quality: 95 })],
    ["JPEG, progressive", 6, () => picture().jpeg({ quality: 95, progressive: true })],
    ["JPEG in CMYK, by way of its profile", 40, () => picture().toColourspace("cmyk").jpeg({ quality: 95 })],
    ["WebP", 12, () => picture().webp({ quality: 95 })],
    ["AVIF", 12, () => picture().avif({ quality: 95 })],
    ["GIF, of a palette", 24, () => picture().gif()],
    ["PNG of a palette", 24, () => picture().png({ palette: true })],
    ["PNG in another color space, by its profile", 2, () => picture().withIccProfile("p3").png()]
  ] as const)("%s", async (_, most, encoder) => {
    const image = await decoded(await fileOf(encoder()))
    expect(image.shape).toEqual([HEIGHT, WIDTH, 3])
    expect(distance(image.data, pixels()).most).toBeLessThanOrEqual(most)
  })
})

describe("channels", () => {
  test("gray files have three equal ones, of 8 bits and of 16", async () => {
    for (const space of ["b-w", "grey16"]) {
      const image = await decoded(await fileOf(picture().grayscale().toColourspace(space).png()))
      expect(image.shape).toEqual([HEIGHT, WIDTH, 3])
      expect(image.data.every((value, at) => value === image.data[at - (at % 3)])).toBe(true)
    }
  })

  test("one is Pillow's luma: (19595 R + 38470 G + 7471 B + 2^15) / 2^16", async () => {
    // Pure red, green, blue, white, and a mixture, as Pillow's convert("L") has them.
    const colors = [255, 0, 0, 0, 255, 0, 0, 0, 255, 255, 255, 255, 10, 100, 200]
    const file = await fileOf(sharp(Uint8Array.from(colors), { raw: { width: 5, height: 1, channels: 3 } }).png())
    const image = await decoded(file, { channels: 1 })
    expect(image.shape).toEqual([1, 5, 1])
    expect(Array.from(image.data)).toEqual([76, 150, 29, 255, 84])
  })

  test("one of a gray file is the gray it holds", async () => {
    const gray = Uint8Array.from({ length: 256 }, (_, at) => at)
    const encoder = sharp(gray, { raw: { width: 16, height: 16, channels: 1 } }).toColourspace("b-w")
    expect((await decoded(await fileOf(encoder.png()), { channels: 1 })).data).toEqual(gray)
  })

  test("what is transparent lies over the background, black if none is named", async () => {
    const clear = await fileOf(picture().ensureAlpha(0).png())
    expect((await decoded(clear)).data.every((value) => value === 0)).toBe(true)
    expect((await decoded(clear, { background: 255 })).data.every((value) => value === 255)).toBe(true)
    const colored = await decoded(clear, { background: [1, 2, 3] })
    expect(Array.from(colored.data.subarray(0, 6))).toEqual([1, 2, 3, 1, 2, 3])
    const grayAndClear = await fileOf(picture().grayscale().ensureAlpha(0).png())
    expect(Array.from((await decoded(grayAndClear, { background: 9 })).data.subarray(0, 3))).toEqual([9, 9, 9])
  })
})

describe("images that EXIF turns", () => {
  // A corner of one color: where it lies tells all eight apart, with the shape.
  const corner = (): Sharp => {
    const data = new Uint8Array(4 * 6 * 3)
    data.fill(255, 0, 3)
    return sharp(data, { raw: { width: 6, height: 4, channels: 3 } })
  }

  test.each([
    [1, [4, 6], 0, 0],
    [2, [4, 6], 0, 5],
    [3, [4, 6], 3, 5],
    [4, [4, 6], 3, 0],
    [5, [6, 4], 0, 0],
    [6, [6, 4], 0, 3],
    [7, [6, 4], 5, 3],
    [8, [6, 4], 5, 0]
  ] as const)("stand upright: orientation %d", async (orientation, shape, y, x) => {
    const file = await fileOf(corner().withMetadata({ orientation }).png())
    const upright = await decoded(file)
    expect(upright.shape).toEqual([...shape, 3])
    expect(upright.data.indexOf(255)).toBe((y * shape[1] + x) * 3)
    const asIs = await decoded(file, { orient: false })
    expect(asIs.shape).toEqual([4, 6, 3])
    expect(asIs.data.indexOf(255)).toBe(0)
  })
})

test("an animation is its first frame", async () => {
  const frames = await Promise.all(
    [10, 200].map((gray) =>
      sharp(new Uint8Array(48).fill(gray), { raw: { width: 4, height: 4, channels: 3 } })
        .png()
        .toBuffer()
    )
  )
  for (const kind of ["gif", "webp"] as const) {
    const both = sharp(frames, { join: { animated: true } })
    const file = await fileOf(kind === "gif" ? both.gif() : both.webp({ lossless: true }))
    expect((await sharp(file).metadata()).pages).toBe(2)
    const image = await decoded(file)
    expect(image.shape).toEqual([4, 4, 3])
    expect(image.data.every((value) => value === 10)).toBe(true)
  }
})

describe("a size", () => {
  let jpeg: Uint8Array = new Uint8Array(0)
  beforeAll(async () => {
    jpeg = await fileOf(picture(320, 480).jpeg({ quality: 90 }))
  })

  test("is that of the result, height first; one number is both", async () => {
    expect((await decoded(jpeg, { size: [20, 30] })).shape).toEqual([20, 30, 3])
    expect((await decoded(jpeg, { size: 24, channels: 1 })).shape).toEqual([24, 24, 1])
    expect((await decoded(jpeg, { size: [400, 500] })).shape).toEqual([400, 500, 3])
    expect((await decoded(jpeg, { size: [1, 1] })).shape).toEqual([1, 1, 3])
  })

  test.each(["nearest", "bilinear", "bicubic", "lanczos"] as const)(
    "without shrinking on load it is decode, then resize, to the bit: %s",
    async (interpolation) => {
      const kernel = { nearest: "nearest", bilinear: "linear", bicubic: "cubic", lanczos: "lanczos3" } as const
      const whole = await decoded(jpeg)
      const after = await sharp(whole.data, { raw: { width: 480, height: 320, channels: 3 } })
        .resize(50, 40, { fit: "fill", kernel: kernel[interpolation] })
        .raw()
        .toBuffer()
      const { data } = await decoded(jpeg, { size: [40, 50], interpolation, shrinkOnLoad: false })
      expect(data).toEqual(new Uint8Array(after))
    }
  )

  test("with shrinking on load it is near that", async () => {
    const fast = await decoded(jpeg, { size: [40, 60] })
    const slow = await decoded(jpeg, { size: [40, 60], shrinkOnLoad: false })
    expect(fast.data).not.toEqual(slow.data)
    expect(distance(fast.data, slow.data).mean).toBeLessThan(2)
  })

  test("with `cover` is filled from the middle, in the image's own proportions", async () => {
    // Left third black, middle third white, right third black.
    const data = new Uint8Array(30 * 90 * 3)
    for (let row = 0; row < 30; row++) data.fill(255, (row * 90 + 30) * 3, (row * 90 + 60) * 3)
    const file = await fileOf(sharp(data, { raw: { width: 90, height: 30, channels: 3 } }).png())
    const middle = await decoded(file, { size: 30, fit: "cover" })
    expect(middle.data.every((value) => value === 255)).toBe(true)
    const all = await decoded(file, { size: 30, interpolation: "nearest" })
    expect(all.data.filter((value) => value === 255).length).toBe(30 * 10 * 3)
  })
})

test("bytes are taken from the middle of a buffer, and of one that threads share", async () => {
  const file = await fileOf(picture().png())
  for (const buffer of [new ArrayBuffer(file.length + 9), new SharedArrayBuffer(file.length + 9)]) {
    const bytes = new Uint8Array(buffer, 5, file.length)
    bytes.set(file)
    expect((await decoded(bytes)).data).toEqual(pixels())
    expect(bytes).toEqual(file)
  }
})

describe("bytes that are no sound image", () => {
  test("nothing at all", async () => {
    const error = await failure(new Uint8Array(0))
    expect(error.format).toBeUndefined()
    expect(error.message).toBe("0 bytes cannot be decoded: they are empty; fetch the file again, or leave it out")
  })

  test.each([
    ["text", new TextEncoder().encode("<html>not found</html>"), "3c 68 74 6d"],
    ["SVG", new TextEncoder().encode("<svg xmlns='http://www.w3.org/2000/svg' width='4' height='4'/>"), "3c 73 76 67"],
    ["one byte", Uint8Array.of(0xff), "ff"],
    ["TIFF", Uint8Array.of(0x49, 0x49, 0x2a, 0, 8, 0, 0, 0), "49 49 2a 00"]
  ] as const)("%s", async (_, bytes, begin) => {
    const error = await failure(bytes)
    expect(error.format).toBeUndefined()
    expect(error.reason).toContain(`they begin with ${begin} (hexadecimal)`)
  })

  test.each([
    ["JPEG", () => picture().jpeg()],
    ["PNG", () => picture().png()],
    ["WebP", () => picture().webp()],
    ["GIF", () => picture().gif()],
    ["AVIF", () => picture().avif()]
  ] as const)("%s cut short, wherever", async (format, encoder) => {
    const file = await fileOf(encoder())
    for (const share of [0.05, 0.3, 0.6, 0.9]) {
      const error = await failure(file.slice(0, Math.max(Math.floor(file.length * share), 16)), { lenient: true })
      expect(error.format).toBe(format)
      expect(error.reason).toContain("corrupt or cut short")
      expect(error.message).not.toContain("\n")
    }
  })

  test("a PNG with one byte changed, which its checksum finds", async () => {
    const file = await fileOf(picture().png())
    const middle = file.length >> 1
    file[middle] = (file[middle] ?? 0) ^ 0x55
    expect((await failure(file)).format).toBe("PNG")
  })

  test("a JPEG with stray bytes is refused, or taken when asked for", async () => {
    const file = await fileOf(picture().jpeg({ quality: 95 }))
    const stray = new Uint8Array(file.length + 5)
    // Behind the first segment, before the next marker.
    const at = 4 + ((file[4] ?? 0) << 8) + (file[5] ?? 0)
    stray.set(file.subarray(0, at))
    stray.set(file.subarray(at), at + 5)
    expect((await failure(stray)).reason).toContain("extraneous bytes")
    expect((await decoded(stray, { lenient: true })).data).toEqual((await decoded(file)).data)
  })

  test("whatever follows a format's first bytes is an image or a DecodeError", async () => {
    const begins = [[0xff, 0xd8, 0xff, 0xe0], [0x89, 0x50, 0x4e, 0x47, 13, 10, 26, 10], [...Buffer.from("GIF89a")]]
    await fc.assert(
      fc.asyncProperty(fc.constantFrom(...begins), fc.uint8Array({ maxLength: 60 }), async (begin, rest) => {
        const result = await Effect.runPromise(Effect.either(Decode.image()(Uint8Array.from([...begin, ...rest]))))
        if (Either.isLeft(result)) expect(result.left._tag).toBe("DecodeError")
      }),
      { numRuns: 60 }
    )
  })

  test("more pixels than are allowed", async () => {
    const file = await fileOf(picture().png())
    expect((await failure(file, { maxPixels: HEIGHT * WIDTH - 1 })).reason).toContain("more pixels than maxPixels")
    expect((await decoded(file, { maxPixels: HEIGHT * WIDTH })).shape).toEqual([HEIGHT, WIDTH, 3])
  })
})

// What callers without types could pass.
const options = (value: object): Decode.DecodeOptions => value as Decode.DecodeOptions

test.each([
  [{ size: 0 }, "size"],
  [{ size: [2.5, 4] }, "size"],
  [{ size: [1, 2, 3] }, "size"],
  [{ channels: 4 }, "channels"],
  [{ fit: "contain" }, "fit"],
  [{ interpolation: "area" }, "interpolation"],
  [{ background: 256 }, "background"],
  [{ background: [0, 0] }, "background"],
  [{ orient: "yes" }, "orient"],
  [{ lenient: 1 }, "lenient"],
  [{ shrinkOnLoad: 0 }, "shrinkOnLoad"],
  [{ maxPixels: 0 }, "maxPixels"],
  [{ concurrency: 0 }, "concurrency"],
  [{ concurrency: 1.5 }, "concurrency"],
  [{ field: "" }, "field"]
] as const)("refuses %j", (given, option) => {
  for (const stage of [Decode.image, Decode.randomResizedCrop]) {
    if ("fit" in given && stage === Decode.randomResizedCrop) continue
    let thrown: unknown
    try {
      stage({ size: 4, ...options(given) })
    } catch (error) {
      thrown = error
    }
    expect(thrown).toBeInstanceOf(InvalidOption)
    expect((thrown as InvalidOption).option).toBe(option) // as the line above has it
  }
})

test("refuses interpolations that are not Image's where antialiasing is off", () => {
  const stage = () => Decode.randomResizedCrop({ size: 4, antialias: false, interpolation: "lanczos" })
  expect(stage).toThrow('interpolation must be "bilinear" or "nearest" where antialias is false, got "lanczos"')
  expect(() => Decode.randomResizedCrop({ size: 4, ...options({ antialias: 1 }) })).toThrow("antialias must be")
})
