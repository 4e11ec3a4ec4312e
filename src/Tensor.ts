/**
 * A typed array with a shape: one image, one row of tokens, or a whole column of a batch. Row-major ("C order"), the
 * last axis runs fastest, no strides and no offset: what `data` holds is the whole of it.
 *
 * @since 0.1.0
 */
import { InvalidOption } from "./InvalidOption.ts"

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
 * const grey = Tensor.make(new Uint8Array(28 * 28), [28, 28, 1])
 * console.assert(grey.dtype === "uint8")
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
