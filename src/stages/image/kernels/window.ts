/**
 * Kernels that read a window of an image: copied, or taken through a pointwise transform on the way.
 *
 * All bounds are worked out a row, so the loops over pixels are free of conditions. Each is a pure function of its
 * arguments that writes `height * width * channels` elements to `target` from `offset` on.
 *
 * @since 0.1.0
 */
import type { Pixels } from "../Transform.ts"
import { of } from "./pointwise.ts"

/**
 * Which pixel of the source each pixel of the result is: row `i` is row `y + i * yStep`, column `j` is column
 * `x + j * xStep` (steps are 1 or −1), as far as those lie in `top ≤ row < bottom`, `left ≤ column < right`; the rest
 * is fill.
 *
 * @since 0.1.0
 */
export interface View {
  y: number
  yStep: number
  x: number
  xStep: number
  top: number
  bottom: number
  left: number
  right: number
  height: number
  width: number
}

/** The first column of the result that lies in the valid part of the source, and the one behind the last. */
const begin = ({ left, right, width, x, xStep }: View): number =>
  Math.min(Math.max(xStep === 1 ? left - x : x - right + 1, 0), width)
const end = ({ left, right, width, x, xStep }: View): number =>
  Math.min(Math.max(xStep === 1 ? right - x : x - left + 1, 0), width)

/** Fills columns `from … to − 1` of a row that begins at `offset`. */
const fillRow = (
  target: Pixels,
  offset: number,
  from: number,
  to: number,
  channels: number,
  fill: ReadonlyArray<number>
): void => {
  if (channels === 1) {
    target.fill(of(fill, 0), offset + from, offset + to)
    return
  }
  for (let column = from; column < to; column++) {
    for (let channel = 0; channel < channels; channel++)
      target[offset + column * channels + channel] = of(fill, channel)
  }
}

/** Copies the window. `source` and `target` hold one element type. @since 0.1.0 */
export const cut = (
  source: Pixels,
  sourceWidth: number,
  channels: number,
  view: View,
  fill: ReadonlyArray<number>,
  target: Pixels,
  offset: number
): void => {
  const { bottom, height, top, width, xStep } = view
  const from = begin(view)
  const to = Math.max(end(view), from)
  const step = xStep * channels
  for (let row = 0; row < height; row++) {
    const out = offset + row * width * channels
    const y = view.y + row * view.yStep
    if (y < top || y >= bottom || from === to) {
      fillRow(target, out, 0, width, channels, fill)
      continue
    }
    fillRow(target, out, 0, from, channels, fill)
    let read = (y * sourceWidth + view.x + from * xStep) * channels
    let write = out + from * channels
    if (channels === 1) {
      for (let column = from; column < to; column++) {
        target[write++] = source[read] as number // inside the valid part
        read += step
      }
    } else {
      for (let column = from; column < to; column++) {
        for (let channel = 0; channel < channels; channel++) target[write++] = source[read + channel] as number // as above
        read += step
      }
    }
    fillRow(target, out, to, width, channels, fill)
  }
}

/** Takes the window of a uint8 image through a table of 256 entries a channel. @since 0.1.0 */
export const cutTable = (
  source: Uint8Array,
  sourceWidth: number,
  channels: number,
  view: View,
  fill: ReadonlyArray<number>,
  table: Float32Array,
  target: Pixels,
  offset: number
): void => {
  const { bottom, height, top, width, xStep } = view
  const from = begin(view)
  const to = Math.max(end(view), from)
  const step = xStep * channels
  const filled = Array.from(
    { length: channels },
    (_, channel) => table[256 * channel + (of(fill, channel) & 0xff)] as number
  )
  for (let row = 0; row < height; row++) {
    const out = offset + row * width * channels
    const y = view.y + row * view.yStep
    if (y < top || y >= bottom || from === to) {
      fillRow(target, out, 0, width, channels, filled)
      continue
    }
    fillRow(target, out, 0, from, channels, filled)
    let read = (y * sourceWidth + view.x + from * xStep) * channels
    let write = out + from * channels
    if (channels === 1) {
      for (let column = from; column < to; column++) {
        target[write++] = table[source[read] as number] as number // inside the valid part; a byte has an entry
        read += step
      }
    } else {
      for (let column = from; column < to; column++) {
        for (let channel = 0; channel < channels; channel++) {
          target[write++] = table[256 * channel + (source[read + channel] as number)] as number // as above
        }
        read += step
      }
    }
    fillRow(target, out, to, width, channels, filled)
  }
}

/** Takes the window of a float32 image through `(v − mean) / deviation`. @since 0.1.0 */
export const cutFloats = (
  source: Float32Array,
  sourceWidth: number,
  channels: number,
  view: View,
  fill: ReadonlyArray<number>,
  mean: ReadonlyArray<number>,
  deviation: ReadonlyArray<number>,
  target: Pixels,
  offset: number
): void => {
  cut(source, sourceWidth, channels, view, fill, target, offset)
  const length = view.height * view.width
  for (let channel = 0; channel < channels; channel++) {
    const own = of(mean, channel)
    const scale = of(deviation, channel)
    for (let pixel = 0, at = offset + channel; pixel < length; pixel++, at += channels) {
      target[at] = ((target[at] as number) - own) / scale // written just above
    }
  }
}
