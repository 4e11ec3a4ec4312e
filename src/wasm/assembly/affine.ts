/**
 * uint8 images through an affine map: twins of `stages/image/kernels/affine.ts`, with flips and a scale to float32
 * behind it. `fills` holds a byte a channel. Without `constants` the result is uint8.
 */
import { deal, store1 } from "./lanes"

export function affineNearest(
  source: usize,
  height: i32,
  width: i32,
  channels: i32,
  a: f64,
  b: f64,
  c: f64,
  d: f64,
  e: f64,
  f: f64,
  fills: usize,
  flipVertical: i32,
  flipHorizontal: i32,
  constants: usize,
  planes: usize,
  scratch: usize,
  target: usize
): void {
  const size: usize = constants == 0 ? 1 : 4
  const pixel = <usize>channels * size
  const bytes = <usize>width * pixel
  for (let row = 0; row < height; row++) {
    const y = <f64>row + 0.5 - <f64>height / 2
    const x0 = b * y + c + <f64>width / 2 - 0.5
    const y0 = e * y + f + <f64>height / 2 - 0.5
    const line = flipVertical != 0 ? height - 1 - row : row
    const begin = planes != 0 ? scratch : target + bytes * line
    let out = flipHorizontal != 0 ? begin + bytes - pixel : begin
    for (let column = 0; column < width; column++) {
      const x = <f64>column + 0.5 - <f64>width / 2
      const left = nearest<f64>(a * x + x0)
      const top = nearest<f64>(d * x + y0)
      let from = fills
      if (left >= 0 && left < <f64>width && top >= 0 && top < <f64>height) {
        from = source + (<usize>(<i32>top * width + <i32>left)) * channels
      }
      for (let channel = 0; channel < channels; channel++) {
        store1(out + size * channel, <f64>load<u8>(from + channel), channel, constants)
      }
      out = flipHorizontal != 0 ? out - pixel : out + pixel
    }
    if (planes != 0) deal(scratch, width, channels, size, planes, target + (<usize>line * width) * size)
  }
}

export function affineBilinear(
  source: usize,
  height: i32,
  width: i32,
  channels: i32,
  a: f64,
  b: f64,
  c: f64,
  d: f64,
  e: f64,
  f: f64,
  fills: usize,
  flipVertical: i32,
  flipHorizontal: i32,
  constants: usize,
  planes: usize,
  scratch: usize,
  target: usize
): void {
  const size: usize = constants == 0 ? 1 : 4
  const pixel = <usize>channels * size
  const bytes = <usize>width * pixel
  const stride = <usize>width * channels
  for (let row = 0; row < height; row++) {
    const y = <f64>row + 0.5 - <f64>height / 2
    const x0 = b * y + c + <f64>width / 2 - 0.5
    const y0 = e * y + f + <f64>height / 2 - 0.5
    const line = flipVertical != 0 ? height - 1 - row : row
    const begin = planes != 0 ? scratch : target + bytes * line
    let out = flipHorizontal != 0 ? begin + bytes - pixel : begin
    for (let column = 0; column < width; column++) {
      const x = <f64>column + 0.5 - <f64>width / 2
      const sourceX = a * x + x0
      const sourceY = d * x + y0
      if (!(sourceX > -1 && sourceX < <f64>width && sourceY > -1 && sourceY < <f64>height)) {
        for (let channel = 0; channel < channels; channel++) {
          store1(out + size * channel, <f64>load<u8>(fills + channel), channel, constants)
        }
      } else {
        const left = <i32>(sourceX + 1) - 1
        const top = <i32>(sourceY + 1) - 1
        const right = sourceX - <f64>left
        const down = sourceY - <f64>top
        // Where each of the four is: in the image, or in the fill.
        const upper = source + stride * top + <usize>left * channels
        const hasTop = top >= 0
        const hasBottom = top < height - 1
        const hasLeft = left >= 0
        const hasRight = left < width - 1
        const p00 = hasTop && hasLeft ? upper : fills
        const p01 = hasTop && hasRight ? upper + channels : fills
        const p10 = hasBottom && hasLeft ? upper + stride : fills
        const p11 = hasBottom && hasRight ? upper + stride + channels : fills
        for (let channel = 0; channel < channels; channel++) {
          const v00 = <f64>load<u8>(p00 + channel)
          const v10 = <f64>load<u8>(p10 + channel)
          const above = v00 + (<f64>load<u8>(p01 + channel) - v00) * right
          const below = v10 + (<f64>load<u8>(p11 + channel) - v10) * right
          store1(out + size * channel, Math.floor(above + (below - above) * down + 0.5), channel, constants)
        }
      }
      out = flipHorizontal != 0 ? out - pixel : out + pixel
    }
    if (planes != 0) deal(scratch, width, channels, size, planes, target + (<usize>line * width) * size)
  }
}
