/**
 * Tables for pointwise work on uint8 images: there are 256 values, so each result is computed once.
 *
 * @since 0.1.0
 */
import type { PointwiseTransform } from "../Transform.ts"

const tables = new WeakMap<PointwiseTransform, Map<number, Float32Array>>()

/** What `(v / 255 − mean) / deviation` is for v = 0 … 255, 256 entries a channel. @since 0.1.0 */
export const table = (transform: PointwiseTransform, channels: number): Float32Array => {
  let known = tables.get(transform)
  if (known === undefined) {
    known = new Map()
    tables.set(transform, known)
  }
  let values = known.get(channels)
  if (values === undefined) {
    values = new Float32Array(256 * channels)
    for (let channel = 0; channel < channels; channel++) {
      const mean = of(transform.mean, channel)
      const deviation = of(transform.deviation, channel)
      for (let value = 0; value < 256; value++) values[256 * channel + value] = (value / 255 - mean) / deviation
    }
    known.set(channels, values)
  }
  return values
}

const scaled = new WeakMap<PointwiseTransform, Map<number, Float64Array | undefined>>()

/**
 * `scale` and `bias` of each channel, one behind the other, such that `value · scale + bias` in float64, rounded to
 * float32, is what {@link table} says of each of the 256 values. `undefined` if there are none: a mean is so close to
 * one of the values that hardly a digit of their difference is left, or, rarely, the two ways of computing it fall
 * on the two sides of the middle between two float32s.
 *
 * @since 0.1.0
 */
export const scales = (transform: PointwiseTransform, channels: number): Float64Array | undefined => {
  let known = scaled.get(transform)
  if (known === undefined) {
    known = new Map()
    scaled.set(transform, known)
  }
  if (!known.has(channels)) known.set(channels, fitted(transform, channels))
  return known.get(channels)
}

const fitted = (transform: PointwiseTransform, channels: number): Float64Array | undefined => {
  const values = table(transform, channels)
  const pairs = new Float64Array(2 * channels)
  for (let channel = 0; channel < channels; channel++) {
    const deviation = of(transform.deviation, channel)
    const scale = 1 / (255 * deviation)
    const bias = -of(transform.mean, channel) / deviation
    for (let value = 0; value < 256; value++) {
      if (!Object.is(Math.fround(value * scale + bias), values[256 * channel + value])) return undefined
    }
    pairs[2 * channel] = scale
    pairs[2 * channel + 1] = bias
  }
  return pairs
}

/** The value of a channel from a list that has one for each, or one for all. @since 0.1.0 */
export const of = (list: ReadonlyArray<number>, channel: number): number =>
  (list.length === 1 ? list[0] : list[channel]) as number // callers check that lists fit the image's channels
