/** A pipeline that threads build, too. */
import { Dataset, Pipeline, Sampler } from "../../../src/index.ts"

export const pipeline = Pipeline.from(Dataset.range(1000)).pipe(
  Pipeline.sample(Sampler.shuffle),
  Pipeline.augment("noise", (id, rng) => ({ id, x: rng.normal() })),
  Pipeline.batch(64)
)
