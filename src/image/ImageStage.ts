/**
 * Image stages as functions: makes of a transform what `Pipeline.augment` and `Pipeline.map` take.
 *
 * @since 0.1.0
 */
import { InvalidOption } from "../core/InvalidOption.ts"
import { declare } from "../core/Parameters.ts"
import { Tensor } from "../core/Tensor.ts"
import { fusibleOf, withFusible } from "../pipeline/Fusible.ts"
import type { Rng } from "../random/Rng.ts"
import { imageFusible, isImageFusible } from "./ImageFusible.ts"
import { ImageProgram } from "./ImageProgram.ts"
import type { Pixels, Size } from "./Pixels.ts"
import { imageOf, measure, withImage } from "./SampleImage.ts"
import type { Transform } from "./Transform.ts"

/** An image: a tensor `[height, width, channels]` of uint8 or float32. @category models @since 0.1.0 */
export type Image<P extends Pixels = Pixels> = Tensor<P>

/** What an image stage takes: an image, or a record with one in its field `image`. @category models @since 0.1.0 */
export type Sample = Image | { readonly image: Image }

/** A sample whose image is of float32 now. @category models @since 0.1.0 */
export type Floats<S> = S extends Tensor
  ? Image<Float32Array>
  : { readonly [K in keyof S]: K extends "image" ? Image<Float32Array> : S[K] }

/** A stage that draws and keeps the element type. @category models @since 0.1.0 */
export type Drawing = <S extends Sample>(sample: S, rng: Rng) => S

/** A stage that does not draw and keeps the element type. @category models @since 0.1.0 */
export type Fixed = <S extends Sample>(sample: S) => S

/** A stage that does not draw and gives float32. @category models @since 0.1.0 */
export type ToFloats = <S extends Sample>(sample: S) => Floats<S>

const FIELD = "image"

/** The function that runs a transform on one field of a sample. */
const runner = (transform: Transform, field: string): ((sample: unknown, rng?: Rng) => unknown) => {
  const program = new ImageProgram([transform])
  const size: Size = { height: 0, width: 0, channels: 0 }
  const run = (sample: unknown, rng?: Rng): unknown => {
    let pixels: Pixels = new Uint8Array(0)
    let shape: ReadonlyArray<number> = []
    const image = imageOf(sample, field)
    measure(image, size)
    program.run(
      { pixels: image.data, offset: 0, address: undefined },
      size,
      () => rng as Rng, // only transforms that draw ask it anything, and their functions are given one
      (float: boolean, result: Size, length: number) => {
        pixels = float ? new Float32Array(length) : new Uint8Array(length)
        shape = program.shape(result)
        return { pixels, offset: 0 }
      }
    )
    return withImage(sample, field, new Tensor(pixels, shape))
  }
  const { name, nameInCursors = name, options } = transform
  return declare(withFusible(run, imageFusible(transform, field)), nameInCursors, options && { ...options, field })
}

// A transform gives back an image of the element type that its kind says, in the sample's own form; that is what these
// types say of it, and `Image.test` holds it to each.

/** A stage from a transform that draws. @since 0.1.0 */
export const drawing = (transform: Transform): Drawing => runner(transform, FIELD) as Drawing

/** A stage from a transform that does not draw. @since 0.1.0 */
export const fixed = (transform: Transform): Fixed => runner(transform, FIELD) as Fixed

/** A stage from a transform that does not draw and gives float32. @since 0.1.0 */
export const toFloats = (transform: Transform): ToFloats => runner(transform, FIELD) as ToFloats

/**
 * An image stage for another field than `image`, as in `Image.on("photo", Image.randomCrop({ size: 28 }))`. Throws
 * `InvalidOption` for a function that is no image stage.
 *
 * @category image stages
 * @since 0.1.0
 */
export const on: {
  // A stage that does not draw fits the next signature too, so it comes first: it must not ask for an `rng`.
  <F extends string>(field: F, stage: Fixed): <S extends Readonly<Record<F, Image>>>(sample: S) => S
  <F extends string>(field: F, stage: Drawing): <S extends Readonly<Record<F, Image>>>(sample: S, rng: Rng) => S
  <F extends string>(
    field: F,
    stage: ToFloats
  ): <S extends Readonly<Record<F, Image>>>(
    sample: S
  ) => { readonly [K in keyof S]: K extends F ? Image<Float32Array> : S[K] }
} = (field: string, stage: Fixed | Drawing | ToFloats): never => {
  const fusible = fusibleOf(stage)
  if (fusible === undefined || !isImageFusible(fusible)) {
    throw new InvalidOption({ option: "the stage for Image.on", value: stage, expected: "a stage of Image" })
  }
  // As above: what the signatures say of the kinds of stage.
  return runner(fusible.transform, field) as never
}

/** For transforms that draw nothing. @since 0.1.0 */
export const drawsNothing = { draws: false, parameters: new Float64Array(0), draw: (): void => undefined } as const
