/**
 * The bytes of arrays, as they are hashed: all NaNs have one bit pattern, since theirs depend on the engine, and no program
 * can tell them apart.
 *
 * @since 0.1.0
 */
import type { TypedArray } from "./DType.ts"

/** The bytes of an array: its own memory, or a copy if it holds a NaN. @since 0.1.0 */
export const bytesOf = (array: TypedArray): Uint8Array => {
  const own =
    array instanceof Float32Array
      ? mayHoldNaN32(array)
        ? canonical32(array)
        : array
      : array instanceof Float64Array && mayHoldNaN64(array)
        ? canonical64(array)
        : array
  return new Uint8Array(own.buffer, own.byteOffset, own.byteLength)
}

// A sum is NaN if an element is, and otherwise only if there are infinities. Four sums at once: an addition waits for the
// one before. Two functions of one body: compiled for both element types it would take three times as long. A tenth of the
// time that SHA-256 takes.

const mayHoldNaN32 = (array: Float32Array): boolean => {
  let a = 0
  let b = 0
  let c = 0
  let d = 0
  const whole = array.length & ~3
  let at = 0
  for (; at < whole; at += 4) {
    // All four are below the length.
    a += array[at] as number
    b += array[at + 1] as number
    c += array[at + 2] as number
    d += array[at + 3] as number
  }
  for (; at < array.length; at++) a += array[at] as number // below the length
  return Number.isNaN(a + b + c + d)
}

const mayHoldNaN64 = (array: Float64Array): boolean => {
  let a = 0
  let b = 0
  let c = 0
  let d = 0
  const whole = array.length & ~3
  let at = 0
  for (; at < whole; at += 4) {
    // All four are below the length.
    a += array[at] as number
    b += array[at + 1] as number
    c += array[at + 2] as number
    d += array[at + 3] as number
  }
  for (; at < array.length; at++) a += array[at] as number // below the length
  return Number.isNaN(a + b + c + d)
}

/** A copy of the array's bits with the bits of one NaN. */
const canonical32 = (array: Float32Array): Uint32Array => {
  // By their words: an engine may change the bits of a NaN that it loads as a number.
  const words = new Uint32Array(array.buffer, array.byteOffset, array.length).slice()
  for (let at = 0; at < words.length; at++) {
    if (((words[at] as number) & 0x7fffffff) > 0x7f800000) words[at] = 0x7fc00000 // below the length
  }
  return words
}

const canonical64 = (array: Float64Array): Uint32Array => {
  const words = new Uint32Array(array.buffer, array.byteOffset, 2 * array.length).slice()
  for (let at = 0; at < array.length; at++) {
    if (!Number.isNaN(array[at])) continue
    words[2 * at] = 0
    words[2 * at + 1] = 0x7ff80000
  }
  return words
}
