/** Pipelines for threads whose batches cost little, and much. */

import * as Pipeline from "../../../src/pipeline/Pipeline.ts"
import * as Sampler from "../../../src/sampling/Sampler.ts"
import * as Dataset from "../../../src/sources/Dataset.ts"

const numbers = Pipeline.from(Dataset.range(400)).pipe(Pipeline.sample(Sampler.shuffle))

export const light = numbers.pipe(
  Pipeline.augment("noise", (x, rng) => x + rng.float()),
  Pipeline.batch(4)
)

export const heavy = numbers.pipe(
  Pipeline.augment("noise", (x, rng) => {
    let sum = x
    for (let turn = 0; turn < 50_000; turn++) sum += rng.float()
    return sum
  }),
  Pipeline.batch(4)
)
