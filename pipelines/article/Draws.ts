/**
 * Runs a chapter, and finds what it drew before.
 */
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import { Dataset, Pipeline, Scheduler, Workers } from "../../src/index.ts"
import { BATCH, type Chapter, SIZE } from "./Story.ts"

/** One sample's draws, and where the same were drawn first. */
export interface Sample {
  readonly epoch: number
  readonly batch: number
  readonly worker: number
  readonly draws: ReadonlyArray<number>
  readonly before: { readonly epoch: number; readonly worker: number } | undefined
}

/** The article's dataset: a sample is what is drawn for it. */
const pipeline = Pipeline.from(Dataset.range(SIZE)).pipe(
  Pipeline.augment("draw", (_, rng) => [rng.integer(1000), rng.integer(1000), rng.integer(1000)]),
  Pipeline.batchWith(BATCH, (samples) => samples)
)

/** All samples of a chapter, in the loader's order. */
export const draw = ({ epochs, layer, workers }: Chapter): Effect.Effect<ReadonlyArray<Sample>, unknown> =>
  Scheduler.stream(pipeline, { epochs }).pipe(
    Stream.runFold({ seen: new Map<string, Sample>(), all: [] as Sample[] }, ({ all, seen }, made) => {
      for (const draws of made.columns) {
        const key = draws.join()
        const { epoch, index, worker } = made
        const first = seen.get(key)
        const before = first === undefined ? undefined : { epoch: first.epoch, worker: first.worker }
        const sample = { epoch, batch: index, worker, draws, before }
        if (first === undefined) seen.set(key, sample)
        all.push(sample)
      }
      return { all, seen }
    }),
    Effect.map(({ all }) => all),
    Effect.provide(layer),
    Effect.provide(Workers.fibers({ workers }))
  )
