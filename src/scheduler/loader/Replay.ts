/**
 * Makes one sample or one batch of a run again, without a run.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import { whole } from "../../core/Check.ts"
import { checked, InvalidOption } from "../../core/InvalidOption.ts"
import { type Names, optionsOf } from "../../core/Options.ts"
import * as Ambient from "../../patches/Ambient.ts"
import type { Batch } from "../../pipeline/Batch.ts"
import type { Pipeline } from "../../pipeline/Pipeline.ts"
import { advance } from "../backends/Fibers.ts"
import * as ProvidedPlan from "../backends/ProvidedPlan.ts"
import type { StageError } from "../build/StageError.ts"
import { toEffect } from "../build/Work.ts"
import { Worker } from "../build/Worker.ts"
import type { Origin } from "../plan/Cuts.ts"
import * as Plan from "../plan/Plan.ts"
import type * as RunPlan from "../plan/RunPlan.ts"
import { Sequence } from "../plan/Sequence.ts"
import { EmptyBatches } from "./EmptyBatch.ts"
import type { LoaderError } from "./Loader.ts"
import { fromPipeline } from "./OpenRun.ts"
import { pipelineOf } from "./RunOptions.ts"

/** Which sample to make again; the figures stand in a `StageError`. @category options @since 0.1.0 */
export type ReplayOptions = RunPlan.Sharing & {
  readonly epoch: number
  /** How many workers the run had; under an elastic policy any number will do. */
  readonly workers: number
  /** Where the epoch was counted from, if its first batches had another size, other workers or ranks. */
  readonly resized?: Origin
} & (
    | { /** The sample's position in the epoch's order. */ readonly position: number }
    | { /** The number of the batch within the epoch. */ readonly batch: number }
  )

const REPLAY: Names<RunPlan.Sharing & Record<"epoch" | "workers" | "position" | "batch" | "resized", unknown>> = {
  epoch: true,
  workers: true,
  position: true,
  batch: true,
  rank: true,
  world: true,
  uneven: true,
  resized: true
}

/**
 * Makes one sample of a run again, as it stands before `batch` (none when a filter leaves it out), or one whole batch,
 * when asked by its number. It starts no worker and makes nothing else. A {@link StageError} spells out the call.
 *
 * @example
 * import { Effect } from "effect"
 * import { Dataset, Pipeline, Sampler, Scheduler, SeedPolicy } from "furrow"
 *
 * const pipeline = Pipeline.from(Dataset.range(10)).pipe(Pipeline.sample(Sampler.shuffle), Pipeline.batch(4))
 * const sample = Scheduler.replay(pipeline, { epoch: 1, position: 7, workers: 2 }).pipe(
 *   Effect.provide(SeedPolicy.epochWorker({ seed: 42 }))
 * )
 * console.assert(Effect.runSync(sample)._tag === "Some")
 *
 * @category running
 * @since 0.1.0
 */
export const replay = <C, E, R>(
  pipeline: Pipeline<Batch<C>, E, R>,
  options: ReplayOptions
): Effect.Effect<Option.Option<unknown>, LoaderError<E>, R> =>
  Effect.gen(function* () {
    yield* checked(() => {
      pipelineOf("Scheduler.replay", pipeline)
      optionsOf<object>("Scheduler.replay", options, REPLAY)
    })
    const planned = yield* ProvidedPlan.make(pipeline, options.workers, options)
    const runPlan = yield* checked(() => {
      const { epoch, resized } = options
      return resized === undefined
        ? planned
        : planned.resized({ epoch: whole("epoch", epoch, 0), origin: originOf(resized) })
    })
    const { position, range } = yield* checked(() => {
      const { plan } = runPlan
      const epoch = whole("epoch", options.epoch, 0)
      const position =
        "position" in options
          ? whole("position", options.position, 0, Math.max(plan.count, plan.end(epoch)) - 1)
          : undefined
      if (position === undefined && !("batch" in options)) {
        throw new InvalidOption({ option: "what to replay", value: options, expected: "given a position or a batch" })
      }
      const asked = "batch" in options ? options.batch : plan.cuts.batchAt(epoch, position ?? 0)
      const { batch: own, numberedFrom = own } = plan.cuts.origin(epoch)
      const { batches } = plan.cuts
      const batch = whole("batch", asked, numberedFrom, batches === undefined ? undefined : batches - 1)
      const share = Plan.share(plan, epoch, batch)
      if (share === undefined) {
        throw new InvalidOption({ option: "batch", value: batch, expected: `one of the batches of epoch ${epoch}` })
      }
      if (position !== undefined) {
        const { position: from, size } = share
        if (position < from || position >= from + size) {
          const { rank } = plan
          const expected =
            size === 0
              ? `in another batch: rank ${rank} has none of this one`
              : `from ${from} to ${from + size - 1}, rank ${rank}'s share of batch ${asked}`
          throw new InvalidOption({ option: "position", value: position, expected })
        }
      }
      return { position, range: { epoch, batch, ...share } }
    })
    const { batch, epoch } = range
    const worker = new Worker(runPlan, Plan.worker(runPlan.plan, batch))
    const made = Effect.zipRight(
      toEffect(() => advance(worker, epoch, batch)),
      position === undefined
        ? Effect.map(
            toEffect(() => (range.size === 0 ? undefined : worker.batch(range))),
            (made) =>
              made === undefined && runPlan.plan.world > 1
                ? Option.some(emptyAt(runPlan.plan, epoch, batch))
                : Option.fromNullable(made)
          )
        : Effect.map(
            toEffect(() => worker.sample(epoch, position)),
            (kept) => Option.map(Option.fromNullable(kept), ({ value }) => value)
          )
    )
    yield* Ambient.installed(pipeline.ambient)
    const context = yield* Effect.context<R>()
    return yield* fromPipeline<Option.Option<unknown>, E, R>(made, context)
  }).pipe(Effect.scoped)

/** Throws `InvalidOption` unless its figures are whole numbers. */
const originOf = ({ batch, numberedFrom, ordinal, position }: Origin): Origin => ({
  batch: whole("resized.batch", batch, 0),
  position: whole("resized.position", position, 0),
  ordinal: whole("resized.ordinal", ordinal, 0),
  ...(numberedFrom === undefined ? {} : { numberedFrom: whole("resized.numberedFrom", numberedFrom, batch) })
})

/** A batch of no rows whose columns nobody knows. */
const emptyAt = (plan: Plan.Plan, epoch: number, batch: number): Batch<unknown> => {
  const sequence = new Sequence(plan.cuts)
  return new EmptyBatches(plan, sequence).at(sequence.of(epoch, batch))
}
