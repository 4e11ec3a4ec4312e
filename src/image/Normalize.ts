/**
 * From pixels to the numbers that a model takes.
 *
 * @since 0.1.0
 */
import { InvalidOption } from "../core/InvalidOption.ts"
import { optionsOf } from "../core/Options.ts"
import { drawsNothing, type Fixed, fixed, type ToFloats, toFloats } from "./ImageStage.ts"
import { channelsOf, matches } from "./Options.ts"

/** @category options @since 0.1.0 */
export interface NormalizeOptions {
  /** The mean of each channel, or one for all, of images in [0, 1]. */
  readonly mean: number | ReadonlyArray<number>
  /** The standard deviation of each channel, or one for all; none is 0. */
  readonly std: number | ReadonlyArray<number>
}

/**
 * `(value − mean) / std` as float32. uint8 images are scaled from 0 … 255 to [0, 1] first, so that it does the work of
 * torchvision's `v2.ToDtype(float32, scale=True)` and `v2.Normalize` together; float32 images are not scaled.
 *
 * Throws `InvalidOption` for values that are not finite, or a `std` of 0; in a run, if there is not one value a
 * channel.
 *
 * @example
 * import { Image, Tensor } from "furrow"
 *
 * const normalize = Image.normalize({ mean: 0.5, std: 0.5 })
 * const image = Tensor.make(Uint8Array.of(0, 255), [1, 2, 1])
 * console.assert(normalize(image).data.join() === "-1,1")
 *
 * @category image stages
 * @since 0.1.0
 */
export const normalize = (options: NormalizeOptions): ToFloats => {
  optionsOf("Image.normalize", options, { mean: true, std: true })
  const mean = channelsOf("mean", options.mean)
  const deviation = channelsOf("std", options.std)
  if (deviation.includes(0)) throw new InvalidOption({ option: "std", value: options.std, expected: "other than 0" })
  return toFloats({
    ...drawsNothing,
    kind: "pointwise",
    name: "normalize",
    nameInCursors: "normalise",
    options: { mean, std: deviation },
    mean,
    deviation,
    check: (channels) => {
      matches("mean", mean, channels)
      matches("std", deviation, channels)
    }
  })
}

/**
 * uint8 images as float32 in [0, 1], as torchvision's `v2.ToDtype(float32, scale=True)`; float32 images as they are.
 *
 * @category image stages
 * @since 0.1.0
 */
export const toFloat: ToFloats = toFloats({
  ...drawsNothing,
  kind: "pointwise",
  name: "toFloat",
  options: {},
  mean: [0],
  deviation: [1],
  check: () => undefined
})

/**
 * One plane a channel: `[height, width, channels]` becomes `[channels, height, width]`, as PyTorch's models want it
 * (NCHW in a batch). It is the last of the image stages: a stage behind it would take channels for rows, and is
 * refused when a run is opened. Behind `normalize` or `toFloat` it is written so in the same pass.
 *
 * @example
 * import { Image, Tensor } from "furrow"
 *
 * const image = Tensor.make(Uint8Array.of(1, 2, 3, 4, 5, 6), [1, 2, 3])
 * const planes = Image.channelsFirst(image)
 * console.assert(planes.shape.join() === "3,1,2" && planes.data.join() === "1,4,2,5,3,6")
 *
 * @category image stages
 * @since 0.1.0
 */
export const channelsFirst: Fixed = fixed({ ...drawsNothing, kind: "planar", name: "channelsFirst", options: {} })
