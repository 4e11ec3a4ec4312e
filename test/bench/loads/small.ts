/** A pipeline that is there at once: 1,024 images of 28×28, batches of 32. */
import { Dataset, Image, Pipeline, Sampler } from "../../../src/index.ts"
import { noise } from "./pixels.ts"

export const BATCH = 32
export const SAMPLES = 1024

export const pipeline = Pipeline.from(Dataset.fromColumns({ image: noise(SAMPLES, 28, 1) })).pipe(
  Pipeline.sample(Sampler.shuffle),
  Pipeline.augment("crop", Image.randomCrop({ size: 28, padding: 4 })),
  Pipeline.augment("flip", Image.randomHorizontalFlip({ p: 0.5 })),
  Pipeline.map("normalize", Image.normalize({ mean: 0.1307, std: 0.3081 })),
  Pipeline.batch(BATCH)
)
