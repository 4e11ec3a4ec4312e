/**
 * Decimals: whole numbers of 32 to 256 bits and a scale. As text they are exact.
 *
 * @since 0.1.0
 */

/** Returns the whole numbers in bytes, little-endian in two's complement, `width` bytes each. @since 0.1.0 */
export const widened = (bytes: Uint8Array, width: number): ((place: number) => bigint) => {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  if (width === 4) return (place) => BigInt(view.getInt32(4 * place, true))
  return (place) => {
    let value = view.getBigInt64((place + 1) * width - 8, true)
    for (let at = width - 16; at >= 0; at -= 8) value = (value << 64n) | view.getBigUint64(place * width + at, true)
    return value
  }
}

/** Returns `value` × 10^−`scale` as text, with all its digits: `12.30`. @since 0.1.0 */
export const shownDecimal = (value: bigint, scale: number): string => {
  if (scale <= 0) return String(value * 10n ** BigInt(-scale))
  const digits = String(value < 0n ? -value : value).padStart(scale + 1, "0")
  const whole = digits.slice(0, -scale)
  return `${value < 0n ? "-" : ""}${whole}.${digits.slice(-scale)}`
}
