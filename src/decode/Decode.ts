/**
 * JPEG, PNG, WebP and whatever else libvips reads, decoded by `sharp`: stages for `Pipeline.mapEffect` and
 * `Pipeline.augmentEffect`, whose `concurrency` says how many images are decoded at once. sharp works on threads of its
 * own, so workers on fibers are enough.
 *
 * sharp is an optional peer dependency and is loaded when the first image is decoded.
 *
 * What comes out is what sharp and its libvips make of a file: the same on Bun and on Deno for one version of it, and
 * not promised from version to version, as other stages' bits are.
 *
 * @since 0.1.0
 */
import { Data, Effect } from "effect"
import type { Sharp, SharpOptions } from "sharp"
import { InvalidOption } from "../InvalidOption.ts"
import type { Rng } from "../seeding/Rng.ts"
import type { Image } from "../stages/image/ImageStage.ts"
import { type RangeOption, type SizeOption, sizeOf } from "../stages/image/Options.ts"
import { notEmpty } from "../stages/image/Resize.ts"
import { cropping } from "../stages/image/ResizedCrop.ts"
import { Tensor } from "../Tensor.ts"

/**
 * An image that cannot be decoded: cut short, of no format that is known, empty, or too large; or there is no decoder.
 *
 * @since 0.1.0
 */
export class DecodeError extends Data.TaggedError("DecodeError")<{
  /** How many bytes there were. */
  readonly bytes: number
  readonly reason: string
}> {
  override get message(): string {
    return `an image of ${this.bytes} bytes cannot be decoded: ${this.reason}`
  }
}

/** What is decoded: a file's bytes, or a record with them in its field `image`. @since 0.1.0 */
export type Encoded = Uint8Array | { readonly image: Uint8Array }

/** A sample with its image decoded. @since 0.1.0 */
export type Decoded<S> = S extends Uint8Array
  ? Image<Uint8Array>
  : { readonly [K in keyof S]: K extends "image" ? Image<Uint8Array> : S[K] }

/** How images are decoded. @since 0.1.0 */
export interface DecodeOptions {
  /** 3 (the default): red, green, blue, whatever the file has. 1: greys. Transparency is dropped. */
  readonly channels?: 1 | 3
  /**
   * Bring the image to this height and width while it is decoded, without regard to its shape. JPEG and WebP are then
   * read at a fraction of their size where that does. Default: the file's own size.
   */
  readonly size?: SizeOption
  /** Images of more pixels are refused. Default 268,402,689, which is sharp's own. */
  readonly maxPixels?: number
}

type Factory = (input: Uint8Array, options?: SharpOptions) => Sharp

let loading: Promise<Factory> | undefined

/** sharp, loaded once. */
const loaded = (bytes: number): Effect.Effect<Factory, DecodeError> =>
  Effect.tryPromise({
    try: () => {
      loading ??= import("sharp").then(({ default: sharp }) => sharp)
      return loading
    },
    catch: (cause) => {
      loading = undefined
      const reason = `sharp, which decodes it, does not load (${said(cause)}); install it with: npm install sharp`
      return new DecodeError({ bytes, reason })
    }
  })

const said = (cause: unknown): string =>
  (cause instanceof Error ? cause.message : String(cause)).split("\n", 1)[0] ?? ""

/**
 * Decodes images to uint8 tensors `[height, width, channels]`, turned upright by what their EXIF says. Of an animation
 * the first picture; 16 bits a value become 8, other colour spaces sRGB.
 *
 * Fails with {@link DecodeError}. Throws `InvalidOption` for options that are not as said; in a run, for a sample that is
 * neither bytes nor a record with bytes in its field `image`.
 *
 * @example
 * import { Dataset, Decode, Image, Pipeline, Sampler } from "furrow"
 *
 * const files = Dataset.make({ name: "photos", size: 1000, get: () => new Uint8Array(0) }) // a file's bytes
 * const photos = Pipeline.from(files).pipe(
 *   Pipeline.sample(Sampler.shuffle),
 *   Pipeline.augmentEffect("decode", Decode.randomResizedCrop({ size: 224 }), { concurrency: 8 }),
 *   Pipeline.augment("flip", Image.randomHorizontalFlip()),
 *   Pipeline.map("normalise", Image.normalise({ mean: 0.5, std: 0.25 })),
 *   Pipeline.batch(64)
 * )
 * console.assert(String(photos).includes("decode"))
 *
 * @since 0.1.0
 */
export const image = (options: DecodeOptions = {}) => {
  const size = options.size === undefined ? undefined : sizeOf("size", options.size)
  const setting = settingOf(options)
  return <S extends Encoded>(sample: S): Effect.Effect<Decoded<S>, DecodeError> =>
    decoded(sample, setting, (own) => {
      const upright = own.autoOrient()
      return size === undefined ? upright : upright.resize({ height: size[0], width: size[1], fit: "fill" })
    })
}

/** How images are decoded, cut and brought to one size. @since 0.1.0 */
export interface RandomResizedCropOptions extends Omit<DecodeOptions, "size"> {
  /** The result's height and width. */
  readonly size: SizeOption
  /** As for `Image.randomResizedCrop`. */
  readonly scale?: RangeOption
  /** As for `Image.randomResizedCrop`. */
  readonly ratio?: RangeOption
}

/**
 * Decodes, cuts a random rectangle and brings it to one size, all inside of libvips: no more of the image than the
 * rectangle is made into pixels of this program, and formats that can be read in part are. Draws what
 * `Image.randomResizedCrop` draws of an image of that size, so the rectangles are the same; the pixels are blended by
 * libvips (Lanczos), not as `Image.randomResizedCrop` blends them.
 *
 * Fails and throws as {@link image} does.
 *
 * @since 0.1.0
 */
export const randomResizedCrop = (options: RandomResizedCropOptions) => {
  const [height, width] = sizeOf("size", options.size)
  const { draw } = cropping(options)
  const setting = settingOf(options)
  return <S extends Encoded>(sample: S, rng: Rng): Effect.Effect<Decoded<S>, DecodeError> =>
    decoded(sample, setting, async (own) => {
      const { autoOrient } = await own.metadata()
      const size = { height: autoOrient.height, width: autoOrient.width, channels: setting.channels }
      notEmpty(size)
      const place = new Float64Array(4)
      draw(rng, size, place)
      const [top = 0, left = 0, high = 0, wide = 0] = place
      return own.autoOrient().extract({ top, left, width: wide, height: high }).resize({ height, width, fit: "fill" })
    })
}

interface Setting {
  readonly channels: 1 | 3
  readonly limit: number | undefined
}

const settingOf = ({ channels = 3, maxPixels }: Omit<DecodeOptions, "size">): Setting => {
  if (channels !== 1 && channels !== 3) {
    throw new InvalidOption({ option: "channels", value: channels, expected: "1 or 3" })
  }
  if (maxPixels !== undefined && !(Number.isSafeInteger(maxPixels) && maxPixels > 0)) {
    throw new InvalidOption({ option: "maxPixels", value: maxPixels, expected: "a whole number above 0" })
  }
  return { channels, limit: maxPixels }
}

/** The bytes of a sample. */
const bytesOf = (sample: Encoded): Uint8Array => {
  if (sample instanceof Uint8Array) return sample
  const bytes: unknown = typeof sample === "object" && sample !== null ? Reflect.get(sample, "image") : undefined
  if (bytes instanceof Uint8Array) return bytes
  const expected = 'the bytes of an image, or a record with them in its field "image"'
  throw new InvalidOption({ option: "the sample to decode", value: sample, expected })
}

const decoded = <S extends Encoded>(
  sample: S,
  { channels, limit }: Setting,
  work: (own: Sharp) => Sharp | Promise<Sharp>
): Effect.Effect<Decoded<S>, DecodeError> =>
  Effect.suspend(() => {
    const bytes = bytesOf(sample)
    const input = limit === undefined ? {} : { limitInputPixels: limit }
    return Effect.flatMap(loaded(bytes.length), (sharp) =>
      Effect.tryPromise({
        try: async () => {
          const made = await work(sharp(bytes, input))
          const { data, info } = await made
            .removeAlpha()
            .toColourspace(channels === 1 ? "b-w" : "srgb")
            .raw({ depth: "uchar" })
            .toBuffer({ resolveWithObject: true })
          // Not Node's kind of array, whose `slice` is another one; without a copy.
          const pixels = new Uint8Array(data.buffer, data.byteOffset, data.byteLength)
          const tensor = new Tensor(pixels, [info.height, info.width, info.channels])
          // The sample has the form that its type says, and only its image is another one now.
          return (sample instanceof Uint8Array ? tensor : { ...sample, image: tensor }) as Decoded<S>
        },
        catch: (cause) => new DecodeError({ bytes: bytes.length, reason: said(cause) })
      })
    )
  })
