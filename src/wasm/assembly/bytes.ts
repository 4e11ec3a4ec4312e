/**
 * Bytes moved as they are.
 */

/** A copy. */
export function copy(source: usize, length: i32, target: usize): void {
  memory.copy(target, source, length)
}

/** Writes a byte a channel over a rectangle: twin of `erase` in `stages/image/kernels/noise.ts` for given values. */
export function erase(
  pixels: usize,
  imageWidth: i32,
  channels: i32,
  top: i32,
  left: i32,
  height: i32,
  width: i32,
  values: usize
): void {
  for (let row = top; row < top + height; row++) {
    let out = pixels + (<usize>(row * imageWidth + left)) * channels
    if (channels == 1) {
      memory.fill(out, load<u8>(values), width)
      continue
    }
    for (let column = 0; column < width; column++) {
      for (let channel = 0; channel < channels; channel++) store<u8>(out++, load<u8>(values + channel))
    }
  }
}

/** Channels side by side as one plane a channel: `size` bytes a value, 1 or 4. */
export function planar(source: usize, height: i32, width: i32, channels: i32, size: i32, target: usize): void {
  const pixels = height * width
  for (let channel = 0; channel < channels; channel++) {
    let read = source + <usize>channel * size
    if (size == 1) {
      for (let pixel = 0; pixel < pixels; pixel++, read += channels, target++) store<u8>(target, load<u8>(read))
    } else {
      const step = <usize>channels << 2
      for (let pixel = 0; pixel < pixels; pixel++, read += step, target += 4) store<f32>(target, load<f32>(read))
    }
  }
}
