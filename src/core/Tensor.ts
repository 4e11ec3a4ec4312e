/**
 * A typed array with a shape: one image, one row of tokens, or a whole column of a batch. Row-major ("C order"), the
 * last axis runs fastest, no strides and no offset: what `data` holds is the whole of it.
 *
 * @since 0.1.0
 */

import { type DType, dtypeOf, type TypedArray } from "./DType.ts"
import { InvalidOption } from "./InvalidOption.ts"

export { type ArrayOf, type DType, dtypeOf, isKind, isTypedArray, type TypedArray } from "./DType.ts"

/**
 * `data` seen with `shape`; `data.length` is the product of `shape`.
 *
 * @example
 * import { Tensor } from "furrow"
 *
 * const gray = Tensor.make(new Uint8Array(28 * 28), [28, 28, 1])
 * console.assert(gray.dtype === "uint8")
 *
 * @category models
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
 * @category constructors
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
