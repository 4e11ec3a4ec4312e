/** W1: 60,000 images of 28×28 bytes, shuffled, cropped (padding 4), flipped, normalised to float32, batches of 128. */
import { Dataset, Image, Pipeline, Sampler, Tensor } from "../../../src/index.ts"
import { noise } from "./pixels.ts"

export const SAMPLES = 60_000
export const BATCH = 128
export const SIDE = 28
export const PADDING = 4
export const MEAN = 0.1307
export const STD = 0.3081

export const images = noise(SAMPLES, SIDE, 1)
export const labels = Uint8Array.from({ length: SAMPLES }, (_, index) => index % 10)

/** W1 with batches of another size. */
export const batched = (size: number) =>
  Pipeline.from(Dataset.fromColumns({ image: images, label: labels })).pipe(
    Pipeline.sample(Sampler.shuffle),
    Pipeline.augment("crop", Image.randomCrop({ size: SIDE, padding: PADDING })),
    Pipeline.augment("flip", Image.randomHorizontalFlip({ p: 0.5 })),
    Pipeline.map("normalise", Image.normalise({ mean: MEAN, std: STD })),
    Pipeline.batch(size, { dtypes: { label: "uint8" } })
  )

export const pipeline = batched(BATCH)

/** The same on images in ordinary memory, as a program has them that knows of no kernels. */
export const ordinary = (): typeof pipeline =>
  Pipeline.from(
    Dataset.fromColumns({ image: Tensor.make(Uint8Array.from(images.data), images.shape), label: labels })
  ).pipe(
    Pipeline.sample(Sampler.shuffle),
    Pipeline.augment("crop", Image.randomCrop({ size: SIDE, padding: PADDING })),
    Pipeline.augment("flip", Image.randomHorizontalFlip({ p: 0.5 })),
    Pipeline.map("normalise", Image.normalise({ mean: MEAN, std: STD })),
    Pipeline.batch(BATCH, { dtypes: { label: "uint8" } })
  )
