/**
 * Where samples came from: the source below all views, samplers and stages, and their rows there.
 *
 * A run keeps no lineage: a batch has the dataset index of each row, and every view knows which index below it an index
 * stands for. So lineage costs nothing until it is asked for, and then a call a view.
 *
 * @since 0.1.0
 */
import { dual } from "effect/Function"
import { check, type Dataset, type Lineage, lineageAt } from "./RandomAccess.ts"

export type { Lineage } from "./RandomAccess.ts"

/** A dataset, or a pipeline, whose dataset is meant. @category models @since 0.1.0 */
export type Origin = Dataset<unknown, unknown, unknown> | { readonly dataset: Dataset<unknown, unknown, unknown> }

/** What of a batch tells where its rows came from. @category models @since 0.1.0 */
export interface Rows {
  /** The dataset index of each row. */
  readonly indices: ArrayLike<number>
  /** The number of each row among those that a stage made of one sample, if one made several. */
  readonly children?: ArrayLike<number> | undefined
}

const datasetOf = (origin: Origin): Dataset<unknown, unknown, unknown> =>
  "dataset" in origin ? origin.dataset : origin

/**
 * Returns where the sample at a dataset index came from. Throws `IndexError` for an index that is out of range.
 *
 * @example
 * import { Dataset, Lineage } from "furrow"
 *
 * const days = Dataset.concat(Dataset.range(24, { name: "monday" }), Dataset.range(24, { name: "tuesday" }))
 * const { dataset, row } = Lineage.at(Dataset.slice(days, 20), 6)
 * console.assert(dataset === "tuesday" && row === 2)
 *
 * @category getters
 * @since 0.1.0
 */
export const at: {
  (index: number): (origin: Origin) => Lineage
  (origin: Origin, index: number): Lineage
} = dual(2, (origin: Origin, index: number): Lineage => {
  const dataset = datasetOf(origin)
  check(dataset.name, index, dataset.size)
  return lineageAt(dataset, index)
})

/**
 * Returns where each row of a batch came from. Throws `IndexError` for an index that the dataset does not have.
 *
 * @example
 * import { Dataset, furrow, Lineage, Pipeline } from "furrow"
 *
 * const pipeline = Pipeline.from(Dataset.range(10, { name: "ten" })).pipe(Pipeline.batch(4))
 * for await (const batch of furrow(pipeline, { epochs: 1 })) {
 *   const [first] = Lineage.ofBatch(pipeline, batch)
 *   console.assert(first?.row === batch.indices[0])
 * }
 *
 * @category getters
 * @since 0.1.0
 */
export const ofBatch: {
  (batch: Rows): (origin: Origin) => Array<Lineage>
  (origin: Origin, batch: Rows): Array<Lineage>
} = dual(
  2,
  (origin: Origin, { children, indices }: Rows): Array<Lineage> =>
    Array.from(indices, (index, row) => {
      const own = at(origin, index)
      return children === undefined ? own : { ...own, child: children[row] }
    })
)

/**
 * Returns a lineage as text, such as `row 3 of photos/cat/12.jpg`.
 *
 * @category conversions
 * @since 0.1.0
 */
export const format = ({ child, component, dataset, row, shard }: Lineage): string => {
  const part = component === undefined ? "" : `, component ${component}`
  return `row ${row} of ${shard ?? dataset}${part}${child === undefined ? "" : `, child ${child}`}`
}
