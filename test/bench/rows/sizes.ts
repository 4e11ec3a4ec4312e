/** How throughput goes with the size of batches, the size of the dataset, and the number of workers. */
import { Effect } from "effect"
import { Dataset, Pipeline, Sampler, Scheduler, SeedPolicy, Workers } from "../../../src/index.ts"
import { batched } from "../loads/w1.ts"
import * as W2 from "../loads/w2.ts"
import { type Contestant, interleaved, median } from "../measure.ts"
import { epochs, standing } from "../ours.ts"
import { bar, type Figure, found, type Outcome, perSecond, type Request, type Row } from "../Row.ts"

const SIZES = [1, 4, 16, 64, 256, 1024, 4096]
/** Samples at each turn; at least so many batches. */
const SAMPLES = 16_384
const BATCHES = 32

const batchSizes = async ({ rounds, wants }: Request): Promise<Outcome> => {
  const own = SIZES.map((size) => ({ size, key: `batch size ${size}` })).filter(({ key }) => wants(key))
  const workers = Workers.fibers({ workers: 2 })
  const contestants = own.map(({ key, size }) =>
    standing(key, batched(size), workers, Math.max(Math.ceil(SAMPLES / size), BATCHES))
  )
  const all = await interleaved(contestants, { rounds, warmup: 2 })
  return {
    charts: [
      {
        title: "Batch size: W1 on 2 fibers",
        unit: "samples",
        bars: own.map(({ key }) => bar(found(all, key), true))
      }
    ],
    figures: own.map(({ key }) => ({ key, value: perSecond(found(all, key)), unit: "samples/s" }))
  }
}

export const batchSize: Row = {
  title: "Size of batches",
  keys: SIZES.map((size) => `batch size ${size}`),
  run: batchSizes
}

const ONES = 100_000

/** Batches of one number each: what a batch costs, whatever is in it. */
const one = Pipeline.from(Dataset.range(ONES)).pipe(
  Pipeline.map("half", (x) => x / 2),
  Pipeline.batch(1)
)

/** The same with a draw: a seed, a stream and a number for each batch. */
const drawnOne = Pipeline.from(Dataset.range(ONES)).pipe(
  Pipeline.augment("jitter", (x, rng) => x + rng.float()),
  Pipeline.batch(1)
)

const batchesOfOne = async ({ rounds, wants }: Request): Promise<Outcome> => {
  const workers = Workers.fibers({ workers: 1 })
  const contestants = [epochs("batch of 1", one, workers), epochs("batch of 1 drawn", drawnOne, workers)].filter(
    ({ name }) => wants(name)
  )
  const all = await interleaved(contestants, { rounds, warmFor: 3_000 })
  const goal = { least: 300_000 }
  return {
    charts: [],
    figures: contestants.map(({ name }) => {
      const value = perSecond(found(all, name))
      return { key: name, value, unit: "batches/s", ...(name === "batch of 1" ? { goal } : {}) }
    })
  }
}

export const batchOfOne: Row = {
  title: "Batches of one sample",
  keys: ["batch of 1", "batch of 1 drawn"],
  run: batchesOfOne
}

const POWERS = [3, 4, 5, 6, 7, 8, 9]

/** A dataset that computes its samples: what is left is the plan, the shuffle and the draws. */
const virtual = (size: number) =>
  Pipeline.from(Dataset.range(size)).pipe(
    Pipeline.sample(Sampler.shuffle),
    Pipeline.augment("jitter", (x, rng) => x + rng.float()),
    Pipeline.batch(128)
  )

const open = (size: number): Promise<number> =>
  Effect.gen(function* () {
    const started = performance.now()
    const loader = yield* Scheduler.open(virtual(size), { epochs: 1, replay: true })
    yield* loader.take
    return performance.now() - started
  }).pipe(
    Effect.scoped,
    Effect.provide(SeedPolicy.epochWorker({ seed: 1 })),
    Effect.provide(Workers.fibers({ workers: 1 })),
    Effect.runPromise
  )

const datasetSizes = async ({ rounds, wants }: Request): Promise<Outcome> => {
  const own = POWERS.map((power) => ({ size: 10 ** power, key: `dataset size 10^${power}` })).filter(
    ({ key }) => wants(key) || wants(`${key} first batch`)
  )
  const contestants = own.map(({ key, size }) => standing(key, virtual(size), Workers.fibers({ workers: 1 }), 400))
  const all = await interleaved(contestants, { rounds, warmup: 2 })
  const figures: Array<Figure> = []
  for (const { key, size } of own) {
    figures.push({ key, value: perSecond(found(all, key)), unit: "samples/s" })
    const times: Array<number> = []
    for (let round = 0; round < rounds; round++) times.push(await open(size))
    figures.push({ key: `${key} first batch`, value: median(times), unit: "ms" })
  }
  return {
    charts: [
      {
        title: "Dataset size: a virtual dataset, shuffled, one draw a sample, batches of 128, 1 fiber",
        unit: "samples",
        bars: own.map(({ key }) => bar(found(all, key), true))
      }
    ],
    figures
  }
}

export const datasetSize: Row = {
  title: "Size of the dataset",
  keys: POWERS.flatMap((power) => [`dataset size 10^${power}`, `dataset size 10^${power} first batch`]),
  run: datasetSizes
}

const COUNTS = [1, 2, 4, 8]
const module = new URL("../loads/w2.ts", import.meta.url)
const own: ReadonlyArray<Contestant> = COUNTS.flatMap((count) => {
  const threads = Workers.threads({ workers: count, pipeline: module })
  return [
    epochs(`workers ${count} fibers`, W2.pipeline, Workers.fibers({ workers: count })),
    standing(`workers ${count} threads`, W2.pipeline, threads, (4 * W2.SAMPLES) / W2.BATCH)
  ]
})

const workerCounts = async ({ rounds, wants }: Request): Promise<Outcome> => {
  const contestants = own.filter(({ name }) => wants(name))
  const all = await interleaved(contestants, { rounds, warmup: 1 })
  return {
    charts: [
      { title: "Workers: W2", unit: "samples", bars: contestants.map(({ name }) => bar(found(all, name), true)) }
    ],
    figures: contestants.map(({ name }) => ({
      key: name,
      value: perSecond(found(all, name)),
      unit: "samples/s"
    }))
  }
}

export const workerCount: Row = { title: "Number of workers", keys: own.map(({ name }) => name), run: workerCounts }
