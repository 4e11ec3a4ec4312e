/**
 * Image stages with the parameters and semantics of torchvision's v2 transforms of the same names.
 *
 * An image is a `Tensor` of shape `[height, width, channels]`, uint8 (0 … 255) or float32. A stage takes an image, or a
 * record with one in its field `image`, and returns the same form; other fields stay, and nothing is changed
 * in place. Those that draw go with `Pipeline.augment`, the others with `Pipeline.map`.
 *
 * Stages that follow one another in a pipeline run in as few passes over the pixels as they allow: crops, paddings and
 * flips with a normalize behind them in one. That changes no draw and no bit of the result.
 *
 * @since 0.1.0
 */
export {
  type RandomAffineOptions,
  type RandomRotationOptions,
  randomAffine,
  randomRotation
} from "./Affine.ts"
export { type ColorJitterOptions, colorJitter } from "./Color.ts"
export { centerCrop, type PadOptions, pad, type RandomCropOptions, randomCrop } from "./Crop.ts"
export { type CustomOptions, custom, kernelMemory } from "./CustomStage.ts"
export { type RandomErasingOptions, randomErasing } from "./Erasing.ts"
export { type FlipOptions, randomHorizontalFlip, randomVerticalFlip } from "./Flip.ts"
export {
  type Drawing,
  type Fixed,
  type Floats,
  type Image,
  on,
  type Sample,
  type ToFloats
} from "./ImageStage.ts"
export { cutMix, type LabeledImages, type MixupOptions, type MixupStage, mixup, type SoftLabels } from "./Mixup.ts"
export { type GaussianNoiseOptions, gaussianNoise } from "./Noise.ts"
export { channelsFirst, type NormalizeOptions, normalize, toFloat } from "./Normalize.ts"
export type { FillOption, PaddingOption, RangeOption, SizeOption } from "./Options.ts"
export type { PaddingMode } from "./Padding.ts"
export type { Pixels, Size } from "./Pixels.ts"
export { type Interpolation, type ResizeOptions, resize } from "./Resize.ts"
export { type RandomResizedCropOptions, randomResizedCrop } from "./ResizedCrop.ts"
export type { NativeWork } from "./Transform.ts"
