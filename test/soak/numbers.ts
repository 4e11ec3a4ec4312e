/** Small batches of numbers, each with a draw: what a run of very many is made of. */
import { Dataset, Pipeline, Sampler } from "../../src/index.ts"

export const BATCH = 4

export const pipeline = Pipeline.from(Dataset.range(40_000)).pipe(
  Pipeline.sample(Sampler.shuffle),
  Pipeline.augment("noise", (x, rng) => x + rng.double()),
  Pipeline.batch(BATCH)
)
