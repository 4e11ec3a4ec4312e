/**
 * How image stages run as one step over a whole batch, and which may follow which.
 *
 * @since 0.1.0
 */
import { InvalidOption } from "../core/InvalidOption.ts"
import { Tensor } from "../core/Tensor.ts"
import type { FusedStages, Fusible, StageRngs } from "../pipeline/Fusible.ts"
import type { Rng } from "../random/Rng.ts"
import type { TensorColumn } from "../sources/Columnar.ts"
import { arena } from "../wasm/Kernels.ts"
import type { Output } from "../wasm/Output.ts"
import { ColumnWindows } from "./ColumnWindows.ts"
import { ImageAllocator } from "./ImageAllocator.ts"
import { ImageProgram } from "./ImageProgram.ts"
import { of } from "./kernels/pointwise.ts"
import type { Pixels, Size } from "./Pixels.ts"
import { imageOf, measure, withImage } from "./SampleImage.ts"
import type { PointwiseTransform, Transform } from "./Transform.ts"

const IMAGE: unique symbol = Symbol.for("furrow/Image")

/** What the function of an image stage carries. @since 0.1.0 */
export interface ImageFusible extends Fusible {
  readonly kind: typeof IMAGE
  readonly transform: Transform
  /** The field of a sample that holds the image. */
  readonly field: string
}

/** Returns the capability of a stage that runs a transform on a field of its samples. @since 0.1.0 */
export const imageFusible = (transform: Transform, field: string): ImageFusible => {
  const own: ImageFusible = {
    kind: IMAGE,
    transform,
    field,
    accepts: (previous) => accepts(own, previous.filter(isImageFusible)),
    fuse: (behind, output) => {
      const stages = [own]
      for (const next of behind) {
        if (!isImageFusible(next) || next.field !== field || stages.at(-1)?.transform.kind === "planar") break
        stages.push(next)
      }
      return fuse(
        stages.map((stage) => stage.transform),
        field,
        output
      )
    }
  }
  return own
}

/** Whether a capability is that of an image stage: `kind` is set by {@link imageFusible} alone. @since 0.1.0 */
export const isImageFusible = (fusible: Fusible): fusible is ImageFusible => fusible.kind === IMAGE

const fuse = (transforms: ReadonlyArray<Transform>, field: string, output: Output): FusedStages => {
  const program = new ImageProgram(transforms)
  const windows = new ColumnWindows(program)
  return {
    length: transforms.length,
    fields: [field],
    userCode: transforms.some((transform) => transform.kind === "pixels" && transform.userCode === true),
    run: (samples, rng) => runSamples(program, output, field, samples, rng),
    fits: (columns) => columns.get(field)?._tag === "Tensors",
    columns: (columns, rows, rngs) => {
      const images = columns.get(field)
      if (images?._tag !== "Tensors") throw new Error(`${field} is no column of tensors`) // `fits` has refused it
      return new Map([
        [field, windows.run(images, rows, rngs.of, output) ?? runRows(program, output, images, rows, rngs)]
      ])
    }
  }
}

const runSamples = (
  program: ImageProgram,
  output: Output,
  field: string,
  samples: Array<unknown>,
  rng: (stage: number, row: number) => Rng
): ArrayBufferView | undefined => {
  const results = new ImageAllocator(output, samples.length, (own) => program.shape(own))
  const size: Size = { height: 0, width: 0, channels: 0 }
  let row = 0
  /** The row for which an rng was last asked. */
  let reached = -1
  const own = (stage: number): Rng => {
    reached = row
    return rng(stage, row)
  }
  for (; row < samples.length; row++) {
    try {
      const image = imageOf(samples[row], field)
      measure(image, size)
      program.run({ pixels: image.data, offset: 0, address: arena()?.addressOf(image.data) }, size, own, results.target)
    } catch (error) {
      // What is not an image is refused before any rng is asked for; the error is located at the first stage and this row.
      if (reached !== row) rng(0, row)
      throw error
    }
  }
  const images = results.end()
  images.forEach((image, at) => {
    samples[at] = withImage(samples[at], field, image)
  })
  return results.shared
}

const runRows = (
  program: ImageProgram,
  output: Output,
  { data, shape, width }: TensorColumn,
  rows: Float64Array,
  { at }: StageRngs
) => {
  const size: Size = { height: 0, width: 0, channels: 0 }
  const pixels = data as Pixels // `measure` refuses all else
  measure(new Tensor(pixels, shape), size)
  const address = arena()?.addressOf(data)
  const source = { pixels, offset: 0, address }
  const results = new ImageAllocator(output, rows.length, (own) => program.shape(own))
  let row = 0
  const own = (stage: number): Rng => at(stage, row)
  for (; row < rows.length; row++) {
    source.offset = (rows[row] as number) * width // below the length
    const next = address === undefined || row + 1 === rows.length ? 0 : address + (rows[row + 1] as number) * width
    program.run(source, size, own, results.target, next)
  }
  return results.column()
}

/** Whether images of 0 … 1 are still of 0 … 1 behind it. */
const staysInUnit = ({ deviation, mean }: PointwiseTransform): boolean => {
  for (let channel = 0; channel < Math.max(mean.length, deviation.length); channel++) {
    for (const value of [0, 1]) {
      const result = (value - of(mean, channel)) / of(deviation, channel)
      if (!(result >= 0 && result <= 1)) return false
    }
  }
  return true
}

/**
 * Throws `InvalidOption` for an image stage behind one that makes planes of the channels, which it would take for rows; and
 * for one that clips values to 0 … 1 behind a `normalize`, whose results lie outside.
 */
const accepts = ({ field, transform }: ImageFusible, previous: ReadonlyArray<ImageFusible>): void => {
  const before = previous.filter((stage) => stage.field === field).map((stage) => stage.transform)
  if (before.some(({ kind }) => kind === "planar")) {
    const expected = "before Image.channelsFirst, which is the last of the image stages"
    throw new InvalidOption({ option: "an image stage", value: transform.name, expected })
  }
  const beyond = before.some((own) => own.kind === "pointwise" && !staysInUnit(own))
  if (transform.kind === "pixels" && transform.unit === true && beyond) {
    const noise = transform.name === "gaussianNoise" ? ", or give it clip: false" : ""
    const expected =
      "before Image.normalize: it takes images of 0 … 1 and cuts off what lies beyond, which normalized values do; " +
      `put it before the normalize${noise}`
    throw new InvalidOption({ option: "an image stage", value: transform.name, expected })
  }
}
