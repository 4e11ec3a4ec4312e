/**
 * The scheduler: a fiber per worker, and one row of batches out of them.
 *
 * ```text
 *            ┌ worker 0: batch 0, n, 2n …   ─┐  up to `prefetch` made and not yet taken, each
 * pipeline ──┤ worker 1: batch 1, n+1 …     ─┼─→ taken in the plan's order, or as they are ready
 *            └ worker n-1: batch n-1, 2n-1 …─┘
 * ```
 *
 * A worker that has `prefetch` batches waiting stops until one is taken, so a slow consumer holds memory flat. Closing
 * the scope of a run (its end, an error, `break`, an interrupt) ends all its fibers before it returns.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import { InvalidOption } from "../../core/InvalidOption.ts"
import { foreign } from "../../patches/EffectVersion.ts"
import type { Batch, Delivered } from "../../pipeline/Batch.ts"
import type { Pipeline } from "../../pipeline/Pipeline.ts"
import { callSite } from "./CallSite.ts"
import * as Iterator from "./Iterator.ts"
import type { Epoch, Loader, LoaderError } from "./Loader.ts"
import type { Provides } from "./Provides.ts"
import * as Run from "./Run.ts"
import type { Options } from "./RunOptions.ts"

export { BackendError } from "../backends/BackendError.ts"
export { DatasetChanged, StageError } from "../build/StageError.ts"
export { MAX_WORLD } from "../plan/Plan.ts"
export {
  type Epoch,
  EpochPassed,
  type Epochs,
  type Loader,
  type LoaderError,
  RunClosed,
  RunInUse,
  RunNotOpen,
  type Stats
} from "./Loader.ts"
export type { Profile, QueueUse, StageTime, WorkerTime } from "./Profile.ts"
export { format as formatProfile } from "./Profile.ts"
export { ranksFromConfig, ranksFromEnvironment } from "./Ranks.ts"
export { type ReplayOptions, replay } from "./Replay.ts"
export type { EpochOptions, Options, RunOptions } from "./RunOptions.ts"
export { ImpureBatch, type Verified } from "./Verify.ts"

/**
 * Opens a run: starts its workers, which live until the scope closes.
 *
 * @example
 * import { Effect, Stream } from "effect"
 * import { Dataset, Pipeline, Sampler, Scheduler, SeedPolicy, Workers } from "furrow"
 *
 * const pipeline = Pipeline.from(Dataset.range(10)).pipe(Pipeline.sample(Sampler.shuffle), Pipeline.batch(4))
 *
 * const program = Effect.gen(function* () {
 *   const loader = yield* Scheduler.open(pipeline, { epochs: 2, digest: true })
 *   yield* Stream.runDrain(loader.stream)
 *   return { stats: yield* loader.stats, digest: yield* loader.digest }
 * })
 * const run = program.pipe(
 *   Effect.scoped,
 *   Effect.provide(SeedPolicy.epochWorker({ seed: 42 })),
 *   Effect.provide(Workers.fibers({ workers: 2 }))
 * )
 * const { digest, stats } = await Effect.runPromise(run)
 * console.assert(stats.samples === 20 && digest.length === 64)
 *
 * @category running
 * @since 0.1.0
 */
export const open = <C, E, R>(
  pipeline: Pipeline<Batch<C>, E, R>,
  options: Options
): Effect.Effect<Loader<C, E>, LoaderError<E>, R | Scope.Scope> =>
  Run.open(pipeline, options, callSite(open), "Scheduler.open")

/**
 * The batches of a pipeline as a stream. It opens a run when it is run and closes it when it ends, however it ends.
 *
 * @example
 * import { Effect, Stream } from "effect"
 * import { Dataset, Pipeline, Scheduler, Workers } from "furrow"
 *
 * const pipeline = Pipeline.from(Dataset.range(10)).pipe(Pipeline.batch(4))
 * const sizes = Scheduler.stream(pipeline, { epochs: 1 }).pipe(
 *   Stream.map((batch) => batch.size),
 *   Stream.runCollect,
 *   Effect.provide(Workers.fibers({ workers: 2 }))
 * )
 * console.assert(Array.from(await Effect.runPromise(sizes)).join() === "4,4,2")
 *
 * @category running
 * @since 0.1.0
 */
export const stream = <C, E, R>(
  pipeline: Pipeline<Batch<C>, E, R>,
  options: Options
): Stream.Stream<Delivered<C>, LoaderError<E>, R> =>
  Stream.unwrapScoped(
    Effect.map(Run.open(pipeline, options, callSite(stream), "Scheduler.stream"), (loader) => loader.stream)
  )

/** Runs of a pipeline for code without Effect; each iteration opens a run of its own. @category models @since 0.1.0 */
export interface Iteration<out C, out E = never> extends AsyncIterable<Delivered<C>> {
  /** The same, epoch by epoch, so that something can be done between two of them. */
  readonly epochs: AsyncIterable<Epoch<C, E>>
}

/**
 * The batches of a pipeline for code without Effect. `break`, `return` and `throw` out of the loop end all workers
 * before the loop is left; so do the end and an error, which is thrown as the typed error it is. Each time it is
 * iterated it opens a run of its own. Where a run is to be stopped, resumed or looked at, `furrow` opens one.
 *
 * @example
 * import { Layer } from "effect"
 * import { Dataset, Pipeline, Sampler, Scheduler, SeedPolicy, Workers } from "furrow"
 *
 * const pipeline = Pipeline.from(Dataset.range(10)).pipe(Pipeline.sample(Sampler.shuffle), Pipeline.batch(4))
 * const layer = Layer.merge(SeedPolicy.epochWorker({ seed: 42 }), Workers.fibers({ workers: 2 }))
 *
 * let rows = 0
 * for await (const epoch of Scheduler.iterate(pipeline, layer, { epochs: 2 }).epochs) {
 *   for await (const batch of epoch) rows += batch.size
 *   console.assert(rows === 10 * (epoch.number + 1))
 * }
 *
 * @category running
 * @since 0.1.0
 */
export const iterate = <C, E, R, ROut, EL>(
  pipeline: Pipeline<Batch<C>, E, R>,
  layer: Layer.Layer<ROut, EL> & Provides<NoInfer<R>, NoInfer<ROut>>,
  options: Options
): Iteration<C, E> => {
  const opened = Run.open(pipeline, options, callSite(iterate), "Scheduler.iterate")
  // `Provides` refuses a layer that lacks a service.
  const services = (isLayer(layer) ? layer : Layer.fail(noLayer(layer))) as Layer.Layer<R, EL | InvalidOption>
  const byEpoch = Effect.flatMap(opened, ({ epochs }) => Iterator.pulling(epochs))
  return {
    [Symbol.asyncIterator]: () => Iterator.make(opened, services),
    epochs: { [Symbol.asyncIterator]: () => Iterator.make(byEpoch, services) }
  }
}

/** One of another copy of `effect` is refused as such when the run opens. */
const isLayer = (value: unknown): boolean =>
  Layer.isLayer(value) || foreign("the layer of the run", value) !== undefined

const noLayer = (value: unknown): InvalidOption =>
  new InvalidOption({
    option: "the layer",
    value,
    expected:
      "a Layer with the pipeline's services, such as Scheduler.iterate(pipeline, SeedPolicy.epochWorker({ seed: 42 }), { epochs: 10 })"
  })
