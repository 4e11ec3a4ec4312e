/** Batches that cost next to nothing to build and to send: 32 numbers each. */
import { Dataset, Pipeline, Sampler } from "../../../src/index.ts"

export const pipeline = Pipeline.from(Dataset.range(1_000_000)).pipe(
  Pipeline.sample(Sampler.shuffle),
  Pipeline.batch(32)
)
