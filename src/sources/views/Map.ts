/**
 * A view that takes each sample through a function.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import { dual } from "effect/Function"
import { functionOf, optionsOf, textOf } from "../../core/Options.ts"
import { Made, type ParametersOption, valid } from "../../core/Parameters.ts"
import { effectful, readMany } from "../EffectDataset.ts"
import { attempt, guarded, plain } from "../PlainDataset.ts"
import {
  type Dataset,
  type DatasetError,
  datasetOf,
  getEachOf,
  isPlain,
  madeOf,
  type NameOptions
} from "../RandomAccess.ts"
import { datasetFirst, eachMapped, passedOn, same } from "./View.ts"

/** @category options @since 0.1.0 */
export interface MapOptions extends NameOptions, ParametersOption {}

const nameOf = (f: unknown, options: MapOptions = {}): string | undefined =>
  nameOfMap("Dataset.map", f, () => optionsOf("Dataset.map", options, { name: true, parameters: true }))

/**
 * Every sample through `f`, called each time the sample is read. Plain code; what it throws becomes a `DatasetError` that
 * carries this view's name (`digits, mapped`), and so does a promise, for which there is `mapEffect`. For work that belongs to the training step rather than to the data, use
 * `Pipeline.map`: there the error also says where in the run it happened.
 *
 * @example
 * import { Effect } from "effect"
 * import { Dataset } from "furrow"
 *
 * const halves = Dataset.fromArray([2, 4, 6]).pipe(Dataset.map((n) => n / 2))
 * console.assert(Effect.runSync(halves.get(2)) === 3)
 *
 * @category views
 * @since 0.1.0
 */
export const map: {
  <A, B>(
    f: (sample: A, index: number) => B,
    options?: MapOptions
  ): <E, R>(self: Dataset<A, E, R>) => Dataset<B, E | DatasetError, R>
  <A, E, R, B>(
    self: Dataset<A, E, R>,
    f: (sample: A, index: number) => B,
    options?: MapOptions
  ): Dataset<B, E | DatasetError, R>
} = dual(
  datasetFirst(nameOf),
  <A, E, R, B>(
    self: Dataset<A, E, R>,
    f: (sample: A, index: number) => B,
    options: MapOptions = {}
  ): Dataset<B, E | DatasetError, R> => {
    const name = nameOf(f, options) ?? `${datasetOf("the dataset to map", self).name}, mapped`
    const apply = guarded(name, f)
    const parts = { ...mapped(name, "map", options, self), ...passedOn(self, same) }
    if (isPlain(self)) {
      return plain<B, E | DatasetError>({ ...parts, read: (index) => apply(self.read(index), index) })
    }
    const getEach = getEachOf(self)
    return effectful<B, E | DatasetError, R>({
      ...parts,
      get: (index) => Effect.flatMap(self.get(index), (sample) => attempt<B, DatasetError>(() => apply(sample, index))),
      getMany: (indices) =>
        Effect.flatMap(readMany(self, indices), (samples) =>
          // As many samples as indices, so there is an index to every row.
          attempt<Array<B>, DatasetError>(() => samples.map((sample, row) => apply(sample, indices[row] as number)))
        ),
      getEach:
        getEach &&
        ((indices) =>
          Effect.flatMap(getEach(indices), (own) =>
            eachMapped(
              own,
              (sample, row) => attempt<B, DatasetError>(() => apply(sample, indices[row] as number)) // as above
            )
          ))
    })
  }
)

/** Returns the name in the options of a map; throws `InvalidOption` if it or `f` is invalid. @since 0.1.0 */
export const nameOfMap = (of: string, f: unknown, options: () => NameOptions): string | undefined => {
  functionOf(`the function of ${of}`, f)
  const { name } = options()
  return name === undefined ? undefined : textOf(`name of ${of}`, name)
}

/** Returns name, size and origin of a mapped dataset. @since 0.1.0 */
export const mapped = (
  name: string,
  view: string,
  { parameters }: ParametersOption,
  self: Dataset<unknown, unknown, unknown>
) => {
  const own = valid(`parameters of dataset ${name}`, parameters)
  const f = own ?? new Made("function", undefined, `the function of dataset ${JSON.stringify(name)}`)
  return { name, size: () => self.size, made: new Made(view, { function: f, of: madeOf(self) }) }
}
