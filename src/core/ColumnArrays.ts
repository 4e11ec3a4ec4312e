/**
 * Where the arrays of a batch's columns come from.
 *
 * @since 0.1.0
 */
import { isKind, type TypedArray } from "./DType.ts"

/** A constructor of typed arrays. @since 0.1.0 */
export interface ArrayKind {
  new (length: number): TypedArray
  new (buffer: ArrayBufferLike, byteOffset: number, length: number): TypedArray
  readonly BYTES_PER_ELEMENT: number
}

/** Makes the arrays of a batch's columns. @since 0.1.0 */
export interface ColumnArrays {
  /** Returns an array of so many elements, which hold anything: all are to be written. */
  readonly array: (Kind: ArrayKind, length: number) => TypedArray
  /** Returns an array of a kind that holds numbers, each of which it can hold as it is. */
  readonly copy: (Kind: ArrayKind, numbers: TypedArray) => TypedArray
}

/** Returns the constructor of an array. @since 0.1.0 */
export const kindOf = (data: TypedArray): ArrayKind =>
  // Every typed array's constructor takes a length, or a buffer with a place in it.
  data.constructor as unknown as ArrayKind

/** Arrays in memory of their own. @since 0.1.0 */
export const fresh: ColumnArrays = {
  array: (Kind, length) => new Kind(length),
  copy: (Kind, numbers) => {
    // What it returns need not be cleared first: half a megabyte takes 23 µs on Bun, and 30 by `set`. That of Node's `Buffer` is no copy.
    if (kindOf(numbers) === Kind && isKind(Kind)) return numbers.slice()
    const own = new Kind(numbers.length)
    // Both hold numbers, since one can hold what the other does.
    ;(own as Float64Array).set(numbers as Float64Array)
    return own
  }
}
