/**
 * Kernels that change colors in place: `pixels[from … to)`, of one or three channels side by side.
 *
 * Values stay within 0 … 255 for bytes, 0 … 1 for floats. Bytes drop the fraction after each kernel, as torchvision's
 * do. `other + (v − other) · factor` stands for the blend `v · factor + other · (1 − factor)`, because it gives `v`
 * back to the bit where both are equal.
 *
 * @since 0.1.0
 */
import type { Pixels } from "../Pixels.ts"

const boundOf = (pixels: Pixels): number => (pixels instanceof Uint8Array ? 255 : 1)

/** Multiplies all values. @since 0.1.0 */
export const brightness = (pixels: Pixels, from: number, to: number, factor: number): void => {
  const bound = boundOf(pixels)
  for (let at = from; at < to; at++) {
    pixels[at] = Math.min(Math.max((pixels[at] as number) * factor, 0), bound) // below `to`
  }
}

/** Brings all values nearer to the mean of the grays, or further from it. @since 0.1.0 */
export const contrast = (pixels: Pixels, from: number, to: number, channels: number, factor: number): void => {
  const bound = boundOf(pixels)
  let sum = 0
  for (let at = from; at < to; at += channels) sum += channels === 3 ? grayOf(pixels, at) : (pixels[at] as number)
  const mean = sum / ((to - from) / channels)
  for (let at = from; at < to; at++) {
    pixels[at] = Math.min(Math.max(mean + ((pixels[at] as number) - mean) * factor, 0), bound) // below `to`
  }
}

/** Brings the values of each pixel nearer to its gray, or further from it; three channels. @since 0.1.0 */
export const saturation = (pixels: Pixels, from: number, to: number, factor: number): void => {
  const bound = boundOf(pixels)
  for (let first = from; first < to; first += 3) {
    const gray = grayOf(pixels, first)
    for (let at = first; at < first + 3; at++) {
      pixels[at] = Math.min(Math.max(gray + ((pixels[at] as number) - gray) * factor, 0), bound) // below `to`
    }
  }
}

/** The gray of a pixel by the weights of ITU-R BT.601; of bytes without the fraction. */
const grayOf = (pixels: Pixels, at: number): number => {
  // A pixel has three channels here.
  const gray = 0.2989 * (pixels[at] as number) + 0.587 * (pixels[at + 1] as number) + 0.114 * (pixels[at + 2] as number)
  return pixels instanceof Uint8Array ? Math.floor(gray) : gray
}

/** Turns hues by `shift` of the full circle, in the hexagonal HSV of Smith (1978); three channels. @since 0.1.0 */
export const hue = (pixels: Pixels, from: number, to: number, shift: number): void => {
  const bytes = pixels instanceof Uint8Array
  const scale = bytes ? 1 / 255 : 1
  // Bytes drop the fraction, so that each of the 256 has an equal part of 0 … 1.
  const back = bytes ? 255.999 : 1
  for (let at = from; at < to; at += 3) {
    // A pixel has three channels here.
    const red = unit((pixels[at] as number) * scale)
    const green = unit((pixels[at + 1] as number) * scale)
    const blue = unit((pixels[at + 2] as number) * scale)
    const most = Math.max(red, green, blue)
    const range = most - Math.min(red, green, blue)
    const sixths =
      range === 0
        ? 0
        : most === red
          ? (green - blue) / range
          : most === green
            ? (blue - red) / range + 2
            : (red - green) / range + 4
    const circle = sixths / 6 + shift
    const place = 6 * (circle - Math.floor(circle))
    const sector = Math.floor(place)
    const low = most - range
    const falling = most - range * (place - sector)
    const rising = low + range * (place - sector)
    // A hue just below 0 may be rounded up to the end of the circle: sector 6, where `rising` and `low` are the same.
    pixels[at] = back * (sector === 1 ? falling : sector === 2 || sector === 3 ? low : sector === 4 ? rising : most)
    pixels[at + 1] = back * (sector === 1 || sector === 2 ? most : sector === 3 ? falling : sector === 0 ? rising : low)
    pixels[at + 2] = back * (sector === 2 ? rising : sector === 3 || sector === 4 ? most : sector === 5 ? falling : low)
  }
}

const unit = (value: number): number => Math.min(Math.max(value, 0), 1)
