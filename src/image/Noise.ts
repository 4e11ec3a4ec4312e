/**
 * Noise.
 *
 * @since 0.1.0
 */
import { finite } from "../core/Check.ts"
import { optionsOf, truth } from "../core/Options.ts"
import { type Drawing, drawing } from "./ImageStage.ts"
import { addToBytes, addToFloats } from "./kernels/noise.ts"

/** @category options @since 0.1.0 */
export interface GaussianNoiseOptions {
  /** The mean of the noise, where images are of 0 … 1. Default 0. */
  readonly mean?: number
  /** Its standard deviation, at least 0. Default 0.1. */
  readonly sigma?: number
  /** Clip float32 results to 0 … 1. Default `true`. uint8 results are always clipped to 0 … 255. */
  readonly clip?: boolean
}

/**
 * Adds a normal number to each value, as torchvision's `v2.GaussianNoise`. For uint8 images the noise is
 * multiplied by 255; results are rounded half up (torchvision drops the fraction of the noise, and without `clip` wraps around).
 * Draws one normal a value, row by row, the channels of a pixel one after the other.
 *
 * Behind `normalize`, where values lie outside of 0 … 1, it needs `clip: false`; a run refuses it otherwise when it is
 * opened.
 *
 * Throws `InvalidOption` if an option is invalid.
 *
 * @category image stages
 * @since 0.1.0
 */
export const gaussianNoise = (options: GaussianNoiseOptions = {}): Drawing => {
  optionsOf("Image.gaussianNoise", options, { mean: true, sigma: true, clip: true })
  const mean = finite("mean", options.mean ?? 0)
  const sigma = finite("sigma", options.sigma ?? 0.1, 0)
  const clip = truth("clip", options.clip ?? true)
  return drawing({
    kind: "pixels",
    name: "gaussianNoise",
    unit: clip,
    draws: true,
    options: { mean, sigma, clip },
    parameters: new Float64Array(0),
    draw: () => undefined, // it draws as it writes
    output: () => undefined, // the size stays
    run: (source, { channels, height, width }, _, target, offset, _output, rng) => {
      const length = height * width * channels
      if (target instanceof Float32Array) addToFloats(source, length, mean, sigma, clip, target, offset, rng)
      else addToBytes(source, length, mean, sigma, target, offset, rng)
    }
  })
}
