/**
 * Erased rectangles.
 *
 * @since 0.1.0
 */
import { exp } from "../core/math/Exp.ts"
import { ln } from "../core/math/Ln.ts"
import { optionsOf } from "../core/Options.ts"
import { type Drawing, drawing } from "./ImageStage.ts"
import { copy } from "./kernels/copy.ts"
import { erase } from "./kernels/noise.ts"
import { of } from "./kernels/pointwise.ts"
import { halfEven } from "./kernels/rounding.ts"
import { above0, channelsOf, fits, matches, probability, type RangeOption, rangeOf } from "./Options.ts"
import type { Native } from "./Transform.ts"

/** @category options @since 0.1.0 */
export interface RandomErasingOptions {
  /** The probability that something is erased. Default 0.5. */
  readonly p?: number
  /** The range of the erased share of the image's area, from 0 to 1. Default `[0.02, 0.33]`. */
  readonly scale?: RangeOption
  /** The range of the rectangle's height over its width, above 0. Default `[0.3, 3.3]`. */
  readonly ratio?: RangeOption
  /** What stands there then: one value for all channels or one for each, or `"random"` values. Default 0. */
  readonly value?: number | ReadonlyArray<number> | "random"
}

const TRIES = 10

/**
 * Writes over a random rectangle with probability `p`, as torchvision's `v2.RandomErasing` (Zhong et al., "Random
 * erasing data augmentation", 2020).
 *
 * Draws whether to; then, up to ten times, an area uniform in `scale` and a ratio whose logarithm is uniform; sides are
 * rounded half to even. The first rectangle that is smaller than the image both ways is taken, and its top, then its
 * left edge are drawn; if none is, the image stays as it is. `"random"` values come last, row by row, the channels of a
 * pixel one after the other: standard normals in float32 images, uniform in 0 … 255 in uint8 images.
 *
 * Throws `InvalidOption` if an option is invalid; in a run, if `value` does not have one value a channel, or one
 * that a uint8 image cannot hold.
 *
 * @category image stages
 * @since 0.1.0
 */
export const randomErasing = (options: RandomErasingOptions = {}): Drawing => {
  optionsOf("Image.randomErasing", options, { p: true, scale: true, ratio: true, value: true })
  const p = probability(options.p ?? 0.5)
  const scale = rangeOf("scale", options.scale ?? [0.02, 0.33], 0, 1)
  const ratio = above0("ratio", options.ratio ?? [0.3, 3.3])
  const logRatio = rangeOf("ratio", [ln(ratio[0]), ln(ratio[1])])
  const value = options.value ?? 0
  const values = value === "random" ? undefined : channelsOf("value", value)
  return drawing({
    kind: "pixels",
    name: "randomErasing",
    draws: true,
    options: { p, scale, ratio, value: values ?? "random" },
    // The rectangle: top, left, height, width.
    parameters: new Float64Array(4),
    draw: (rng, size, parameters) => {
      parameters.fill(0)
      if (!rng.bernoulli(p)) return
      const pixels = size.height * size.width
      for (let attempt = 0; attempt < TRIES; attempt++) {
        const area = pixels * rng.uniform(scale[0], scale[1])
        const shape = exp(rng.uniform(logRatio[0], logRatio[1]))
        const high = halfEven(Math.sqrt(area * shape))
        const wide = halfEven(Math.sqrt(area / shape))
        if (!(high < size.height && wide < size.width)) continue
        parameters[0] = rng.integer(size.height - high + 1)
        parameters[1] = rng.integer(size.width - wide + 1)
        parameters[2] = high
        parameters[3] = wide
        return
      }
    },
    output: ({ channels }) => {
      if (values !== undefined) matches("value", values, channels)
    },
    run: (source, { channels, height, width }, rectangle, target, offset, _, rng) => {
      if (values !== undefined) fits("value", values, source)
      copy(source, height * width * channels, target, offset)
      erase(target, offset, width, channels, rectangle, values, rng)
    },
    // Random values are drawn one after the other, which is not a kernel's work.
    native: values === undefined ? undefined : erasing(values)
  })
}

const erasing = (values: ReadonlyArray<number>): Native => ({
  scales: false,
  scratch: ({ channels }) => channels,
  run: (kernels, { parameters, scratch, size: { channels, height, width }, source, target }) => {
    fits("value", values, BYTES)
    const { bytes } = kernels.arena
    for (let channel = 0; channel < channels; channel++) bytes[scratch + channel] = of(values, channel)
    kernels.copy(source, height * width * channels, target)
    const [top = 0, left = 0, high = 0, wide = 0] = parameters
    kernels.erase(target, width, channels, top, left, high, wide, scratch)
  }
})

/** Stands for any uint8 image. */
const BYTES = new Uint8Array(0)
