/**
 * The training's pipeline, in a module of its own: threads load this and no model.
 */
import * as Image from "../../src/image/Image.ts"
import * as Pipeline from "../../src/pipeline/Pipeline.ts"
import * as Sampler from "../../src/sampling/Sampler.ts"
import type { Split } from "./Digits.ts"

/** What the pipeline depends on, beside its data. */
export interface Loading {
  readonly batchSize: number
  /** Samples an epoch; `undefined` for all. */
  readonly limit: number | undefined
}

// The mean and the standard deviation of MNIST's training pixels in [0, 1].
export const normalize = Image.normalize({ mean: 0.1307, std: 0.3081 })

/** The digits, shuffled, moved and turned a little, in batches. */
export const training = (digits: Split["train"], { batchSize, limit }: Loading) =>
  Pipeline.from(digits).pipe(
    Pipeline.sample(limit === undefined ? Sampler.shuffle : Sampler.limited(Sampler.shuffle, limit)),
    Pipeline.augment(
      "affine",
      Image.randomAffine({ degrees: 10, scale: [0.9, 1.1], shear: 5, interpolation: "bilinear" })
    ),
    Pipeline.augment("crop", Image.randomCrop({ size: 28, padding: 1 })),
    Pipeline.map("normalise", normalize), // the name that saved runs hold
    // The short batch at the end of an epoch is kept: with it the run delivers every digit that it was asked for.
    Pipeline.batch(batchSize, { dtypes: { label: "uint8" } })
  )
