/**
 * Colors of uint8 images, in place: twins of `stages/image/kernels/color.ts`. What becomes of a byte by itself is
 * worked out once for each of the 256; `table` has room for them.
 */

@inline
function held(value: f64): i32 {
  return <i32>min<f64>(max<f64>(value, 0), 255)
}

function through(pixels: usize, length: i32, table: usize): void {
  const end = pixels + length
  for (; pixels + 4 <= end; pixels += 4) {
    const four = load<u32>(pixels)
    store<u32>(
      pixels,
      <u32>load<u8>(table + (four & 0xff)) |
        (<u32>load<u8>(table + ((four >>> 8) & 0xff)) << 8) |
        (<u32>load<u8>(table + ((four >>> 16) & 0xff)) << 16) |
        (<u32>load<u8>(table + (four >>> 24)) << 24)
    )
  }
  for (; pixels < end; pixels++) store<u8>(pixels, load<u8>(table + load<u8>(pixels)))
}

export function brightness(pixels: usize, length: i32, factor: f64, table: usize): void {
  for (let value = 0; value < 256; value++) store<u8>(table + value, <u8>held(<f64>value * factor))
  through(pixels, length, table)
}

/** The gray of a pixel, without the fraction. */
@inline
function gray(pixel: usize): f64 {
  return Math.floor(0.2989 * <f64>load<u8>(pixel) + 0.587 * <f64>load<u8>(pixel, 1) + 0.114 * <f64>load<u8>(pixel, 2))
}

export function contrast(pixels: usize, length: i32, channels: i32, factor: f64, table: usize): void {
  const end = pixels + length
  let sum: i64 = 0
  if (channels == 3) for (let at = pixels; at < end; at += 3) sum += <i64>gray(at)
  else for (let at = pixels; at < end; at += channels) sum += <i64>load<u8>(at)
  const mean = <f64>sum / (<f64>length / <f64>channels)
  for (let value = 0; value < 256; value++) store<u8>(table + value, <u8>held(mean + (<f64>value - mean) * factor))
  through(pixels, length, table)
}

export function saturation(pixels: usize, length: i32, factor: f64): void {
  const end = pixels + length
  const share = f64x2.splat(factor)
  const most = f64x2.splat(255)
  const none = f64x2.splat(0)
  for (; pixels < end; pixels += 3) {
    const own = gray(pixels)
    const base = f64x2.splat(own)
    const red = <f64>load<u8>(pixels)
    const two = f64x2.replace_lane(f64x2.splat(red), 1, <f64>load<u8>(pixels, 1))
    const moved = f64x2.add(base, f64x2.mul(f64x2.sub(two, base), share))
    const bytes = i32x4.trunc_sat_f64x2_s_zero(f64x2.min(f64x2.max(moved, none), most))
    const blue = held(own + (<f64>load<u8>(pixels, 2) - own) * factor)
    store<u8>(pixels, <u8>i32x4.extract_lane(bytes, 0))
    store<u8>(pixels, <u8>i32x4.extract_lane(bytes, 1), 1)
    store<u8>(pixels, <u8>blue, 2)
  }
}

export function hue(pixels: usize, length: i32, shift: f64): void {
  const end = pixels + length
  const scale: f64 = 1.0 / 255.0
  const back: f64 = 255.999
  for (; pixels < end; pixels += 3) {
    const red = min<f64>(max<f64>(<f64>load<u8>(pixels) * scale, 0), 1)
    const green = min<f64>(max<f64>(<f64>load<u8>(pixels, 1) * scale, 0), 1)
    const blue = min<f64>(max<f64>(<f64>load<u8>(pixels, 2) * scale, 0), 1)
    const most = max<f64>(max<f64>(red, green), blue)
    const range = most - min<f64>(min<f64>(red, green), blue)
    let sixths: f64 = 0
    if (range != 0) {
      if (most == red) sixths = (green - blue) / range
      else if (most == green) sixths = (blue - red) / range + 2
      else sixths = (red - green) / range + 4
    }
    const circle = sixths / 6 + shift
    const place = 6 * (circle - Math.floor(circle))
    const sector = <i32>Math.floor(place)
    const low = most - range
    const falling = most - range * (place - <f64>sector)
    const rising = low + range * (place - <f64>sector)
    let r = most
    if (sector == 1) r = falling
    else if (sector == 2 || sector == 3) r = low
    else if (sector == 4) r = rising
    let g = low
    if (sector == 1 || sector == 2) g = most
    else if (sector == 3) g = falling
    else if (sector == 0) g = rising
    let b = low
    if (sector == 2) b = rising
    else if (sector == 3 || sector == 4) b = most
    else if (sector == 5) b = falling
    store<u8>(pixels, <u8>(<i32>(back * r)))
    store<u8>(pixels, <u8>(<i32>(back * g)), 1)
    store<u8>(pixels, <u8>(<i32>(back * b)), 2)
  }
}
