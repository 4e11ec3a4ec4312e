/**
 * A view that takes each sample through an effect.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import { dual } from "effect/Function"
import { whole } from "../../core/Check.ts"
import { concurrent } from "../../core/Concurrent.ts"
import { optionsOf } from "../../core/Options.ts"
import { called, effectful, readMany } from "../EffectDataset.ts"
import { type Dataset, type DatasetError, datasetOf, getEachOf } from "../RandomAccess.ts"
import { type MapOptions, mapped, nameOfMap } from "./Map.ts"
import { datasetFirst, eachMapped, passedOn, same } from "./View.ts"

/** @category options @since 0.1.0 */
export interface MapEffectOptions extends MapOptions {
  /** How many samples of one batch are in `f` at once. Default 16. */
  readonly concurrency?: number
}

const settingsOf = (f: unknown, options: MapEffectOptions = {}) => {
  const names = { name: true, concurrency: true, parameters: true } as const
  const name = nameOfMap("Dataset.mapEffect", f, () => optionsOf("Dataset.mapEffect", options, names))
  return { name, concurrency: whole("concurrency", options.concurrency ?? 16, 1) }
}

/**
 * Every sample through an Effect, run each time the sample is read, up to `concurrency` of a batch at once. What `f` throws
 * instead of failing becomes a `DatasetError`. Throws `InvalidOption` unless `concurrency` is a whole number of at least 1.
 *
 * @category views
 * @since 0.1.0
 */
export const mapEffect: {
  <A, B, E1, R1>(
    f: (sample: A, index: number) => Effect.Effect<B, E1, R1>,
    options?: MapEffectOptions
  ): <E, R>(self: Dataset<A, E, R>) => Dataset<B, E | E1 | DatasetError, R | R1>
  <A, E, R, B, E1, R1>(
    self: Dataset<A, E, R>,
    f: (sample: A, index: number) => Effect.Effect<B, E1, R1>,
    options?: MapEffectOptions
  ): Dataset<B, E | E1 | DatasetError, R | R1>
} = dual(
  datasetFirst(settingsOf),
  <A, E, R, B, E1, R1>(
    self: Dataset<A, E, R>,
    f: (sample: A, index: number) => Effect.Effect<B, E1, R1>,
    options: MapEffectOptions = {}
  ): Dataset<B, E | E1 | DatasetError, R | R1> => {
    const { concurrency, name: own } = settingsOf(f, options)
    const name = own ?? `${datasetOf("the dataset to map", self).name}, mapped`
    const apply = (sample: A, index: number) => called(name, index, () => f(sample, index))
    const getEach = getEachOf(self)
    return effectful<B, E | E1 | DatasetError, R | R1>({
      ...mapped(name, "mapEffect", options, self),
      ...passedOn(self, same),
      get: (index) => Effect.flatMap(self.get(index), (sample) => apply(sample, index)),
      getMany: (indices) =>
        Effect.flatMap(readMany(self, indices), (samples) =>
          concurrent(
            samples.length,
            concurrency,
            // As many samples as indices, as in `map`.
            (row) => apply(samples[row] as A, indices[row] as number),
            (_, cause) => Exit.failCause(cause)
          )
        ),
      getEach:
        getEach &&
        ((indices) =>
          Effect.flatMap(getEach(indices), (own) =>
            eachMapped(own, (sample, row) => apply(sample, indices[row] as number), concurrency)
          ))
    })
  }
)
