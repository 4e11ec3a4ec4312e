/**
 * What an image stage is: how many numbers it draws, what it makes of an image's size, and which kind of work it does
 * on the pixels. `ImageProgram` reads this to run neighboring stages in as few passes as it can.
 *
 * @since 0.1.0
 */

import type { Parameters } from "../core/Parameters.ts"
import type { Rng } from "../random/Rng.ts"
import type { Kernels } from "../wasm/Kernels.ts"
import type { Pixels, Rectangle, Size } from "./Pixels.ts"

interface Base {
  /** The function's name, for errors. */
  readonly name: string
  /** The name that cursors hold, if the function had another one when the first of them were written. */
  readonly nameInCursors?: string
  readonly draws: boolean
  /** The options that it was made with, defaults included; `undefined` if they can neither be seen nor were declared. */
  readonly options: Parameters | undefined
  /**
   * What was drawn for the image at hand: as many numbers as the transform needs. It is the transform's own and good
   * until its next draw; work is plain code, so no two images are ever between draw and work.
   */
  readonly parameters: Float64Array
  /** Draws the parameters for an image of a size. */
  readonly draw: (rng: Rng, size: Size, parameters: Float64Array) => void
}

/**
 * A rectangle cut out of the image in an infinite plane of `fill`, possibly mirrored: crop, pad, flip.
 *
 * @since 0.1.0
 */
export interface WindowTransform extends Base {
  readonly kind: "window"
  /**
   * One value a channel, or one for all, checked against each image; `undefined` if no window can reach beyond
   * the image.
   */
  readonly fill: ReadonlyArray<number> | undefined
  /** Sets `window` for an image of a size. Throws `InvalidOption` for a size that it cannot cut from. */
  readonly place: (size: Size, parameters: Float64Array, window: Window) => void
}

/** A rectangle of the plane: it may begin before the image and end behind it. @since 0.1.0 */
export interface Window {
  top: number
  left: number
  height: number
  width: number
  flipVertical: boolean
  flipHorizontal: boolean
}

/**
 * A value from each value alone, by channel, to float32: `(v / scale − mean) / deviation`, where `scale` is 255 for
 * uint8 and 1 for float32.
 *
 * @since 0.1.0
 */
export interface PointwiseTransform extends Base {
  readonly kind: "pointwise"
  readonly mean: ReadonlyArray<number>
  readonly deviation: ReadonlyArray<number>
  /** Throws `InvalidOption` when it has no values for so many channels. */
  readonly check: (channels: number) => void
}

/**
 * Any other work on pixels, of one element type.
 *
 * @since 0.1.0
 */
export interface PixelTransform extends Base {
  readonly kind: "pixels"
  /** Whether float32 images must lie in 0 … 1, and results are cut off there. Default `false`. */
  readonly unit?: boolean
  /** Whether its functions are the user's. */
  readonly userCode?: true
  /** Sets `output` (which comes as `size`) to the size of the result. Throws `InvalidOption` for a size it cannot take. */
  readonly output: (size: Size, parameters: Float64Array, output: Size) => void
  /** The same for uint8 images by kernels, where there are such. */
  readonly native?: Native | undefined
  /**
   * Writes the result to `target[offset …]`. `source` begins at its first pixel and is not written to; it may be longer
   * than the image. `rng` stands where `draw` left it, for work that draws a number a value.
   */
  readonly run: (
    source: Pixels,
    size: Size,
    parameters: Float64Array,
    target: Pixels,
    offset: number,
    output: Size,
    rng: Rng
  ) => void
}

/**
 * A uint8 image in the kernels' memory and the work on it; addresses in bytes.
 *
 * @category models
 * @since 0.1.0
 */
export interface NativeWork {
  /** Where its first pixel lies. */
  source: number
  readonly size: Size
  parameters: Float64Array
  target: number
  readonly output: Size
  /** Memory to work in, as much as was asked for. */
  scratch: number
  /** What follows: flips, and a scale to float32 by what lies at `constants`, unless that is 0. */
  flipVertical: boolean
  flipHorizontal: boolean
  constants: number
  /** How many bytes the planes of the result are apart; 0 where its channels lie side by side. */
  planes: number
}

/** Work by kernels, to the bit as by plain code. @since 0.1.0 */
export interface Native {
  /** Whether it does flips and a scale to float32 in the same pass. */
  readonly scales: boolean
  /** How many bytes of memory it works in. */
  readonly scratch: (output: Size) => number
  /** Sets the rectangle of the image that it reads; all of it, where this is not given. */
  readonly reads?: (size: Size, parameters: Float64Array, rectangle: Rectangle) => void
  readonly run: (kernels: Kernels, work: NativeWork) => void
}

/** Channels side by side become one plane a channel: the last of all transforms. @since 0.1.0 */
export interface PlanarTransform extends Base {
  readonly kind: "planar"
}

/** @since 0.1.0 */
export type Transform = WindowTransform | PointwiseTransform | PixelTransform | PlanarTransform
