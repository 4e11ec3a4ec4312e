/**
 * Stages that decode, for `Pipeline.mapEffect` and `Pipeline.augmentEffect`.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import { InvalidOption } from "../../core/InvalidOption.ts"
import { optionsOf, truth } from "../../core/Options.ts"
import { declare } from "../../core/Parameters.ts"
import type { Tensor } from "../../core/Tensor.ts"
import type { Rng } from "../../random/Rng.ts"
import type { Image } from "../ImageStage.ts"
import { oneOf, type RangeOption, type SizeOption, sizeOf } from "../Options.ts"
import type { Rectangle } from "../Pixels.ts"
import { resize } from "../Resize.ts"
import { cropping } from "../ResizedCrop.ts"
import type { DecodeError, DecoderMissing } from "./DecodeError.ts"
import { type Header, header, part, type Shape, shrunkPart, whole } from "./Library.ts"
import {
  type Interpolation,
  kernelOf,
  READING,
  type ReadingOptions,
  readingOf,
  STAGE,
  type StageOptions,
  stageOf
} from "./Options.ts"

/**
 * What a decoding stage takes: the bytes of an image file, or a record with them in its field.
 *
 * @category models
 * @since 0.1.0
 */
export type Encoded<F extends string = "image"> = Uint8Array | { readonly [K in F]: Uint8Array }

/**
 * The sample with the image instead of its bytes: `[height, width, channels]` uint8.
 *
 * @category models
 * @since 0.1.0
 */
export type Decoded<S, F extends string = "image"> = S extends Uint8Array
  ? Image<Uint8Array>
  : { readonly [K in keyof S]: K extends F ? Image<Uint8Array> : S[K] }

/** How images are decoded. @category options @since 0.1.0 */
export interface DecodeOptions<F extends string = "image"> extends ReadingOptions, StageOptions<F> {
  /** The result's height and width; one number is both. Default: as the image has them. */
  readonly size?: SizeOption
  /** `"fill"`: all of the image, whatever becomes of its shape. `"cover"`: the middle that has the shape of `size`. */
  readonly fit?: "fill" | "cover"
  /** Default `"bilinear"`. */
  readonly interpolation?: Interpolation
  /**
   * Let the decoder read a JPEG at a half, a fourth or an eighth as far as `size` allows. `false`: decode all of it and
   * resize then, slower, to the bits of the two done one after the other. Default `true`.
   */
  readonly shrinkOnLoad?: boolean
}

/** How images are decoded, cut and brought to one size. @category options @since 0.1.0 */
export interface RandomResizedCropOptions<F extends string = "image"> extends ReadingOptions, StageOptions<F> {
  /** The result's height and width. */
  readonly size: SizeOption
  /** The range of the crop's share of the image's area, above 0. Default `[0.08, 1]`. */
  readonly scale?: RangeOption
  /** The range of the crop's width over its height, above 0. Default `[3 / 4, 4 / 3]`. */
  readonly ratio?: RangeOption
  /** Default `"bilinear"`. */
  readonly interpolation?: Interpolation
  /**
   * Take all pixels into account where the crop shrinks. `false`: blend four, or take one, as `Image.randomResizedCrop`
   * does and to the same bits; for `"bilinear"` and `"nearest"`. Default `true`.
   */
  readonly antialias?: boolean
  /**
   * Let the decoder read a JPEG at a fourth or an eighth where the crop has four times the size and more. Its edges come
   * to lie on whole pixels of the result then, up to half a pixel off. Default `true`.
   */
  readonly shrinkOnLoad?: boolean
}

/** How decoding a sample fails. */
type Failure = DecodeError | DecoderMissing | InvalidOption

type Work = Effect.Effect<Tensor<Uint8Array>, DecodeError | DecoderMissing>

/**
 * Decodes image files: JPEG, PNG, WebP, GIF and AVIF, recognized by their bytes. With a `size`, images come in that size;
 * a JPEG is then decoded no larger than it needs to be. For `Pipeline.mapEffect`, or by itself for a look at a file.
 *
 * Whatever the file holds, the image is uint8 `[height, width, channels]`: 16 bits are brought to 8, CMYK and other
 * color spaces (by the profile in the file) to sRGB, palettes to their colors; transparent parts are laid over
 * `background`; images turned by EXIF are set upright; of animations it is the first frame.
 *
 * Throws `InvalidOption` if an option is invalid; fails with it for a sample that is neither bytes nor a record
 * with bytes in its field, with `DecodeError` for bytes that are not an image, or one that is corrupt or cut short (as far
 * as the decoder notices: JPEG has no checksum), and with `DecoderMissing` where `sharp` is not installed.
 *
 * Of an image that is being decoded when the run is called off the rest is decoded, too; the run ends only then. Bits are
 * those of the version of `sharp`, the same on Bun and on Deno.
 *
 * @example
 * import { Effect } from "effect"
 * import { Decode } from "furrow"
 * import sharp from "sharp"
 *
 * const photo = { width: 50, height: 40, channels: 3, background: "#808080" } as const
 * const file = new Uint8Array(await sharp({ create: photo }).jpeg().toBuffer())
 *
 * const decode = Decode.image({ size: [20, 25] }) // Pipeline.mapEffect("decode", decode)
 * const { image, label } = await Effect.runPromise(decode({ image: file, label: 7 }))
 * console.assert(image.shape.join() === "20,25,3" && image.data[0] === 128 && label === 7)
 *
 * @category image stages
 * @since 0.1.0
 */
export const image = <const F extends string = "image">(options: DecodeOptions<F> = {}) => {
  const own = { size: true, fit: true, interpolation: true, shrinkOnLoad: true } as const
  optionsOf("Decode.image", options, { ...READING, ...STAGE, ...own })
  const { concurrency, field } = stageOf(options)
  const reading = readingOf(options)
  const shape: Shape = {
    size: options.size === undefined ? undefined : sizeOf("size", options.size),
    kernel: kernelOf(options.interpolation),
    fit: oneOf("fit", options.fit ?? "fill", ["fill", "cover"]),
    shrink: truth("shrinkOnLoad", options.shrinkOnLoad ?? true)
  }
  const bounded = bound(concurrency)
  const decode = <S extends Encoded<F>>(sample: S): Effect.Effect<Decoded<S, F>, Failure> =>
    replaced<S, F>(sample, field, (bytes) => bounded(whole(bytes, reading, shape)))
  return declare(decode, "Decode.image", { ...reading, ...shape, field })
}

/**
 * Decodes a random part of each image and brings it to one size, as `Image.randomResizedCrop` does with an image that is
 * decoded already, and with the same draws, made for the height and width in the file's header. Pixels below the crop
 * are not read. For `Pipeline.augmentEffect`.
 *
 * The crop is the same rectangle to the pixel. With `antialias: false` the bits, too, are those of
 * {@link image} and `Image.randomResizedCrop` one after the other. Without it values differ: shrinking takes all pixels
 * into account, where `Image`'s bilinear blends four; and where `shrinkOnLoad` applies the crop's edges are rounded.
 * With `shrinkOnLoad: false` the bits are those of the image decoded whole, cut and resized by `sharp`.
 *
 * It pays for images that are several times larger than `size`. Where they are hardly larger, {@link image} and
 * `Image.randomResizedCrop` are faster: there is little to leave out, and Furrow's kernels resize faster than libvips.
 *
 * Otherwise, and in its errors, as {@link image}; what is damaged in a file below the crop is not seen.
 *
 * @example
 * import { Dataset, Decode, Image, Pipeline, Sampler } from "furrow"
 *
 * const files = Dataset.make({ name: "photos", size: 1000, get: () => new Uint8Array(0) }) // a file's bytes
 * const photos = Pipeline.from(files).pipe(
 *   Pipeline.sample(Sampler.shuffle),
 *   Pipeline.augmentEffect("crop", Decode.randomResizedCrop({ size: 224 })),
 *   Pipeline.augment("flip", Image.randomHorizontalFlip()),
 *   Pipeline.map("normalize", Image.normalize({ mean: 0.5, std: 0.25 })),
 *   Pipeline.batch(64)
 * )
 * console.assert(photos.stages.length === 5)
 *
 * @category image stages
 * @since 0.1.0
 */
export const randomResizedCrop = <const F extends string = "image">(options: RandomResizedCropOptions<F>) => {
  const cut = {
    size: true,
    scale: true,
    ratio: true,
    interpolation: true,
    antialias: true,
    shrinkOnLoad: true
  } as const
  optionsOf("Decode.randomResizedCrop", options, { ...READING, ...STAGE, ...cut })
  const { concurrency, field } = stageOf(options)
  const reading = readingOf(options)
  const size = sizeOf("size", options.size)
  const kernel = kernelOf(options.interpolation)
  const shrink = truth("shrinkOnLoad", options.shrinkOnLoad ?? true)
  const own = truth("antialias", options.antialias ?? true) ? undefined : plainly(size, options.interpolation)
  const { draw, options: cropped } = cropping(options)
  const rectangle = (rng: Rng, { height, width }: Header): Rectangle => {
    // Its own: several images are between draw and work at once.
    const drawn = new Float64Array(4)
    draw(rng, { height, width, channels: reading.channels }, drawn)
    const [top = 0, left = 0, high = 0, wide = 0] = drawn
    return { top, left, height: high, width: wide }
  }
  const work = (bytes: Uint8Array, from: Rectangle, found: Header): Work => {
    if (own !== undefined) {
      return Effect.map(part(bytes, reading, from, { size: undefined, kernel, fit: "fill", shrink: true }), own)
    }
    return shrink && canShrink(found, from, size)
      ? shrunkPart(bytes, reading, from, found, size, kernel)
      : part(bytes, reading, from, { size, kernel, fit: "fill", shrink: true })
  }
  const bounded = bound(concurrency)
  const crop = <S extends Encoded<F>>(sample: S, rng: Rng): Effect.Effect<Decoded<S, F>, Failure> =>
    replaced<S, F>(sample, field, (bytes) =>
      bounded(Effect.flatMap(header(bytes, reading), (found) => work(bytes, rectangle(rng, found), found)))
    )
  const antialias = own === undefined
  return declare(crop, "Decode.randomResizedCrop", { ...reading, ...cropped, size, kernel, shrink, antialias, field })
}

/** Furrow's own resizing, which `Image.randomResizedCrop` cuts and resizes by. Throws `InvalidOption` as above. */
const plainly = (size: readonly [number, number], interpolation: Interpolation = "bilinear") => {
  if (interpolation === "bilinear" || interpolation === "nearest") return resize({ size, interpolation })
  const expected = '"bilinear" or "nearest" where antialias is false'
  throw new InvalidOption({ option: "interpolation", value: interpolation, expected })
}

/** Where reading at a fourth pays for the scale that all of the image is brought to. */
const SHRINKS = 4

const canShrink = ({ format, turned }: Header, from: Rectangle, [height, width]: readonly [number, number]): boolean =>
  format === "JPEG" && !turned && from.height >= SHRINKS * height && from.width >= SHRINKS * width

/**
 * Limits how many run at once, over all callers. The decoder cannot be interrupted, so waiting for it is uninterruptible:
 * otherwise its work would continue unseen.
 */
const bound = (concurrency: number): ((work: Work) => Work) => {
  const permits = Effect.unsafeMakeSemaphore(concurrency)
  return (work) => permits.withPermits(1)(Effect.uninterruptible(work))
}

/** Returns the sample with the result of `work` instead of its bytes; the sample itself does not change. */
const replaced = <S, F extends string>(
  sample: S,
  field: string,
  work: (bytes: Uint8Array) => Work
): Effect.Effect<Decoded<S, F>, Failure> =>
  Effect.suspend((): Effect.Effect<Decoded<S, F>, Failure> => {
    // `Decoded` is the type of a sample with its image instead of the bytes, which is built here, case by case.
    const result = (value: unknown) => value as Decoded<S, F>
    if (sample instanceof Uint8Array) return Effect.map(work(sample), result)
    const bytes: unknown = typeof sample === "object" && sample !== null ? Reflect.get(sample, field) : undefined
    if (bytes instanceof Uint8Array) {
      return Effect.map(work(bytes), (decoded) => result({ ...sample, [field]: decoded }))
    }
    const expected = `the bytes of an image file, or a record with them in its field "${field}"`
    return new InvalidOption({ option: "the sample to decode", value: sample, expected })
  })
