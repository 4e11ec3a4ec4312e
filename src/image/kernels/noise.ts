/**
 * Kernels that draw a number for each value, in the order in which the values lie.
 *
 * @since 0.1.0
 */
import type { Rng } from "../../random/Rng.ts"
import type { Pixels } from "../Pixels.ts"
import { of } from "./pointwise.ts"

/** Adds normals to floats; `clip` holds them within 0 … 1. @since 0.1.0 */
export const addToFloats = (
  source: Pixels,
  length: number,
  mean: number,
  deviation: number,
  clip: boolean,
  target: Float32Array,
  offset: number,
  rng: Rng
): void => {
  for (let at = 0; at < length; at++) {
    const value = (source[at] as number) + rng.normal(mean, deviation) // the source has `length` values
    target[offset + at] = clip ? Math.min(Math.max(value, 0), 1) : value
  }
}

/** Adds 255 times the normals to bytes, rounded half up and clipped to 0 … 255. @since 0.1.0 */
export const addToBytes = (
  source: Pixels,
  length: number,
  mean: number,
  deviation: number,
  target: Uint8Array,
  offset: number,
  rng: Rng
): void => {
  for (let at = 0; at < length; at++) {
    const value = (source[at] as number) + 255 * rng.normal(mean, deviation) // as above
    // Storing drops the fraction.
    target[offset + at] = Math.min(Math.max(value + 0.5, 0), 255)
  }
}

/** Writes one value a channel over a rectangle, or for none: standard normals, of bytes uniform ones. @since 0.1.0 */
export const erase = (
  target: Pixels,
  offset: number,
  imageWidth: number,
  channels: number,
  [top = 0, left = 0, height = 0, width = 0]: Float64Array,
  values: ReadonlyArray<number> | undefined,
  rng: Rng
): void => {
  const bytes = target instanceof Uint8Array
  for (let row = top; row < top + height; row++) {
    let write = offset + (row * imageWidth + left) * channels
    for (let column = 0; column < width; column++) {
      for (let channel = 0; channel < channels; channel++) {
        target[write++] = values !== undefined ? of(values, channel) : bytes ? rng.integer(256) : rng.normal()
      }
    }
  }
}
