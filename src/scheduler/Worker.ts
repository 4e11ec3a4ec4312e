/**
 * A worker makes batches: it reads the samples of one batch, takes them through the stages and lays them in columns.
 *
 * What it makes hangs on nothing but the batch's number, the epoch and the seeds it is handed, never on what it made
 * before. The effects are per batch; per sample there is plain code only.
 *
 * @since 0.1.0
 */
import { Effect, Option } from "effect"
import type { Pipeline } from "../Pipeline.ts"
import type { CoordinatesError } from "../seeding/Coordinates.ts"
import type * as SeedPolicy from "../seeding/SeedPolicy.ts"
import type { Batch } from "../stages/Batch.ts"
import { type Fused, fuse } from "../stages/image/Fusion.ts"
import type { Stage } from "../stages/Stage.ts"
import { Making } from "./Making.ts"
import * as Plan from "./Plan.ts"
import { DatasetChanged, type StageError } from "./StageError.ts"

export type BatchStage = Extract<Stage, { readonly _tag: "Batch" }>
export type PlainStage = Extract<Stage, { readonly _tag: "Augment" | "Map" | "Filter" }>
export type EffectStage = Extract<Stage, { readonly _tag: "Effect" }>

/** Stages in the form in which they run: neighbours that fuse are one step. */
export type Step =
  | { readonly _tag: "Fused"; readonly fused: Fused; readonly stages: ReadonlyArray<PlainStage> }
  | { readonly _tag: "Plain"; readonly stage: PlainStage }
  | { readonly _tag: "Effect"; readonly stage: EffectStage }

/**
 * A pipeline made ready to run, and all that its workers share.
 *
 * @since 0.1.0
 */
export interface Job {
  readonly pipeline: Pipeline<unknown, unknown, unknown>
  readonly plan: Plan.Plan
  /** The dataset's size when the run was opened. */
  readonly size: number
  /** Whether an epoch visits an index at most once. */
  readonly distinct: boolean
  /** Without a policy no stage draws. */
  readonly policy: SeedPolicy.Service | undefined
  /** The order of an epoch: from position to dataset index. */
  readonly order: (epoch: number) => Effect.Effect<(position: number) => number, CoordinatesError>
}

/** Why a batch could not be made. @since 0.1.0 */
export type BatchError = StageError | CoordinatesError | DatasetChanged

/**
 * One worker of a job.
 *
 * @since 0.1.0
 */
export interface Worker {
  /** Makes a batch; `undefined` when nothing of it is left or none of it falls to this rank. */
  readonly batch: (epoch: number, batch: number) => Effect.Effect<Batch<unknown> | undefined, BatchError, unknown>
  /** Makes one sample as it would enter its batch; none when a filter leaves it out. */
  readonly sample: (epoch: number, position: number) => Effect.Effect<Option.Option<unknown>, BatchError, unknown>
}

/**
 * The worker of a number, 0 … workers − 1.
 *
 * @since 0.1.0
 */
export const make = (job: Job, worker: number): Worker => {
  const stages = job.pipeline.stages.filter((stage) => stage._tag !== "Sample")
  const split = stages.findIndex((stage) => stage._tag === "Batch")
  const batchStage = stages[split] as BatchStage // Scheduler refuses a pipeline without one
  const perSample = compile(stages.slice(0, split))
  const perBatch = compile(stages.slice(split + 1))

  /** Reads `count` samples from `position` on and takes them through all that stands before `batch`. */
  const samples = (epoch: number, batch: number, position: number, count: number) =>
    Effect.gen(function* () {
      const { name, size } = job.pipeline.dataset
      if (size !== job.size) {
        return yield* new DatasetChanged({ dataset: name, from: job.size, to: size, epoch, batch })
      }
      const order = yield* job.order(epoch)
      const indices = new Float64Array(count)
      for (let row = 0; row < count; row++) indices[row] = order(position + row)
      const making = new Making(job, worker, epoch, batch, position, indices)
      yield* making.read()
      yield* making.run(perSample)
      return making
    })

  return {
    batch: (epoch, batch) =>
      Effect.gen(function* () {
        const { position, size } = Plan.rows(job.plan, batch)
        if (size === 0) return undefined
        const making = yield* samples(epoch, batch, position, size)
        if (making.values.length > 0) {
          yield* making.collate(batchStage)
          yield* making.run(perBatch)
        }
        yield* making.report()
        // Behind batch there is one value, and by Pipeline's types it is a batch.
        return making.values[0] as Batch<unknown> | undefined
      }),
    sample: (epoch, position) =>
      Effect.gen(function* () {
        const making = yield* samples(epoch, Math.floor(position / job.plan.batchSize), position, 1)
        yield* making.report()
        return Option.fromIterable(making.values)
      })
  }
}

const compile = (stages: ReadonlyArray<Stage>): ReadonlyArray<Step> => {
  const steps: Array<Step> = []
  let at = 0
  while (at < stages.length) {
    const stage = stages[at]
    if (stage?._tag === "Effect") steps.push({ _tag: "Effect", stage })
    const plain = plainFrom(stages, at)
    const fused = fuse(plain.map(({ run }) => run))
    const [first] = plain
    if (fused !== undefined) steps.push({ _tag: "Fused", fused, stages: plain.slice(0, fused.length) })
    else if (first !== undefined) steps.push({ _tag: "Plain", stage: first })
    at += fused?.length ?? 1
  }
  return steps
}

/** The plain stages that follow one another from `at` on. */
const plainFrom = (stages: ReadonlyArray<Stage>, at: number): ReadonlyArray<PlainStage> => {
  const run: Array<PlainStage> = []
  for (const stage of stages.slice(at)) {
    if (stage._tag !== "Augment" && stage._tag !== "Map" && stage._tag !== "Filter") break
    run.push(stage)
  }
  return run
}
