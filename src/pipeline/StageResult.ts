/**
 * What a stage may return, and what is refused because it would vanish, or change what follows, without a word.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import { InvalidResult, pending, silence } from "../core/InvalidResult.ts"
import { shown } from "../core/Show.ts"
import type { Batch } from "./Batch.ts"
import type { StageContext } from "./Stage.ts"

/** Returns `value` unless it is a promise or an Effect, which plain code does not wait for. Throws {@link InvalidResult}. */
export const settledValue = (value: unknown): unknown => {
  if (typeof value !== "object" || value === null) return value
  // Runs for each value of each stage, and most values have neither.
  if (!("then" in value || Effect.EffectTypeId in value)) return value
  const what = pending(value)
  if (what === undefined) return value
  silence(value)
  const way = what === "a Promise" ? " with Effect.promise(() => …)" : ""
  const expected = `use Pipeline.mapEffect or Pipeline.augmentEffect${way} for what has to wait, and plain functions elsewhere`
  throw new InvalidResult({ what: `returned ${what}`, expected })
}

/** Returns what an effectful stage returned if it is an Effect. Throws {@link InvalidResult}. */
export const effectOf = <A, E, R>(value: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> => {
  if (Effect.isEffect(value)) return value
  const given: unknown = value
  if (pending(given) !== "a Promise") {
    const expected = "an effectful stage returns an Effect; Pipeline.map and Pipeline.augment take plain functions"
    throw new InvalidResult({ what: `returned ${shown(given)}`, expected })
  }
  silence(given)
  throw new InvalidResult({
    what: "returned a Promise instead of an Effect",
    expected: "wrap it: Effect.promise(() => …)"
  })
}

/** Whether a filter keeps its sample. Throws {@link InvalidResult} for anything but a boolean. */
export const kept = (value: unknown): boolean => {
  if (typeof value === "boolean") return value
  settledValue(value)
  const expected = "a filter returns true or false: write `=> Boolean(…)`, or compare"
  throw new InvalidResult({ what: `returned ${shown(value)}`, expected })
}

/**
 * Whether `when` of a failure policy allows to leave out what failed with `error`. Throws {@link InvalidResult} for
 * anything but a boolean.
 */
export const skippable = (value: unknown, error: { readonly stage: string; readonly cause: unknown }): boolean => {
  if (typeof value === "boolean") return value
  const isPromise = pending(value) === "a Promise"
  silence(value)
  throw new InvalidResult({
    what: `returned ${isPromise ? "a Promise" : shown(value)}`,
    expected: `when returns true or false, and does not wait; it was asked about stage "${error.stage}": ${shown(error.cause)}`
  })
}

/** What identifies a batch; no stage may change it. @since 0.1.0 */
export type Label = Pick<Batch<unknown>, "epoch" | "index" | "rank" | "worker">

const LABEL = ["epoch", "index", "rank", "worker"] as const

/**
 * Returns what a stage behind `batch` returned if it is a batch with the label of the one that it was given. Throws
 * {@link InvalidResult}.
 */
export const batchOf = (value: unknown, label: Label): Batch<unknown> => {
  const expected = "behind batch a stage returns a batch: `({ ...batch, columns: … })`"
  if (typeof value !== "object" || value === null) {
    throw new InvalidResult({ what: `returned ${shown(value)}`, expected })
  }
  settledValue(value)
  if (!("columns" in value)) throw new InvalidResult({ what: "returned an object without columns", expected })
  const size: unknown = "size" in value ? value.size : undefined
  if (!(typeof size === "number" && Number.isSafeInteger(size) && size >= 0)) {
    const what = `returned a batch whose size is ${shown(size)}`
    throw new InvalidResult({ what, expected: `size is a whole number of at least 0; ${expected}` })
  }
  const indices: unknown = "indices" in value ? value.indices : undefined
  if (!(indices instanceof Float64Array)) {
    throw new InvalidResult({ what: "returned a batch without indices, a Float64Array", expected })
  }
  for (const key of LABEL) {
    const own: unknown = Reflect.get(value, key)
    if (own !== label[key]) {
      const what = `returned a batch whose ${key} is ${shown(own)}, not ${label[key]}`
      throw new InvalidResult({ what, expected })
    }
  }
  // It has all that a batch has.
  return value as Batch<unknown>
}

/** Throws {@link InvalidResult} where a stage has written to its context, by which later stages would be misled. */
export const untouched = (context: StageContext, label: Label, world: number, workers: number): void => {
  same("epoch", context.epoch, label.epoch)
  same("rank", context.rank, label.rank)
  same("world", context.world, world)
  same("worker", context.worker, label.worker)
  same("workers", context.workers, workers)
  same("batch", context.batch, label.index)
}

const same = (key: keyof StageContext, own: unknown, truth: number): void => {
  if (own === truth) return
  const what = `wrote ${shown(own)} to context.${key}, which is ${truth}`
  throw new InvalidResult({ what, expected: "a context is to be read: return what you want to change" })
}
