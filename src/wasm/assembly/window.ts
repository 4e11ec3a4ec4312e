/**
 * Windows of uint8 images, scaled to float32: twins of `cutTable1` and `cutTable` in
 * `stages/image/kernels/window.ts`. The window is given as there: row i of the result is row y + i · yStep of the
 * image, column j is column x + j · xStep; what lies outside of top … bottom, left … right is fill.
 */
import { blank, deal, reversed3, scaled2 } from "./lanes"

/**
 * uint8 to float32 by channel: `(f32) (value · scale + bias)` in float64. `constants` holds scale and bias of each
 * channel, float64, then what fill becomes, float32, then fill itself, a byte of four. With `planes`, how many bytes
 * apart they are, each channel has a plane of its own, and `scratch` has room for a row. `next` is where the next image
 * begins: its bytes are asked for now, so that they are there when it is their turn.
 */
export function cutScaled(
  source: usize,
  sourceWidth: i32,
  channels: i32,
  y: i32,
  yStep: i32,
  x: i32,
  xStep: i32,
  top: i32,
  bottom: i32,
  left: i32,
  right: i32,
  height: i32,
  width: i32,
  constants: usize,
  planes: usize,
  scratch: usize,
  target: usize,
  next: usize,
  nextBytes: i32
): void {
  if (nextBytes > 0) touch(next, nextBytes)
  scaledWindow(
    source, sourceWidth, channels, y, yStep, x, xStep, top, bottom, left, right, height, width, constants,
    planes, scratch, target
  )
}

/**
 * How many bytes of images are asked for at once, and how many images at most. Memory is waited for once for all of
 * them; more would not stay in the nearest cache till their turn.
 */
const TOGETHER: i32 = 16_384
const IMAGES: i32 = 16

/** How many bytes a row of {@link cutScaledRows} takes. */
const ROW: usize = 48

/**
 * The same for many images of one size, whose windows have one size. Each row holds, 32 bits each: source, y, yStep, x,
 * xStep, top, bottom, left, right, and three more that are not read.
 */
export function cutScaledRows(
  rows: usize,
  count: i32,
  sourceWidth: i32,
  sourceBytes: i32,
  channels: i32,
  height: i32,
  width: i32,
  constants: usize,
  planes: usize,
  scratch: usize,
  target: usize
): void {
  const size = (<usize>(height * width * channels)) << 2
  const together = max(min(TOGETHER / max(sourceBytes, 1), IMAGES), 1)
  for (let row = 0, asked = 0; row < count; row++, rows += ROW, target += size) {
    if (row == asked && sourceBytes > 0) {
      const images = min(count - row, together)
      for (let image = 0; image < images; image++) touch(load<u32>(rows + ROW * image), min(sourceBytes, TOGETHER))
      asked += images
    }
    scaledWindow(
      load<u32>(rows), sourceWidth, channels, load<i32>(rows, 4), load<i32>(rows, 8), load<i32>(rows, 12),
      load<i32>(rows, 16), load<i32>(rows, 20), load<i32>(rows, 24), load<i32>(rows, 28), load<i32>(rows, 32),
      height, width, constants, planes, scratch, target
    )
  }
}

@inline
function scaledWindow(
  source: usize,
  sourceWidth: i32,
  channels: i32,
  y: i32,
  yStep: i32,
  x: i32,
  xStep: i32,
  top: i32,
  bottom: i32,
  left: i32,
  right: i32,
  height: i32,
  width: i32,
  constants: usize,
  planes: usize,
  scratch: usize,
  target: usize
): void {
  const from = min(max(xStep == 1 ? left - x : x - right + 1, 0), width)
  const to = max(min(xStep == 1 ? right - x : x - left + 1, width), from)
  const fills = constants + (<usize>channels << 4)
  const line = <usize>width * channels
  const bytes = line << 2
  const before = (<usize>from * channels) << 2
  const behind = (<usize>to * channels) << 2
  if (channels == 1 && planes == 0 && width <= 32 && (width & 3) == 0 && from < to) {
    narrow(source + x, y, yStep, sourceWidth, xStep, top, bottom, from, to, height, width, constants, target)
    return
  }
  for (let row = 0; row < height; row++) {
    // Planes are dealt from a row beside them; other rows may be written a little beyond, as the next one follows.
    const out = planes != 0 ? scratch : target + bytes * row
    const limit = planes != 0 ? scratch + bytes : target + bytes * height
    const own = y + row * yStep
    if (own < top || own >= bottom) blank(out, out + bytes, limit, channels, fills)
    else {
      blank(out, out + before, limit, channels, fills)
      const read = source + (<usize>(own * sourceWidth + x + from * xStep)) * channels
      if (channels == 1) scale1(read, xStep, out + before, out + behind, constants)
      else if (channels == 3) scale3(read, xStep, out + before, out + behind, constants)
      else scale(read, xStep, channels, out + before, out + behind, constants)
      blank(out + behind, out + bytes, limit, channels, fills)
    }
    if (planes != 0) deal(scratch, width, channels, 4, planes, target + ((<usize>row * width) << 2))
  }
}

/**
 * One channel of rows of 4, 8 … 32 pixels, which are read as if all of them were there: fill is put in their places as
 * bytes. So all rows go one way, whatever is cut off, and no jump is foretold wrongly.
 */
@inline
function narrow(
  source: usize,
  y: i32,
  yStep: i32,
  sourceWidth: i32,
  xStep: i32,
  top: i32,
  bottom: i32,
  from: i32,
  to: i32,
  height: i32,
  width: i32,
  constants: usize,
  target: usize
): void {
  const factor = v128.load64_splat(constants)
  const bias = v128.load64_splat(constants, 8)
  const fill = i8x16.splat(load<u8>(constants, 20))
  const quads = width >> 2
  const lanes = i8x16(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15)
  const first = there(lanes, from, to)
  const second = there(i8x16.add(lanes, i8x16.splat(16)), from, to)
  const fillFirst = v128.andnot(fill, first)
  const fillSecond = v128.andnot(fill, second)
  for (let row = 0, own = y, out = target; row < height; row++, own += yStep, out += <usize>width << 2) {
    if (own < top || own >= bottom) {
      blank(out, out + (<usize>width << 2), target + (<usize>(height * width) << 2), 1, constants + 16)
      continue
    }
    const read = source + own * sourceWidth
    const bytes = xStep == 1 ? v128.load(read) : turned(v128.load(read - 15))
    sixteen(out, v128.or(v128.and(bytes, first), fillFirst), quads, factor, bias)
    if (quads > 4) {
      const more = xStep == 1 ? v128.load(read, 16) : turned(v128.load(read - 31))
      sixteen(out + 64, v128.or(v128.and(more, second), fillSecond), quads - 4, factor, bias)
    }
  }
}

/** Which of some places are `from` ones to ones before `to`. */
@inline
function there(places: v128, from: i32, to: i32): v128 {
  return v128.and(i8x16.ge_u(places, i8x16.splat(<i8>from)), i8x16.lt_u(places, i8x16.splat(<i8>to)))
}

@inline
function turned(bytes: v128): v128 {
  return v128.shuffle<u8>(bytes, bytes, 15, 14, 13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0)
}

/** The first of sixteen pixels, four for each of `quads`, up to all of them. */
@inline
function sixteen(out: usize, bytes: v128, quads: i32, factor: v128, bias: v128): void {
  const low = i16x8.extend_low_i8x16_u(bytes)
  store4(out, i32x4.extend_low_i16x8_u(low), factor, bias)
  if (quads > 1) store4(out + 16, i32x4.extend_high_i16x8_u(low), factor, bias)
  const high = i16x8.extend_high_i8x16_u(bytes)
  if (quads > 2) store4(out + 32, i32x4.extend_low_i16x8_u(high), factor, bias)
  if (quads > 3) store4(out + 48, i32x4.extend_high_i16x8_u(high), factor, bias)
}

@inline
function store4(out: usize, pixels: v128, factor: v128, bias: v128): void {
  v128.store(out, scaled2(pixels, factor, bias, factor, bias))
}

let touched: i32 = 0

/** Reads a byte of each line of memory, all at once: the waits for memory then fall together. */
function touch(from: usize, bytes: i32): void {
  let all: i32 = 0
  for (let at: i32 = 0; at < bytes; at += 64) all |= load<u8>(from + at)
  touched = all
}

/** One channel, eight pixels at a time, then four, then one. */
@inline
function scale1(read: usize, step: i32, out: usize, end: usize, constants: usize): void {
  const factor = v128.load64_splat(constants)
  const bias = v128.load64_splat(constants, 8)
  if (step == 1) {
    for (; out + 32 <= end; out += 32, read += 8) eight(out, v128.load_ext<u8>(read), factor, bias)
    if (out + 16 <= end) {
      four(out, v128.load32_zero(read), factor, bias)
      out += 16
      read += 4
    }
  } else {
    for (; out + 32 <= end; out += 32, read -= 8) eight(out, backwards(read), factor, bias)
    if (out + 16 <= end) {
      const bytes = v128.load32_zero(read - 3)
      four(out, v128.shuffle<u8>(bytes, bytes, 3, 2, 1, 0, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15), factor, bias)
      out += 16
      read -= 4
    }
  }
  const one = load<f64>(constants)
  const other = load<f64>(constants, 8)
  for (; out < end; out += 4, read += step) store<f32>(out, <f32>(<f64>load<u8>(read) * one + other))
}

@inline
function four(out: usize, bytes: v128, factor: v128, bias: v128): void {
  v128.store(out, scaled2(i32x4.extend_low_i16x8_u(i16x8.extend_low_i8x16_u(bytes)), factor, bias, factor, bias))
}

/** The eight pixels that end at `read`, the last one first, in 16 bits each. */
@inline
function backwards(read: usize): v128 {
  const bytes = v128.load64_zero(read - 7)
  return i16x8.extend_low_i8x16_u(v128.shuffle<u8>(bytes, bytes, 7, 6, 5, 4, 3, 2, 1, 0, 7, 6, 5, 4, 3, 2, 1, 0))
}

@inline
function eight(out: usize, words: v128, factor: v128, bias: v128): void {
  v128.store(out, scaled2(i32x4.extend_low_i16x8_u(words), factor, bias, factor, bias))
  v128.store(out, scaled2(i32x4.extend_high_i16x8_u(words), factor, bias, factor, bias), 16)
}

/** Three channels, four pixels at a time. */
@inline
function scale3(read: usize, step: i32, out: usize, end: usize, constants: usize): void {
  // Channel by channel: 0 1 | 2 0 | 1 2.
  const f01 = f64x2.replace_lane(v128.load64_splat(constants), 1, load<f64>(constants, 16))
  const f20 = f64x2.replace_lane(v128.load64_splat(constants, 32), 1, load<f64>(constants))
  const f12 = f64x2.replace_lane(v128.load64_splat(constants, 16), 1, load<f64>(constants, 32))
  const b01 = f64x2.replace_lane(v128.load64_splat(constants, 8), 1, load<f64>(constants, 24))
  const b20 = f64x2.replace_lane(v128.load64_splat(constants, 40), 1, load<f64>(constants, 8))
  const b12 = f64x2.replace_lane(v128.load64_splat(constants, 24), 1, load<f64>(constants, 40))
  const move: i32 = step * 12
  for (; out + 48 <= end; out += 48, read += move) {
    const bytes = step == 1 ? v128.load(read) : reversed3(v128.load(read - 9))
    const low = i16x8.extend_low_i8x16_u(bytes)
    v128.store(out, scaled2(i32x4.extend_low_i16x8_u(low), f01, b01, f20, b20))
    v128.store(out, scaled2(i32x4.extend_high_i16x8_u(low), f12, b12, f01, b01), 16)
    v128.store(out, scaled2(i32x4.extend_low_i16x8_u(i16x8.extend_high_i8x16_u(bytes)), f20, b20, f12, b12), 32)
  }
  scale(read, step, 3, out, end, constants)
}

/** Any number of channels, value by value. */
@inline
function scale(read: usize, step: i32, channels: i32, out: usize, end: usize, constants: usize): void {
  while (out < end) {
    for (let channel = 0; channel < channels; channel++, out += 4) {
      const own = constants + (<usize>channel << 4)
      store<f32>(out, <f32>(<f64>load<u8>(read + channel) * load<f64>(own) + load<f64>(own, 8)))
    }
    read += step * channels
  }
}
