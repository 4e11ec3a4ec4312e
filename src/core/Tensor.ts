/**
 * A typed array with a shape: one image, one row of tokens, or a whole column of a batch. Row-major ("C order"), the
 * last axis runs fastest, no strides and no offset: what `data` holds is the whole of it.
 *
 * @since 0.1.0
 */

import { arena } from "../wasm/Kernels.ts"
import { InvalidOption, whole } from "./InvalidOption.ts"

/** @since 0.1.0 */
export type TypedArray =
  | Int8Array
  | Uint8Array
  | Uint8ClampedArray
  | Int16Array
  | Uint16Array
  | Int32Array
  | Uint32Array
  | Float32Array
  | Float64Array
  | BigInt64Array
  | BigUint64Array

/** The element types a {@link Tensor} can hold, by the names NumPy gives them. @since 0.1.0 */
export type DType =
  | "int8"
  | "uint8"
  | "int16"
  | "uint16"
  | "int32"
  | "uint32"
  | "float32"
  | "float64"
  | "int64"
  | "uint64"

/** The element type of a typed array. Throws nothing: every `TypedArray` has one. @since 0.1.0 */
export const dtypeOf = (data: TypedArray): DType => {
  if (data instanceof Float32Array) return "float32"
  if (data instanceof Uint8Array || data instanceof Uint8ClampedArray) return "uint8"
  if (data instanceof Float64Array) return "float64"
  if (data instanceof Int32Array) return "int32"
  if (data instanceof Uint32Array) return "uint32"
  if (data instanceof Int8Array) return "int8"
  if (data instanceof Int16Array) return "int16"
  if (data instanceof Uint16Array) return "uint16"
  return data instanceof BigInt64Array ? "int64" : "uint64"
}

/** Whether a value is one of the eleven typed arrays (a `DataView` is not, nor a `Float16Array`). @since 0.1.0 */
export const isTypedArray = (value: unknown): value is TypedArray =>
  ArrayBuffer.isView(value) && KNOWN.has((value as Partial<TypedArray>)[Symbol.toStringTag] ?? "")

/** Float16Array and whatever comes later have no place in a column yet. */
const KNOWN = new Set([
  "Int8Array",
  "Uint8Array",
  "Uint8ClampedArray",
  "Int16Array",
  "Uint16Array",
  "Int32Array",
  "Uint32Array",
  "Float32Array",
  "Float64Array",
  "BigInt64Array",
  "BigUint64Array"
])

/**
 * `data` seen with `shape`; `data.length` is the product of `shape`.
 *
 * @example
 * import { Tensor } from "furrow"
 *
 * const gray = Tensor.make(new Uint8Array(28 * 28), [28, 28, 1])
 * console.assert(gray.dtype === "uint8")
 *
 * @since 0.1.0
 */
export class Tensor<out D extends TypedArray = TypedArray> {
  readonly data: D
  readonly shape: ReadonlyArray<number>

  /** Takes both as they are. Use {@link make} for values from outside: it holds them against each other. */
  constructor(data: D, shape: ReadonlyArray<number>) {
    this.data = data
    this.shape = shape
  }

  get dtype(): DType {
    return dtypeOf(this.data)
  }

  toString(): string {
    return `Tensor(${this.dtype} [${this.shape.join(", ")}])`
  }
}

/**
 * A tensor from `data` (kept, not copied) and `shape`. Throws `InvalidOption` when an axis is not a whole number of at
 * least 0, or when the shape does not multiply out to `data.length`.
 *
 * @since 0.1.0
 */
export const make = <D extends TypedArray>(data: D, shape: ReadonlyArray<number>): Tensor<D> => {
  if (!ArrayBuffer.isView(data)) throw new InvalidOption({ option: "data", value: data, expected: "a typed array" })
  shapeOf(shape)
  let length = 1
  for (const axis of shape) {
    if (!Number.isSafeInteger(axis) || axis < 0) {
      throw new InvalidOption({ option: "shape", value: shape, expected: "whole numbers of at least 0" })
    }
    length *= axis
  }
  if (length !== data.length) {
    throw new InvalidOption({
      option: "shape",
      value: shape,
      expected: `axes that multiply to the data's length, ${data.length} (they multiply to ${length})`
    })
  }
  return new Tensor(data, shape)
}

const shapeOf = (shape: unknown): void => {
  if (!Array.isArray(shape)) throw new InvalidOption({ option: "shape", value: shape, expected: "an array of axes" })
}

const arrays = {
  int8: Int8Array,
  uint8: Uint8Array,
  int16: Int16Array,
  uint16: Uint16Array,
  int32: Int32Array,
  uint32: Uint32Array,
  float32: Float32Array,
  float64: Float64Array,
  int64: BigInt64Array,
  uint64: BigUint64Array
} as const

/** The typed array of an element type. @since 0.1.0 */
export type ArrayOf<D extends DType> = InstanceType<(typeof arrays)[D]>

/**
 * A tensor of zeros for data that image stages will read again and again, to be filled by the caller: the whole of a
 * dataset, say. It lies where kernels can read it, so its images need not be copied there one by one. It holds its
 * memory for as long as the program runs, and comes from a stock of 4 GiB; when that is used up, or where there is none,
 * it is ordinary memory, and all works as before.
 *
 * Throws `InvalidOption` if the element type does not exist, or an axis is not a whole number of at least 0.
 *
 * @example
 * import { Dataset, Tensor } from "furrow"
 *
 * const images = Tensor.resident("uint8", [1000, 28, 28, 1])
 * images.data.fill(127) // or read them from a file
 * const digits = Dataset.fromColumns({ image: images })
 * console.assert(digits.size === 1000)
 *
 * @since 0.1.0
 */
export const resident = <D extends DType>(dtype: D, shape: ReadonlyArray<number>): Tensor<ArrayOf<D>> => {
  if (!Object.hasOwn(arrays, dtype)) {
    const expected = `one of ${Object.keys(arrays).join(", ")}`
    throw new InvalidOption({ option: "dtype", value: dtype, expected })
  }
  const Kind = arrays[dtype]
  shapeOf(shape)
  const length = shape.reduce((product, axis) => product * whole("an axis of the shape", axis, 0), 1)
  const own = arena()
  const address = own?.take(whole("the elements of the shape", length, 0) * Kind.BYTES_PER_ELEMENT)
  const buffer =
    own === undefined || address === undefined ? new ArrayBuffer(length * Kind.BYTES_PER_ELEMENT) : own.bytes.buffer
  // Every typed array's constructor takes (buffer, byteOffset, length), of whatever kind the buffer is.
  const data = new (Kind as unknown as new (...from: readonly [ArrayBufferLike, number, number]) => TypedArray)(
    buffer,
    address ?? 0,
    length
  )
  // What lay at the address before is nobody's any more.
  new Uint8Array<ArrayBufferLike>(data.buffer, data.byteOffset, data.byteLength).fill(0)
  return new Tensor(data as ArrayOf<D>, shape) // made by D's own constructor
}
