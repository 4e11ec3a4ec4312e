/**
 * A column of numbers that is written row by row.
 *
 * @since 0.1.0
 */
import { arrays } from "../core/DType.ts"
import { Tensor } from "../core/Tensor.ts"
import type { NumberArrays, NumberDType } from "./Columns.ts"

const { int64: _int64, uint64: _uint64, ...ofNumbers } = arrays

/** The arrays that hold columns of numbers. @since 0.1.0 */
export const numberArrays: { readonly [N in NumberDType]: new (length: number) => NumberArrays[N] } = ofNumbers

/**
 * Whether what an array holds stands for the number that it was given: floats may round and may be NaN, everything else
 * must be that number.
 *
 * @since 0.1.0
 */
export const standsFor = (held: number, value: number, dtype: NumberDType): boolean =>
  stands(held, value, isFloat(dtype))

const stands = (held: number, value: number, float: boolean): boolean =>
  // Most floats are rounded; the difference of one that is finite with itself is 0.
  held === value || (float && (held - held === 0 || value - value !== 0))

const isFloat = (dtype: NumberDType): boolean => dtype === "float32" || dtype === "float64"

/**
 * Writes what it is given, and remembers the first row that was given something else than a number that its element type
 * can hold.
 *
 * @since 0.1.0
 */
export class NumberColumn {
  readonly dtype: NumberDType
  readonly #data: NumberArrays[NumberDType]
  readonly #isFloat: boolean
  /** The first row that does not fit; −1 if all do. */
  wrong = -1
  /** What that row was given. */
  given: unknown

  constructor(dtype: NumberDType, rows: number) {
    this.dtype = dtype
    this.#isFloat = isFloat(dtype)
    this.#data = new numberArrays[dtype](rows)
  }

  set(row: number, value: unknown): void {
    if (typeof value === "number") {
      const data = this.#data
      data[row] = value
      if (stands(data[row] as number, value, this.#isFloat)) return // a row of the column
    }
    if (this.wrong !== -1) return
    this.wrong = row
    this.given = value
  }

  get tensor(): Tensor {
    return new Tensor(this.#data, [this.#data.length])
  }
}
