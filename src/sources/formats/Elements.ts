/**
 * Element types of files of arrays, and the typed arrays that they become.
 *
 * @since 0.1.0
 */
import { arrays, type DType, type TypedArray } from "../../core/DType.ts"

/** How elements of one type lie in a file, and what they become. JSON-able. @since 0.1.0 */
export interface Element {
  /** What they become. */
  readonly dtype: DType
  /** Bytes of one element in the file. */
  readonly size: number
  /** Whether they are big-endian. */
  readonly isBig: boolean
  /** For numbers without a typed array: what their bits mean. They become float32, which has all of their values. */
  readonly bits?: keyof typeof values | undefined
  /** Whether they are booleans, which become 0 and 1. */
  readonly isBoolean?: boolean | undefined
}

/** The value that some bits stand for. */
const values = {
  /** IEEE 754 binary16. */
  float16: (bits: number): number => small(bits, 5, 10, 15),
  /** The upper half of a float32. */
  bfloat16: (bits: number): number => small(bits, 8, 7, 127),
  /** Has infinities, as IEEE 754 has. */
  float8E5M2: (bits: number): number => small(bits, 5, 2, 15),
  /** E4M3FN: no infinities, and NaN only where all other bits are set. */
  float8E4M3: (bits: number): number => {
    if ((bits & 0x7f) === 0x7f) return Number.NaN
    const exponent = (bits >>> 3) & 15
    const magnitude = exponent === 0 ? (bits & 7) * 2 ** -9 : (8 + (bits & 7)) * 2 ** (exponent - 10)
    return bits & 0x80 ? -magnitude : magnitude
  },
  /** A power of two. */
  float8E8M0: (bits: number): number => (bits === 0xff ? Number.NaN : 2 ** (bits - 127))
} as const

/** A number of so many bits of exponent and fraction, after IEEE 754. */
const small = (bits: number, exponentBits: number, fractionBits: number, bias: number): number => {
  const top = 2 ** exponentBits - 1
  const exponent = (bits >>> fractionBits) & top
  const fraction = bits & (2 ** fractionBits - 1)
  const sign = (bits >>> (exponentBits + fractionBits)) & 1 ? -1 : 1
  if (exponent === top) return fraction === 0 ? sign * Number.POSITIVE_INFINITY : Number.NaN
  const unit = 2 ** (Math.max(exponent, 1) - bias - fractionBits)
  return sign * (exponent === 0 ? fraction : fraction + 2 ** fractionBits) * unit
}

/** Values by bits, as each is computed once. */
const tables = new Map<keyof typeof values, Float32Array>()

const tableOf = (bits: keyof typeof values, size: number): Float32Array => {
  const known = tables.get(bits)
  if (known !== undefined) return known
  const table = Float32Array.from({ length: 256 ** size }, (_, pattern) => values[bits](pattern))
  tables.set(bits, table)
  return table
}

/** How many bytes elements have in memory that have `length` in a file. @since 0.1.0 */
export const decodedBytes = ({ dtype, size }: Element, length: number): number =>
  (length / size) * arrays[dtype].BYTES_PER_ELEMENT

const isBigMachine = new Uint8Array(Uint16Array.of(1).buffer)[0] === 0

/**
 * Returns the elements that lie in `bytes`: a view of them where they are aligned and in this machine's order, else a copy.
 * `bytes` is a whole number of elements.
 *
 * @since 0.1.0
 */
export const elementsOf = (bytes: Uint8Array, { bits, dtype, isBig, size }: Element): TypedArray => {
  const count = bytes.length / size
  if (bits !== undefined) {
    const table = tableOf(bits, size)
    const patterns = size === 1 ? bytes : elementsOf(bytes, { dtype: "uint16", size, isBig })
    const numbers = new Float32Array(count)
    // `table` has all patterns, and `patterns` no bigints.
    for (let at = 0; at < count; at++) numbers[at] = table[patterns[at] as number] as number
    return numbers
  }
  const swaps = size > 1 && isBig !== isBigMachine
  const isAligned = bytes.byteOffset % size === 0
  const own = swaps || !isAligned ? bytes.slice() : bytes
  if (swaps) for (let at = 0; at < own.length; at += size) own.subarray(at, at + size).reverse()
  return new arrays[dtype](own.buffer as ArrayBuffer, own.byteOffset, count)
}
