/**
 * Datasets of plain code: an array, a function, columns, and views of these. Reading a batch is one Effect around one
 * loop; a sample costs a call, not an Effect.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as Pipeable from "effect/Pipeable"
import type { Made } from "../core/Parameters.ts"
import { type Dataset, DatasetError, IndexError, ownDataset, type Plain } from "./RandomAccess.ts"
import { settledSample } from "./SettledSample.ts"

/** What every dataset of this library is made of, however it is read. @since 0.1.0 */
export interface Parts
  extends Pick<
    Dataset<unknown>,
    | "batched"
    | "blocks"
    | "columnar"
    | "components"
    | "content"
    | "lineage"
    | "locate"
    | "locations"
    | "name"
    | "readAhead"
    | "readInWindows"
    | "reorderedBy"
  > {
  readonly size: () => number
  readonly made: Made
}

/**
 * Returns the dataset that `read` gives. `read` checks its index and throws nothing but `IndexError` and `E`; what a
 * caller's function throws is put into a `DatasetError` where that function is called.
 *
 * @since 0.1.0
 */
export const plain = <A, E = never>({
  size,
  ...parts
}: Parts & { readonly read: (index: number) => A }): Plain<A, E> => {
  const { read } = parts
  return ownDataset({
    ...parts,
    get size() {
      return size()
    },
    get: (index) => Effect.suspend(() => attempt<A, E>(() => read(index))),
    getMany: (indices) =>
      Effect.suspend(() =>
        attempt<Array<A>, E>(() => {
          const items = new Array<A>(indices.length)
          // `row` is below the length, so the index is there.
          for (let row = 0; row < items.length; row++) items[row] = read(indices[row] as number)
          return items
        })
      ),
    pipe: Pipeable.Prototype.pipe
  })
}

/**
 * Runs `run` and returns its value; what it throws is a failure if it is one of a dataset's errors, otherwise a defect.
 *
 * @since 0.1.0
 */
export const attempt = <A, E>(run: () => A): Effect.Effect<A, E | IndexError> => {
  try {
    return Effect.succeed(run())
  } catch (error) {
    // By the contract of `Dataset.read`: an error of these classes is an IndexError or the dataset's own E.
    if (error instanceof IndexError || error instanceof DatasetError) return Effect.fail(error as E | IndexError)
    throw error
  }
}

/** Returns `f`, with what it throws put into a `DatasetError` of the dataset `name`. @since 0.1.0 */
export const guarded =
  <A, B>(name: string, f: (sample: A, index: number) => B) =>
  (sample: A, index: number): B => {
    try {
      return settledSample(f(sample, index))
    } catch (cause) {
      throw new DatasetError({ dataset: name, index, cause })
    }
  }
