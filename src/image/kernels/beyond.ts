/**
 * A kernel that reads a window of an image that is extended beyond its edges.
 *
 * @since 0.1.0
 */
import type { Pixels, Size } from "../Pixels.ts"

/** Returns which of `length` ≥ 1 pixels an extended line has at any whole place. @since 0.1.0 */
export type Continuation = (place: number, length: number) => number

/** The last pixel, over and over: a a|a b c|c c. @since 0.1.0 */
export const edge: Continuation = (place, length) => Math.min(Math.max(place, 0), length - 1)

/** Mirrored at the middle of the last pixel, which comes once: c b|a b c|b a. @since 0.1.0 */
export const reflect: Continuation = (place, length) => {
  if (length === 1) return 0
  const period = 2 * (length - 1)
  const within = ((place % period) + period) % period
  return Math.min(within, period - within)
}

/** Mirrored at the edge of the last pixel, which comes twice: b a|a b c|c b. @since 0.1.0 */
export const symmetric: Continuation = (place, length) => {
  const period = 2 * length
  const within = ((place % period) + period) % period
  return Math.min(within, period - 1 - within)
}

/** Copies the window of `to`'s size that begins at (`top`, `left`). `source` and `target` hold one element type. @since 0.1.0 */
export const cutBeyond = (
  source: Pixels,
  { channels, height, width }: Size,
  top: number,
  left: number,
  continuation: Continuation,
  target: Pixels,
  offset: number,
  to: Size
): void => {
  const from = Math.min(Math.max(-left, 0), to.width)
  const end = Math.max(Math.min(width - left, to.width), from)
  let write = offset
  for (let row = 0; row < to.height; row++) {
    const line = continuation(top + row, height) * width
    for (let column = 0; column < from; column++) {
      let read = (line + continuation(left + column, width)) * channels
      for (let channel = 0; channel < channels; channel++) target[write++] = source[read++] as number // in the image
    }
    let read = (line + left + from) * channels
    const stop = write + (end - from) * channels
    while (write < stop) target[write++] = source[read++] as number // as above
    for (let column = end; column < to.width; column++) {
      read = (line + continuation(left + column, width)) * channels
      for (let channel = 0; channel < channels; channel++) target[write++] = source[read++] as number // as above
    }
  }
}
