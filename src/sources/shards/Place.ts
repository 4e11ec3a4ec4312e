/**
 * Datasets that are named after where their shards lie: a copy has another such name, and is the same dataset.
 *
 * @since 0.1.0
 */
import type { Made } from "../../core/Parameters.ts"

const places = new WeakMap<Made, string>()

/** Notes that a dataset's name is its place, and returns what the dataset was made by. @since 0.1.0 */
export const namedByPlace = (made: Made, place: string): Made => {
  places.set(made, place)
  return made
}

/** The place that a dataset is named after; `undefined` if it was given a name. @since 0.1.0 */
export const placeOf = (made: Made): string | undefined => places.get(made)
