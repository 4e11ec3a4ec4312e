/**
 * The dataset of the numbers 0 to `size − 1`.
 *
 * @since 0.1.0
 */
import { whole } from "../core/Check.ts"
import { Made } from "../core/Parameters.ts"
import { plain } from "./PlainDataset.ts"
import { check, type Dataset, type NameOptions, nameOf } from "./RandomAccess.ts"

/**
 * The dataset whose sample at an index is the index: 0 … `size − 1`, in no memory. A start for `map`, and a stand-in
 * for a dataset of any size in tests. Throws `InvalidOption` unless `size` is a whole number from 0 to 2^53 − 1.
 *
 * @category constructors
 * @since 0.1.0
 */
export const range = (size: number, options: NameOptions = {}): Dataset<number> => {
  const name = nameOf("Dataset.range", options) ?? "range"
  whole(`size of dataset ${name}`, size, 0)
  return plain<number>({
    name,
    size: () => size,
    made: new Made("range", { name }),
    read: (index) => {
      check(name, index, size)
      return index
    }
  })
}
