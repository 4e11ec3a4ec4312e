/** A pipeline whose batches cost next to nothing, so that what remains is what asking for them costs. */
import { Dataset, Pipeline, Sampler } from "../../../src/index.ts"

export const BATCH = 8

export const pipeline = ({ size }: { readonly size: number }) =>
  Pipeline.from(Dataset.range(size)).pipe(
    Pipeline.sample(Sampler.sequential),
    Pipeline.batchWith(BATCH, (rows: ReadonlyArray<number>) => Int32Array.from(rows))
  )
