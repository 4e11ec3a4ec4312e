/**
 * Crops and padding.
 *
 * @since 0.1.0
 */
import { InvalidOption } from "../core/InvalidOption.ts"
import { optionsOf, truth } from "../core/Options.ts"
import { type Drawing, drawing, drawsNothing, type Fixed, fixed } from "./ImageStage.ts"
import { channelsOf, type FillOption, type PaddingOption, paddingOf, type SizeOption, sizeOf } from "./Options.ts"
import { type PaddingMode, padded } from "./Padding.ts"
import type { WindowTransform } from "./Transform.ts"

/** @category options @since 0.1.0 */
export interface RandomCropOptions {
  /** The crop's height and width. */
  readonly size: SizeOption
  /** Pixels of fill put around the image first. Default 0. */
  readonly padding?: PaddingOption
  /** Widen the padding where the image is smaller than the crop, instead of refusing it. Default `false`. */
  readonly padIfNeeded?: boolean
  /** What the padding is made of: 0 … 255 for uint8. Counts with `paddingMode` "constant" alone. Default 0. */
  readonly fill?: FillOption
  /** `fill`, or the image going on beyond its edges. Default `"constant"`. */
  readonly paddingMode?: PaddingMode
}

/** @category options @since 0.1.0 */
export interface PadOptions {
  /** Pixels on each side. */
  readonly padding: PaddingOption
  /** As for {@link RandomCropOptions}. */
  readonly fill?: FillOption
  /** As for {@link RandomCropOptions}. */
  readonly paddingMode?: PaddingMode
}

/**
 * A crop of a fixed size at a random place, as torchvision's `v2.RandomCrop`: each place of the padded image has
 * the same odds. Draws the top, then the left edge.
 *
 * Throws `InvalidOption` if `size` is not a whole number of at least 1, or `padding` of at least 0; in a run, for an image smaller than the crop.
 *
 * With constant padding it runs in one pass with the flips, crops and normalize behind it; other modes are a pass more.
 *
 * @example
 * import { Image, Rng, Tensor } from "furrow"
 *
 * const crop = Image.randomCrop({ size: 28, padding: 4 })
 * const digit = Tensor.make(new Uint8Array(28 * 28), [28, 28, 1])
 * const rng = Rng.make({ algorithm: "xoshiro128**", words: [1, 2, 3, 4] })
 * console.assert(crop(digit, rng).shape.join() === "28,28,1")
 *
 * @category image stages
 * @since 0.1.0
 */
export const randomCrop = (options: RandomCropOptions): Drawing => {
  optionsOf("Image.randomCrop", options, {
    size: true,
    padding: true,
    padIfNeeded: true,
    fill: true,
    paddingMode: true
  })
  const [height, width] = sizeOf("size", options.size)
  const [left, top, right, bottom] = paddingOf(options.padding ?? 0)
  const padIfNeeded = truth("padIfNeeded", options.padIfNeeded ?? false)
  const fill = channelsOf("fill", options.fill ?? 0)
  const beyond = padIfNeeded || left + top + right + bottom > 0
  // How far the padded image reaches on each side; torchvision widens by what is missing, on both sides.
  const around = (before: number, length: number, after: number, wanted: number) => {
    const missing = padIfNeeded ? Math.max(wanted - (before + length + after), 0) : 0
    return { before: before + missing, room: before + length + after + 2 * missing - wanted }
  }
  const crop: WindowTransform = {
    kind: "window",
    name: "randomCrop",
    draws: true,
    options: { size: [height, width], padding: [left, top, right, bottom], padIfNeeded, fill },
    parameters: new Float64Array(2),
    fill: beyond ? fill : undefined,
    draw: (rng, size, parameters) => {
      const vertical = around(top, size.height, bottom, height)
      const horizontal = around(left, size.width, right, width)
      if (vertical.room < 0 || horizontal.room < 0) {
        const value = [size.height, size.width]
        const expected = `at least [${height}, ${width}] with its padding; choose a smaller size, or padIfNeeded`
        throw new InvalidOption({ option: "the size of an image to crop", value, expected })
      }
      parameters[0] = rng.integer(vertical.room + 1) - vertical.before
      parameters[1] = rng.integer(horizontal.room + 1) - horizontal.before
    },
    place: (_, parameters, window) => {
      window.top = parameters[0] as number // drawn above
      window.left = parameters[1] as number // as above
      window.height = height
      window.width = width
    }
  }
  return drawing(padded(options.paddingMode, crop))
}

/**
 * The middle of an image, as torchvision's `v2.CenterCrop`: an image smaller than `size` is padded with 0 first.
 * Where the margin is odd its half is rounded to even, as Python rounds.
 *
 * @category image stages
 * @since 0.1.0
 */
export const centerCrop = (options: { readonly size: SizeOption }): Fixed => {
  optionsOf("Image.centerCrop", options, { size: true })
  const [height, width] = sizeOf("size", options.size)
  return fixed({
    ...drawsNothing,
    kind: "window",
    name: "centerCrop",
    options: { size: [height, width] },
    fill: [0],
    place: (size, _, window) => {
      window.top = middle(size.height, height)
      window.left = middle(size.width, width)
      window.height = height
      window.width = width
    }
  })
}

/** Where a crop of `wanted` begins in `length`. A smaller image is padded by `missing` halved, rounded down, before. */
const middle = (length: number, wanted: number): number => {
  if (length < wanted) return -Math.floor((wanted - length) / 2)
  const half = (length - wanted) / 2
  const rounded = Math.round(half)
  return rounded - half === 0.5 && rounded % 2 === 1 ? rounded - 1 : rounded
}

/**
 * Puts pixels around an image, as torchvision's `v2.Pad`: of `fill` (default 0), or those of the image itself.
 *
 * Throws `InvalidOption` if an option is invalid; in a run, if `fill` does not have one value a channel, or one
 * that a uint8 image cannot hold.
 *
 * @category image stages
 * @since 0.1.0
 */
export const pad = (options: PadOptions): Fixed => {
  optionsOf("Image.pad", options, { padding: true, fill: true, paddingMode: true })
  const [left, top, right, bottom] = paddingOf(options.padding)
  const fill = channelsOf("fill", options.fill ?? 0)
  const around: WindowTransform = {
    ...drawsNothing,
    kind: "window",
    name: "pad",
    options: { padding: [left, top, right, bottom], fill },
    fill,
    place: (size, _, window) => {
      window.top = -top
      window.left = -left
      window.height = top + size.height + bottom
      window.width = left + size.width + right
    }
  }
  return fixed(padded(options.paddingMode, around))
}
