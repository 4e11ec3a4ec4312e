/**
 * Kernels that change how the channels of an image lie.
 *
 * @since 0.1.0
 */
import type { Pixels, Size } from "../Pixels.ts"

/** Channels side by side, as `[height, width, channels]`, become one plane a channel, `[channels, height, width]`. @since 0.1.0 */
export const planes = (source: Pixels, { channels, height, width }: Size, target: Pixels, offset: number): void => {
  const pixels = height * width
  let write = offset
  for (let channel = 0; channel < channels; channel++) {
    let read = channel
    for (let pixel = 0; pixel < pixels; pixel++, read += channels) target[write++] = source[read] as number // in the image
  }
}
