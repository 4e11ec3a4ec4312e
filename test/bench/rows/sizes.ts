/** How throughput goes with the size of batches, the size of the dataset, and the number of workers. */
import { Effect } from "effect"
import { Dataset, Pipeline, Sampler, Scheduler, SeedPolicy, Workers } from "../../../src/index.ts"
import { interleaved, median } from "../measure.ts"
import { standing } from "../ours.ts"
import { bar, type Figure, found, type Outcome, perSecond, type Request, type Row } from "../Row.ts"
import { batched } from "../work/w1.ts"
import * as W2 from "../work/w2.ts"

const SIZES = [1, 4, 16, 64, 256, 1024, 4096]
/** Samples at each turn; at least so many batches. */
const SAMPLES = 16_384
const BATCHES = 8

const batchSizes = async ({ rounds, wants }: Request): Promise<Outcome> => {
  const own = SIZES.map((size) => ({ size, key: `batch size ${size}` })).filter(({ key }) => wants(key))
  const workers = Workers.fibers(2, { reuse: true })
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
    const loader = yield* Scheduler.open(virtual(size))
    yield* loader.take
    return performance.now() - started
  }).pipe(
    Effect.scoped,
    Effect.provide(SeedPolicy.epochWorker({ seed: 1 })),
    Effect.provide(Workers.fibers(1)),
    Effect.runPromise
  )

const datasetSizes = async ({ rounds, wants }: Request): Promise<Outcome> => {
  const own = POWERS.map((power) => ({ size: 10 ** power, key: `dataset size 10^${power}` })).filter(
    ({ key }) => wants(key) || wants(`${key} first batch`)
  )
  const contestants = own.map(({ key, size }) => standing(key, virtual(size), Workers.fibers(1), 400))
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
const BACKENDS = {
  fibers: (count: number) => Workers.fibers(count, { reuse: true }),
  threads: (count: number) => Workers.threads(count, { pipeline: new URL("../work/w2.ts", import.meta.url) })
} as const

const counts = (["fibers", "threads"] as const).flatMap((backend) =>
  COUNTS.map((count) => ({ key: `workers ${count} ${backend}`, workers: BACKENDS[backend](count) }))
)

const workerCounts = async ({ rounds, wants }: Request): Promise<Outcome> => {
  const own = counts.filter(({ key }) => wants(key))
  const contestants = own.map(({ key, workers }) => standing(key, W2.pipeline, workers, W2.SAMPLES / W2.BATCH))
  const all = await interleaved(contestants, { rounds, warmup: 1 })
  return {
    charts: [{ title: "Workers: W2", unit: "samples", bars: own.map(({ key }) => bar(found(all, key), true)) }],
    figures: own.map(({ key }) => ({ key, value: perSecond(found(all, key)), unit: "samples/s" }))
  }
}

export const workerCount: Row = {
  title: "Number of workers",
  keys: counts.map(({ key }) => key),
  run: workerCounts
}
