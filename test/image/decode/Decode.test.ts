/**
 * Decoding by sharp, of files that sharp makes here.
 */
import { describe, expect, test } from "bun:test"
import { Effect, Layer, Stream } from "effect"
import sharp from "sharp"
import { cropping } from "../../../src/image/ResizedCrop.ts"
import {
  Dataset,
  Decode,
  Image,
  InvalidOption,
  Pipeline,
  Sampler,
  Scheduler,
  SeedPolicy,
  Workers
} from "../../../src/index.ts"
import { at } from "../../support/rng.ts"

const WIDTH = 60
const HEIGHT = 40

/** A picture whose red says where a pixel is across, its green how far down, its blue nothing. */
const picture = Uint8Array.from({ length: WIDTH * HEIGHT * 3 }, (_, place) => {
  const [pixel, channel] = [Math.floor(place / 3), place % 3]
  if (channel === 0) return 4 * (pixel % WIDTH)
  return channel === 1 ? 6 * Math.floor(pixel / WIDTH) : 77
})
const raw = { raw: { width: WIDTH, height: HEIGHT, channels: 3 } } as const
const png = await sharp(picture, raw).png().toBuffer()

type Pixels = Image.Image<Uint8Array>

const run = <A>(effect: Effect.Effect<A, unknown>): Promise<A> => Effect.runPromise(effect)
const failed = (bytes: Uint8Array, options: Decode.DecodeOptions = {}) => run(Effect.flip(Decode.image(options)(bytes)))

const pixel = ({ data, shape: [, width = 0, channels = 0] }: Pixels, row: number, column: number) =>
  Array.from(data.subarray((row * width + column) * channels, (row * width + column + 1) * channels))

describe("an image", () => {
  test("without loss comes out as it went in, from bytes and from a record", async () => {
    const own = await run(Decode.image()(png))
    expect(own.shape).toEqual([HEIGHT, WIDTH, 3])
    expect(own.data).toEqual(picture)
    expect(own.data.constructor).toBe(Uint8Array)
    const record = await run(Decode.image()({ image: png, label: 3 }))
    expect(record.label).toBe(3)
    expect(record.image.data).toEqual(picture)
    const webp = await run(Decode.image()(await sharp(picture, raw).webp({ lossless: true }).toBuffer()))
    expect(webp.data).toEqual(picture)
  })

  test("with loss comes near", async () => {
    const own = await run(Decode.image()(await sharp(picture, raw).jpeg({ quality: 100 }).toBuffer()))
    const off = own.data.map((value, place) => Math.abs(value - (picture[place] ?? 0)))
    expect(Math.max(...off)).toBeLessThan(12)
  })

  test("has the channels that are asked for, whatever the file has", async () => {
    const see = await sharp(picture, raw).ensureAlpha(0.5).png().toBuffer()
    expect((await run(Decode.image()(see))).shape).toEqual([HEIGHT, WIDTH, 3])
    const gray = await sharp(picture, raw).grayscale().png().toBuffer()
    const wide = await run(Decode.image()(gray))
    expect(wide.shape).toEqual([HEIGHT, WIDTH, 3])
    const [red, green, blue] = pixel(wide, 20, 30)
    expect([green, blue]).toEqual([red, red])
    const narrow = await run(Decode.image({ channels: 1 })(png))
    expect(narrow.shape).toEqual([HEIGHT, WIDTH, 1])
    expect(narrow.data).toHaveLength(HEIGHT * WIDTH)
  })

  test("of 16 bits, or in CMYK, becomes 8 bits of sRGB", async () => {
    const deep = await sharp(picture, raw).toColourspace("rgb16").png().toBuffer()
    const own = await run(Decode.image()(deep))
    expect(own.shape).toEqual([HEIGHT, WIDTH, 3])
    expect(pixel(own, 20, 30)).toEqual([120, 120, 77])
    const inks = await sharp(picture, raw).toColourspace("cmyk").jpeg().toBuffer()
    expect((await run(Decode.image()(inks))).shape).toEqual([HEIGHT, WIDTH, 3])
  })

  test("lies as its EXIF says", async () => {
    const turned = await sharp(picture, raw).png().withMetadata({ orientation: 6 }).toBuffer()
    const own = await run(Decode.image()(turned))
    expect(own.shape).toEqual([WIDTH, HEIGHT, 3])
    // A quarter turn clockwise: what was at the lower left is at the upper left.
    expect(pixel(own, 0, 0)).toEqual([0, 6 * (HEIGHT - 1), 77])
  })

  test("is brought to a size while it is decoded", async () => {
    const own = await run(Decode.image({ size: [10, 12] })(png))
    expect(own.shape).toEqual([10, 12, 3])
    expect(Math.abs((pixel(own, 5, 6)[0] ?? 0) - 4 * 32)).toBeLessThan(8)
    expect((await run(Decode.image({ size: 7 })(png))).shape).toEqual([7, 7, 3])
  })

  test("that cannot be decoded is an error that says why", async () => {
    expect(await failed(new Uint8Array(0))).toMatchObject({ _tag: "DecodeError", bytes: 0 })
    expect(String(await failed(Uint8Array.of(1, 2, 3)))).toContain(
      "not the start of a JPEG, PNG, WebP, GIF or AVIF file"
    )
    const cut = png.subarray(0, png.length / 2)
    expect(await failed(cut)).toMatchObject({ _tag: "DecodeError", bytes: cut.length })
    const broken = Uint8Array.from(png)
    broken.fill(7, 60, 90)
    expect(await failed(broken)).toMatchObject({ _tag: "DecodeError" })
    expect(String(await failed(png, { maxPixels: 100 }))).toContain("more pixels than maxPixels")
  })

  test("options and samples that are none are refused", async () => {
    expect(() => Decode.image({ size: 0 })).toThrow(InvalidOption.InvalidOption)
    expect(() => Decode.image({ channels: 4 as 3 })).toThrow("channels must be 1 or 3")
    expect(() => Decode.image({ maxPixels: 1.5 })).toThrow("maxPixels")
    expect(() => Decode.randomResizedCrop({ size: 8, scale: [0, 1] })).toThrow("scale")
    const none = Decode.image()({ image: "photo.png" } as unknown as Uint8Array)
    expect(String(await run(Effect.sandbox(none).pipe(Effect.flip)))).toContain("the bytes of an image")
  })
})

describe("a crop while it is decoded", () => {
  test("is the rectangle that Image.randomResizedCrop draws, at the size that is asked for", async () => {
    const { draw } = cropping({})
    for (let seed = 0; seed < 20; seed++) {
      const own = await run(Decode.randomResizedCrop({ size: [16, 16] })(png, at(seed)))
      expect(own.shape).toEqual([16, 16, 3])
      const place = new Float64Array(4)
      draw(at(seed), { height: HEIGHT, width: WIDTH, channels: 3 }, place)
      const [top = 0, left = 0, high = 0, wide = 0] = place
      // Red says how far across a pixel is, green how far down: those in the middle, where no edge is near.
      const [red = 0, green = 0] = pixel(own, 8, 8)
      expect(Math.abs(red / 4 - (left + wide * (8.5 / 16) - 0.5))).toBeLessThan(1.5)
      expect(Math.abs(green / 6 - (top + high * (8.5 / 16) - 0.5))).toBeLessThan(1.5)
    }
  })
})

describe("in a pipeline", () => {
  const files = Dataset.make({ name: "files", size: 12, get: () => ({ image: new Uint8Array(png), label: 1 }) })

  const digest = (workers: number) =>
    Effect.gen(function* () {
      const pipeline = Pipeline.from(files).pipe(
        Pipeline.sample(Sampler.shuffle),
        Pipeline.augmentEffect("decode", Decode.randomResizedCrop({ size: 16 }), { concurrency: 3 }),
        Pipeline.batch(5)
      )
      const loader = yield* Scheduler.open(pipeline, { replay: true, epochs: 1, digest: true })
      const shapes = yield* Stream.runCollect(Stream.map(loader.stream, ({ columns }) => columns.image.shape))
      return { digest: yield* loader.digest, shapes: Array.from(shapes) }
    }).pipe(
      Effect.scoped,
      Effect.provide(Layer.merge(SeedPolicy.elastic({ seed: 1 }), Workers.fibers({ workers }))),
      Effect.runPromise
    )

  test("batches are the same for any number of workers, however many images are decoded at once", async () => {
    const one = await digest(1)
    expect(one.shapes).toEqual([
      [5, 16, 16, 3],
      [5, 16, 16, 3],
      [2, 16, 16, 3]
    ])
    expect(await digest(3)).toEqual(one)
  })

  test("an image that cannot be decoded is an error with its place", async () => {
    const broken = Dataset.make({ name: "files", size: 6, get: (index) => (index === 4 ? Uint8Array.of(1) : png) })
    const pipeline = Pipeline.from(broken).pipe(Pipeline.mapEffect("decode", Decode.image()), Pipeline.batch(3))
    const error = await Effect.runPromise(
      Effect.flip(Stream.runDrain(Scheduler.stream(pipeline, { epochs: 1 }))).pipe(
        Effect.provide(Workers.fibers({ workers: 2 }))
      )
    )
    expect(error).toMatchObject({ _tag: "StageError", stage: "decode", sample: 4, batch: 1 })
    expect(error).toMatchObject({ failure: { _tag: "DecodeError", bytes: 1 } })
  })

  test("what is decoded goes on to the image stages, by its type, too", () => {
    const pipeline = Pipeline.from(files).pipe(
      Pipeline.mapEffect("decode", Decode.image({ size: 8 })),
      Pipeline.map("normalize", Image.normalize({ mean: 0.5, std: 0.5 }))
    )
    type Sample = { readonly image: Image.Image<Float32Array>; readonly label: number }
    type Failure = Decode.DecodeError | Decode.DecoderMissing | InvalidOption.InvalidOption
    const typed: Pipeline.Pipeline<Sample, Dataset.DatasetError | Failure> = pipeline
    expect(String(typed)).toContain("decode")
  })
})

test("a decoder that Deno may not load names the permissions, and not the package", () => {
  const denied = Object.assign(new Error("Requires env access"), { name: "NotCapable" })
  const said = (cause: Error) => new Decode.DecoderMissing({ command: "deno add npm:sharp", cause }).message
  expect(said(denied)).toContain("could not be loaded; give Deno --allow-read --allow-env --allow-ffi (")
  expect(said(new Error("Cannot find package"))).toContain("could not be loaded; run `deno add npm:sharp` (")
})
