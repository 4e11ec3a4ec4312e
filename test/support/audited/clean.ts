/** A user's module: a pipeline, and a layer for each seed. */
import { Dataset, Pipeline, Sampler, type Seed, SeedPolicy } from "../../../src/index.ts"

export const pipeline = Pipeline.from(Dataset.range(64)).pipe(
  Pipeline.sample(Sampler.shuffle),
  Pipeline.augment("noise", (x, rng) => x + rng.normal()),
  Pipeline.batch(8)
)

export const layer = (seed: Seed.RootInput) => SeedPolicy.elastic({ seed })
