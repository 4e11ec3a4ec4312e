/** A pipeline of numbers, with what can go wrong at some of them. */
import { Dataset, Pipeline, Sampler } from "../../src/index.ts"

export interface Config {
  readonly size?: number
  readonly batch?: number
}

export const pipeline = ({ batch = 8, size = 100 }: Config = {}) =>
  Pipeline.from(Dataset.make({ size, get: (index: number) => index })).pipe(
    Pipeline.sample(Sampler.shuffle),
    Pipeline.augment("noise", (index, rng) => [index, rng.integer(1e6)]),
    Pipeline.batchWith(batch, (samples: ReadonlyArray<ReadonlyArray<number>>) => ({
      own: Float32Array.from(samples.flat()),
      text: samples.map(([index]) => `sample ${index}`)
    }))
  )
