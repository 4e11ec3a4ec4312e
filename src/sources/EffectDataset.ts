/**
 * Datasets that are read by Effects: files, a database, a service, and views of these.
 *
 * @since 0.1.0
 */

import * as Effect from "effect/Effect"
import * as Pipeable from "effect/Pipeable"
import { InvalidResult, pending, silence } from "../core/InvalidResult.ts"
import { plural } from "../core/Plural.ts"
import { shown } from "../core/Show.ts"
import { ownEffect } from "../patches/EffectVersion.ts"
import { attempt, type Parts } from "./PlainDataset.ts"
import { check, type Dataset, DatasetError, type EachRead, type IndexError, ownDataset } from "./RandomAccess.ts"

/** How samples are read. Both functions are given indices that have been checked. @since 0.1.0 */
export interface Reads<A, E, R> {
  readonly get: (index: number) => Effect.Effect<A, E | IndexError, R>
  readonly getMany: (indices: ReadonlyArray<number>) => Effect.Effect<Array<A>, E | IndexError, R>
  /** As of a dataset. It is given indices as they come, and returns `undefined` if one is out of range. */
  readonly ready?: Dataset<A>["ready"]
  /** As of a dataset. It is given indices that have been checked. */
  readonly getEach?:
    | ((
        indices: ReadonlyArray<number>,
        after: unknown
      ) => Effect.Effect<EachRead<A, E | IndexError>, E | IndexError, R>)
    | undefined
  /** As of a dataset. It is given indices as they come. */
  readonly gather?: Dataset<A, E, R>["gather"]
}

/** Returns the dataset that `get` and `getMany` read. @since 0.1.0 */
export const effectful = <A, E, R>({
  get,
  getEach,
  getMany,
  size,
  ...parts
}: Parts & Reads<A, E, R>): Dataset<A, E, R> => {
  const checked = (indices: ReadonlyArray<number>): Effect.Effect<void, IndexError> =>
    Effect.suspend(() =>
      attempt<void, never>(() => {
        const now = size()
        for (const index of indices) check(parts.name, index, now)
      })
    )
  /** With a copy of the indices, because the caller may reuse its buffer while the effects of this batch still run. */
  const many =
    <B>(read: (indices: ReadonlyArray<number>, after: unknown) => Effect.Effect<B, E | IndexError, R>) =>
    (indices: ArrayLike<number>, after?: unknown) =>
      Effect.suspend(() => {
        const own = Array.from(indices)
        return Effect.flatMap(checked(own), () => read(own, after))
      })
  return ownDataset({
    ...parts,
    get size() {
      return size()
    },
    get: (index) => Effect.flatMap(checked([index]), () => get(index)),
    getMany: many(getMany),
    getEach: getEach && many(getEach),
    pipe: Pipeable.Prototype.pipe
  })
}

/** Runs a caller's function and the effect that it returns; if it throws instead, fails with `DatasetError`. @since 0.1.0 */
export const called = <A, E, R>(
  dataset: string,
  index: number,
  run: () => Effect.Effect<A, E, R>
): Effect.Effect<A, E | DatasetError, R> =>
  Effect.flatten(
    Effect.try({
      try: () => {
        const effect = ownEffect("the dataset's effect", run())
        if (!Effect.isEffect(effect)) throw noEffect(effect)
        return effect
      },
      catch: (cause) => new DatasetError({ dataset, index, cause })
    })
  )

const noEffect = (given: unknown): Error => {
  const what = pending(given)
  if (what !== "a Promise") return new Error(`it gave ${shown(given)} instead of an effect`)
  silence(given)
  const expected = "wrap what waits: Effect.promise(() => …)"
  return new InvalidResult({ what: "returned a Promise instead of an Effect", expected })
}

/**
 * Reads samples by the `getMany` of a dataset, which may be a caller's own: if it gives no effect, or anything but an array
 * of as many samples, this fails with `DatasetError`. Whoever reads many samples, a view or a run, reads them here.
 *
 * @since 0.1.0
 */
export const readMany = <A, E, R>(
  dataset: Dataset<A, E, R>,
  indices: ArrayLike<number>
): Effect.Effect<Array<A>, E | IndexError | DatasetError, R> => checkedMany(dataset, indices, Effect.fail)

/** {@link readMany} for a view whose errors are those of its dataset: what would be a `DatasetError` is a defect. @since 0.1.0 */
export const readManyOrDie = <A, E, R>(
  dataset: Dataset<A, E, R>,
  indices: ArrayLike<number>
): Effect.Effect<Array<A>, E | IndexError, R> => checkedMany(dataset, indices, Effect.die)

const checkedMany = <A, E, R, E2>(
  dataset: Dataset<A, E, R>,
  indices: ArrayLike<number>,
  broken: (error: DatasetError) => Effect.Effect<never, E2>
): Effect.Effect<Array<A>, E | IndexError | E2, R> =>
  Effect.suspend(() => {
    const error = (cause: Error) => broken(new DatasetError({ dataset: dataset.name, index: indices[0] ?? 0, cause }))
    // A copy, because the function may write to it.
    const own = Array.isArray(indices) ? Array.from(indices) : Float64Array.from(indices)
    const effect = ownEffect("the dataset's effect", dataset.getMany(own))
    if (!Effect.isEffect(effect)) return error(noEffect(effect))
    return Effect.flatMap(effect, (items) => {
      const wrong = miscount(items, indices.length)
      return wrong === undefined ? Effect.succeed(Array.isArray(items) ? items : Array.from(items)) : error(wrong)
    })
  })

/** What is wrong with the items of a `getMany` that was asked for `count`. @since 0.1.0 */
export const miscount = (items: unknown, count: number): Error | undefined => {
  const listed = Array.isArray(items) || (ArrayBuffer.isView(items) && "length" in items)
  if (listed && items.length === count) return undefined
  return new Error(`getMany was asked for ${plural(count, "sample")} and gave ${listed ? items.length : shown(items)}`)
}

/** Reads one sample by the `get` of a dataset; if that gives no effect, fails with `DatasetError`. @since 0.1.0 */
export const readOne = <A, E, R>(
  dataset: Dataset<A, E, R>,
  index: number
): Effect.Effect<A, E | IndexError | DatasetError, R> =>
  Effect.suspend((): Effect.Effect<A, E | IndexError | DatasetError, R> => {
    const effect = ownEffect("the dataset's effect", dataset.get(index))
    if (Effect.isEffect(effect)) return effect
    return Effect.fail(new DatasetError({ dataset: dataset.name, index, cause: noEffect(effect) }))
  })
