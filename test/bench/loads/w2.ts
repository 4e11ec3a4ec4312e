/**
 * W2: images of 256×256×3 bytes, shuffled, a random rectangle of about 190×200 brought to 224×224 (bilinear), flipped,
 * normalized to float32, batches of 32.
 */
import { Dataset, Image, Pipeline, Sampler } from "../../../src/index.ts"
import { noise } from "./pixels.ts"

/** As many as fit into memory a few times over; no cache holds them. */
export const SAMPLES = 512
export const BATCH = 32
export const SIDE = 256
export const SIZE = 224
/** The rectangle's share of the image's area, and its width over its height. */
export const SCALE = [0.55, 0.61] as const
export const RATIO = [1, 1.1] as const
export const MEAN = [0.485, 0.456, 0.406] as const
export const STD = [0.229, 0.224, 0.225] as const

export const images = noise(SAMPLES, SIDE, 3)

export const pipeline = Pipeline.from(Dataset.fromColumns({ image: images })).pipe(
  Pipeline.sample(Sampler.shuffle),
  Pipeline.augment("crop", Image.randomResizedCrop({ size: SIZE, scale: SCALE, ratio: RATIO })),
  Pipeline.augment("flip", Image.randomHorizontalFlip({ p: 0.5 })),
  Pipeline.map("normalize", Image.normalize({ mean: MEAN, std: STD })),
  Pipeline.batch(BATCH)
)
