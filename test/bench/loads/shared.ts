/** Images that a thread is given, in batches of 16: what a dataset costs that exists once. */
import { isMainThread } from "node:worker_threads"
import { Dataset, Pipeline, Sampler, type Tensor } from "../../../src/index.ts"

/** Bytes of an image. */
export const BYTES = 3072

export interface Config {
  readonly images: Tensor.Tensor<Uint8Array>
  /** How many threads have loaded this module, in shared memory. */
  readonly loaded: Int32Array
}

export const pipeline = ({ images, loaded }: Config) => {
  if (!isMainThread) Atomics.add(loaded, 0, 1)
  return Pipeline.from(Dataset.fromColumns({ image: images })).pipe(
    Pipeline.sample(Sampler.shuffle),
    Pipeline.batch(16)
  )
}
