/** The pipeline that tests serve: of each kind of column one. */
import { Dataset, Pipeline, Sampler } from "furrow"

export const numbers = Pipeline.from(Dataset.range(1000)).pipe(
  Pipeline.sample(Sampler.shuffle),
  Pipeline.augment("noise", (id: number, rng) => ({
    id,
    noise: id % 7 === 0 ? Number.NaN : id + rng.float(),
    // One is no text that UTF-8 has bytes for.
    name: id === 3 ? '"half \ud83d of a pair' : `№${id}`,
    even: id % 2 === 0,
    row: Float32Array.from({ length: 5 }, () => rng.float())
  })),
  Pipeline.batch(32, { dtypes: { id: "int32" } })
)
