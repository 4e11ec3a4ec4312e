/**
 * The options that decoding stages share.
 *
 * @since 0.1.0
 */
import { whole } from "../../core/Check.ts"
import { InvalidOption } from "../../core/InvalidOption.ts"
import { type Names, textOf, truth } from "../../core/Options.ts"
import { cores } from "../../core/runtime.ts"
import { oneOf } from "../Options.ts"
import type { Kernel, Reading } from "./Library.ts"

/**
 * What a pixel of another size is made of: the one that lies there, or a blend of 2×2, 4×4 or 6×6 around; where an
 * image shrinks the blend spans as many more, so nothing is left out (torchvision's `antialias=True`).
 *
 * @category models
 * @since 0.1.0
 */
export type Interpolation = "nearest" | "bilinear" | "bicubic" | "lanczos"

const kernels: Readonly<Record<Interpolation, Kernel>> = {
  nearest: "nearest",
  bilinear: "linear",
  bicubic: "cubic",
  lanczos: "lanczos3"
}

/** Throws `InvalidOption` if the name does not exist. @since 0.1.0 */
export const kernelOf = (interpolation: Interpolation = "bilinear"): Kernel =>
  kernels[oneOf("interpolation", interpolation, ["nearest", "bilinear", "bicubic", "lanczos"])]

/** How bytes become pixels. @category options @since 0.1.0 */
export interface ReadingOptions {
  /** 3 for red, green and blue, 1 for gray (Pillow's luma of the three). Default 3, for images of any kind. */
  readonly channels?: 1 | 3
  /** What shines through where an image is transparent: gray, or red, green and blue, 0 … 255. Default 0, black. */
  readonly background?: number | readonly [red: number, green: number, blue: number]
  /** Turn images upright, as their EXIF orientation says. Default `true`. */
  readonly orient?: boolean
  /** Take images that the decoder warns of, such as JPEGs with stray bytes. Those cut short still fail. Default `false`. */
  readonly lenient?: boolean
  /** The most pixels an image may have before it is decoded, against files that unfold to gigabytes. Default 2^28. */
  readonly maxPixels?: number
}

/** The names of {@link ReadingOptions}. @since 0.1.0 */
export const READING: Names<ReadingOptions> = {
  channels: true,
  background: true,
  orient: true,
  lenient: true,
  maxPixels: true
}

/** The names of {@link StageOptions}. @since 0.1.0 */
export const STAGE: Names<StageOptions> = { field: true, concurrency: true }

/** Throws `InvalidOption` if an option is invalid. @since 0.1.0 */
export const readingOf = (options: ReadingOptions): Reading => {
  const { background = 0, channels = 3, lenient = false, maxPixels = 2 ** 28, orient = true } = options
  if (channels !== 1 && channels !== 3) {
    throw new InvalidOption({ option: "channels", value: channels, expected: "1 or 3" })
  }
  const colors = typeof background === "number" ? ([background, background, background] as const) : background
  if (!Array.isArray(colors) || colors.length !== 3) {
    throw new InvalidOption({ option: "background", value: background, expected: "one number, or [red, green, blue]" })
  }
  const [red, green, blue] = colors
  const byte = (value: number): number => whole("background", value, 0, 255)
  return {
    orient: truth("orient", orient),
    lenient: truth("lenient", lenient),
    maxPixels: whole("maxPixels", maxPixels, 1),
    background: [byte(red), byte(green), byte(blue)],
    channels
  }
}

/** Where a stage finds what it decodes, and how much of it runs at once. @category options @since 0.1.0 */
export interface StageOptions<F extends string = "image"> {
  /** The field that holds the bytes, and then the image, where samples are records. Default `"image"`. */
  readonly field?: F
  /**
   * How many images are being decoded at once, over all workers and batches that use this stage; with threads, in each
   * thread. Default: twice as many as there are cores, so that the decoder always finds the next one.
   */
  readonly concurrency?: number
}

/** Throws `InvalidOption` if an option is invalid. @since 0.1.0 */
export const stageOf = <F extends string>(
  options: StageOptions<F>
): { readonly field: string; readonly concurrency: number } => {
  const { field = "image" } = options
  textOf("field", field, "the name of a field")
  return { field, concurrency: whole("concurrency", options.concurrency ?? 2 * cores(), 1) }
}
