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
