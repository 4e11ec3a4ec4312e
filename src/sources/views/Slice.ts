/**
 * A view of a stretch of a dataset.
 *
 * @since 0.1.0
 */
import { dual } from "effect/Function"
import { whole } from "../../core/Check.ts"
import { Made } from "../../core/Parameters.ts"
import { type Dataset, datasetOf, madeOf } from "../RandomAccess.ts"
import { blocksBetween, datasetFirst, placed } from "./View.ts"

/**
 * The samples from `start` up to, not including, `end` (default: the size). Throws `InvalidOption` unless
 * 0 ≤ start ≤ end ≤ size: nothing is cut to fit, so a typing error is not a smaller dataset.
 *
 * @example
 * import { Effect } from "effect"
 * import { Dataset } from "furrow"
 *
 * const middle = Dataset.range(10).pipe(Dataset.slice(3, 6))
 * console.assert(Effect.runSync(middle.getMany([0, 1, 2])).join() === "3,4,5")
 *
 * @category views
 * @since 0.1.0
 */
export const slice: {
  (start: number, end?: number): <A, E, R>(self: Dataset<A, E, R>) => Dataset<A, E, R>
  <A, E, R>(self: Dataset<A, E, R>, start: number, end?: number): Dataset<A, E, R>
} = dual(
  datasetFirst((start: number) => typeof start === "number" || datasetOf("the dataset to slice", start)),
  <A, E, R>(self: Dataset<A, E, R>, start: number, end?: number): Dataset<A, E, R> => {
    const { name, size } = datasetOf("the dataset to slice", self)
    whole(`start of the slice of ${name}`, start, 0, size)
    const to = whole(`end of the slice of ${name}`, end ?? size, start, size)
    return placed(self, {
      name: `${name} [${start}, ${to})`,
      made: new Made("slice", { start, end: to, of: madeOf(self) }),
      size: () => to - start,
      blocks: blocksBetween(self, start, to),
      place: (index) => start + index
    })
  }
)
