/**
 * Image files on their way into a pipeline: JPEG, PNG, WebP, GIF and AVIF, decoded by libvips through the package
 * `sharp`: an optional peer dependency (`bun add sharp`), which is loaded when the first image is decoded. It works on
 * threads of its own, so workers on fibers are enough.
 *
 * @since 0.1.0
 */
export { DecodeError, DecoderMissing } from "./DecodeError.ts"
export { type Folder, FolderError, type FolderOptions, folder, type Labeled } from "./Folder.ts"
export type { Format } from "./Format.ts"
export type { Interpolation, ReadingOptions, StageOptions } from "./Options.ts"
export {
  type Decoded,
  type DecodeOptions,
  type Encoded,
  image,
  type RandomResizedCropOptions,
  randomResizedCrop
} from "./Stages.ts"
