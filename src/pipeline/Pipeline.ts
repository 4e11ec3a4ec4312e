/**
 * A pipeline: a dataset and the stages that its samples go through on their way into batches. It is a description, a
 * plain value; nothing runs until `Scheduler` takes it.
 *
 * Its type carries what it delivers, how its dataset and effectful stages can fail, and what it requires. A stage that
 * draws puts `SeedPolicy` among the requirements, so a program that forgets the policy does not compile.
 *
 * @example
 * import { Dataset, Pipeline, Sampler } from "furrow"
 *
 * const pipeline = Pipeline.from(Dataset.fromArray([1, 2, 3, 4])).pipe(
 *   Pipeline.sample(Sampler.shuffle),
 *   Pipeline.augment("jitter", (sample, rng) => sample + rng.uniform(-0.1, 0.1)),
 *   Pipeline.batch(2)
 * )
 * console.assert(pipeline.stages.length === 3)
 * console.log(String(pipeline))
 *
 * @since 0.1.0
 */
import type * as Effect from "effect/Effect"
import { dual } from "effect/Function"
import { whole } from "../core/Check.ts"
import { InvalidOption } from "../core/InvalidOption.ts"
import { functionOf, type Names, optionsOf } from "../core/Options.ts"
import { type ParametersOption, valid } from "../core/Parameters.ts"
import type { Setting } from "../patches/Ambient.ts"
import { ownEffect } from "../patches/EffectVersion.ts"
import type { Rng } from "../random/Rng.ts"
import { type Sampler, wholeSampler } from "../sampling/EpochOrder.ts"
import { shuffleWindow as windowed } from "../sampling/ShuffleWindow.ts"
import { stageId } from "../seeding/Coordinates.ts"
import type { SeedPolicy } from "../seeding/SeedPolicy.ts"
import { capable } from "../sources/Capabilities.ts"
import type { Dataset } from "../sources/Dataset.ts"
import { cureOf } from "../sources/NoDataset.ts"
import { isDataset } from "../sources/RandomAccess.ts"
import { inOrder } from "../sources/stream/InOrder.ts"
import { isStreamSource, type StreamSource } from "../sources/stream/StreamSource.ts"
import { fusibleOf } from "./Fusible.ts"
import { isPipeline, make, type Pipeline, pipelineOf } from "./PipelineValue.ts"
import type { Augment, Mapping, StageContext } from "./Stage.ts"
import { madeOf, named, runOf, stageConstructor } from "./StageConstructor.ts"
import { effectOf } from "./StageResult.ts"

export type { Parameter, Parameters, ParametersOption } from "../core/Parameters.ts"
export { type BatchOptions, batch, batchWith, type LastOptions } from "./BatchStage.ts"
export { DuplicateStage, type Pipeline, TypeId } from "./PipelineValue.ts"
export type { Augment, Mapping, Stage, StageContext } from "./Stage.ts"

/**
 * Returns the pipeline of the samples of a dataset or a stream source, in their own order. Throws `InvalidOption` if the value is not a dataset,
 * and names the constructor that makes one of it; or if a field of your own dataset is invalid, for example columns that
 * have fewer rows than it has samples.
 *
 * @category constructors
 * @since 0.1.0
 */
export const from: {
  <A, E, R>(dataset: Dataset<A, E, R>): Pipeline<A, E, R>
  <A, E, R>(stream: StreamSource<A, E, R>): Pipeline<A, E, R>
} = (source: Dataset<unknown, unknown, unknown> | StreamSource<unknown, unknown, unknown>): Pipeline<never> => {
  if (isStreamSource(source)) return make(inOrder(source), [], "refuse")
  if (isDataset(source)) return make(capable(source), [], "refuse")
  throw new InvalidOption({ option: "the dataset of Pipeline.from", value: source, expected: cureOf(source) })
}

/**
 * Sets the order of each epoch. Without it a pipeline reads its dataset in sequence. Throws `InvalidOption` if the
 * value is not a sampler or the order is set already.
 *
 * @category stages
 * @since 0.1.0
 */
export const sample: {
  <RS>(sampler: Sampler<RS>): <A, E, R>(self: Pipeline<A, E, R>) => Pipeline<A, E, R | RS>
  <A, E, R, RS>(self: Pipeline<A, E, R>, sampler: Sampler<RS>): Pipeline<A, E, R | RS>
} = stageConstructor((sampler: Sampler<unknown>) => {
  wholeSampler("the sampler of Pipeline.sample", sampler)
  valid(`parameters of sampler ${sampler.name}`, sampler.parameters)
  return { _tag: "Sample", id: stageId("sample"), draws: sampler.draws, sampler }
})

/**
 * Shuffles within windows: each `window` consecutive samples are delivered in an order of their own, redrawn each epoch
 * and for each window. It takes the place of {@link sample}, and is the only order but their own that samples of a stream
 * can have. A window depends on no window before it, so a run resumes at any of them. Throws `InvalidOption` unless
 * `window` is a whole number of at least 1, or if the order is set already.
 *
 * @example
 * import { Dataset, furrow, Pipeline } from "furrow"
 *
 * const pipeline = Pipeline.from(Dataset.fromStream([10, 20, 30, 40, 50])).pipe(Pipeline.shuffleWindow(4), Pipeline.batch(4))
 * for await (const { columns } of furrow(pipeline, { epochs: 1, seed: 42 })) {
 *   console.assert([4, 1].includes(columns.data.length))
 * }
 *
 * @category stages
 * @since 0.1.0
 */
export const shuffleWindow: {
  (window: number): <A, E, R>(self: Pipeline<A, E, R>) => Pipeline<A, E, R | SeedPolicy>
  <A, E, R>(self: Pipeline<A, E, R>, window: number): Pipeline<A, E, R | SeedPolicy>
} = stageConstructor((window: number) => ({
  _tag: "Sample",
  id: stageId("sample"),
  draws: true,
  sampler: windowed(window)
}))

/**
 * A stage that draws: `run` turns a sample into another with numbers from `rng`, which starts at a seed of its own for
 * this sample, this stage and this epoch. Behind `batch` it works on whole batches, one seed a batch. It must not
 * change its input, nor keep `rng` or `context`.
 *
 * Throws {@link DuplicateStage} when the name is taken, `InvalidOption` when it is empty or reserved.
 *
 * @category stages
 * @since 0.1.0
 */
export const augment: {
  <A, B>(
    name: string,
    run: Augment<A, B>,
    options?: ParametersOption
  ): <E, R>(self: Pipeline<A, E, R>) => Pipeline<B, E, R | SeedPolicy>
  <A, E, R, B>(
    self: Pipeline<A, E, R>,
    name: string,
    run: Augment<NoInfer<A>, B>,
    options?: ParametersOption
  ): Pipeline<B, E, R | SeedPolicy>
} = stageConstructor((name: string, run: Augment<unknown, unknown>, options: ParametersOption = {}) => ({
  _tag: "Augment",
  id: named(name),
  draws: true,
  made: madeOf(name, run, optionsOf("Pipeline.augment", options, DECLARED)),
  fusible: fusibleOf(run),
  run: runOf(name, run)
}))

/**
 * A stage that does not draw. Behind `batch` it works on whole batches.
 *
 * @category stages
 * @since 0.1.0
 */
export const map: {
  <A, B>(
    name: string,
    run: Mapping<A, B>,
    options?: ParametersOption
  ): <E, R>(self: Pipeline<A, E, R>) => Pipeline<B, E, R>
  <A, E, R, B>(
    self: Pipeline<A, E, R>,
    name: string,
    run: Mapping<NoInfer<A>, B>,
    options?: ParametersOption
  ): Pipeline<B, E, R>
} = stageConstructor((name: string, run: Mapping<unknown, unknown>, options: ParametersOption = {}) => ({
  _tag: "Map",
  id: named(name),
  draws: false,
  made: madeOf(name, run, optionsOf("Pipeline.map", options, DECLARED)),
  fusible: fusibleOf(run),
  run: runOf(name, run)
}))

/**
 * Leaves out the samples that `keep` refuses.
 *
 * The plan of indices stays as it is: batch b is made from the same samples as without the filter and comes out
 * *smaller*; a batch of which nothing is left is not delivered. So batch b can still be made (and a run resumed there)
 * without making the ones before it, which re-packing would take away, and workers need not wait for each other. For
 * batches of full size filter the dataset once instead: `Dataset.filter`.
 *
 * @category stages
 * @since 0.1.0
 */
export const filter: {
  // First where the pipeline is known, so that `keep` needs no annotation and a wider one does not widen the samples;
  // then for a stage kept as a value.
  <A>(
    name: string,
    keep: Mapping<NoInfer<A>, boolean>,
    options?: ParametersOption
  ): <E, R>(self: Pipeline<A, E, R>) => Pipeline<A, E, R>
  <A>(
    name: string,
    keep: Mapping<A, boolean>,
    options?: ParametersOption
  ): <B extends A, E, R>(self: Pipeline<B, E, R>) => Pipeline<B, E, R>
  <A, E, R>(
    self: Pipeline<A, E, R>,
    name: string,
    keep: Mapping<NoInfer<A>, boolean>,
    options?: ParametersOption
  ): Pipeline<A, E, R>
} = stageConstructor((name: string, keep: Mapping<unknown, boolean>, options: ParametersOption = {}) => ({
  _tag: "Filter",
  id: named(name),
  draws: false,
  made: madeOf(name, keep, optionsOf("Pipeline.filter", options, DECLARED)),
  run: runOf(name, keep)
}))

const DECLARED: Names<ParametersOption> = { parameters: true }

/** What an effectful stage's function gives, as errors have it; they name the stage, too. */
const EFFECT = "the stage's effect"

/** How an effectful stage runs. @category options @since 0.1.0 */
export interface EffectOptions extends ParametersOption {
  /** How many samples of one batch are in the stage at once. Default 16. */
  readonly concurrency?: number
}

const concurrencyOf = (of: string, options: EffectOptions): number =>
  whole("concurrency", optionsOf(of, options, { concurrency: true, parameters: true }).concurrency ?? 16, 1)

/**
 * A stage that needs effects (files, a decoder, a service) and draws. Effect's own `Random` is the stage's `rng` in
 * there. Slower than {@link augment} by some microseconds a sample.
 *
 * @category stages
 * @since 0.1.0
 */
export const augmentEffect: {
  <A, B, E1, R1>(
    name: string,
    run: (sample: A, rng: Rng, context: StageContext) => Effect.Effect<B, E1, R1>,
    options?: EffectOptions
  ): <E, R>(self: Pipeline<A, E, R>) => Pipeline<B, E | E1, R | R1 | SeedPolicy>
  <A, E, R, B, E1, R1>(
    self: Pipeline<A, E, R>,
    name: string,
    run: (sample: NoInfer<A>, rng: Rng, context: StageContext) => Effect.Effect<B, E1, R1>,
    options?: EffectOptions
  ): Pipeline<B, E | E1, R | R1 | SeedPolicy>
} = stageConstructor(
  (
    name: string,
    run: (sample: unknown, rng: Rng, context: StageContext) => Effect.Effect<unknown, unknown, unknown>,
    options: EffectOptions = {}
  ) => {
    functionOf(`the function of stage ${JSON.stringify(name)}`, run)
    return {
      _tag: "Effect",
      id: named(name),
      draws: true,
      concurrency: concurrencyOf("Pipeline.augmentEffect", options),
      made: madeOf(name, run, options),
      run: (sample, rng, context) => effectOf(ownEffect(EFFECT, run(sample, rng, context)))
    }
  }
)

/**
 * A stage that needs effects and does not draw.
 *
 * @category stages
 * @since 0.1.0
 */
export const mapEffect: {
  <A, B, E1, R1>(
    name: string,
    run: (sample: A, context: StageContext) => Effect.Effect<B, E1, R1>,
    options?: EffectOptions
  ): <E, R>(self: Pipeline<A, E, R>) => Pipeline<B, E | E1, R | R1>
  <A, E, R, B, E1, R1>(
    self: Pipeline<A, E, R>,
    name: string,
    run: (sample: NoInfer<A>, context: StageContext) => Effect.Effect<B, E1, R1>,
    options?: EffectOptions
  ): Pipeline<B, E | E1, R | R1>
} = stageConstructor(
  (
    name: string,
    run: (sample: unknown, context: StageContext) => Effect.Effect<unknown, unknown, unknown>,
    options: EffectOptions = {}
  ) => {
    functionOf(`the function of stage ${JSON.stringify(name)}`, run)
    return {
      _tag: "Effect",
      id: named(name),
      draws: false,
      concurrency: concurrencyOf("Pipeline.mapEffect", options),
      made: madeOf(name, run, options),
      run: (sample, _, context) => effectOf(ownEffect(EFFECT, run(sample, context)))
    }
  }
)

const settingOf = (setting: unknown): Setting => {
  if (setting === "derive" || setting === "refuse" || setting === "leave") return setting
  throw new InvalidOption({ option: "ambient", value: setting, expected: '"refuse", "derive" or "leave"' })
}

/** Tells whether the pipeline was given, first; if not, the setting is checked where it stands. */
const pipelineFirst = (args: ArrayLike<unknown>): boolean => {
  if (args.length > 1 || isPipeline(args[0])) return true
  settingOf(args[0])
  return false
}

/**
 * What becomes of randomness that does not come from the pipeline (`Math.random`, `crypto.getRandomValues`,
 * `crypto.randomUUID`, Effect's default `Random`) when a stage reaches for it:
 *
 * - `"refuse"` (the default): an error that names the stage;
 * - `"derive"`: it is drawn from the pipeline's seeds, in every stage, hence `SeedPolicy` is required;
 * - `"leave"`: it is left alone, and the run cannot be replayed.
 *
 * @category stages
 * @since 0.1.0
 */
export const ambient: {
  (setting: "derive"): <A, E, R>(self: Pipeline<A, E, R>) => Pipeline<A, E, R | SeedPolicy>
  (setting: "refuse" | "leave"): <A, E, R>(self: Pipeline<A, E, R>) => Pipeline<A, E, R>
  <A, E, R>(self: Pipeline<A, E, R>, setting: "derive"): Pipeline<A, E, R | SeedPolicy>
  <A, E, R>(self: Pipeline<A, E, R>, setting: "refuse" | "leave"): Pipeline<A, E, R>
} = dual(pipelineFirst, (to: unknown, setting: Setting) => {
  const self = pipelineOf(to)
  return make(self.dataset, self.stages, settingOf(setting))
})
