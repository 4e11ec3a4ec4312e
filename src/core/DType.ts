/**
 * Element types, and the typed arrays that hold them.
 *
 * @since 0.1.0
 */

/** @category models @since 0.1.0 */
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

/** The element types a {@link Tensor} can hold, by the names NumPy gives them. @category models @since 0.1.0 */
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

/** The element type of a typed array. Throws nothing: every `TypedArray` has one. @category getters @since 0.1.0 */
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

/**
 * Whether a value is one of the eleven typed arrays (a `DataView` is not, nor a `Float16Array`).
 *
 * @category predicates
 * @since 0.1.0
 */
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

/** The constructors of typed arrays by element type. @since 0.1.0 */
export const arrays = {
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

/** The typed array of an element type. @category models @since 0.1.0 */
export type ArrayOf<D extends DType> = InstanceType<(typeof arrays)[D]>

const KINDS = new Set<unknown>(Object.values(arrays))

/** Whether a constructor is that of an element type. @since 0.1.0 */
export const isKind = (kind: unknown): boolean => KINDS.has(kind)
