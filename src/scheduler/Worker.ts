/**
 * A worker makes batches: it reads the samples of one batch, takes them through the stages and lays them in columns.
 *
 * What it makes hangs on nothing but the batch's number, the epoch and the seeds it is handed, never on what it made
 * before; but under a policy that carries streams on, on what was drawn from them. The effects are per batch; per sample there is plain code only.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import type * as Option from "effect/Option"
import { Plain } from "../datasets/RandomAccess.ts"
import { arena } from "../kernels/Kernels.ts"
import { Output } from "../kernels/Output.ts"
import type { CoordinatesError } from "../seeding/Coordinates.ts"
import type { Batch } from "../stages/Batch.ts"
import type { Job } from "./Job.ts"
import { Making } from "./Making.ts"
import * as Plan from "./Plan.ts"
import { DatasetChanged, type StageError } from "./StageError.ts"
import { type BatchStage, byRows, compile, type Step } from "./Steps.ts"
import { Streams } from "./Streams.ts"
import { plan as tablePlan } from "./Table.ts"
import { type Left, type Limits, type SamplesFailed, unlimited } from "./Tries.ts"

/** Why a batch could not be made. @since 0.1.0 */
export type BatchError = StageError | CoordinatesError | DatasetChanged

/**
 * One worker of a job.
 *
 * @since 0.1.0
 */
export interface Worker {
  /**
   * A batch in one go, without an effect, where nothing in its way needs one and nobody looks on; none elsewhere, and
   * where it cannot be made: `batch` makes it then, or says what is wrong.
   */
  readonly now: (epoch: number, batch: number) => Batch<unknown> | undefined
  /** Makes a batch; `undefined` when nothing of it is left or none of it falls to this rank. */
  readonly batch: (epoch: number, batch: number) => Effect.Effect<Batch<unknown> | undefined, BatchError, unknown>
  /**
   * One try at a batch under the worker's limits; a second one is without the rows in `left`, and made sample by sample.
   */
  readonly attempt: (
    epoch: number,
    batch: number,
    left?: Left
  ) => Effect.Effect<Batch<unknown> | undefined, BatchError | SamplesFailed, unknown>
  /** Makes one sample as it would enter its batch; none when a filter leaves it out. */
  readonly sample: (epoch: number, position: number) => Effect.Effect<Option.Option<unknown>, BatchError, unknown>
  /** Brings the streams that are carried on to where they stand before a batch, by making what comes before it. */
  readonly advance: (epoch: number, batch: number) => Effect.Effect<void, BatchError, unknown>
}

/**
 * The worker of a number, 0 … workers − 1. Its batches lie in memory of `output`, as far as they lie in memory that
 * kernels can reach.
 *
 * @since 0.1.0
 */
export const make = (
  job: Job,
  worker: number,
  output = new Output(arena(), false),
  limits: Limits = unlimited
): Worker => {
  const stages = job.pipeline.stages.filter((stage) => stage._tag !== "Sample")
  const split = stages.findIndex((stage) => stage._tag === "Batch")
  const batchStage = stages[split] as BatchStage // Scheduler refuses a pipeline without one
  const carries = job.policy?.carries
  const streams = carries === undefined ? undefined : new Streams(carries)
  const perSample = streams === undefined ? compile(stages.slice(0, split), output) : byRows(stages.slice(0, split))
  const table = streams === undefined ? tablePlan(job.pipeline, perSample, batchStage) : undefined
  const perBatch = compile(stages.slice(split + 1), new Output(undefined, false))

  /** Reads `count` samples from `position` on and takes them through all that stands before `batch`. */
  const samples = (epoch: number, batch: number, position: number, count: number) =>
    Effect.gen(function* () {
      const making = yield* begun(epoch, batch, position, count)
      yield* read(making)
      return making
    })

  /** Chooses `count` samples from `position` on. */
  const begun = (epoch: number, batch: number, position: number, count: number) =>
    Effect.gen(function* () {
      const { name, size } = job.pipeline.dataset
      if (size !== job.size) {
        return yield* new DatasetChanged({ dataset: name, from: job.size, to: size, epoch, batch })
      }
      const making = new Making(job, worker, epoch, batch, position, count, streams)
      yield* making.choose()
      return making
    })

  /** Takes what was batched through all that stands behind `batch`. */
  const finished = (making: Making) =>
    Effect.gen(function* () {
      if (making.values.length > 0) yield* making.run(perBatch)
      yield* making.report()
      // Behind batch there is one value, and by Pipeline's types it is a batch.
      return making.values[0] as Batch<unknown> | undefined
    })

  const before = stages.slice(0, split).filter((stage) => stage._tag !== "Batch")
  const slow = !(job.pipeline.dataset instanceof Plain) || before.some((stage) => stage._tag === "Effect")

  const carefully = (epoch: number, batch: number, left: Left) =>
    Effect.gen(function* () {
      const { position, size } = Plan.rows(job.plan, batch)
      if (size === 0) return undefined
      const making = yield* begun(epoch, batch, position, size)
      return yield* limited(making, Effect.zipRight(making.carefully(before, left, limits), batched(making)))
    })

  const read = (making: Making) => Effect.zipRight(making.read(), making.run(perSample))

  /** Which of the samples it is that cannot be read shows when each is read on its own. */
  const readOrCarefully = (making: Making) =>
    Effect.matchEffect(making.read(), {
      onFailure: () => making.carefully(before, new Set(), limits),
      onSuccess: () => making.run(perSample)
    })

  const batched = (making: Making) =>
    Effect.zipRight(
      Effect.suspend(() => (making.values.length > 0 ? making.collate(batchStage) : Effect.void)),
      finished(making)
    )

  const limited = <A, E, R>(making: Making, work: Effect.Effect<A, E, R>) =>
    limits.batch === undefined ? work : making.inTime(work, limits.batch)

  const whole = (epoch: number, batch: number) =>
    Effect.gen(function* () {
      const { position, size } = Plan.rows(job.plan, batch)
      if (size === 0) return undefined
      if (table !== undefined) {
        const making = yield* begun(epoch, batch, position, size)
        if (yield* making.tabulate(table)) return yield* finished(making)
      }
      const making = yield* begun(epoch, batch, position, size)
      return yield* limited(
        making,
        Effect.zipRight(limits.careful ? readOrCarefully(making) : read(making), batched(making))
      )
    })

  const { times, traced } = job.watch
  const watched = times !== undefined || traced
  const plainly = table !== undefined && perBatch.length === 0 && !watched ? table : undefined
  const { dataset } = job.pipeline
  const waits = (steps: ReadonlyArray<Step>) => steps.some(({ _tag }) => _tag === "Effect" || _tag === "Rows")
  const atHand = !watched && dataset instanceof Plain && !waits(perSample) && !waits(perBatch) ? dataset : undefined
  const now = (epoch: number, batch: number): Batch<unknown> | undefined => {
    if ((plainly === undefined && atHand === undefined) || dataset.size !== job.size) return undefined
    const { position, size } = Plan.rows(job.plan, batch)
    if (size === 0) return undefined
    const making = new Making(job, worker, epoch, batch, position, size, undefined)
    const made =
      plainly !== undefined
        ? making.now(plainly)
        : atHand !== undefined && making.allNow(atHand, perSample, batchStage, perBatch)
    return made ? (making.values[0] as Batch<unknown> | undefined) : undefined // as above
  }

  // Where nothing is made sample by sample none fails on its own.
  const plain = (epoch: number, batch: number) =>
    Effect.catchTag(whole(epoch, batch), "SamplesFailed", ({ errors }) => Effect.fail(errors[0]))

  return {
    now,
    batch: plain,
    attempt: (epoch, batch, left) => {
      if (left !== undefined) return carefully(epoch, batch, left)
      if (limits.sample !== undefined && slow && streams === undefined) return carefully(epoch, batch, new Set())
      return whole(epoch, batch)
    },
    sample: (epoch, position) =>
      Effect.gen(function* () {
        const batch = Math.floor(position / job.plan.batchSize)
        // Streams that are carried on stand at this sample only behind those before it in its batch.
        const first = streams === undefined ? position : Plan.rows(job.plan, batch).position
        const making = yield* samples(epoch, batch, first, position - first + 1)
        yield* making.report()
        return making.last
      }),
    advance: (epoch, batch) =>
      Effect.gen(function* () {
        if (carries === undefined) return
        for (let at = carries === "run" ? 0 : epoch; at <= epoch; at++) {
          const end = at < epoch ? job.plan.batches : batch
          for (let number = worker; number < end; number += job.plan.workers) yield* plain(at, number)
        }
      })
  }
}
