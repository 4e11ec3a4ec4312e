/** A pipeline over data that it is given: what lies in shared memory exists once for all threads. */

import * as Image from "../../../src/image/Image.ts"
import * as Pipeline from "../../../src/pipeline/Pipeline.ts"
import * as Sampler from "../../../src/sampling/Sampler.ts"
import * as Dataset from "../../../src/sources/Dataset.ts"
import * as Tensor from "../../../src/wasm/Tensor.ts"
import { meeting } from "./meeting.ts"

export interface Data {
  readonly images: Tensor.Tensor<Uint8Array>
  readonly labels: Uint8Array
  /** How many samples were built, how many times a pipeline was, and how many threads are there; all who build count here. */
  readonly counts: Tensor.Tensor<Int32Array>
}

export const SIZE = 64
export const THREADS = 3

export const pipeline = ({ counts, images, labels }: Data) => {
  Atomics.add(counts.data, 1, 1)
  const met = meeting(counts.data, 2, THREADS)
  const isTensor = images instanceof Tensor.Tensor && images.dtype === "uint8"
  return Pipeline.from(Dataset.fromColumns({ image: images, label: labels })).pipe(
    Pipeline.sample(Sampler.shuffle),
    Pipeline.map("count", (sample) => {
      met()
      Atomics.add(counts.data, 0, 1)
      if (!isTensor) throw new Error("the images are no tensor")
      return sample
    }),
    Pipeline.batch(8)
  )
}

/** The same without a stage of its own: whole columns, by kernels. */
export const columns = ({ images, labels }: Data) =>
  Pipeline.from(Dataset.fromColumns({ image: images, label: labels })).pipe(
    Pipeline.sample(Sampler.shuffle),
    Pipeline.augment("crop", Image.randomCrop({ size: 12, padding: 2 })),
    Pipeline.map("normalize", Image.normalize({ mean: 0.5, std: 0.25 })),
    Pipeline.batch(8)
  )
