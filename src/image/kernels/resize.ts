/**
 * Kernels that read a rectangle of an image at another size.
 *
 * Pixel centers are at halves and the corners of both rectangles coincide (`align_corners=False`). Nothing
 * outside of the rectangle is read, so cutting it out first would change no bit.
 *
 * @since 0.1.0
 */
import type { Pixels, Rectangle, Size } from "../Pixels.ts"

/** Reads `from`, of an image that is `sourceWidth` wide, at the size of `to`. @since 0.1.0 */
export type Resizing = (
  source: Pixels,
  sourceWidth: number,
  from: Rectangle,
  target: Pixels,
  offset: number,
  to: Size
) => void

/** The pixel whose square the result's upper left corner lies in. @since 0.1.0 */
export const nearest: Resizing = (source, sourceWidth, from, target, offset, { channels, height, width }) => {
  let write = offset
  for (let row = 0; row < height; row++) {
    const line = (from.top + Math.floor((row * from.height) / height)) * sourceWidth + from.left
    for (let column = 0; column < width; column++) {
      let read = (line + Math.floor((column * from.width) / width)) * channels
      for (let channel = 0; channel < channels; channel++) target[write++] = source[read++] as number // in the rectangle
    }
  }
}

/** Blends the four pixels around, whatever the sizes. Bytes are rounded half up. @since 0.1.0 */
export const bilinear: Resizing = (source, sourceWidth, from, target, offset, { channels, height, width }) => {
  const bytes = target instanceof Uint8Array
  const lastRow = from.height - 1
  const lastColumn = from.width - 1
  let write = offset
  for (let row = 0; row < height; row++) {
    const y = Math.min(Math.max(((row + 0.5) * from.height) / height - 0.5, 0), lastRow)
    const top = y | 0
    const down = y - top
    const upper = (from.top + top) * sourceWidth + from.left
    const lower = top < lastRow ? upper + sourceWidth : upper
    for (let column = 0; column < width; column++) {
      const x = Math.min(Math.max(((column + 0.5) * from.width) / width - 0.5, 0), lastColumn)
      const left = x | 0
      const right = x - left
      let above = (upper + left) * channels
      let below = (lower + left) * channels
      const next = left < lastColumn ? channels : 0
      for (let channel = 0; channel < channels; channel++, above++, below++) {
        // All four lie in the rectangle.
        const v00 = source[above] as number
        const v10 = source[below] as number
        const one = v00 + ((source[above + next] as number) - v00) * right
        const other = v10 + ((source[below + next] as number) - v10) * right
        const value = one + (other - one) * down
        target[write++] = bytes ? (value + 0.5) | 0 : value
      }
    }
  }
}

/**
 * The mean over the area that a pixel of the result covers, parts of pixels by their share. Bytes are rounded half up.
 *
 * A share is counted in whole units, of which a side of the covered area has as many as the rectangle has pixels; so
 * sums over bytes are exact.
 *
 * @since 0.1.0
 */
export const area: Resizing = (source, sourceWidth, from, target, offset, { channels, height, width }) => {
  const bytes = target instanceof Uint8Array
  const whole = from.height * from.width
  let write = offset
  for (let row = 0; row < height; row++) {
    const startY = row * from.height
    const endY = startY + from.height
    const firstRow = Math.floor(startY / height)
    const lastRow = Math.ceil(endY / height)
    for (let column = 0; column < width; column++) {
      const startX = column * from.width
      const endX = startX + from.width
      const firstColumn = Math.floor(startX / width)
      const lastColumn = Math.ceil(endX / width)
      for (let channel = 0; channel < channels; channel++) {
        let sum = 0
        for (let y = firstRow; y < lastRow; y++) {
          const shareY = Math.min((y + 1) * height, endY) - Math.max(y * height, startY)
          let read = ((from.top + y) * sourceWidth + from.left + firstColumn) * channels + channel
          let line = 0
          for (let x = firstColumn; x < lastColumn; x++, read += channels) {
            const shareX = Math.min((x + 1) * width, endX) - Math.max(x * width, startX)
            line += shareX * (source[read] as number) // in the rectangle
          }
          sum += shareY * line
        }
        const mean = sum / whole
        target[write++] = bytes ? (mean + 0.5) | 0 : mean
      }
    }
  }
}
