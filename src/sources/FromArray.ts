/**
 * A dataset of an array's items.
 *
 * @since 0.1.0
 */
import { InvalidOption } from "../core/InvalidOption.ts"
import { Made } from "../core/Parameters.ts"
import { plain } from "./PlainDataset.ts"
import { check, type Dataset, type NameOptions, nameOf } from "./RandomAccess.ts"
import { unsettledSample } from "./SettledSample.ts"

/**
 * A dataset of an array's items. The array is kept, not copied, and its length is read each time: leave it as it
 * is while a run is under way (a run that sees the size change ends with a typed error).
 *
 * Throws `InvalidOption` for what is not an array, and for an item that is a promise or an Effect.
 *
 * @category constructors
 * @since 0.1.0
 */
export const fromArray = <A>(items: ReadonlyArray<A>, options: NameOptions = {}): Dataset<A> => {
  if (!Array.isArray(items)) throw new InvalidOption({ option: "items", value: items, expected: "an array" })
  const found = unsettledSample(items)
  if (found !== undefined) {
    const expected =
      "neither a promise nor an Effect: write Dataset.fromArray(await Promise.all(items)), or run the Effects first"
    throw new InvalidOption({ option: `item ${found.place}`, value: items[found.place], expected })
  }
  const name = nameOf("Dataset.fromArray", options) ?? "array"
  return plain<A>({
    name,
    size: () => items.length,
    made: new Made("array", { name }),
    content: (index) => items[index],
    read: (index) => {
      // Indices come from a `Float64Array`. An element is read in 1.6 ns by an integer, and in 2.3 by a double.
      const at = index >>> 0
      if (at !== index || at >= items.length) check(name, index, items.length)
      // The index is below the length; what an array holds there is an A, `undefined` included.
      return items[at] as A
    }
  })
}
