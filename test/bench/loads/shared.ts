/** Images that a thread is given, in batches of 16: what a dataset costs that exists once. */
import { Dataset, Pipeline, Sampler, type Tensor } from "../../../src/index.ts"

/** Bytes of an image. */
export const BYTES = 3072

export const pipeline = (images: Tensor.Tensor<Uint8Array>) =>
  Pipeline.from(Dataset.fromColumns({ image: images })).pipe(Pipeline.sample(Sampler.shuffle), Pipeline.batch(16))
