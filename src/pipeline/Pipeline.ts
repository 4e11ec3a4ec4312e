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
import * as Data from "effect/Data"
import type * as Effect from "effect/Effect"
import * as Inspectable from "effect/Inspectable"
import * as Pipeable from "effect/Pipeable"
import { whole } from "../core/Check.ts"
import { InvalidOption } from "../core/InvalidOption.ts"
import { functionOf, type Names, optionsOf, truth } from "../core/Options.ts"
import { declared, Made, type ParametersOption, valid } from "../core/Parameters.ts"
import type { Setting } from "../patches/Ambient.ts"
import { ownEffect } from "../patches/EffectVersion.ts"
import type { Rng } from "../random/Rng.ts"
import { type Sampler, samplerOf } from "../sampling/EpochOrder.ts"
import { type StageId, stageId } from "../seeding/Coordinates.ts"
import type { SeedPolicy } from "../seeding/SeedPolicy.ts"
import type { Dataset } from "../sources/Dataset.ts"
import { cureOf } from "../sources/NoDataset.ts"
import { isDataset } from "../sources/RandomAccess.ts"
import type { Batch } from "./Batch.ts"
import { type Collate, checkDTypes, collate } from "./Collate.ts"
import type { Columns, DTypes, Named } from "./Columns.ts"
import { fusibleOf } from "./Fusible.ts"
import type { Augment, Mapping, Stage, StageContext } from "./Stage.ts"

export type { Parameter, Parameters, ParametersOption } from "../core/Parameters.ts"
export type { Augment, Mapping, Stage, StageContext } from "./Stage.ts"

/** @since 0.1.0 */
export const TypeId: unique symbol = Symbol.for("furrow/Pipeline")

/**
 * A dataset and its stages, delivering `A`, failing with `E`, requiring `R`.
 *
 * @since 0.1.0
 */
export interface Pipeline<out A, out E = never, out R = never> extends Pipeable.Pipeable, Inspectable.Inspectable {
  readonly [TypeId]: { readonly _A?: (_: never) => A; readonly _E?: (_: never) => E; readonly _R?: (_: never) => R }
  readonly dataset: Dataset<unknown, unknown, unknown>
  readonly stages: ReadonlyArray<Stage>
  /** What becomes of `Math.random` and its like inside a stage; see {@link ambient}. */
  readonly ambient: Setting
}

/**
 * Two stages of a pipeline have the same name (or, once in four billion pairs, names with the same id). The draws of a
 * stage depend on its name, so both would draw the same numbers.
 *
 * @since 0.1.0
 */
export class DuplicateStage extends Data.TaggedError("DuplicateStage")<{
  readonly name: string
  readonly other: string
  /** The places of the two in the pipeline, counted from 1. */
  readonly positions: readonly [number, number]
}> {
  override get message(): string {
    const [first, second] = this.positions
    const what =
      this.name === this.other
        ? `stages ${first} and ${second} are both named "${this.name}"`
        : `the names of stages ${first} ("${this.other}") and ${second} ("${this.name}") have one id`
    return `${what}, so both would draw the same random numbers; give one of them another name`
  }
}

class PipelineImpl extends Inspectable.Class implements Pipeline<never> {
  readonly [TypeId] = {}
  readonly dataset: Dataset<unknown, unknown, unknown>
  readonly stages: ReadonlyArray<Stage>
  readonly ambient: Setting

  constructor(dataset: Dataset<unknown, unknown, unknown>, stages: ReadonlyArray<Stage>, ambient: Setting) {
    super()
    this.dataset = dataset
    this.stages = stages
    this.ambient = ambient
  }

  pipe() {
    // biome-ignore lint/complexity/noArguments: Effect's own way to pass a pipe's arguments on.
    return Pipeable.pipeArguments(this, arguments)
  }

  toJSON() {
    const { dataset } = this
    return {
      _id: "Pipeline",
      dataset: { name: dataset.name, size: dataset.size },
      ambient: this.ambient,
      stages: this.stages.map((stage) => ({
        name: stage.id.name,
        kind: stage._tag,
        draws: stage.draws,
        id: hex(stage.id),
        ...(stage._tag === "Sample" ? { sampler: stage.sampler.name } : {}),
        ...(stage._tag === "Batch" ? { size: stage.size, dropLast: stage.dropLast, padLast: stage.padLast } : {})
      }))
    }
  }

  override toString(): string {
    const { dataset, stages } = this
    const rows = stages.map((stage, place) => [
      String(place + 1),
      stage._tag.toLowerCase(),
      stage.id.name,
      detail(stage),
      stage.draws ? "draws" : "",
      hex(stage.id)
    ])
    const widths = [0, 1, 2, 3, 4].map((cell) => Math.max(0, ...rows.map((row) => row[cell]?.length ?? 0)))
    const lines = rows.map((row) => `  ${row.map((cell, place) => cell.padEnd(widths[place] ?? 0)).join("  ")}`)
    const samples = dataset.size === 1 ? "1 sample" : `${dataset.size} samples`
    return [`Pipeline over ${dataset.name} (${samples})`, ...lines].join("\n")
  }
}

const hex = (id: StageId): string => id.id.toString(16).padStart(8, "0")

const detail = (stage: Stage): string => {
  if (stage._tag === "Sample") return stage.sampler.name
  if (stage._tag === "Batch")
    return `${stage.size}${stage.dropLast ? ", drop last" : stage.padLast ? ", pad last" : ""}`
  return stage._tag === "Effect" ? `${stage.concurrency} at once` : ""
}

/**
 * The pipeline of a dataset's samples as they are, in the dataset's order. Throws `InvalidOption` for what is not a
 * dataset, with the constructor that makes one of it.
 *
 * @since 0.1.0
 */
export const from = <A, E, R>(dataset: Dataset<A, E, R>): Pipeline<A, E, R> => {
  if (isDataset(dataset)) return new PipelineImpl(dataset, [], "refuse")
  throw new InvalidOption({ option: "the dataset of Pipeline.from", value: dataset, expected: cureOf(dataset) })
}

/** Throws `InvalidOption` where a stage is put behind what is not a pipeline. */
const pipelineOf = (self: unknown): void => {
  if (typeof self === "object" && self !== null && TypeId in self) return
  const expected = "a pipeline: Pipeline.from(dataset).pipe(…)"
  throw new InvalidOption({ option: "the pipeline before a stage", value: self, expected })
}

/** Names that the machinery's own steps go by in coordinates and errors. */
const RESERVED = new Set(["dataset", "sample", "batch"])

/** The id of a stage that a caller names. */
const named = (name: string): StageId => {
  if (typeof name === "string" && name.trim() !== "" && !RESERVED.has(name)) return stageId(name)
  const expected = `a name that is not empty and none of ${[...RESERVED].join(", ")}`
  throw new InvalidOption({ option: "stage name", value: name, expected })
}

/** The function of a stage that a caller names. */
const runOf = <F>(name: string, run: F): never =>
  erase(functionOf(`the function of stage ${JSON.stringify(name)}`, run))

const append = (self: Pipeline<unknown, unknown, unknown>, stage: Stage): Pipeline<never> => {
  pipelineOf(self)
  const { id } = stage
  const own = stage._tag === "Sample" || stage._tag === "Batch"
  if (self.stages.some((other) => other._tag === "Batch") && (own || stage._tag === "Filter")) {
    const expected = "augment, map or an effectful stage: only these can follow batch"
    throw new InvalidOption({ option: "the stage after batch", value: stage._tag.toLowerCase(), expected })
  }
  self.stages.forEach((other, place) => {
    if (other._tag === "Sample" && stage._tag === "Sample") {
      const expected =
        `used once in a pipeline: sampler "${other.sampler.name}" gives the order of the epochs already; leave one of ` +
        "the two out, or combine them, as in Sampler.limited(Sampler.shuffle, 1000)"
      throw new InvalidOption({ option: "Pipeline.sample", value: stage.sampler.name, expected })
    }
    if (other.id.id !== id.id) return
    const positions = [place + 1, self.stages.length + 1] as const
    throw new DuplicateStage({ name: id.name, other: other.id.name, positions })
  })
  return new PipelineImpl(self.dataset, [...self.stages, stage], self.ambient)
}

/**
 * Sets the order of each epoch. Without it a pipeline goes through its dataset in sequence. Throws `InvalidOption` for
 * what is not a sampler, and where the order is set already.
 *
 * @since 0.1.0
 */
export const sample = <RS>(sampler: Sampler<RS>) => {
  samplerOf("the sampler of Pipeline.sample", sampler)
  valid(`parameters of sampler ${sampler.name}`, sampler.parameters)
  return <A, E, R>(self: Pipeline<A, E, R>): Pipeline<A, E, R | RS> =>
    append(self, { _tag: "Sample", id: stageId("sample"), draws: sampler.draws, sampler })
}

/** What a stage's function was made with: as its constructor declared it, and as its user did. */
const madeOf = (name: string, run: unknown, options: ParametersOption): Made | undefined => {
  const own = valid(`parameters of stage ${JSON.stringify(name)}`, options.parameters)
  const built = declared(run)
  if (built === undefined) return own === undefined ? undefined : new Made("function", own)
  return own === undefined ? built : new Made(built.name, { ...built.parameters, declared: own })
}

/**
 * A stage that draws: `run` turns a sample into another with numbers from `rng`, which stands at a seed of its own for
 * this sample, this stage and this epoch. Behind `batch` it works on whole batches, one seed a batch. It must not
 * change its input, nor keep `rng` or `context`.
 *
 * Throws {@link DuplicateStage} when the name is taken, `InvalidOption` when it is empty or reserved.
 *
 * @since 0.1.0
 */
export const augment =
  <A, B>(name: string, run: Augment<A, B>, options: ParametersOption = {}) =>
  <E, R>(self: Pipeline<A, E, R>): Pipeline<B, E, R | SeedPolicy> =>
    append(self, {
      _tag: "Augment",
      id: named(name),
      draws: true,
      made: madeOf(name, run, optionsOf("Pipeline.augment", options, DECLARED)),
      fusible: fusibleOf(run),
      run: runOf(name, run)
    })

/**
 * A stage that does not draw. Behind `batch` it works on whole batches.
 *
 * @since 0.1.0
 */
export const map =
  <A, B>(name: string, run: Mapping<A, B>, options: ParametersOption = {}) =>
  <E, R>(self: Pipeline<A, E, R>): Pipeline<B, E, R> =>
    append(self, {
      _tag: "Map",
      id: named(name),
      draws: false,
      made: madeOf(name, run, optionsOf("Pipeline.map", options, DECLARED)),
      fusible: fusibleOf(run),
      run: runOf(name, run)
    })

/**
 * Leaves out the samples that `keep` refuses.
 *
 * The plan of indices stays as it is: batch b is made from the same samples as without the filter and comes out
 * *smaller*; a batch of which nothing is left is not delivered. So batch b can still be made (and a run resumed there)
 * without making the ones before it, which re-packing would take away, and workers need not wait for each other. For
 * batches of full size filter the dataset once instead: `Dataset.filter`.
 *
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
} =
  <A>(name: string, keep: Mapping<A, boolean>, options: ParametersOption = {}) =>
  <B extends A, E, R>(self: Pipeline<B, E, R>): Pipeline<B, E, R> =>
    append(self, {
      _tag: "Filter",
      id: named(name),
      draws: false,
      made: madeOf(name, keep, optionsOf("Pipeline.filter", options, DECLARED)),
      run: runOf(name, keep)
    })

const DECLARED: Names<ParametersOption> = { parameters: true }

/** What an effectful stage's function gives, as errors have it; they name the stage, too. */
const EFFECT = "the stage's effect"

/** How an effectful stage runs. @since 0.1.0 */
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
 * @since 0.1.0
 */
export const augmentEffect =
  <A, B, E1, R1>(
    name: string,
    run: (sample: A, rng: Rng, context: StageContext) => Effect.Effect<B, E1, R1>,
    options: EffectOptions = {}
  ) =>
  <E, R>(self: Pipeline<A, E, R>): Pipeline<B, E | E1, R | R1 | SeedPolicy> => {
    functionOf(`the function of stage ${JSON.stringify(name)}`, run)
    return append(self, {
      _tag: "Effect",
      id: named(name),
      draws: true,
      concurrency: concurrencyOf("Pipeline.augmentEffect", options),
      made: madeOf(name, run, options),
      run: erase((sample: A, rng: Rng, context: StageContext) => ownEffect(EFFECT, run(sample, rng, context)))
    })
  }

/**
 * A stage that needs effects and does not draw.
 *
 * @since 0.1.0
 */
export const mapEffect =
  <A, B, E1, R1>(
    name: string,
    run: (sample: A, context: StageContext) => Effect.Effect<B, E1, R1>,
    options: EffectOptions = {}
  ) =>
  <E, R>(self: Pipeline<A, E, R>): Pipeline<B, E | E1, R | R1> => {
    functionOf(`the function of stage ${JSON.stringify(name)}`, run)
    return append(self, {
      _tag: "Effect",
      id: named(name),
      draws: false,
      concurrency: concurrencyOf("Pipeline.mapEffect", options),
      made: madeOf(name, run, options),
      run: erase((sample: A, _: Rng, context: StageContext) => ownEffect(EFFECT, run(sample, context)))
    })
  }

/** What becomes of an epoch's last batch when it is short. By default it is delivered as it is. @since 0.1.0 */
export interface LastOptions {
  /** Leave it out. Default `false`. */
  readonly dropLast?: boolean
  /**
   * Fill it with the epoch's first samples, which then come a second time, with draws of their own. So all batches, and
   * with ranks all ranks' parts of them, are of one size. Default `false`.
   */
  readonly padLast?: boolean
}

/** How samples are batched. @since 0.1.0 */
export interface BatchOptions<D extends DTypes> extends LastOptions {
  /** Element types for columns of numbers, by name: `{ label: "int32" }`. Default float64, which loses nothing. */
  readonly dtypes?: D
}

/**
 * Lays `size` samples side by side in columns (see `Batch.Columns`). With ranks, `size` is that of the global batch, of
 * which each rank makes its share. Throws `InvalidOption` unless `size` is a whole number of at least 1. A name in
 * `dtypes` that is no column of numbers is a compile error, and in a run an `InvalidOption` that lists the columns there
 * are, as the cause of a `StageError`.
 *
 * @since 0.1.0
 */
// biome-ignore lint/complexity/noBannedTypes: `{}` is the record without an entry, the default that names no column.
export const batch = <const D extends DTypes = {}>(size: number, options: BatchOptions<D> = {}) => {
  optionsOf("Pipeline.batch", options, { ...LAST, dtypes: true })
  const dtypes: DTypes = options.dtypes ?? {}
  checkDTypes(dtypes)
  const own: Collate<unknown, unknown> = (samples, adoptable) => collate(samples, dtypes, adoptable)
  const stage = batchStage(size, options, own, new Made("columns", { dtypes }), dtypes)
  return <A, E, R>(self: Pipeline<A, E, R> & Named<A, D>): Pipeline<Batch<Columns<A, D>>, E, R> => append(self, stage)
}

/**
 * As {@link batch}, with a collate function of your own: padding, packing, sparse columns.
 *
 * @since 0.1.0
 */
export const batchWith = <A, C>(size: number, collate: Collate<A, C>, options: LastOptions & ParametersOption = {}) => {
  optionsOf("Pipeline.batchWith", options, { ...LAST, parameters: true })
  const own = erase(functionOf("the collate of Pipeline.batchWith", collate))
  const stage = batchStage(size, options, own, madeOf("batch", collate, options))
  return <E, R>(self: Pipeline<A, E, R>): Pipeline<Batch<C>, E, R> => append(self, stage)
}

const LAST: Names<LastOptions> = { dropLast: true, padLast: true }

const batchStage = (
  size: number,
  options: LastOptions,
  collate: Collate<unknown, unknown>,
  made: Made | undefined,
  dtypes?: DTypes
): Stage => {
  const dropLast = truth("dropLast", options.dropLast ?? false)
  const padLast = truth("padLast", options.padLast ?? false)
  if (dropLast && padLast) {
    throw new InvalidOption({
      option: "padLast",
      value: true,
      expected: "left out beside dropLast: a batch is filled or dropped"
    })
  }
  return {
    _tag: "Batch",
    id: stageId("batch"),
    draws: false,
    size: whole("batch size", size, 1, 2 ** 32 - 1),
    dropLast,
    padLast,
    made,
    collate,
    dtypes
  }
}

/**
 * What becomes of randomness that does not come from the pipeline (`Math.random`, `crypto.getRandomValues`,
 * `crypto.randomUUID`, Effect's default `Random`) when a stage reaches for it:
 *
 * - `"refuse"` (the default): an error that names the stage;
 * - `"derive"`: it is drawn from the pipeline's seeds, in every stage, hence `SeedPolicy` is required;
 * - `"leave"`: it is left alone, and the run cannot be replayed.
 *
 * @since 0.1.0
 */
export const ambient: {
  (setting: "derive"): <A, E, R>(self: Pipeline<A, E, R>) => Pipeline<A, E, R | SeedPolicy>
  (setting: "refuse" | "leave"): <A, E, R>(self: Pipeline<A, E, R>) => Pipeline<A, E, R>
} =
  (setting: Setting) =>
  <A, E, R>(self: Pipeline<A, E, R>): Pipeline<A, E, R> => {
    if (setting !== "derive" && setting !== "refuse" && setting !== "leave") {
      throw new InvalidOption({ option: "ambient", value: setting, expected: '"refuse", "derive" or "leave"' })
    }
    pipelineOf(self)
    return new PipelineImpl(self.dataset, self.stages, setting)
  }

/**
 * A stage's function without its types. Sound where it is used: `append` puts it behind the very pipeline whose items
 * it takes, as the signatures above have it, and a pipeline is only ever run from its first stage to its last.
 */
const erase = <F>(run: F): never => run as never
