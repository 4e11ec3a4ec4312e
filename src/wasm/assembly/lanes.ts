/**
 * What kernels share.
 */

/** Four whole numbers, by `value · factor + bias` in float64, as float32. */
@inline
export function scaled2(whole: v128, factor: v128, bias: v128, factor2: v128, bias2: v128): v128 {
  const high = i64x2.shuffle(whole, whole, 1, 0)
  return i64x2.shuffle(
    f32x4.demote_f64x2_zero(f64x2.add(f64x2.mul(f64x2.convert_low_i32x4_s(whole), factor), bias)),
    f32x4.demote_f64x2_zero(f64x2.add(f64x2.mul(f64x2.convert_low_i32x4_s(high), factor2), bias2)),
    0,
    2
  )
}

/** Four pixels of three bytes, the last one first. */
@inline
export function reversed3(bytes: v128): v128 {
  return v128.shuffle<u8>(bytes, bytes, 9, 10, 11, 6, 7, 8, 3, 4, 5, 0, 1, 2, 12, 13, 14, 15)
}

/** Writes what fill becomes, a float32 a channel. One channel is written by fours, which may go beyond `end`, not `limit`. */
@inline
export function blank(out: usize, end: usize, limit: usize, channels: i32, fills: usize): void {
  if (channels == 1) {
    const four = v128.load32_splat(fills)
    for (; out < end && out + 16 <= limit; out += 16) v128.store(out, four)
  }
  while (out < end) {
    for (let channel = 0; channel < channels; channel++, out += 4) store<f32>(out, load<f32>(fills + (<usize>channel << 2)))
  }
}

/** One value, a whole number: by the channel's scale and bias as float32; without `constants` as the byte it is. */
@inline
export function store1(out: usize, value: f64, channel: i32, constants: usize): void {
  if (constants == 0) store<u8>(out, <u8>value)
  else {
    const own = constants + (<usize>channel << 4)
    store<f32>(out, <f32>(value * load<f64>(own) + load<f64>(own, 8)))
  }
}

/** Deals a row, its channels side by side, to planes `planes` bytes apart; `size` bytes a value, 1 or 4. */
export function deal(row: usize, width: i32, channels: i32, size: usize, planes: usize, target: usize): void {
  const step = <usize>channels * size
  for (let channel = 0; channel < channels; channel++) {
    let read = row + <usize>channel * size
    let out = target + planes * channel
    if (size == 4) {
      for (let column = 0; column < width; column++, read += step, out += 4) store<f32>(out, load<f32>(read))
    } else {
      for (let column = 0; column < width; column++, read += step, out++) store<u8>(out, load<u8>(read))
    }
  }
}
