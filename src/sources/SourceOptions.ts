/**
 * The options that all sources have that a caller's functions read.
 *
 * @since 0.1.0
 */
import { whole } from "../core/Check.ts"
import { functionOf, textOf } from "../core/Options.ts"
import { shown } from "../core/Show.ts"
import { DatasetError, isLineage, type Lineage } from "./RandomAccess.ts"

/** What `Dataset.make` and `Dataset.effect` both take. @category options @since 0.1.0 */
export interface SourceOptions {
  /** Its name in errors. Default `dataset`. */
  readonly name?: string
  readonly size: number
  /** Where the sample at an index came from, such as `{ shard: "a.tar", row: 3 }`. Default: `{ row: index }`. */
  readonly lineage?: (index: number) => Omit<Lineage, "dataset" | "component">
}

/** Returns the parts of a source that a caller's functions read; throws `InvalidOption` for an invalid one. @since 0.1.0 */
export const sourceOf = (kind: string, options: SourceOptions) => {
  const name = textOf(`name of Dataset.${kind}`, options.name ?? "dataset")
  const size = whole(`size of dataset ${name}`, options.size, 0)
  const { lineage } = options
  if (lineage !== undefined) functionOf(`lineage of dataset ${name}`, lineage)
  return {
    name,
    size: () => size,
    lineage: lineage && ((index: number): Lineage => lineageFrom(name, lineage, index))
  }
}

/** Where a caller's function says that a sample came from. Throws `DatasetError` if it throws, or says something else. */
const lineageFrom = (dataset: string, lineage: NonNullable<SourceOptions["lineage"]>, index: number): Lineage => {
  let given: ReturnType<typeof lineage>
  try {
    given = lineage(index)
  } catch (cause) {
    throw new DatasetError({ dataset, index, cause })
  }
  const own = { dataset, ...given }
  if (isLineage(own)) return own
  const cause = new Error(
    `its lineage gave ${shown(given)}, which is no { row }, { shard, row } or { shard, row, child }`
  )
  throw new DatasetError({ dataset, index, cause })
}
