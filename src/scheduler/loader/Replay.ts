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
import { openStream } from "../backends/StreamBackend.ts"
import type { RowRange } from "../build/RowRange.ts"
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
  steps: true,
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
    const { plan } = runPlan
    const { asked, batch, epoch, position } = yield* checked(() => {
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
      return { asked, batch, epoch, position }
    })
    const owner = Plan.worker(plan, batch)
    const context = yield* Effect.context<R>()
    const stream = yield* openStream(runPlan, { prefetch: 1 })
    const range = yield* fromPipeline<RowRange, E, R, InvalidOption>(
      stream === undefined
        ? checked(() => shareOf(plan, epoch, batch))
        : Effect.flatMap(
            toEffect(() => stream.rows(owner, epoch, batch)),
            (rows) => (rows === undefined ? noBatch(epoch, batch) : Effect.succeed(rows))
          ),
      context
    )
    yield* checked(() => {
      const { position: from, size } = range
      if (position === undefined || (position >= from && position < from + size)) return
      const expected =
        size === 0
          ? `in another batch: rank ${plan.rank} has none of this one`
          : `from ${from} to ${from + size - 1}, rank ${plan.rank}'s share of batch ${asked}`
      throw new InvalidOption({ option: "position", value: position, expected })
    })
    const worker = new Worker(runPlan, owner)
    const made = Effect.zipRight(
      toEffect(() => advance(worker, epoch, batch)),
      position === undefined
        ? Effect.map(
            toEffect(() => (range.size === 0 ? undefined : worker.batch(range))),
            (made) =>
              made === undefined && plan.world > 1
                ? Option.some(emptyAt(plan, epoch, batch))
                : Option.fromNullable(made)
          )
        : Effect.map(
            toEffect(() => worker.sample(range, position)),
            (kept) => Option.map(Option.fromNullable(kept), ({ value }) => value)
          )
    )
    yield* Ambient.installed(pipeline.ambient)
    return yield* fromPipeline<Option.Option<unknown>, E, R>(made, context)
  }).pipe(Effect.scoped)

/** This rank's rows of a batch of a dataset. Throws `InvalidOption` if there is no such batch. */
const shareOf = (plan: Plan.Plan, epoch: number, batch: number): RowRange => {
  const share = Plan.share(plan, epoch, batch)
  if (share === undefined) throw noBatch(epoch, batch)
  return { epoch, batch, ...share }
}

const noBatch = (epoch: number, batch: number): InvalidOption =>
  new InvalidOption({ option: "batch", value: batch, expected: `one of the batches of epoch ${epoch}` })

/** Throws `InvalidOption` unless its figures are whole numbers. */
const originOf = ({ batch, numberedFrom, ordinal, position }: Origin): Origin => ({
  batch: whole("resized.batch", batch, 0),
  position: whole("resized.position", position, 0),
  ordinal: whole("resized.ordinal", ordinal, 0),
  ...(numberedFrom === undefined ? {} : { numberedFrom: whole("resized.numberedFrom", numberedFrom, batch) })
})

/** A batch of no rows whose columns are unknown. */
const emptyAt = (plan: Plan.Plan, epoch: number, batch: number): Batch<unknown> => {
  const sequence = new Sequence(plan.cuts)
  return new EmptyBatches(plan, sequence).at(sequence.of(epoch, batch))
}
