/**
 * Kernels that read an image through an affine map.
 *
 * `map` holds `[a, b, c, d, e, f]`: a pixel of the result at (x, y) from the image's middle is found in the source at
 * (a·x + b·y + c, d·x + e·y + f) from its middle, where pixel centers are at halves. The source lies in an infinite
 * plane of `fill`.
 *
 * @since 0.1.0
 */
import type { Pixels, Size } from "../Pixels.ts"
import { of } from "./pointwise.ts"
import { halfEven } from "./rounding.ts"

/** Takes the nearest pixel, of two as near the one of even number. @since 0.1.0 */
export const affineNearest = (
  source: Pixels,
  { channels, height, width }: Size,
  map: Float64Array,
  fill: ReadonlyArray<number>,
  target: Pixels,
  offset: number
): void => {
  const [a = 0, b = 0, c = 0, d = 0, e = 0, f = 0] = map
  let write = offset
  for (let row = 0; row < height; row++) {
    const y = row + 0.5 - height / 2
    const x0 = b * y + c + width / 2 - 0.5
    const y0 = e * y + f + height / 2 - 0.5
    for (let column = 0; column < width; column++) {
      const x = column + 0.5 - width / 2
      const left = halfEven(a * x + x0)
      const top = halfEven(d * x + y0)
      if (left >= 0 && left < width && top >= 0 && top < height) {
        let read = ((top | 0) * width + (left | 0)) * channels
        for (let channel = 0; channel < channels; channel++) target[write++] = source[read++] as number // inside
      } else {
        for (let channel = 0; channel < channels; channel++) target[write++] = of(fill, channel)
      }
    }
  }
}

/** Blends the four pixels around. Bytes are rounded half up. @since 0.1.0 */
export const affineBilinear = (
  source: Pixels,
  size: Size,
  map: Float64Array,
  fill: ReadonlyArray<number>,
  target: Pixels,
  offset: number
): void => {
  const [a = 0, b = 0, c = 0, d = 0, e = 0, f = 0] = map
  const { channels, height, width } = size
  const bytes = target instanceof Uint8Array
  const line = width * channels
  let write = offset
  for (let row = 0; row < height; row++) {
    const y = row + 0.5 - height / 2
    const x0 = b * y + c + width / 2 - 0.5
    const y0 = e * y + f + height / 2 - 0.5
    for (let column = 0; column < width; column++) {
      const x = column + 0.5 - width / 2
      const sourceX = a * x + x0
      const sourceY = d * x + y0
      // Said this way round, a map so wild that it gives no number at all is outside too.
      if (!(sourceX > -1 && sourceX < width && sourceY > -1 && sourceY < height)) {
        for (let channel = 0; channel < channels; channel++) target[write++] = of(fill, channel)
        continue
      }
      // Both are above −1, so this is their floor, as an integer for the indices below.
      const left = ((sourceX + 1) | 0) - 1
      const top = ((sourceY + 1) | 0) - 1
      const right = sourceX - left
      const down = sourceY - top
      let at = (top * width + left) * channels
      if (left >= 0 && left < width - 1 && top >= 0 && top < height - 1) {
        for (let channel = 0; channel < channels; channel++, at++) {
          // All four lie inside.
          const v00 = source[at] as number
          const v10 = source[at + line] as number
          const upper = v00 + ((source[at + channels] as number) - v00) * right
          const lower = v10 + ((source[at + line + channels] as number) - v10) * right
          const value = upper + (lower - upper) * down
          target[write++] = bytes ? (value + 0.5) | 0 : value
        }
        continue
      }
      for (let channel = 0; channel < channels; channel++) {
        const v00 = tap(source, size, top, left, channel, fill)
        const v10 = tap(source, size, top + 1, left, channel, fill)
        const upper = v00 + (tap(source, size, top, left + 1, channel, fill) - v00) * right
        const lower = v10 + (tap(source, size, top + 1, left + 1, channel, fill) - v10) * right
        const value = upper + (lower - upper) * down
        target[write++] = bytes ? (value + 0.5) | 0 : value
      }
    }
  }
}

const tap = (
  source: Pixels,
  { channels, height, width }: Size,
  row: number,
  column: number,
  channel: number,
  fill: ReadonlyArray<number>
): number =>
  row >= 0 && row < height && column >= 0 && column < width
    ? (source[(row * width + column) * channels + channel] as number) // inside
    : of(fill, channel)
