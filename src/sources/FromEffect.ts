/**
 * A dataset that effects read.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import { whole } from "../core/Check.ts"
import { concurrent } from "../core/Concurrent.ts"
import { functionOf, optionsOf } from "../core/Options.ts"
import { Made, type Parameters } from "../core/Parameters.ts"
import { called, effectful, miscount } from "./EffectDataset.ts"
import { contentOf, type Dataset, DatasetError } from "./RandomAccess.ts"
import { type SourceOptions, sourceOf } from "./SourceOptions.ts"

/** @category options @since 0.1.0 */
export interface EffectOptions<A, E, R> extends SourceOptions {
  /** The sample at an index, which is always a whole number from 0 to `size − 1`. */
  readonly get: (index: number) => Effect.Effect<A, E, R>
  /** How many samples of one batch are read at once. Default 16. Not used if `getMany` is given. */
  readonly concurrency?: number
  /** Reads a whole batch at once (one query, one request). Default: `get` for each. */
  readonly getMany?: (indices: ReadonlyArray<number>) => Effect.Effect<ReadonlyArray<A>, E, R>
}

/**
 * A dataset whose samples are read by Effects: files, a database, a service. What the functions throw instead of
 * failing, and a `getMany` that returns another number of samples than it was asked for, become a {@link DatasetError}.
 * Throws `InvalidOption` unless `size` is a whole number of at least 0 and `concurrency` one of at least 1.
 *
 * @category constructors
 * @since 0.1.0
 */
export const effect = <A, E = never, R = never>(options: EffectOptions<A, E, R>): Dataset<A, E | DatasetError, R> => {
  const names = { name: true, size: true, get: true, concurrency: true, getMany: true, lineage: true } as const
  optionsOf("Dataset.effect", options, names)
  return fromEffect(options, "effect", {})
}

/** The same for a source of this library, which knows of what it was made. @since 0.1.0 */
export const fromEffect = <A, E, R>(
  options: EffectOptions<A, E, R>,
  kind: string,
  parameters: Parameters
): Dataset<A, E | DatasetError, R> => {
  const source = sourceOf(kind, options)
  const { name } = source
  functionOf(`get of dataset ${name}`, options.get)
  const { getMany } = options
  if (getMany !== undefined) functionOf(`getMany of dataset ${name}`, getMany)
  const concurrency = whole("concurrency", options.concurrency ?? 16, 1)
  const get = (index: number): Effect.Effect<A, E | DatasetError, R> => called(name, index, () => options.get(index))
  return effectful<A, E | DatasetError, R>({
    ...source,
    made: new Made(kind, { name, ...parameters }, contentOf(name)),
    batched: getMany !== undefined,
    get,
    getMany: (indices) => {
      if (getMany === undefined) {
        // As many as there are places.
        return concurrent(
          indices.length,
          concurrency,
          (place) => get(indices[place] as number),
          (_, cause) => Exit.failCause(cause)
        )
      }
      const index = indices[0]
      if (index === undefined) return Effect.succeed([])
      return Effect.flatMap(
        called(name, index, () => getMany(indices)),
        (items) => {
          const cause = miscount(items, indices.length)
          if (cause === undefined) return Effect.succeed(Array.from(items))
          return Effect.fail(new DatasetError({ dataset: name, index, cause }))
        }
      )
    }
  })
}
