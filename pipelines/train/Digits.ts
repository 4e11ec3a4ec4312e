/**
 * The digits as datasets. In a module of its own, apart from how they are read: threads load this.
 */
import * as Tensor from "../../src/core/Tensor.ts"
import type * as Seed from "../../src/random/Seed.ts"
import * as Dataset from "../../src/sources/Dataset.ts"

/** A digit: 28 × 28 gray values and what it shows, 0 … 9. */
export interface Digit {
  readonly image: Tensor.Tensor<Uint8Array>
  readonly label: number
}

/** The side of an image, in pixels. */
export const SIDE = 28

/** All digits as columns, in memory that threads share: reading them takes half a second. */
export interface Columns {
  readonly images: Uint8Array
  readonly labels: Uint8Array
}

/** Digits to train on and digits to be tested on. */
export interface Split {
  readonly train: Dataset.Dataset<Digit, unknown>
  readonly test: Dataset.Dataset<Digit, unknown>
  /** What they are rows of, if threads can share it. */
  readonly columns?: Columns
}

/** 8,000 digits to train on and 2,000 to be tested on, of the packaged ones, chosen by `seed`. Throws `InvalidOption`. */
export const digitsOf = (columns: Columns, seed: Seed.RootInput): Split & { readonly columns: Columns } => {
  const { images, labels } = columns
  const image = Tensor.make(images, [labels.length, SIDE, SIDE, 1])
  const all = Dataset.fromColumns({ image, label: labels }, { name: "mnist digits" })
  return { ...Dataset.split({ train: 8000, test: 2000 }, { seed })(all), columns }
}
