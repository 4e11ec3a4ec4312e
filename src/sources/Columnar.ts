/**
 * What a dataset that lies in memory as columns shows to those who can work on columns, so that no object need be made
 * of each sample.
 *
 * @since 0.1.0
 */
import type * as Effect from "effect/Effect"
import type { ColumnArrays } from "../core/ColumnArrays.ts"
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

/** The rows of columns that some samples are. Of those that follow one another, the first says it all. @since 0.1.0 */
export class Places {
  readonly size: number
  /** The row of the first sample, if the others follow it one by one. */
  readonly first: number | undefined
  #list: Float64Array | undefined

  private constructor(size: number, first: number | undefined, list: Float64Array | undefined) {
    this.size = size
    this.first = first
    this.#list = list
  }

  /** The `size` rows from `first` on. */
  static run(first: number, size: number): Places {
    return new Places(size, first, undefined)
  }

  /** A row for each sample. */
  static of(list: Float64Array): Places {
    const first = list[0] ?? 0
    return new Places(list.length, runFrom(list, 0) >= list.length ? first : undefined, list)
  }

  /** The row of each sample. */
  get list(): Float64Array {
    if (this.#list !== undefined) return this.#list
    const list = new Float64Array(this.size)
    for (let row = 0; row < list.length; row++) list[row] = (this.first ?? 0) + row
    this.#list = list
    return list
  }
}

/** Returns how many rows from one on follow one another. @since 0.1.0 */
export const runFrom = (rows: ArrayLike<number>, from: number): number => {
  const first = (rows[from] as number) - from // below the length
  let end = from + 1
  while (end < rows.length && rows[end] === first + end) end++
  return end - from
}

/** Some samples as rows of columns. @since 0.1.0 */
export interface ColumnRows {
  /** All columns, in the order of a sample's fields. One whose name is in {@link made} is the one there. */
  readonly fields: ReadonlyMap<string, Field>
  /** The rows of the samples in the columns that are not in {@link made}. */
  readonly places: Places
  /** Columns that hold these samples alone, in their order, in memory that nobody else has. */
  readonly made: ReadonlyMap<string, Field>
}

/**
 * Returns the samples at `indices` as rows of columns: at once if possible, else by an effect. `undefined` if
 * they are no such rows: they are read as samples then. Columns that are {@link ColumnRows.made} lie in memory of `arrays`.
 *
 * @since 0.1.0
 */
export type Gather<E = never, R = never> = (
  indices: ArrayLike<number>,
  arrays?: ColumnArrays
) => ColumnRows | undefined | Effect.Effect<ColumnRows | undefined, E, R>
