/** W1: 60,000 images of 28×28 bytes, shuffled, cropped (padding 4), flipped, normalized to float32, batches of 128. */
import { Dataset, Image, Pipeline, Sampler, Tensor } from "../../../src/index.ts"
import { noise } from "./pixels.ts"

export const SAMPLES = 60_000
export const BATCH = 128
export const SIDE = 28
export const PADDING = 4
export const MEAN = 0.1307
export const STD = 0.3081

interface Row {
  readonly image: Tensor.Tensor<Uint8Array>
  readonly label: number
}

export const images = noise(SAMPLES, SIDE, 1)
export const labels = Uint8Array.from({ length: SAMPLES }, (_, index) => index % 10)

const stages = <E, R>(self: Pipeline.Pipeline<Row, E, R>, size: number) =>
  self.pipe(
    Pipeline.augment("crop", Image.randomCrop({ size: SIDE, padding: PADDING })),
    Pipeline.augment("flip", Image.randomHorizontalFlip({ p: 0.5 })),
    Pipeline.map("normalize", Image.normalize({ mean: MEAN, std: STD })),
    Pipeline.batch(size, { dtypes: { label: "uint8" } })
  )

const digits = Dataset.fromColumns({ image: images, label: labels })
const shuffled = Pipeline.from(digits).pipe(Pipeline.sample(Sampler.shuffle))

/** W1 with batches of another size. */
export const batched = (size: number) => stages(shuffled, size)

export const pipeline = batched(BATCH)

export const unshuffled = stages(Pipeline.from(digits), BATCH)

/** The same on images in ordinary memory, as a program has them that knows of no kernels. */
export const ordinary = (): typeof pipeline => {
  const own = Tensor.make(Uint8Array.from(images.data), images.shape)
  const same = Dataset.fromColumns({ image: own, label: labels })
  return stages(Pipeline.from(same).pipe(Pipeline.sample(Sampler.shuffle)), BATCH)
}
