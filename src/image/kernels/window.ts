/**
 * Kernels that read a window of an image: copied, or taken through a pointwise transform on the way.
 *
 * All bounds are worked out a row, so the loops over pixels are free of conditions. Each kernel is a pure function of
 * its arguments and writes `height * width * channels` elements to `target` from `offset` on. Rows at the edge are
 * filled by plain loops: a call of `fill` costs more than the few elements that it would write.
 *
 * @since 0.1.0
 */
import type { Pixels } from "../Pixels.ts"
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

/** The first column of the result that lies in the valid part of the source. */
const begin = ({ left, right, width, x, xStep }: View): number =>
  Math.min(Math.max(xStep === 1 ? left - x : x - right + 1, 0), width)

/** The one behind the last, never before the first. */
const end = (view: View, from: number): number => {
  const { left, right, width, x, xStep } = view
  return Math.max(Math.min(xStep === 1 ? right - x : x - left + 1, width), from)
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
  const { bottom, height, top, width, x, xStep, y, yStep } = view
  const from = begin(view)
  const to = end(view, from)
  const back = xStep === 1 ? 0 : -2 * channels
  for (let row = 0; row < height; row++) {
    const line = y + row * yStep
    const inside = line >= top && line < bottom
    const first = offset + (row * width + (inside ? from : width)) * channels
    const last = offset + (row * width + (inside ? to : width)) * channels
    const stop = offset + (row + 1) * width * channels
    let write = offset + row * width * channels
    for (let channel = 0; write < first; write++) {
      target[write] = of(fill, channel)
      channel = channel + 1 === channels ? 0 : channel + 1
    }
    let read = (line * sourceWidth + x + from * xStep) * channels
    while (write < last) {
      // `inside` holds, so all of it lies in the source.
      for (let channel = 0; channel < channels; channel++) target[write++] = source[read++] as number
      read += back
    }
    for (let channel = 0; write < stop; write++) {
      target[write] = of(fill, channel)
      channel = channel + 1 === channels ? 0 : channel + 1
    }
  }
}

/** Takes the window of a uint8 image of one channel through a table of 256 entries. @since 0.1.0 */
export const cutTable1 = (
  source: Uint8Array,
  sourceWidth: number,
  view: View,
  fill: number,
  table: Float32Array,
  target: Float32Array,
  offset: number
): void => {
  const { bottom, height, top, width, x, xStep, y, yStep } = view
  const from = begin(view)
  const to = end(view, from)
  const filled = table[fill & 0xff] as number // a byte has an entry
  let write = offset
  for (let row = 0; row < height; row++) {
    const line = y + row * yStep
    if (line < top || line >= bottom) {
      for (let column = 0; column < width; column++) target[write++] = filled
      continue
    }
    let read = line * sourceWidth + x + from * xStep
    for (let column = 0; column < from; column++) target[write++] = filled
    for (let column = from; column < to; column++) {
      target[write++] = table[source[read] as number] as number // inside the source; a byte has an entry
      read += xStep
    }
    for (let column = to; column < width; column++) target[write++] = filled
  }
}

/** The same for any number of channels, 256 entries each. @since 0.1.0 */
export const cutTable = (
  source: Uint8Array,
  sourceWidth: number,
  channels: number,
  view: View,
  fill: ReadonlyArray<number>,
  table: Float32Array,
  target: Float32Array,
  offset: number
): void => {
  const { bottom, height, top, width, x, xStep, y, yStep } = view
  const from = begin(view)
  const to = end(view, from)
  for (let channel = 0; channel < channels; channel++) {
    const base = 256 * channel
    const filled = table[base + (of(fill, channel) & 0xff)] as number // a byte has an entry
    let write = offset + channel
    for (let row = 0; row < height; row++) {
      const line = y + row * yStep
      const inside = line >= top && line < bottom
      const first = inside ? from : width
      const last = inside ? to : width
      let read = (line * sourceWidth + x + from * xStep) * channels + channel
      for (let column = 0; column < first; column++, write += channels) target[write] = filled
      for (let column = first; column < last; column++, write += channels) {
        target[write] = table[base + (source[read] as number)] as number // as above
        read += xStep * channels
      }
      for (let column = last; column < width; column++, write += channels) target[write] = filled
    }
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
  target: Float32Array,
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
