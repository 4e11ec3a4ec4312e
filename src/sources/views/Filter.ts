/**
 * A view of the samples that a predicate accepts.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import { dual } from "effect/Function"
import { checked, InvalidOption } from "../../core/InvalidOption.ts"
import { functionOf } from "../../core/Options.ts"
import { readMany } from "../EffectDataset.ts"
import { attempt, guarded } from "../PlainDataset.ts"
import {
  type Dataset,
  type DatasetError,
  datasetOf,
  type IndexError,
  type NameOptions,
  nameOf
} from "../RandomAccess.ts"
import { chosen } from "./Subset.ts"
import { datasetFirst } from "./View.ts"

/** How many samples `filter` reads at a time. */
const CHUNK = 1024

type Filtered<A, E, R> = Effect.Effect<Dataset<A, E, R>, E | IndexError | DatasetError | InvalidOption, R>

/**
 * The samples that `keep` accepts, in their order. As the only one of the views it must look at every sample to know
 * its size, so it is an Effect that reads the whole dataset once, 1024 samples at a time, and holds 8 bytes a sample
 * kept. What `keep` throws becomes a `DatasetError`.
 *
 * @example
 * import { Effect } from "effect"
 * import { Dataset } from "furrow"
 *
 * const even = Effect.runSync(Dataset.range(10).pipe(Dataset.filter((n) => n % 2 === 0)))
 * console.assert(even.size === 5)
 *
 * @category views
 * @since 0.1.0
 */
export const filter: {
  <A, B extends A>(
    keep: (sample: A, index: number) => sample is B,
    options?: NameOptions
  ): <E, R>(self: Dataset<A, E, R>) => Filtered<B, E, R>
  <A>(
    keep: (sample: A, index: number) => boolean,
    options?: NameOptions
  ): <E, R>(self: Dataset<A, E, R>) => Filtered<A, E, R>
  <A, E, R, B extends A>(
    self: Dataset<A, E, R>,
    keep: (sample: A, index: number) => sample is B,
    options?: NameOptions
  ): Filtered<B, E, R>
  <A, E, R>(
    self: Dataset<A, E, R>,
    keep: (sample: A, index: number) => boolean,
    options?: NameOptions
  ): Filtered<A, E, R>
} = dual(
  datasetFirst(), // what is wrong with its arguments is what its effect fails with
  <A, E, R>(
    self: Dataset<A, E, R>,
    keep: (sample: A, index: number) => boolean,
    options: NameOptions = {}
  ): Filtered<A, E, R> =>
    Effect.gen(function* () {
      const name =
        (yield* checked(() => {
          functionOf("the predicate of Dataset.filter", keep)
          datasetOf("the dataset to filter", self)
          return nameOf("Dataset.filter", options)
        })) ?? `${self.name}, filtered`
      const accepts = guarded(name, (sample: A, index: number): boolean => {
        const kept: unknown = keep(sample, index)
        if (kept === true || kept === false) return kept
        // A promise would count as true.
        throw new InvalidOption({ option: "what the predicate gives", value: kept, expected: "true or false" })
      })
      const size = self.size
      const kept: Array<number> = []
      for (let start = 0; start < size; start += CHUNK) {
        const indices = Array.from({ length: Math.min(CHUNK, size - start) }, (_, offset) => start + offset)
        const samples = yield* readMany(self, indices)
        yield* attempt<void, DatasetError>(() => {
          for (const [offset, sample] of samples.entries()) {
            if (accepts(sample, start + offset)) kept.push(start + offset)
          }
        })
      }
      return chosen(self, Float64Array.from(kept), name, "filter")
    })
)
