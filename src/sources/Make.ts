/**
 * A dataset that a plain function reads.
 *
 * @since 0.1.0
 */
import { functionOf, optionsOf } from "../core/Options.ts"
import { Made } from "../core/Parameters.ts"
import { plain } from "./PlainDataset.ts"
import { check, contentOf, type Dataset, DatasetError } from "./RandomAccess.ts"
import { settledSample } from "./SettledSample.ts"
import { type SourceOptions, sourceOf } from "./SourceOptions.ts"

/** @category options @since 0.1.0 */
export interface MakeOptions<A> extends SourceOptions {
  /** The sample at an index, which is always a whole number from 0 to `size − 1`. Must be the same each time. */
  readonly get: (index: number) => A
}

/**
 * A dataset from a plain function. What the function throws becomes a {@link DatasetError}, and so does a
 * promise: use {@link effect} to read samples asynchronously. Throws `InvalidOption` unless `size` is a whole number from 0 to
 * 2^53 − 1.
 *
 * @example
 * import { Effect } from "effect"
 * import { Dataset } from "furrow"
 *
 * const squares = Dataset.make({ name: "squares", size: 1000, get: (index) => index * index })
 * console.assert(Effect.runSync(squares.get(12)) === 144)
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = <A>(options: MakeOptions<A>): Dataset<A, DatasetError> => {
  optionsOf("Dataset.make", options, { name: true, size: true, get: true, lineage: true })
  const source = sourceOf("make", options)
  const { name, size } = source
  const get = functionOf(`get of dataset ${name}`, options.get)
  return plain<A, DatasetError>({
    ...source,
    made: new Made("make", { name }, contentOf(name)),
    read: (index) => {
      check(name, index, size())
      try {
        return settledSample(get(index))
      } catch (cause) {
        throw new DatasetError({ dataset: name, index, cause })
      }
    }
  })
}
