/**
 * What a dataset that lies in memory as columns shows to those who can work on columns, so that no object need be made
 * of each sample.
 *
 * @since 0.1.0
 */
import type * as Effect from "effect/Effect"
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

/** Some samples as rows of columns. @since 0.1.0 */
export interface ColumnRows {
  /** All columns, in the order of a sample's fields. One whose name is in {@link made} is the one there. */
  readonly fields: ReadonlyMap<string, Field>
  /** The row of each sample in the columns that are not in {@link made}. */
  readonly places: Float64Array
  /** Columns that hold these samples alone, in their order, in memory that nobody else has. */
  readonly made: ReadonlyMap<string, Field>
}

/**
 * Returns the samples at `indices` as rows of columns: at once if they can be had at once, else by an effect. `undefined` if
 * they are no such rows: they are read as samples then.
 *
 * @since 0.1.0
 */
export type Gather<E = never, R = never> = (
  indices: ArrayLike<number>
) => ColumnRows | undefined | Effect.Effect<ColumnRows | undefined, E, R>
