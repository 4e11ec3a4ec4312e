/**
 * Random pipelines for the laws. A recipe is plain data: both the pipeline and the oracle are made of it.
 */
import { Effect, type Layer } from "effect"
import fc from "fast-check"
import {
  type Batch,
  Dataset,
  Format,
  type InvalidOption,
  Pipeline,
  Sampler,
  type Seed,
  SeedPolicy,
  Tensor
} from "../../src/index.ts"
import { shuffleWindow } from "../../src/sampling/ShuffleWindow.ts"
import { memoryStore } from "./shards/MemoryStore.ts"

export interface StageRecipe {
  readonly kind: "augment" | "map" | "filter" | "augmentEffect" | "mapEffect"
  readonly name: string
}

export type Source = "range" | "shards" | "stream"

export interface Recipe {
  readonly size: number
  /** Default `range`. */
  readonly source?: Source
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

export const samplers = {
  sequential: Sampler.sequential,
  shuffle: Sampler.shuffle,
  withReplacement: Sampler.withReplacement(),
  limited: Sampler.limited(Sampler.shuffle, 17),
  shuffleBlocks: Sampler.shuffleBlocks({ window: 2, rows: 5 }),
  shuffleWindow: shuffleWindow(WINDOW)
}

// What stages do, said once for the pipeline and for the oracle.

export const mapped = (sample: Traced, epoch: number): Traced => ({
  index: sample.index,
  trace: [...sample.trace, sample.index * 3 + epoch]
})

export const drawn = (sample: Traced, word: number): Traced => ({ index: sample.index, trace: [...sample.trace, word] })

export const keeps = (sample: Traced): boolean => sample.index % 5 !== 3

/** What a drawing stage behind batch does to each number of the traces. */
export const mixed = (value: number, word: number): number => value + word / 2 ** 32

/** The most samples of a recipe. */
const MOST = 90
const SHARD_ROWS = 10
const BLOCK_ROWS = 3

/** Lines of 8 bytes, each with its own index. */
const line = (index: number): string => `${String(index).padStart(7)}\n`

/** The samples of all recipes over shards: of which a window of blocks fits into the cache, and all of them do not. */
const shards = await Effect.runPromise(
  Dataset.open("d/", {
    format: Format.jsonl<number>({ blockBytes: 8 * BLOCK_ROWS }),
    index: false,
    name: "shards",
    cacheBytes: 2 ** 14
  }).pipe(
    Effect.provide(
      memoryStore(
        Object.fromEntries(
          Array.from({ length: MOST / SHARD_ROWS }, (_, shard) => [
            `d/${shard}`,
            Array.from({ length: SHARD_ROWS }, (_, row) => line(shard * SHARD_ROWS + row)).join("")
          ])
        )
      ).layer
    )
  )
)

const datasetOf = ({ size, source }: Pick<Recipe, "size" | "source">): Dataset.Dataset<number> =>
  source === "shards"
    ? (Dataset.slice(shards, 0, size) as unknown as Dataset.Dataset<number>) // what lies in memory can be read
    : Dataset.range(size)

/** Where the blocks of a recipe's dataset begin, by the sizes above. */
export const blocksOf = ({ size, source }: Recipe): Float64Array | undefined => {
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
export const ordered = (recipe: Pick<Recipe, "sampler" | "size" | "source">): Drawing<number> => {
  const { sampler, size, source } = recipe
  if (source !== "stream") return Pipeline.from(datasetOf(recipe)).pipe(Pipeline.sample(samplers[sampler]))
  const stream = Pipeline.from(Dataset.fromStream(() => Array.from({ length: size }, (_, index) => index))).pipe(
    // What lies in memory can be read.
    (own) => own as unknown as Drawing<number>
  )
  return sampler === "sequential" ? stream : stream.pipe(Pipeline.shuffleWindow(WINDOW))
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

export const recipes = (
  options: { readonly sources?: ReadonlyArray<Source>; readonly samplers?: ReadonlyArray<Recipe["sampler"]> } = {}
): fc.Arbitrary<Recipe> =>
  fc.constantFrom(...(options.sources ?? (["range", "shards", "stream"] as const))).chain((source) =>
    fc.record({
      size: fc.integer({ min: 1, max: MOST }),
      source: fc.constant(source),
      sampler: fc.constantFrom(
        ...(source === "stream"
          ? streamOrders
          : (options.samplers ??
            (["sequential", "shuffle", "withReplacement", "limited", "shuffleBlocks", "shuffleWindow"] as const)))
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
