/**
 * Errors of building a batch, with the place where they happened.
 *
 * @since 0.1.0
 */

import * as Data from "effect/Data"
import { plural } from "../../core/Plural.ts"
import { shown } from "../../core/Show.ts"
import type { CoordinatesError } from "../../seeding/Coordinates.ts"
import { format } from "../../sources/Lineage.ts"
import type { Lineage } from "../../sources/RandomAccess.ts"
import type { Origin } from "../plan/Cuts.ts"
import type { Uneven } from "../plan/Plan.ts"
import type { RunPlan } from "../plan/RunPlan.ts"

/**
 * A dataset, a stage or a collate failed. It names the place to the sample, and the call that makes that one sample
 * again; `cause` is what was thrown or failed with, `failure` the same typed, when it came by an effect's error channel.
 *
 * @category errors
 * @since 0.1.0
 */
export class StageError<out E = unknown> extends Data.TaggedError("StageError")<{
  readonly policy: string
  readonly seed: string
  readonly epoch: number
  readonly rank: number
  readonly world: number
  /** What the run does with a short last batch; `"error"` where it is not given. */
  readonly uneven?: Uneven
  readonly worker: number
  readonly workers: number
  readonly batch: number
  /** Where the epoch is counted from, if its first batches had another size, other workers or ranks. */
  readonly resized?: Origin
  /** The sample's index in the dataset; `undefined` when the fault is the whole batch's. */
  readonly sample: number | undefined
  /** Its position in the epoch's order. */
  readonly position: number | undefined
  /** A number that no other sample of this worker has in the epoch; it rises, and may leave gaps. */
  readonly ordinal: number | undefined
  /** Where the sample came from, if the dataset knows: its file or object, its row there. */
  readonly lineage?: Lineage | undefined
  /** The stage's name; `dataset` for reading the samples, `batch` for collating them. */
  readonly stage: string
  readonly cause: unknown
  readonly failure?: unknown
}> {
  declare readonly failure?: E

  /** The call that makes this one sample (or batch) again. */
  get replay(): string {
    const { batch, epoch, position, rank, resized, uneven = "error", workers, world } = this
    const at = position === undefined ? `batch: ${batch}` : `position: ${position}`
    const ranks = world === 1 ? "" : `, rank: ${rank}, world: ${world}`
    const last = uneven === "error" ? "" : `, uneven: "${uneven}"`
    const figures = Object.entries(resized ?? {}).map(([name, figure]) => `${name}: ${figure}`)
    const from = resized === undefined ? "" : `, resized: { ${figures.join(", ")} }`
    return `Scheduler.replay(pipeline, { epoch: ${epoch}, ${at}, workers: ${workers}${ranks}${last}${from} })`
  }

  override get message(): string {
    const sample =
      this.sample === undefined
        ? ""
        : `, sample ${this.sample} (position ${this.position}, ordinal ${this.ordinal})${originOf(this)}`
    const rank = this.world === 1 ? "" : `, rank ${this.rank} of ${this.world}`
    const cause = shown(this.cause)
    return (
      `stage "${this.stage}" failed at epoch ${this.epoch}, batch ${this.batch}${sample}, ` +
      `worker ${this.worker} of ${this.workers}${rank}, policy ${this.policy}, seed ${this.seed}: ${cause}\n` +
      `  replay: ${this.replay}`
    )
  }
}

/** Where the sample came from, in words, unless its index says the same. */
const originOf = ({ lineage, sample }: StageError): string => {
  try {
    const known = lineage?.row === sample && lineage?.shard === undefined && lineage?.component === undefined
    return lineage === undefined || known ? "" : `, ${format(lineage)}`
  } catch {
    return "" // a message never throws, whoever made the error
  }
}

/**
 * The dataset has another size than when the run was opened, so the plan no longer holds.
 *
 * @category errors
 * @since 0.1.0
 */
export class DatasetChanged extends Data.TaggedError("DatasetChanged")<{
  readonly dataset: string
  readonly from: number
  readonly to: number
  readonly epoch: number
  readonly batch: number
}> {
  override get message(): string {
    return (
      `dataset ${this.dataset} had ${plural(this.from, "sample")} when the run was opened and has ${this.to} at epoch ` +
      `${this.epoch}, batch ${this.batch}; keep it as it is while a run is open, or open a new run over the new size`
    )
  }
}

/**
 * Samples of one batch that failed, each with its own error.
 *
 * @since 0.1.0
 */
export class SamplesFailed extends Data.TaggedError("SamplesFailed")<{
  /** In the order of their rows; at least one. */
  readonly errors: readonly [StageError, ...ReadonlyArray<StageError>]
}> {}

/** Why a batch could not be built. @since 0.1.0 */
export type BatchError = StageError | CoordinatesError | DatasetChanged

/** Why an attempt at a batch failed. @since 0.1.0 */
export type AttemptError = BatchError | SamplesFailed

/**
 * A sample or a batch took longer than its timeout.
 *
 * @category errors
 * @since 0.1.0
 */
export class TimedOut extends Data.TaggedError("TimedOut")<{
  readonly what: "sample" | "batch"
  /** Milliseconds. */
  readonly after: number
}> {
  override get message(): string {
    return `this ${this.what} was not done after ${this.after} ms`
  }
}

/** Faults of the program, which every sample would meet: they are neither retried nor skipped. */
const PROGRAM = ["AmbientRandomness", "InvalidResult", "DecoderMissing", "ForeignEffect"]

/** Whether an error may be retried or skipped: not if it is a fault of the program. @since 0.1.0 */
export const isRecoverable = ({ cause }: StageError): boolean => {
  try {
    const tag = tagOf(cause)
    // A dataset's own code may be at fault, too.
    const own = tag === "DatasetError" && typeof cause === "object" && cause !== null && "cause" in cause
    return !PROGRAM.some((fault) => fault === (own ? tagOf(cause.cause) : tag))
  } catch {
    return true // a Proxy of which nothing can be asked
  }
}

/** The tag of an error: one that comes from a thread is not an instance of the class here. */
const tagOf = (cause: unknown): unknown =>
  typeof cause === "object" && cause !== null && "_tag" in cause ? cause._tag : undefined

/** The sample at which an error happened; the fields are `undefined` if the fault is the whole batch's. @since 0.1.0 */
export interface SamplePlace {
  readonly sample: number | undefined
  readonly position: number | undefined
  readonly ordinal: number | undefined
  readonly lineage?: Lineage | undefined
  /** What an effect failed with, as opposed to what was thrown. */
  readonly failure?: unknown
}

const wholeBatch: SamplePlace = { sample: undefined, position: undefined, ordinal: undefined }

/** An error at a place of a run. @since 0.1.0 */
export const errorAt = (
  { plan, policy }: Pick<RunPlan, "plan" | "policy">,
  at: { readonly epoch: number; readonly batch: number; readonly worker: number },
  stage: string,
  cause: unknown,
  { failure, lineage, ordinal, position, sample }: SamplePlace = wholeBatch
): StageError => {
  const { rank, resized, uneven, workers, world } = plan
  const { name = "none", seed = "none" } = policy ?? {}
  return new StageError({
    policy: name,
    seed,
    ...at,
    rank,
    world,
    uneven,
    workers,
    ...(resized?.epoch === at.epoch ? { resized: resized.origin } : {}),
    sample,
    position,
    ordinal,
    lineage,
    stage,
    cause,
    failure
  })
}
