/** A pipeline whose batch stage cuts its epochs itself, for threads. */

import * as Pipeline from "../../../src/pipeline/Pipeline.ts"
import * as Sampler from "../../../src/sampling/Sampler.ts"
import * as Dataset from "../../../src/sources/Dataset.ts"
import { type Fake, fake, withCuts } from "../cuts.ts"

export interface Config extends Fake {
  readonly size: number
  readonly batch: number
}

export const pipeline = ({ batch, size, ...own }: Config) =>
  withCuts(
    Pipeline.from(Dataset.range(size)).pipe(
      Pipeline.sample(Sampler.shuffle),
      Pipeline.augment("noise", (x, rng) => x + rng.double()),
      Pipeline.batch(batch)
    ),
    fake(own)
  )
