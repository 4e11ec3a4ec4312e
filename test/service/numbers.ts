import { Dataset, Pipeline, Sampler } from "furrow"
export const numbers = Pipeline.from(Dataset.range(1000)).pipe(
  Pipeline.sample(Sampler.shuffle),
  Pipeline.augment("noise", (value: number, rng) => ({
    value: value + rng.float(),
    id: value,
    name: `n${value}`,
    big: BigInt(value) < 0n
  })),
  Pipeline.batch(32, { dtypes: { value: "float32" } })
)
