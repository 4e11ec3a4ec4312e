/** A pipeline for threads whose epochs can be told apart, with an epoch that is empty and a batch that fails. */

import * as Pipeline from "../../../src/pipeline/Pipeline.ts"
import * as Sampler from "../../../src/sampling/Sampler.ts"
import * as Dataset from "../../../src/sources/Dataset.ts"

export interface Config {
  readonly size: number
  readonly batch: number
  /** The epoch of which nothing is left. */
  readonly empty?: number
  /** The epoch, and the position in it, whose sample throws. */
  readonly fails?: { readonly epoch: number; readonly position: number }
}

export const pipeline = ({ batch, empty, fails, size }: Config) =>
  Pipeline.from(Dataset.range(size)).pipe(
    Pipeline.sample(Sampler.shuffle),
    Pipeline.filter("full", (_, { epoch }) => epoch !== empty),
    Pipeline.augment("noise", (x, rng, { epoch, position }) => {
      if (epoch === fails?.epoch && position === fails.position) throw new Error("broken")
      return x + rng.double() / 2
    }),
    Pipeline.batch(batch)
  )
