/** Reads that wait: 64 samples a batch, each an asynchronous read of 5 ms; 4 fibers, so 256 reads in flight. */
import { Effect } from "effect"
import { Dataset, Pipeline, Sampler, Workers } from "../../../src/index.ts"
import { interleaved } from "../measure.ts"
import { epochs } from "../ours.ts"
import { bar, found, type Outcome, perSecond, type Request, type Row, ratio } from "../Row.ts"

const WAIT_MS = 5
const BATCH = 64
const FIBERS = 4
const BATCHES = 400
const ONE = `Furrow, ${FIBERS} fibers, an effect for each read`
const MANY = `Furrow, ${FIBERS} fibers, an effect for the reads of a batch`
const BARE = "bare reads"

/** A promise, as reads give it. */
const read = (index: number): Promise<number> => new Promise((resolve) => setTimeout(() => resolve(index), WAIT_MS))

const pipeline = Pipeline.from(Dataset.range(BATCH * BATCHES)).pipe(
  Pipeline.sample(Sampler.shuffle),
  Pipeline.mapEffect("read", (index) => Effect.promise(() => read(index)), { concurrency: BATCH }),
  Pipeline.batch(BATCH)
)

const together = Pipeline.from(
  Dataset.effect({
    size: BATCH * BATCHES,
    get: (index) => Effect.promise(() => read(index)),
    getMany: (indices) => Effect.promise(() => Promise.all(indices.map(read)))
  })
).pipe(Pipeline.sample(Sampler.shuffle), Pipeline.batch(BATCH))

/** What can be had of this runtime's timers: as many reads in flight, and nothing else. */
const bare = async (): Promise<number> => {
  const row = async (first: number): Promise<void> => {
    for (let batch = first; batch < BATCHES; batch += FIBERS) {
      await Promise.all(Array.from({ length: BATCH }, (_, place) => read(batch * BATCH + place)))
    }
  }
  await Promise.all(Array.from({ length: FIBERS }, (_, fiber) => row(fiber)))
  return BATCH * BATCHES
}

const run = async ({ rounds }: Request): Promise<Outcome> => {
  const workers = Workers.fibers({ workers: FIBERS })
  const contestants = [epochs(ONE, pipeline, workers), epochs(MANY, together, workers), { name: BARE, run: bare }]
  const all = await interleaved(contestants, { rounds, warmup: 1 })
  const ours = found(all, ONE)
  const ideal = (1000 / WAIT_MS) * BATCH * FIBERS
  return {
    charts: [
      {
        title: "I/O: 64 reads of 5 ms a batch, 256 in flight",
        unit: "samples",
        bars: [
          bar(ours, true),
          bar(found(all, MANY), true),
          bar(found(all, BARE), false),
          { name: "ideal: every read takes 5 ms", ours: false, perSecond: ideal }
        ]
      }
    ],
    figures: [
      {
        key: "fibers io",
        value: perSecond(ours) / ideal,
        unit: "ratio",
        goal: { least: 0.9 },
        note: "against reads of 5 ms sharp, 256 at once"
      },
      {
        key: "fibers io getMany",
        value: perSecond(found(all, MANY)) / ideal,
        unit: "ratio",
        note: "the same, with a dataset that reads a batch at once"
      },
      { ...ratio("fibers io/bare reads", ours, found(all, BARE)), note: "against this runtime's own timers" }
    ]
  }
}

export const io: Row = {
  title: "Reads that wait",
  keys: ["fibers io", "fibers io getMany", "fibers io/bare reads"],
  run
}
