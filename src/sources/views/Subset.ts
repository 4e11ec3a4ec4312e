/**
 * A view of the samples at some indices.
 *
 * @since 0.1.0
 */
import { dual } from "effect/Function"
import { InvalidOption } from "../../core/InvalidOption.ts"
import { listOf } from "../../core/Options.ts"
import { Made } from "../../core/Parameters.ts"
import { type Dataset, datasetOf, madeOf, type NameOptions, nameOf } from "../RandomAccess.ts"
import { blocksAmong, datasetFirst, placed } from "./View.ts"

const indicesOf = (indices: ArrayLike<number>, options: NameOptions = {}) => ({
  name: nameOf("Dataset.subset", options),
  own: listOf("the indices of a subset", indices)
})

/**
 * The samples at `indices`, in that order; an index may come more than once. The indices are copied, 8 bytes each.
 * Throws `InvalidOption`, which names the first wrong one, unless all are whole numbers from 0 to `size − 1`.
 *
 * @category views
 * @since 0.1.0
 */
export const subset: {
  (indices: ArrayLike<number>, options?: NameOptions): <A, E, R>(self: Dataset<A, E, R>) => Dataset<A, E, R>
  <A, E, R>(self: Dataset<A, E, R>, indices: ArrayLike<number>, options?: NameOptions): Dataset<A, E, R>
} = dual(
  datasetFirst(indicesOf),
  <A, E, R>(self: Dataset<A, E, R>, indices: ArrayLike<number>, options: NameOptions = {}): Dataset<A, E, R> => {
    const { name, own: list } = indicesOf(indices, options)
    const own = Float64Array.from(list)
    const { size } = datasetOf("the dataset of a subset", self)
    own.forEach((index, place) => {
      if (index >= 0 && index < size && Number.isInteger(index)) return
      const expected = size === 0 ? "left out: the dataset is empty" : `a whole number from 0 to ${size - 1}`
      throw new InvalidOption({
        option: `index at place ${place} of the subset of ${self.name}`,
        value: index,
        expected
      })
    })
    const isReordered = own.some((index, at) => at > 0 && index < (own[at - 1] as number)) // there is one before
    return chosen(self, own, name ?? `${self.name}, subset`, "subset", isReordered)
  }
)

/** Returns the view `view` of the samples at `indices`, which are in range. @since 0.1.0 */
export const chosen = <A, E, R>(
  self: Dataset<A, E, R>,
  indices: Float64Array,
  name: string,
  view: string,
  isReordered = false
): Dataset<A, E, R> =>
  placed(self, {
    name,
    made: new Made(view, { indices, of: madeOf(self) }),
    size: () => indices.length,
    isReordered,
    blocks: isReordered ? undefined : blocksAmong(self, indices),
    // The view asks for places below its size only, which is how many indices there are.
    place: (index) => indices[index] as number
  })
