/**
 * A worker builds batches. What it builds depends on the batch's number, the epoch and the seeds that it is given, never
 * on what it built before; under a policy that carries streams on, also on what was drawn from them.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import type * as Option from "effect/Option"
import type { Batch } from "../../pipeline/Batch.ts"
import type { CoordinatesError } from "../../seeding/Coordinates.ts"
import { arena } from "../../wasm/Kernels.ts"
import { Output } from "../../wasm/Output.ts"
import * as Plan from "../plan/Plan.ts"
import type { RunPlan } from "../plan/RunPlan.ts"
import { type BatchStage, byRows, compile } from "../plan/Steps.ts"
import { type Limits, unlimited } from "./Attempt.ts"
import { type AttemptError, BatchBuilder, type Program } from "./BatchBuilder.ts"
import { Streams } from "./CarriedStreams.ts"
import { plan as tablePlan } from "./ColumnBuilder.ts"
import type { DatasetChanged, StageError } from "./StageError.ts"
import type { Given } from "./Work.ts"

/** Why a batch could not be built. @since 0.1.0 */
export type BatchError = StageError | CoordinatesError | DatasetChanged

/**
 * One worker of a runPlan.
 *
 * @since 0.1.0
 */
export interface Worker {
  /** What builds a batch, attempt by attempt; `undefined` if none of it falls to this rank. */
  readonly builder: (epoch: number, batch: number) => BatchBuilder | undefined
  /** Builds a batch in one attempt; `undefined` if nothing of it is left or none of it falls to this rank. */
  readonly batch: (epoch: number, batch: number) => Effect.Effect<Batch<unknown> | undefined, BatchError, unknown>
  /** Makes one sample as it would enter its batch; none if a filter leaves it out. */
  readonly sample: (epoch: number, position: number) => Effect.Effect<Option.Option<unknown>, BatchError, unknown>
  /** Brings the streams that are carried on to where they stand before a batch, by building what comes before it. */
  readonly advance: (epoch: number, batch: number) => Effect.Effect<void, BatchError, unknown>
}

/**
 * The worker of a number, 0 … workers − 1. Its batches lie in memory of `output`, as far as they lie in memory that
 * kernels can reach.
 *
 * @since 0.1.0
 */
export const make = (
  runPlan: RunPlan,
  worker: number,
  output = new Output(arena(), false),
  limits: Limits = unlimited
): Worker => {
  const stages = runPlan.pipeline.stages.filter((stage) => stage._tag !== "Sample")
  const split = stages.findIndex((stage) => stage._tag === "Batch")
  const batching = stages[split] as BatchStage // Scheduler refuses a pipeline without one
  const carries = runPlan.policy?.carries
  const streams = carries === undefined ? undefined : new Streams(carries)
  const first = stages.slice(0, split)
  const before = streams === undefined ? compile(first, output) : byRows(first)
  const program: Program = {
    runPlan,
    worker,
    limits,
    streams,
    stages: first.filter((stage) => stage._tag !== "Batch"),
    before,
    table: streams === undefined ? tablePlan(runPlan.pipeline, before, batching) : undefined,
    batching,
    behind: compile(stages.slice(split + 1), new Output(undefined, false))
  }

  const builder = (epoch: number, batch: number): BatchBuilder | undefined => {
    const { position, size } = Plan.rows(runPlan.plan, batch)
    return size === 0 ? undefined : new BatchBuilder(program, { epoch, batch, position, count: size })
  }

  const batch = (epoch: number, number: number) =>
    Effect.suspend(() => {
      const own = builder(epoch, number)
      return own === undefined ? Effect.succeed(undefined) : attempted(own.build())
    })

  return {
    builder,
    batch,
    sample: (epoch, position) =>
      Effect.suspend(() => {
        const number = Math.floor(position / runPlan.plan.batchSize)
        // Streams that are carried on stand at this sample only behind those before it in its batch.
        const from = streams === undefined ? position : Plan.rows(runPlan.plan, number).position
        const place = { epoch, batch: number, position: from, count: position - from + 1 }
        return attempted(new BatchBuilder(program, place).sample())
      }),
    advance: (epoch, number) =>
      Effect.gen(function* () {
        if (carries === undefined) return
        for (let at = carries === "run" ? 0 : epoch; at <= epoch; at++) {
          const end = at < epoch ? runPlan.plan.batches : number
          for (let own = worker; own < end; own += runPlan.plan.workers) yield* batch(at, own)
        }
      })
  }
}

/** The outcome of the only attempt: of samples that failed, the first one's error. */
const attempted = <A>(own: Given<A, AttemptError>): Effect.Effect<A, BatchError, unknown> =>
  own._tag === "Now"
    ? Effect.succeed(own.value)
    : Effect.catchTag(own.effect, "SamplesFailed", ({ errors }) => Effect.fail(errors[0]))
