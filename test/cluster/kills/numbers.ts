/** What is built while its builders are killed: batches that take some milliseconds each, of which one may kill its builder. */
import process from "node:process"
import { Tensor } from "../../../src/core/Tensor.ts"
import { Dataset, Pipeline, Sampler } from "../../../src/index.ts"

export interface Config {
  readonly batches: number
  /** The sample that ends whoever is at it. */
  readonly poison?: number | undefined
}

const BATCH = 4
const LENGTH = 4096
/** Draws of a sample, so that a batch takes about 10 ms. */
const DRAWS = 200_000

export const pipeline = ({ batches, poison }: Config) =>
  Pipeline.from(Dataset.range(batches * BATCH)).pipe(
    Pipeline.sample(Sampler.shuffle),
    Pipeline.augment("noise", (index, rng) => {
      if (index === poison) process.exit(9)
      let sum = index
      for (let draw = 0; draw < DRAWS; draw++) sum += rng.float()
      return sum
    }),
    Pipeline.batchWith(BATCH, (sums) => ({
      sums: Float64Array.from(sums),
      image: new Tensor(
        Float32Array.from({ length: BATCH * LENGTH }, (_, at) => (sums[at % BATCH] ?? 0) + at),
        [BATCH, LENGTH]
      )
    }))
  )
