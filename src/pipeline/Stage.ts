/**
 * A stage: one named step of a pipeline, as a plain value. The scheduler reads these; their constructors are in `Pipeline`.
 *
 * @since 0.1.0
 */
import type * as Effect from "effect/Effect"
import type { Made } from "../core/Parameters.ts"
import type { Rng } from "../random/Rng.ts"
import type { Sampler } from "../sampling/EpochOrder.ts"
import type { StageId } from "../seeding/Coordinates.ts"
import type { BatchCuts } from "./BatchCuts.ts"
import type { Collate } from "./Collate.ts"
import type { DTypes } from "./Columns.ts"
import type { Fusible } from "./Fusible.ts"

/**
 * What a stage knows of the sample (or batch) at hand. The object is the worker's own and changes with the next
 * sample: take the numbers, do not keep it.
 *
 * @category models
 * @since 0.1.0
 */
export interface StageContext {
  readonly epoch: number
  /** This process among `world` that share one epoch. */
  readonly rank: number
  readonly world: number
  /** The worker, from 0 to `workers − 1`. */
  readonly worker: number
  readonly workers: number
  /** The batch's number within the epoch. */
  readonly batch: number
  /** A number that no other sample of this worker has in the epoch; it rises, and may leave gaps. */
  readonly ordinal: number
  /** The place in the epoch's order over all ranks. */
  readonly position: number
  /** The sample's index in the dataset (for a batch stage, of the batch's first row). */
  readonly index: number
}

/**
 * Turns a sample into a sample with draws from `rng`. Plain code: no effects, no promises.
 *
 * @category models
 * @since 0.1.0
 */
export type Augment<in A, out B> = (sample: A, rng: Rng, context: StageContext) => B

/** Turns a sample into a sample without draws. @category models @since 0.1.0 */
export type Mapping<in A, out B> = (sample: A, context: StageContext) => B

interface Declaring {
  readonly id: StageId
  /** What its function was made with; none if that can neither be seen nor was declared. */
  readonly made?: Made | undefined
}

interface Fusing {
  /** How it runs as one with its neighbors, if it can. */
  readonly fusible?: Fusible | undefined
}

/**
 * A stage as the machinery sees it. The functions' own types are proved where `Pipeline` composes them: what one stage
 * gives is what the next takes. In the list they are `unknown`.
 *
 * @category models
 * @since 0.1.0
 */
export type Stage =
  | { readonly _tag: "Sample"; readonly id: StageId; readonly draws: boolean; readonly sampler: Sampler<unknown> }
  | (Declaring & Fusing & { readonly _tag: "Augment"; readonly draws: true; readonly run: Augment<unknown, unknown> })
  | (Declaring & Fusing & { readonly _tag: "Map"; readonly draws: false; readonly run: Mapping<unknown, unknown> })
  | (Declaring & { readonly _tag: "Filter"; readonly draws: false; readonly run: Mapping<unknown, boolean> })
  | (Declaring & {
      readonly _tag: "Effect"
      readonly draws: boolean
      readonly concurrency: number
      readonly run: (sample: unknown, rng: Rng, context: StageContext) => Effect.Effect<unknown, unknown, unknown>
    })
  | (Declaring & {
      readonly _tag: "Batch"
      readonly draws: false
      readonly size: number
      readonly dropLast: boolean
      readonly padLast: boolean
      /** How the stage cuts an epoch into batches itself; by default all have `size` samples. */
      readonly cuts?: BatchCuts | undefined
      readonly collate: Collate<unknown, unknown>
      /** Where the collate is Furrow's own: the element types that it was given. */
      readonly dtypes: DTypes | undefined
    })
