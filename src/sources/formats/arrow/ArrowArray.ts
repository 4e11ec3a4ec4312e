/**
 * An array of Arrow's columnar format in memory: validity, buffers, children. Made from an IPC body or by the C data interface.
 *
 * @since 0.1.0
 */
import type { TypedArray } from "../../../core/Tensor.ts"
import { AGAIN, Malformed } from "../Malformed.ts"
import { type ArrowField, type ArrowType, widthOf } from "./ArrowType.ts"

/** @since 0.1.0 */
export interface ArrowArray {
  readonly field: ArrowField
  /** `field.type`, or that of the indices if the values stand in `dictionary`. */
  readonly type: ArrowType
  readonly length: number
  /** Where its values begin in all its buffers, and in its children if it is a struct, union or list of fixed size. */
  readonly offset: number
  readonly nulls: number
  /** A bit for each value, 1 if it is not null. `undefined` if none is null. */
  readonly validity: Uint8Array | undefined
  /** The other buffers in their order: types of a union, offsets, sizes, values. Each is aligned to 8 bytes. */
  readonly data: ReadonlyArray<Uint8Array>
  readonly children: ReadonlyArray<ArrowArray>
  /** The values that indices are of, one part behind the other, if it has a dictionary. */
  readonly dictionary: ReadonlyArray<ArrowArray> | undefined
}

/** Returns a buffer, of which there are as many as the type has. @since 0.1.0 */
export const dataOf = (array: ArrowArray, index: number): Uint8Array => array.data[index] ?? NONE

const NONE = new Uint8Array(0)

/** Calls `seen` for each buffer of an array and its children, not for those of its dictionary. @since 0.1.0 */
export const eachBuffer = ({ children, data, validity }: ArrowArray, seen: (bytes: Uint8Array) => void): void => {
  if (validity !== undefined) seen(validity)
  for (const bytes of data) seen(bytes)
  for (const child of children) eachBuffer(child, seen)
}

/** Returns a child, of which there are as many as the type has. @since 0.1.0 */
export const childOf = (array: ArrowArray, index: number): ArrowArray => {
  const child = array.children[index]
  if (child === undefined) throw new Malformed(`field "${array.field.name}" lacks a child; ${AGAIN}`)
  return child
}

/** Returns bytes as numbers of a type, from the place where a buffer begins; it is aligned. @since 0.1.0 */
export const typedOf = (bytes: Uint8Array, type: ArrowType): TypedArray => {
  const width = widthOf(type)
  const { buffer, byteOffset } = bytes
  const length = Math.floor(bytes.byteLength / Math.max(1, width))
  if (type.kind === "float") {
    if (width === 2) return halves(new Uint16Array(buffer, byteOffset, length))
    return width === 4 ? new Float32Array(buffer, byteOffset, length) : new Float64Array(buffer, byteOffset, length)
  }
  const signed = type.kind !== "int" || type.signed
  if (width === 1)
    return signed ? new Int8Array(buffer, byteOffset, length) : new Uint8Array(buffer, byteOffset, length)
  if (width === 2)
    return signed ? new Int16Array(buffer, byteOffset, length) : new Uint16Array(buffer, byteOffset, length)
  if (width === 4)
    return signed ? new Int32Array(buffer, byteOffset, length) : new Uint32Array(buffer, byteOffset, length)
  return signed ? new BigInt64Array(buffer, byteOffset, length) : new BigUint64Array(buffer, byteOffset, length)
}

/** Numbers of 16 bits as float32, which holds each of them exactly. */
const halves = (bits: Uint16Array): Float32Array => {
  const result = new Float32Array(bits.length)
  const words = new Uint32Array(result.buffer)
  for (let at = 0; at < bits.length; at++) {
    const half = bits[at] as number // below the length
    const sign = (half & 0x8000) << 16
    const exponent = (half >> 10) & 31
    const fraction = half & 0x3ff
    if (exponent === 31) words[at] = sign | 0x7f800000 | (fraction << 13)
    else if (exponent > 0) words[at] = sign | ((exponent + 112) << 23) | (fraction << 13)
    else result[at] = (sign === 0 ? fraction : -fraction) * 2 ** -24
  }
  return result
}

/** Returns the numbers of an array of integers or floats, one for each of its values; those that are null hold anything. @since 0.1.0 */
export const numbersOf = (array: ArrowArray): TypedArray => {
  const width = widthOf(array.type)
  const start = array.offset * width
  return typedOf(dataOf(array, 0).subarray(start, start + array.length * width), array.type)
}

/** Whether an array holds plain numbers. @since 0.1.0 */
export const isNumeric = (array: ArrowArray): boolean =>
  array.dictionary === undefined && (array.type.kind === "int" || array.type.kind === "float")

/** Whether a value is null. @since 0.1.0 */
export const isNull = (validity: Uint8Array, at: number): boolean =>
  (((validity[at >> 3] as number) >> (at & 7)) & 1) === 0 // there is a bit for each value

/** Returns the offsets of a list, a text or bytes: one more than it has values. @since 0.1.0 */
export const offsetsOf = (array: ArrowArray): Int32Array | Float64Array => {
  const wide = "wide" in array.type && array.type.wide
  return numbersFrom(dataOf(array, 0), wide, array.offset, array.length === 0 ? 0 : array.length + 1)
}

/** Returns so many lengths or offsets of 32 or 64 bits. @since 0.1.0 */
export const numbersFrom = (
  bytes: Uint8Array,
  wide: boolean,
  from: number,
  length: number
): Int32Array | Float64Array => {
  const width = wide ? 8 : 4
  const own = bytes.subarray(from * width, (from + length) * width)
  if (!wide) return new Int32Array(own.buffer, own.byteOffset, Math.floor(own.byteLength / 4))
  return Float64Array.from(new BigInt64Array(own.buffer, own.byteOffset, Math.floor(own.byteLength / 8)), Number)
}
