/**
 * What a dataset that lies in memory as columns shows to those who can work on columns, so that no object need be made
 * of each sample.
 *
 * @since 0.1.0
 */
import type { TypedArray } from "../core/Tensor.ts"

/**
 * One field of all samples, as it lies in memory: `width` elements a sample of shape `shape`, one number a sample, or
 * anything.
 *
 * @category models
 * @since 0.1.0
 */
export type Field =
  | TensorColumn
  | { readonly _tag: "Numbers"; readonly data: TypedArray }
  | { readonly _tag: "Items"; readonly items: ReadonlyArray<unknown> }

/** Tensors of one shape, one behind the other, `width` elements each. @since 0.1.0 */
export interface TensorColumn {
  readonly _tag: "Tensors"
  readonly data: TypedArray
  readonly shape: ReadonlyArray<number>
  readonly width: number
}

/** Columns, and the row of them that each index stands for. @category models @since 0.1.0 */
export interface Columnar {
  readonly fields: ReadonlyMap<string, Field>
  readonly place: (index: number) => number
}

/** Returns how many rows a column has. @since 0.1.0 */
export const rowsOf = (field: Field): number => {
  if (field._tag === "Items") return field.items.length
  if (field._tag === "Numbers") return field.data.length
  return field.width === 0 ? Number.MAX_SAFE_INTEGER : Math.floor(field.data.length / field.width)
}

/** Whether `row` is one of so many rows. @since 0.1.0 */
export const isRow = (row: number, rows: number): boolean => row >= 0 && row < rows && Number.isInteger(row)
