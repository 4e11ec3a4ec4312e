/**
 * What a stage may return, and what is refused because it would vanish, or change what follows, without a word.
 *
 * @since 0.1.0
 */
import * as Data from "effect/Data"
import { shown } from "../core/Show.ts"
import type { Batch } from "./Batch.ts"
import type { StageContext } from "./Stage.ts"

/**
 * A stage returned what it must not, or wrote to its context. It is the `cause` of a `StageError` and no fault of the
 * sample: it is neither retried nor skipped.
 *
 * @since 0.1.0
 */
export class InvalidResult extends Data.TaggedError("InvalidResult")<{
  /** What the stage did, such as `returned a Promise`. */
  readonly what: string
  /** What to do instead. */
  readonly expected: string
}> {
  override get message(): string {
    return `it ${this.what}; ${this.expected}`
  }
}

/** Returns `value` unless it is a promise, which plain code does not wait for. Throws {@link InvalidResult}. */
export const settledValue = (value: unknown): unknown => {
  if (typeof value !== "object" || value === null || !isThenable(value)) return value
  // Nobody waits for it: without this a rejection would end the process before the error is told.
  value.then(undefined, () => undefined)
  const expected =
    "use Pipeline.mapEffect or Pipeline.augmentEffect with Effect.promise(() => …) for what has to wait, and plain functions elsewhere"
  throw new InvalidResult({ what: "returned a Promise", expected })
}

const isThenable = (value: object): value is PromiseLike<unknown> => "then" in value && typeof value.then === "function"

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
  const isPromise = typeof value === "object" && value !== null && isThenable(value)
  if (isPromise) value.then(undefined, () => undefined) // as above
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
