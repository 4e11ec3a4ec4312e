/**
 * Where a draw happens. Every random number of a run has coordinates: an epoch, a rank, a worker, a sample (or a batch), and
 * a stage. A seed policy turns coordinates into seeds; errors name them.
 *
 * @since 0.1.0
 */
import * as Data from "effect/Data"
import { wordsOf } from "../core/NameHash.ts"

/** The name and the id of a stage. @category models @since 0.1.0 */
export interface StageId {
  readonly name: string
  /** 32 bits of the name alone, so that a stage's draws do not depend on other stages or on its position among them. */
  readonly id: number
}

/**
 * Returns the id of a stage's name.
 *
 * @category constructors
 * @since 0.1.0
 */
export const stageId = (name: string): StageId =>
  // A pipeline's own, which every policy is given: none may change it for the next run.
  Object.freeze({ name, id: wordsOf(name)[0] })

/**
 * What a seed is for: the order of an epoch (one for all workers and ranks), a batch, or a sample.
 *
 * @category models
 * @since 0.1.0
 */
export type Scope = "epoch" | "batch" | "sample"

/**
 * Where a sample comes from, if not simply from one dataset in its order. Policies have room for it; no stage of this version
 * sets it.
 *
 * @category models
 * @since 0.1.0
 */
export interface Origin {
  /** The component of a mix. */
  readonly component?: number
  /** How often the component was passed through before. */
  readonly pass?: number
  /** The window that a packed row comes from. */
  readonly window?: number
  /** The row's number among all that came of its sample (`flatMap`) or of its window (`pack`), from 0. */
  readonly child?: number
}

/**
 * The coordinates of a draw.
 *
 * @category models
 * @since 0.1.0
 */
export interface Coordinates extends Origin {
  readonly scope: Scope
  readonly stage: StageId
  readonly epoch: number
  readonly rank: number
  readonly world: number
  /** The worker that makes the batch, from 0; for scope `epoch` always 0. */
  readonly worker: number
  readonly workers: number
  /** The batch's number within the epoch. */
  readonly batch: number
  /** How many samples (for scope `batch`: batches) this worker made before in this epoch. */
  readonly ordinal: number
  /** The position in the epoch's order over all ranks. */
  readonly position: number
  /** The sample's index in the dataset. */
  readonly index: number
  /** Whether the sampler visits an index at most once an epoch; if not, an index alone does not name a sample. */
  readonly distinct: boolean
}

/**
 * Coordinates as one line, for logs and messages.
 *
 * @category conversions
 * @since 0.1.0
 */
export const format = (at: Coordinates): string => {
  const mix = at.component === undefined ? "" : `, component ${at.component}, pass ${at.pass}`
  const drawn = `epoch ${at.epoch}, stage "${at.stage.name}"`
  if (at.scope === "epoch") return drawn + mix
  const made = `${drawn}, rank ${at.rank} of ${at.world}, worker ${at.worker} of ${at.workers}, batch ${at.batch}`
  if (at.scope === "batch") return made
  const child = at.child === undefined ? "" : `, child ${at.child}`
  const own = at.window === undefined ? `sample ${at.index}` : `window ${at.window}`
  return `${made}${mix}, ${own}${child} (position ${at.position}, ordinal ${at.ordinal})`
}

/**
 * There is no seed for some coordinates: they do not fit the policy's packing, or the policy refused them.
 *
 * @category errors
 * @since 0.1.0
 */
export class CoordinatesError extends Data.TaggedError("CoordinatesError")<{
  readonly policy: string
  readonly seed: string
  readonly coordinates: Coordinates
  readonly reason: string
}> {
  override get message(): string {
    return `policy ${this.policy} (seed ${this.seed}) has no seed at ${format(this.coordinates)}: ${this.reason}`
  }
}
