/**
 * Colors.
 *
 * @since 0.1.0
 */
import { finite } from "../core/Check.ts"
import { InvalidOption } from "../core/InvalidOption.ts"
import { optionsOf } from "../core/Options.ts"
import { type Drawing, drawing } from "./ImageStage.ts"
import { brightness, contrast, hue, saturation } from "./kernels/color.ts"
import { copy } from "./kernels/copy.ts"
import { aroundZero, type RangeOption, rangeOf } from "./Options.ts"

/** @category options @since 0.1.0 */
export interface ColorJitterOptions {
  /** The range of the factor, from 0 (black) on; one number b is max(0, 1 − b) … 1 + b. Default: left as it is. */
  readonly brightness?: number | RangeOption
  /** The range of the factor, from 0 (one gray) on; one number as for `brightness`. Default: left as it is. */
  readonly contrast?: number | RangeOption
  /** The range of the factor, from 0 (grays) on; one number as for `brightness`. Default: left as it is. */
  readonly saturation?: number | RangeOption
  /** The range of the turn, in parts of the circle, from −0.5 to 0.5; one number h is −h … h. Default: none. */
  readonly hue?: number | RangeOption
}

/** How many changes there are; in the order of their numbers: brightness, contrast, saturation, hue. */
const CHANGES = 4

/**
 * Changes brightness, contrast, saturation and hue by random amounts and in random order, as torchvision's
 * `v2.ColorJitter`. uint8 images of 0 … 255, float32 images of 0 … 1; results are clipped to that, and bytes drop the
 * fraction after each change. Saturation and hue leave grayscale images unchanged.
 *
 * Draws a permutation of the four (0 brightness, 1 contrast, 2 saturation, 3 hue), then the amounts of those that are
 * given, in that order and not in the drawn one. A range that allows nothing but no change counts as not given.
 *
 * - brightness: v · factor
 * - contrast: blends with the mean gray of the image; of bytes, each pixel's gray is rounded down first
 * - saturation: blends with the pixel's own gray, 0.2989 red + 0.587 green + 0.114 blue, of bytes rounded down
 * - hue: turns it in HSV; bytes come back as ⌊255.999 v⌋
 *
 * It belongs before `normalize`: behind it values lie outside of 0 … 1, where they would be cut off, so a run refuses
 * that order when it is opened.
 *
 * Throws `InvalidOption` if an option is invalid; in a run, for images of other than one or three channels.
 *
 * @example
 * import { Image, Rng, Tensor } from "furrow"
 *
 * const jitter = Image.colorJitter({ brightness: 0.2, contrast: 0.2, saturation: [0.5, 1.5], hue: 0.1 })
 * const photo = Tensor.make(new Uint8Array(32 * 32 * 3).fill(100), [32, 32, 3])
 * const rng = Rng.make({ algorithm: "xoshiro128**", words: [1, 2, 3, 4] })
 * console.assert(jitter(photo, rng).shape.join() === "32,32,3")
 *
 * @category image stages
 * @since 0.1.0
 */
export const colorJitter = (options: ColorJitterOptions = {}): Drawing => {
  optionsOf("Image.colorJitter", options, { brightness: true, contrast: true, saturation: true, hue: true })
  const ranges = [
    aroundOne("brightness", options.brightness),
    aroundOne("contrast", options.contrast),
    aroundOne("saturation", options.saturation),
    options.hue === undefined ? undefined : unless(0, aroundZero("hue", options.hue, 0.5))
  ]
  return drawing({
    kind: "pixels",
    name: "colorJitter",
    nameInCursors: "colourJitter",
    unit: true,
    draws: true,
    options: { brightness: ranges[0], contrast: ranges[1], saturation: ranges[2], hue: ranges[3] },
    // The order, then the amounts.
    parameters: new Float64Array(2 * CHANGES),
    draw: (rng, _, parameters) => {
      parameters.set(rng.permutation(CHANGES))
      for (let change = 0; change < CHANGES; change++) {
        const range = ranges[change]
        if (range !== undefined) parameters[CHANGES + change] = rng.uniform(range[0], range[1])
      }
    },
    output: ({ channels }) => {
      if (channels === 1 || channels === 3) return
      throw new InvalidOption({ option: "the channels of an image to jitter", value: channels, expected: "1 or 3" })
    },
    run: (source, { channels, height, width }, parameters, target, offset) => {
      const length = height * width * channels
      const to = offset + length
      copy(source, length, target, offset)
      for (let turn = 0; turn < CHANGES; turn++) {
        const change = parameters[turn] as number // four were drawn, and their amounts lie behind them
        const amount = parameters[CHANGES + change] as number
        if (ranges[change] === undefined) continue
        if (change === 0) brightness(target, offset, to, amount)
        else if (change === 1) contrast(target, offset, to, channels, amount)
        else if (channels === 1) continue
        else if (change === 2) saturation(target, offset, to, amount)
        else hue(target, offset, to, amount)
      }
    },
    native: {
      scales: false,
      scratch: () => 256,
      run: (kernels, { parameters, scratch, size: { channels, height, width }, source, target }) => {
        const length = height * width * channels
        kernels.copy(source, length, target)
        for (let turn = 0; turn < CHANGES; turn++) {
          const change = parameters[turn] as number // as above
          const amount = parameters[CHANGES + change] as number
          if (ranges[change] === undefined) continue
          if (change === 0) kernels.brightness(target, length, amount, scratch)
          else if (change === 1) kernels.contrast(target, length, channels, amount, scratch)
          else if (channels === 1) continue
          else if (change === 2) kernels.saturation(target, length, amount)
          else kernels.hue(target, length, amount)
        }
      }
    }
  })
}

const aroundOne = (option: string, range: number | RangeOption | undefined): RangeOption | undefined => {
  if (range === undefined) return undefined
  if (typeof range !== "number") return unless(1, rangeOf(option, range, 0))
  const reach = finite(option, range, 0)
  return unless(1, [Math.max(0, 1 - reach), 1 + reach])
}

/** Returns the range, or `undefined` if it holds only the amount that changes nothing. */
const unless = (nothing: number, range: RangeOption): RangeOption | undefined =>
  range[0] === nothing && range[1] === nothing ? undefined : range
