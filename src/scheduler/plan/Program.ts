/**
 * What a worker builds its batches by, and the rows that one build is of.
 *
 * @since 0.1.0
 */
import type { Limits } from "../build/Attempt.ts"
import type { Streams } from "../build/CarriedStreams.ts"
import type { TablePlan } from "../build/ColumnBuilder.ts"
import type { RunPlan } from "./RunPlan.ts"
import type { BatchStage, EffectStage, PlainStage, Step } from "./Steps.ts"

/** A pipeline compiled to what one worker executes. @since 0.1.0 */
export interface Program {
  readonly runPlan: RunPlan
  readonly worker: number
  readonly limits: Limits
  /** The streams of a policy that continues them from sample to sample. */
  readonly streams: Streams | undefined
  /** The stages before `batch`, one by one. */
  readonly stages: ReadonlyArray<PlainStage | EffectStage>
  /** The same stages as steps over a batch. */
  readonly before: ReadonlyArray<Step>
  /** The same stages over whole columns, if the pipeline allows it. */
  readonly table: TablePlan | undefined
  readonly batching: BatchStage
  /** The steps behind `batch`. */
  readonly behind: ReadonlyArray<Step>
}

/** Consecutive rows of an epoch that belong to one batch: `count` rows from `position` on. @since 0.1.0 */
export interface Place {
  readonly epoch: number
  readonly batch: number
  readonly position: number
  readonly count: number
}
