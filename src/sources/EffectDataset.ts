/**
 * Datasets that are read by Effects: files, a database, a service, and views of these.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as Pipeable from "effect/Pipeable"
import { ownEffect } from "../patches/EffectVersion.ts"
import { attempt, type Parts } from "./PlainDataset.ts"
import { check, type Dataset, DatasetError, type IndexError } from "./RandomAccess.ts"

/** How samples are read. Both functions are given indices that have been checked. @since 0.1.0 */
export interface Reads<A, E, R> {
  readonly get: (index: number) => Effect.Effect<A, E | IndexError, R>
  readonly getMany: (indices: ReadonlyArray<number>) => Effect.Effect<Array<A>, E | IndexError, R>
}

/** Returns the dataset that `get` and `getMany` read. @since 0.1.0 */
export const effectful = <A, E, R>({ get, getMany, size, ...parts }: Parts & Reads<A, E, R>): Dataset<A, E, R> => {
  const checked = (indices: ReadonlyArray<number>): Effect.Effect<void, IndexError> =>
    Effect.suspend(() =>
      attempt<void, never>(() => {
        const now = size()
        for (const index of indices) check(parts.name, index, now)
      })
    )
  return {
    ...parts,
    get size() {
      return size()
    },
    get: (index) => Effect.flatMap(checked([index]), () => get(index)),
    getMany: (indices) =>
      Effect.suspend(() => {
        // A copy, because the caller may reuse its buffer while the effects of this batch still run.
        const own = Array.from(indices)
        return Effect.flatMap(checked(own), () => getMany(own))
      }),
    pipe: Pipeable.Prototype.pipe
  }
}

/** Runs a caller's function and the effect that it returns; if it throws instead, fails with `DatasetError`. @since 0.1.0 */
export const called = <A, E, R>(
  dataset: string,
  index: number,
  run: () => Effect.Effect<A, E, R>
): Effect.Effect<A, E | DatasetError, R> =>
  Effect.flatten(
    Effect.try({
      try: () => ownEffect("the dataset's effect", run()),
      catch: (cause) => new DatasetError({ dataset, index, cause })
    })
  )
