/**
 * Columns of numbers whose rows all have one shape, for formats that say in front how many rows they have: the rows of a shard
 * are in memory until it ends.
 *
 * @since 0.1.0
 */
import { arrays, type DType, dtypeOf, isTypedArray, type TypedArray } from "../../../core/DType.ts"
import { isLost, LOST } from "../../../core/Lost.ts"
import { Tensor } from "../../../core/Tensor.ts"
import { NotColumn } from "./ColumnBuilder.ts"

/** The dtype of a column, and the shape of a row of it. JSON-able. @since 0.1.0 */
export interface NumberType {
  readonly dtype: DType | "bool"
  readonly shape: ReadonlyArray<number>
}

/** The digits of a number, or their start. */
const shownBig = (value: bigint): string => String(value).replace(/^(.{80}).+$/, "$1…")

/** What a value is in a column: its dtype, its shape and its numbers. */
const partsOf = (name: string, value: unknown): NumberType & { readonly data: ArrayLike<number | bigint> } => {
  if (typeof value === "number") return { dtype: "float64", shape: [], data: [value] }
  if (typeof value === "bigint") {
    if (value >= -(2n ** 63n) && value < 2n ** 63n) return { dtype: "int64", shape: [], data: [value] }
    if (value > 0n && value < 2n ** 64n) return { dtype: "uint64", shape: [], data: [value] }
    throw new NotColumn(`field "${name}" is ${shownBig(value)}, which 64 bits cannot hold; map it to a float or a text`)
  }
  if (typeof value === "boolean") return { dtype: "bool", shape: [], data: [value ? 1 : 0] }
  if ((value instanceof Tensor || isTypedArray(value)) && isLost(value)) throw new NotColumn(`field "${name}" ${LOST}`)
  if (value instanceof Tensor) return { dtype: dtypeOf(value.data), shape: value.shape, data: value.data }
  if (isTypedArray(value)) return { dtype: dtypeOf(value), shape: [value.length], data: value }
  const is = value === null || typeof value !== "object" ? String(value) : "an object or a list"
  throw new NotColumn(
    `field "${name}" is ${is.slice(0, 80)}, where a row has a number, a boolean, a typed array or a tensor`
  )
}

/** One column. @since 0.1.0 */
export class NumberColumn {
  readonly name: string
  type: NumberType | undefined
  rows = 0
  #data: TypedArray | undefined
  #length = 0

  constructor(name: string, type: NumberType | undefined) {
    this.name = name
    this.type = type
  }

  /** Adds a row. Returns how many bytes it takes. Throws {@link NotColumn}. */
  push(value: unknown): number {
    const { data, dtype, shape } = partsOf(this.name, value)
    this.type ??= { dtype, shape }
    const { type } = this
    if (type.dtype !== dtype || type.shape.join() !== shape.join()) {
      const shown = (own: NumberType): string => `${own.dtype} [${own.shape.join(", ")}]`
      throw new NotColumn(`field "${this.name}" is ${shown({ dtype, shape })}, and in the rows before ${shown(type)}`)
    }
    return this.#append(data, data.length, 1)
  }

  /** Adds rows of a tensor, `count` from `from` on. */
  append(tensor: Tensor, from: number, count: number): number {
    if (isLost(tensor)) throw new NotColumn(`column "${this.name}" ${LOST}`)
    const { data, shape } = tensor
    const [, ...inner] = shape
    const width = inner.reduce((product, axis) => product * axis, 1)
    this.type ??= { dtype: dtypeOf(data), shape: inner }
    const { type } = this
    if (type.dtype !== dtypeOf(data) || type.shape.join() !== inner.join()) {
      throw new NotColumn(
        `column "${this.name}" is ${dtypeOf(data)} [${inner.join(", ")}], and in the rows before ${type.dtype} [${type.shape.join(", ")}]`
      )
    }
    return this.#append(data.subarray(from * width, (from + count) * width), count * width, count)
  }

  #append(data: ArrayLike<number | bigint>, length: number, rows: number): number {
    const { dtype = "float64" } = this.type ?? {}
    const make = arrays[dtype === "bool" ? "uint8" : dtype]
    const before = this.#data ?? new make(64)
    let own: TypedArray = before
    if (this.#length + length > own.length) {
      own = new make(2 * (this.#length + length))
      // All are of the column's class.
      ;(own as Float64Array).set(before.subarray(0, this.#length) as Float64Array)
    }
    ;(own as Float64Array).set(data as ArrayLike<number>, this.#length)
    this.#data = own
    this.#length += length
    this.rows += rows
    return length * own.BYTES_PER_ELEMENT
  }

  /** Its numbers as bytes, little-endian. */
  get bytes(): Uint8Array {
    const data = this.#data
    return data === undefined
      ? new Uint8Array(0)
      : new Uint8Array(data.buffer, data.byteOffset, this.#length * data.BYTES_PER_ELEMENT)
  }
}
