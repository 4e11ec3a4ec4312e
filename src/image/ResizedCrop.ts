/**
 * Crops of random size and shape, brought to one size.
 *
 * @since 0.1.0
 */
import { exp } from "../core/math/Exp.ts"
import { ln } from "../core/math/Ln.ts"
import { optionsOf } from "../core/Options.ts"
import type { Rng } from "../random/Rng.ts"
import { type Drawing, drawing } from "./ImageStage.ts"
import { halfEven } from "./kernels/rounding.ts"
import { above0, type RangeOption, rangeOf, type SizeOption, sizeOf } from "./Options.ts"
import type { Rectangle, Size } from "./Pixels.ts"
import { type Interpolation, natively, notEmpty, resizing } from "./Resize.ts"

/** @category options @since 0.1.0 */
export interface RandomResizedCropOptions {
  /** The result's height and width. */
  readonly size: SizeOption
  /** The range of the crop's share of the image's area, above 0. Default `[0.08, 1]`. */
  readonly scale?: RangeOption
  /** The range of the crop's width over its height, above 0. Default `[3 / 4, 4 / 3]`. */
  readonly ratio?: RangeOption
  /** As for `resize`. Default `"bilinear"`. */
  readonly interpolation?: Interpolation
}

const TRIES = 10

/**
 * Cuts a rectangle of random area, shape and place out of an image and brings it to one size, as torchvision's
 * `v2.RandomResizedCrop` with `antialias=False`; in one pass over the pixels.
 *
 * Draws, up to ten times, an area uniform in `scale` and a ratio whose logarithm is uniform; sides are rounded half to
 * even. The first that fits into the image is taken and its top, then its left edge are drawn. If none fits, it is the
 * largest rectangle in the middle whose ratio lies in `ratio`.
 *
 * Throws `InvalidOption` if an option is invalid; in a run, for an image without pixels.
 *
 * @category image stages
 * @since 0.1.0
 */
export const randomResizedCrop = (options: RandomResizedCropOptions): Drawing => {
  optionsOf("Image.randomResizedCrop", options, { size: true, scale: true, ratio: true, interpolation: true })
  const [height, width] = sizeOf("size", options.size)
  const crop = cropping(options)
  const kernel = resizing(options.interpolation)
  const from: Rectangle = { top: 0, left: 0, height: 0, width: 0 }
  return drawing({
    kind: "pixels",
    name: "randomResizedCrop",
    draws: true,
    options: { ...crop.options, size: [height, width], interpolation: options.interpolation ?? "bilinear" },
    parameters: new Float64Array(4),
    draw: crop.draw,
    output: (size, _, output) => {
      notEmpty(size)
      output.height = height
      output.width = width
    },
    native: natively(options.interpolation, (_, [top = 0, left = 0, high = 0, wide = 0], rectangle) => {
      rectangle.top = top
      rectangle.left = left
      rectangle.height = high
      rectangle.width = wide
    }),
    run: (source, size, [top = 0, left = 0, high = 0, wide = 0], target, offset, output) => {
      from.top = top
      from.left = left
      from.height = high
      from.width = wide
      kernel(source, size.width, from, target, offset, output)
    }
  })
}

/**
 * Returns the function that draws a crop and sets `parameters` to its top, left, height and width, and the options in use,
 * defaults included. Throws `InvalidOption` if an option is invalid.
 *
 * @since 0.1.0
 */
export const cropping = (options: Pick<RandomResizedCropOptions, "scale" | "ratio">) => {
  const scale = above0("scale", options.scale ?? [0.08, 1])
  const ratio = above0("ratio", options.ratio ?? [3 / 4, 4 / 3])
  const logRatio = rangeOf("ratio", [ln(ratio[0]), ln(ratio[1])])
  const draw = (rng: Rng, size: Size, parameters: Float64Array): void => {
    const pixels = size.height * size.width
    for (let attempt = 0; attempt < TRIES; attempt++) {
      const area = pixels * rng.uniform(scale[0], scale[1])
      const shape = exp(rng.uniform(logRatio[0], logRatio[1]))
      const wide = halfEven(Math.sqrt(area * shape))
      const high = halfEven(Math.sqrt(area / shape))
      if (!(wide > 0 && wide <= size.width && high > 0 && high <= size.height)) continue
      parameters[0] = rng.integer(size.height - high + 1)
      parameters[1] = rng.integer(size.width - wide + 1)
      parameters[2] = high
      parameters[3] = wide
      return
    }
    const shape = size.width / size.height
    // Never less than a pixel, which an image of one row or column would come to.
    const high = shape < ratio[0] ? Math.max(halfEven(size.width / ratio[0]), 1) : size.height
    const wide = shape > ratio[1] ? Math.max(halfEven(size.height * ratio[1]), 1) : size.width
    parameters[0] = Math.floor((size.height - high) / 2)
    parameters[1] = Math.floor((size.width - wide) / 2)
    parameters[2] = high
    parameters[3] = wide
  }
  return { draw, options: { scale, ratio } }
}
