/**
 * Rectangles of uint8 images at another size, blended of four pixels: twin of `bilinear` in
 * `stages/image/kernels/resize.ts`, and the same with flips and a scale to float32 behind it.
 *
 * A row of the image is blended along its width once, in float64, and kept while rows of the result still need it.
 * Scratch holds, for each column of the result, the offsets of its two pixels and the share of the right one (16 bytes),
 * then two blended rows of `width · channels + 2` float64s; with `planes` one more of as many float32s.
 */
import { deal } from "./lanes"

/** uint8 as it is. */
export function bilinear(
  source: usize,
  sourceWidth: i32,
  top: i32,
  left: i32,
  fromHeight: i32,
  fromWidth: i32,
  channels: i32,
  height: i32,
  width: i32,
  scratch: usize,
  target: usize
): void {
  resize(
    source, sourceWidth, top, left, fromHeight, fromWidth, channels, height, width, false, false, 0, 0, scratch, target
  )
}

/** With flips; to float32 by `(f32) (value · scale + bias)`, of which `constants` holds one pair of float64s a channel. */
export function bilinearScaled(
  source: usize,
  sourceWidth: i32,
  top: i32,
  left: i32,
  fromHeight: i32,
  fromWidth: i32,
  channels: i32,
  height: i32,
  width: i32,
  flipVertical: i32,
  flipHorizontal: i32,
  constants: usize,
  planes: usize,
  scratch: usize,
  target: usize
): void {
  resize(
    source, sourceWidth, top, left, fromHeight, fromWidth, channels, height, width,
    flipVertical != 0, flipHorizontal != 0, constants, planes, scratch, target
  )
}

@inline
function resize(
  source: usize,
  sourceWidth: i32,
  fromTop: i32,
  fromLeft: i32,
  fromHeight: i32,
  fromWidth: i32,
  channels: i32,
  height: i32,
  width: i32,
  flipVertical: bool,
  flipHorizontal: bool,
  constants: usize,
  planes: usize,
  scratch: usize,
  target: usize
): void {
  const lastRow = fromHeight - 1
  const lastColumn = fromWidth - 1
  for (let column = 0; column < width; column++) {
    const x = min(max(((<f64>column + 0.5) * <f64>fromWidth) / <f64>width - 0.5, 0), <f64>lastColumn)
    const left = <i32>x
    const entry = scratch + ((<usize>(flipHorizontal ? width - 1 - column : column)) << 4)
    store<i32>(entry, left * channels)
    store<i32>(entry, left < lastColumn ? channels : 0, 4)
    store<f64>(entry, x - <f64>left, 8)
  }
  const values = width * channels
  let upper = scratch + (<usize>width << 4)
  let lower = upper + ((<usize>values + 2) << 3)
  const beside = lower + ((<usize>values + 2) << 3)
  let upperRow = -1
  let lowerRow = -1
  const stride = <usize>sourceWidth * channels
  const origin = source + (<usize>fromTop * sourceWidth + fromLeft) * channels
  const size = constants == 0 ? <usize>values : <usize>values << 2
  for (let row = 0; row < height; row++) {
    const y = min(max(((<f64>row + 0.5) * <f64>fromHeight) / <f64>height - 0.5, 0), <f64>lastRow)
    const top = <i32>y
    const down = y - <f64>top
    const next = top < lastRow ? top + 1 : top
    if (upperRow != top) {
      if (lowerRow == top) {
        const swap = upper
        upper = lower
        lower = swap
        lowerRow = upperRow
      } else along(origin + stride * top, scratch, width, channels, upper)
      upperRow = top
    }
    if (lowerRow != next && next != top) {
      along(origin + stride * next, scratch, width, channels, lower)
      lowerRow = next
    }
    const line = flipVertical ? height - 1 - row : row
    const out = planes != 0 ? beside : target + size * line
    const below = next == top ? upper : lower
    if (constants == 0) blendBytes(upper, below, down, values, out)
    else if (channels == 3) blend3(upper, below, down, values, constants, out)
    else blend(upper, below, down, 0, values, channels, constants, out)
    if (planes != 0) deal(beside, width, channels, 4, planes, target + ((<usize>line * width) << 2))
  }
}

/** The pixel whose square the result's upper left corner lies in: twin of `nearest`. */
export function nearestPixels(
  source: usize,
  sourceWidth: i32,
  fromTop: i32,
  fromLeft: i32,
  fromHeight: i32,
  fromWidth: i32,
  channels: i32,
  height: i32,
  width: i32,
  scratch: usize,
  target: usize
): void {
  for (let column = 0; column < width; column++) {
    const from = <i32>Math.floor((<f64>column * <f64>fromWidth) / <f64>width)
    store<i32>(scratch + (<usize>column << 2), from * channels)
  }
  for (let row = 0; row < height; row++) {
    const own = fromTop + <i32>Math.floor((<f64>row * <f64>fromHeight) / <f64>height)
    const line = source + (<usize>(own * sourceWidth + fromLeft)) * channels
    for (let column = 0; column < width; column++) {
      const read = line + load<i32>(scratch + (<usize>column << 2))
      for (let channel = 0; channel < channels; channel++) store<u8>(target++, load<u8>(read + channel))
    }
  }
}

/** The mean over the area that a pixel covers: twin of `area`. */
export function area(
  source: usize,
  sourceWidth: i32,
  fromTop: i32,
  fromLeft: i32,
  fromHeight: i32,
  fromWidth: i32,
  channels: i32,
  height: i32,
  width: i32,
  target: usize
): void {
  const whole = <f64>fromHeight * <f64>fromWidth
  for (let row = 0; row < height; row++) {
    const startY = <i64>row * fromHeight
    const endY = startY + fromHeight
    const firstRow = <i32>(startY / height)
    const lastRow = <i32>((endY + height - 1) / height)
    for (let column = 0; column < width; column++) {
      const startX = <i64>column * fromWidth
      const endX = startX + fromWidth
      const firstColumn = <i32>(startX / width)
      const lastColumn = <i32>((endX + width - 1) / width)
      for (let channel = 0; channel < channels; channel++) {
        let sum: i64 = 0
        for (let y = firstRow; y < lastRow; y++) {
          const shareY = min<i64>(<i64>(y + 1) * height, endY) - max<i64>(<i64>y * height, startY)
          let read = source + (<usize>((fromTop + y) * sourceWidth + fromLeft + firstColumn)) * channels + channel
          let line: i64 = 0
          for (let x = firstColumn; x < lastColumn; x++, read += channels) {
            const shareX = min<i64>(<i64>(x + 1) * width, endX) - max<i64>(<i64>x * width, startX)
            line += shareX * <i64>load<u8>(read)
          }
          sum += shareY * line
        }
        store<u8>(target++, <u8>(<i32>(<f64>sum / whole + 0.5)))
      }
    }
  }
}

/** Blends a row of the image along its width. */
@inline
function along(line: usize, table: usize, width: i32, channels: i32, out: usize): void {
  if (channels == 3) {
    // The fourth lane does not belong to this pixel; its result is overwritten by the next one. The pixel to the right of
    // the last one is whatever follows: its share is 0.
    for (let column = 0; column < width; column++, table += 16, out += 24) {
      const pair = i16x8.extend_low_i8x16_u(v128.load64_zero(line + load<i32>(table)))
      const change = i16x8.sub(v128.shuffle<u16>(pair, pair, 3, 4, 5, 6, 7, 0, 1, 2), pair)
      const one = i32x4.extend_low_i16x8_u(pair)
      const difference = i32x4.extend_low_i16x8_s(change)
      const share = v128.load64_splat(table, 8)
      v128.store(out, mixed(one, difference, share))
      v128.store(out, mixed(high(one), high(difference), share), 16)
    }
    return
  }
  for (let column = 0; column < width; column++, table += 16) {
    const at = line + load<i32>(table)
    const next = load<i32>(table, 4)
    const share = load<f64>(table, 8)
    for (let channel = 0; channel < channels; channel++, out += 8) {
      const one = <f64>load<u8>(at + channel)
      store<f64>(out, one + (<f64>load<u8>(at + channel + next) - one) * share)
    }
  }
}

@inline
function high(lanes: v128): v128 {
  return i64x2.shuffle(lanes, lanes, 1, 0)
}

@inline
function mixed(one: v128, difference: v128, share: v128): v128 {
  return f64x2.add(f64x2.convert_low_i32x4_s(one), f64x2.mul(f64x2.convert_low_i32x4_s(difference), share))
}

/** Two values between two blended rows, rounded half up. */
@inline
function between(upper: usize, lower: usize, down: v128): v128 {
  const one = v128.load(upper)
  const value = f64x2.add(one, f64x2.mul(f64x2.sub(v128.load(lower), one), down))
  return f64x2.floor(f64x2.add(value, f64x2.splat(0.5)))
}

@inline
function one(upper: usize, lower: usize, down: f64): f64 {
  const above = load<f64>(upper)
  return Math.floor(above + (load<f64>(lower) - above) * down + 0.5)
}

@inline
function blendBytes(upper: usize, lower: usize, down: f64, values: i32, out: usize): void {
  const share = f64x2.splat(down)
  // A float64 of 2^52 and more holds whole numbers in its low bits.
  const ones = f64x2.splat(4503599627370496)
  let at = 0
  for (; at + 8 <= values; at += 8, upper += 64, lower += 64, out += 8) {
    const a = f64x2.add(between(upper, lower, share), ones)
    const b = f64x2.add(between(upper + 16, lower + 16, share), ones)
    const c = f64x2.add(between(upper + 32, lower + 32, share), ones)
    const d = f64x2.add(between(upper + 48, lower + 48, share), ones)
    const words = i16x8.narrow_i32x4_u(i32x4.shuffle(a, b, 0, 2, 4, 6), i32x4.shuffle(c, d, 0, 2, 4, 6))
    v128.store64_lane(out, i8x16.narrow_i16x8_u(words, words), 0)
  }
  for (; at < values; at++, upper += 8, lower += 8) store<u8>(out++, <u8>one(upper, lower, down))
}

@inline
function blend3(upper: usize, lower: usize, down: f64, values: i32, constants: usize, out: usize): void {
  const share = f64x2.splat(down)
  // Channel by channel: 0 1 | 2 0 | 1 2.
  const f01 = f64x2.replace_lane(v128.load64_splat(constants), 1, load<f64>(constants, 16))
  const f20 = f64x2.replace_lane(v128.load64_splat(constants, 32), 1, load<f64>(constants))
  const f12 = f64x2.replace_lane(v128.load64_splat(constants, 16), 1, load<f64>(constants, 32))
  const b01 = f64x2.replace_lane(v128.load64_splat(constants, 8), 1, load<f64>(constants, 24))
  const b20 = f64x2.replace_lane(v128.load64_splat(constants, 40), 1, load<f64>(constants, 8))
  const b12 = f64x2.replace_lane(v128.load64_splat(constants, 24), 1, load<f64>(constants, 40))
  let at = 0
  for (; at + 12 <= values; at += 12, upper += 96, lower += 96, out += 48) {
    const a = narrowed(between(upper, lower, share), f01, b01)
    const b = narrowed(between(upper + 16, lower + 16, share), f20, b20)
    const c = narrowed(between(upper + 32, lower + 32, share), f12, b12)
    const d = narrowed(between(upper + 48, lower + 48, share), f01, b01)
    const e = narrowed(between(upper + 64, lower + 64, share), f20, b20)
    const f = narrowed(between(upper + 80, lower + 80, share), f12, b12)
    v128.store(out, i64x2.shuffle(a, b, 0, 2))
    v128.store(out, i64x2.shuffle(c, d, 0, 2), 16)
    v128.store(out, i64x2.shuffle(e, f, 0, 2), 32)
  }
  blend(upper, lower, down, at, values, 3, constants, out)
}

@inline
function narrowed(value: v128, factor: v128, bias: v128): v128 {
  return f32x4.demote_f64x2_zero(f64x2.add(f64x2.mul(value, factor), bias))
}

@inline
function blend(
  upper: usize,
  lower: usize,
  down: f64,
  at: i32,
  values: i32,
  channels: i32,
  constants: usize,
  out: usize
): void {
  while (at < values) {
    for (let channel = 0; channel < channels; channel++, at++, upper += 8, lower += 8, out += 4) {
      const own = constants + (<usize>channel << 4)
      store<f32>(out, <f32>(one(upper, lower, down) * load<f64>(own) + load<f64>(own, 8)))
    }
  }
}
