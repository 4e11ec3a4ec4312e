/**
 * Random pipelines for the laws. A recipe is plain data: both the pipeline and the oracle are made of it.
 */
import * as Effect from "effect/Effect"
import type * as Layer from "effect/Layer"
import fc from "fast-check"
import {
  type Batch,
  Dataset,
  type InvalidOption,
  Pipeline,
  Sampler,
  type Seed,
  SeedPolicy,
  Tensor
} from "../../src/index.ts"
import { shuffleWindow } from "../../src/sampling/ShuffleWindow.ts"
import {
  BLOCK_ROWS,
  MOST_ROWS,
  numbersIn,
  orderedFormats,
  SHARD_ROWS,
  type ShardFormat,
  shardFormats
} from "./shards/EveryFormat.ts"

export interface StageRecipe {
  readonly kind: "augment" | "map" | "filter" | "augmentEffect" | "mapEffect"
  readonly name: string
}

export type Source = "range" | "shards" | "stream"

/** Where samples come from. */
export interface Origin {
  /** Default `range`. */
  readonly source?: Source
  /** What the shards are; of a stream without one its samples come from a list. Default JSON Lines. */
  readonly format?: ShardFormat | undefined
  /** Whether blocks are read again, and not ahead, since few of them are kept. */
  readonly readsAgain?: boolean
}

export interface Recipe extends Origin {
  /** Of a stream of shards: whole shards. */
  readonly size: number
  readonly sampler: keyof typeof samplers
  readonly stages: ReadonlyArray<StageRecipe>
  readonly batchSize: number
  readonly dropLast: boolean
  /** Names of drawing stages behind batch. */
  readonly behind: ReadonlyArray<string>
}

/** What a recipe is run with. */
export interface Conditions {
  readonly policy: "epochWorker" | "elastic"
  readonly seed: Seed.RootInput
  readonly workers: number
  readonly epochs: number
}

/** A sample on its way: where it came from, and a number from every stage that it went through. */
export interface Traced {
  readonly index: number
  readonly trace: ReadonlyArray<number>
}

export interface Columns {
  readonly index: Tensor.Tensor<Float64Array>
  readonly trace: Tensor.Tensor<Float64Array>
}

const WINDOW = 7

/** From the last on. */
const evenIndices = (size: number): ReadonlyArray<number> =>
  Array.from({ length: size }, (_, index) => size - 1 - index).filter((index) => index % 2 === 0)

const samplers = {
  sequential: () => Sampler.sequential,
  shuffle: () => Sampler.shuffle,
  withReplacement: () => Sampler.withReplacement(),
  weighted: (size: number) => Sampler.weighted(Array.from({ length: size }, (_, index) => (index + 1) % 3)),
  subset: (size: number) => Sampler.subset(evenIndices(size), Sampler.shuffle),
  limited: () => Sampler.limited(Sampler.shuffle, 17),
  shuffleBlocks: () => Sampler.shuffleBlocks({ window: 2, rows: 5 }),
  shuffleWindow: () => shuffleWindow(WINDOW)
}

/** The sampler of a recipe. */
export const samplerOf = ({
  sampler,
  size
}: Pick<Recipe, "sampler" | "size">): Sampler.Sampler<SeedPolicy.SeedPolicy> => samplers[sampler](size)

// What stages do, said once for the pipeline and for the oracle.

export const mapped = (sample: Traced, epoch: number): Traced => ({
  index: sample.index,
  trace: [...sample.trace, sample.index * 3 + epoch]
})

export const drawn = (sample: Traced, word: number): Traced => ({ index: sample.index, trace: [...sample.trace, word] })

export const keeps = (sample: Traced): boolean => sample.index % 5 !== 3

/** What a drawing stage behind batch does to each number of the traces. */
export const mixed = (value: number, word: number): number => value + word / 2 ** 32

const numbersOf = (format: ShardFormat = "jsonl") => {
  const numbers = numbersIn.get(format)
  if (numbers === undefined) throw new Error(`there are no numbers in ${format}`)
  return numbers
}

/** Where the blocks of a recipe's dataset begin. */
export const blocksOf = ({ size, source }: Pick<Recipe, "size" | "source">): Float64Array | undefined => {
  if (source !== "shards") return undefined
  const all = Array.from({ length: size }, (_, index) => index)
  return Float64Array.from([...all.filter((index) => (index % SHARD_ROWS) % BLOCK_ROWS === 0), size])
}

/** A source of which none but these orders are had. */
const streamOrders: ReadonlyArray<Recipe["sampler"]> = ["sequential", "shuffleWindow"]

type Drawing<A> = Pipeline.Pipeline<A, never, SeedPolicy.SeedPolicy>

const stageOf = ({ kind, name }: StageRecipe): ((pipeline: Drawing<Traced>) => Drawing<Traced>) => {
  switch (kind) {
    case "augment":
      return Pipeline.augment(name, (sample: Traced, rng) => drawn(sample, rng.word()))
    case "map":
      return Pipeline.map(name, (sample: Traced, { epoch }) => mapped(sample, epoch))
    case "filter":
      return Pipeline.filter(name, keeps)
    case "augmentEffect":
      // The work of some samples takes longer than that of others: timing must change nothing.
      return Pipeline.augmentEffect(
        name,
        (sample: Traced, rng) =>
          Effect.delay(
            Effect.sync(() => drawn(sample, rng.word())),
            sample.index % 3
          ),
        { concurrency: 3 }
      )
    case "mapEffect":
      return Pipeline.mapEffect(name, (sample: Traced, { epoch }) =>
        Effect.zipRight(
          Effect.yieldNow(),
          Effect.sync(() => mapped(sample, epoch))
        )
      )
  }
}

const mixing = (name: string) =>
  Pipeline.augment(name, (batch: Batch.Batch<Columns>, rng): Batch.Batch<Columns> => {
    const word = rng.word()
    const { index, trace } = batch.columns
    const data = trace.data.map((value) => mixed(value, word))
    return { ...batch, columns: { index, trace: Tensor.make(data, trace.shape) } }
  })

/** The dataset of a recipe in its order. */
export const ordered = (recipe: Origin & Pick<Recipe, "sampler" | "size">): Drawing<number> => {
  const { format, readsAgain = false, sampler, size, source = "range" } = recipe
  switch (source) {
    case "range":
      return Pipeline.from(Dataset.range(size)).pipe(Pipeline.sample(samplerOf(recipe)))
    case "shards": {
      const { datasets, numberOf } = numbersOf(format)
      const rows = Dataset.slice(readsAgain ? datasets.readAgain : datasets.kept, 0, size)
      return Pipeline.from(rows).pipe(Pipeline.sample(samplerOf(recipe)), Pipeline.map("number", numberOf))
    }
    case "stream": {
      // What lies in memory can be read.
      const inWindows = <A>(pipeline: Pipeline.Pipeline<A, unknown, SeedPolicy.SeedPolicy>) =>
        (sampler === "sequential" ? pipeline : pipeline.pipe(Pipeline.shuffleWindow(WINDOW))) as Drawing<A>
      if (format === undefined) {
        return inWindows(Pipeline.from(Dataset.fromStream(() => Array.from({ length: size }, (_, index) => index))))
      }
      const { numberOf, stream } = numbersOf(format)
      return inWindows(Pipeline.from(stream(size / SHARD_ROWS))).pipe(Pipeline.map("number", numberOf))
    }
  }
}

/** The pipeline of a recipe; `first` stands in front of its stages. */
export const pipelineOf = (
  recipe: Recipe,
  first: (pipeline: Drawing<Traced>) => Drawing<Traced> = (pipeline) => pipeline
): Drawing<Batch.Batch<Columns>> => {
  const begun: Drawing<Traced> = ordered(recipe).pipe(Pipeline.map("begin", (index): Traced => ({ index, trace: [0] })))
  const stages = recipe.stages.reduce((pipeline, stage) => stageOf(stage)(pipeline), first(begun))
  const batched: Drawing<Batch.Batch<Columns>> = stages.pipe(
    Pipeline.batch(recipe.batchSize, { dropLast: recipe.dropLast })
  )
  return recipe.behind.reduce((pipeline, name) => pipeline.pipe(mixing(name)), batched)
}

export const policyOf = ({
  policy,
  seed
}: Conditions): Layer.Layer<SeedPolicy.SeedPolicy, Seed.SeedError | InvalidOption.InvalidOption> =>
  SeedPolicy[policy]({ seed })

const kinds: ReadonlyArray<StageRecipe["kind"]> = ["augment", "augment", "map", "filter", "augmentEffect", "mapEffect"]

/** Rows of stages, all of one name each. */
export const stages = (options: { readonly maxLength?: number } = {}): fc.Arbitrary<ReadonlyArray<StageRecipe>> =>
  fc
    .array(fc.constantFrom(...kinds), { maxLength: options.maxLength ?? 4 })
    .map((row) => row.map((kind, place) => ({ kind, name: `${kind} ${place}` })))

/** All sources, in all formats that they have. */
const origins: fc.Arbitrary<Origin> = fc
  .constantFrom<Source>("range", "shards", "stream")
  .chain((source): fc.Arbitrary<Origin> => {
    switch (source) {
      case "range":
        return fc.constant({ source })
      case "shards":
        return fc.record({
          source: fc.constant(source),
          format: fc.constantFrom(...shardFormats),
          readsAgain: fc.boolean()
        })
      case "stream":
        return fc.record({ source: fc.constant(source), format: fc.constantFrom(undefined, ...orderedFormats) })
    }
  })

export const recipes = (options: { readonly samplers?: ReadonlyArray<Recipe["sampler"]> } = {}): fc.Arbitrary<Recipe> =>
  origins.chain(({ format, readsAgain = false, source = "range" }) =>
    fc.record({
      size:
        source === "stream" && format !== undefined
          ? fc.integer({ min: 1, max: MOST_ROWS / SHARD_ROWS }).map((shards) => shards * SHARD_ROWS)
          : fc.integer({ min: 1, max: MOST_ROWS }),
      source: fc.constant(source),
      format: fc.constant(format),
      readsAgain: fc.constant(readsAgain),
      sampler: fc.constantFrom(
        ...(source === "stream"
          ? streamOrders
          : (options.samplers ??
            ([
              "sequential",
              "shuffle",
              "withReplacement",
              "weighted",
              "subset",
              "limited",
              "shuffleBlocks",
              "shuffleWindow"
            ] as const)))
      ),
      stages: stages(),
      batchSize: fc.integer({ min: 1, max: 24 }),
      dropLast: fc.boolean(),
      behind: fc.constantFrom<ReadonlyArray<string>>([], ["mix"], ["mix", "mix again"])
    })
  )

export const seeds: fc.Arbitrary<Seed.RootInput> = fc.oneof(
  fc.integer({ min: 0, max: 2 ** 31 }),
  fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }),
  fc.string({ maxLength: 8 })
)

export const conditions: fc.Arbitrary<Conditions> = fc.record({
  policy: fc.constantFrom("epochWorker", "elastic"),
  seed: seeds,
  workers: fc.integer({ min: 1, max: 9 }),
  epochs: fc.integer({ min: 1, max: 3 })
})
