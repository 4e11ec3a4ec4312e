/**
 * The memory of a column while it is filled.
 *
 * @since 0.1.0
 */
import type { TypedArray } from "../../../core/DType.ts"

/** Values of one width that grow. @since 0.1.0 */
export class Values<D extends TypedArray> {
  data: D
  length = 0
  readonly #make: (length: number) => D

  constructor(make: (length: number) => D) {
    this.#make = make
    this.data = make(64)
  }

  room(more: number): void {
    if (this.length + more <= this.data.length) return
    const larger = this.#make(2 * (this.length + more))
    // Both are of one class.
    ;(larger as Float64Array).set(this.data.subarray(0, this.length) as Float64Array)
    this.data = larger
  }

  get bytes(): Uint8Array {
    const { buffer, byteOffset } = this.data
    return new Uint8Array(buffer, byteOffset, this.length * this.data.BYTES_PER_ELEMENT).slice()
  }
}

/** Values of 0 and 1 as bits, the first one lowest. @since 0.1.0 */
export const bitsOf = (values: TypedArray, length: number): Uint8Array => {
  const bits = new Uint8Array((length + 7) >> 3)
  for (let at = 0; at < length; at++) if (values[at] === 1) bits[at >> 3] = (bits[at >> 3] ?? 0) | (1 << (at & 7))
  return bits
}

/** The first value that is neither 0 nor 1, which booleans of batches are; `undefined` if there is none. @since 0.1.0 */
export const noBoolean = (values: TypedArray, from: number, to: number): number | bigint | undefined => {
  for (let at = from; at < to; at++) if (values[at] !== 0 && values[at] !== 1) return values[at]
  return undefined
}
