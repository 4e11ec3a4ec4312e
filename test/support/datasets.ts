/**
 * Datasets to make views of, and all that a dataset has.
 */
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import * as Dataset from "../../src/sources/Dataset.ts"

/** How a source of these tests fails. */
export class Offline extends Data.TaggedError("Offline")<{ readonly index: number }> {}

export const all = <A, E>(dataset: Dataset.Dataset<A, E>): Array<A> =>
  Effect.runSync(Effect.orDie(dataset.getMany(Array.from({ length: dataset.size }, (_, index) => index))))

/** The numbers 0 … size − 1, once as plain code and once by Effects. */
export const both = (size: number): ReadonlyArray<Dataset.Dataset<number, Dataset.DatasetError>> => [
  Dataset.range(size),
  Dataset.effect({ size, get: (index) => Effect.succeed(index) })
]
