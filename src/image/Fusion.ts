/**
 * Image stages that follow one another, as one step over a whole batch.
 *
 * @since 0.1.0
 */

import { InvalidOption } from "../core/InvalidOption.ts"
import { Tensor } from "../core/Tensor.ts"
import type { Rng } from "../random/Rng.ts"
import { arena } from "../wasm/Kernels.ts"
import { Output } from "../wasm/Output.ts"
import { imageOf, withImage } from "./Field.ts"
import { of } from "./kernels/pointwise.ts"
import { measure, Passes } from "./Passes.ts"
import { Results } from "./Results.ts"
import { type Behind, behindOf, type Images, type Pixels, type PointwiseTransform, type Size } from "./Transform.ts"

/**
 * Some stages as one step.
 *
 * @since 0.1.0
 */
export interface Fused {
  /** How many stages it covers. */
  readonly length: number
  /** The field of the samples that it works on. */
  readonly field: string
  /**
   * Takes all samples through the stages, putting new ones in their places. `rng(stage, row)` is asked once for every
   * stage and row, right before that stage's work on that row. When all results have one size and come to 256 MiB at
   * most, they lie one behind the other in one new buffer, which is given back, so that a batch can have it for a column.
   */
  readonly run: (samples: Array<unknown>, rng: (stage: number, row: number) => Rng) => ArrayBufferLike | undefined
  /**
   * The same for the images at some places of a column: as a column, or one by one if the results have several sizes or
   * come to more than 256 MiB. Throws where `run` throws.
   */
  readonly column: (images: Images, places: Float64Array, rngs: Rngs) => Tensor | ReadonlyArray<Tensor>
  /** Whether a function of the user's is among them. */
  readonly custom: boolean
}

/** What stages draw from. @since 0.1.0 */
export interface Rngs {
  /** The rng of a stage at a row, which the work stands at from now on. */
  readonly at: (stage: number, row: number) => Rng
  /** The same for many rows, where it does not matter what the work stands at. */
  readonly of: (stage: number) => (row: number) => Rng
}

/**
 * The longest row of image stages, from the first of `functions` on, as one step; `undefined` when the first is no
 * image stage. The result is the same, to the bit, as that of the functions one after the other. It lies in memory of
 * `output`.
 *
 * @since 0.1.0
 */
export const fuse = (functions: ReadonlyArray<unknown>, output = new Output(arena(), false)): Fused | undefined => {
  const [first, ...rest] = functions.map(behindOf)
  if (first === undefined) return undefined
  const row: Array<Behind> = [first]
  for (const next of rest) {
    if (next?.field !== first.field || row.at(-1)?.transform.kind === "planar") break
    row.push(next)
  }
  const passes = new Passes(row.map(({ transform }) => transform))
  return {
    length: row.length,
    field: first.field,
    custom: row.some(({ transform }) => transform.kind === "pixels" && transform.custom === true),
    run: (samples, rng) => runAll(passes, output, first.field, samples, rng),
    column: (images, places, rngs) => runColumn(passes, output, images, places, rngs)
  }
}

const runAll = (
  passes: Passes,
  output: Output,
  field: string,
  samples: Array<unknown>,
  rng: (stage: number, row: number) => Rng
): ArrayBufferLike | undefined => {
  const results = new Results(output, samples.length, (own) => passes.shape(own))
  const size: Size = { height: 0, width: 0, channels: 0 }
  let row = 0
  let stood = -1
  const own = (stage: number): Rng => {
    stood = row
    return rng(stage, row)
  }
  for (; row < samples.length; row++) {
    try {
      const image = imageOf(samples[row], field)
      measure(image, size)
      passes.run({ pixels: image.data, offset: 0, address: arena()?.addressOf(image.data) }, size, own, results.target)
    } catch (error) {
      // What is no image is refused before any rng is asked for; the error is that of the first stage, at this row.
      if (stood !== row) rng(0, row)
      throw error
    }
  }
  const images = results.end()
  images.forEach((image, at) => {
    samples[at] = withImage(samples[at], field, image)
  })
  return results.shared
}

const runColumn = (passes: Passes, output: Output, images: Images, places: Float64Array, { at, of }: Rngs) => {
  const whole = passes.windows(images, places, of, output)
  if (whole !== undefined) return whole
  const { data, shape, width } = images
  const size: Size = { height: 0, width: 0, channels: 0 }
  const pixels = data as Pixels // `measure` refuses all else
  measure(new Tensor(pixels, shape), size)
  const address = arena()?.addressOf(data)
  const source = { pixels, offset: 0, address }
  const results = new Results(output, places.length, (own) => passes.shape(own))
  let row = 0
  const own = (stage: number): Rng => at(stage, row)
  for (; row < places.length; row++) {
    source.offset = (places[row] as number) * width // below the length
    const next = address === undefined || row + 1 === places.length ? 0 : address + (places[row + 1] as number) * width
    passes.run(source, size, own, results.target, next)
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
 * Throws `InvalidOption` where an image stage stands behind one that parts the channels, and would take them for rows; and
 * where one that cuts values off at 0 and 1 stands behind a `normalize`, whose results lie beyond.
 *
 * @since 0.1.0
 */
export const inOrder = (functions: ReadonlyArray<unknown>): void => {
  const parted = new Set<string>()
  const beyond = new Set<string>()
  for (const own of functions.map(behindOf)) {
    if (own === undefined) continue
    if (parted.has(own.field)) {
      const expected = "before Image.channelsFirst, which is the last of the image stages"
      throw new InvalidOption({ option: "an image stage", value: own.transform.name, expected })
    }
    const { field, transform } = own
    if (transform.kind === "planar") parted.add(field)
    if (transform.kind === "pointwise" && !staysInUnit(transform)) beyond.add(field)
    if (transform.kind === "pixels" && transform.unit === true && beyond.has(field)) {
      const noise = transform.name === "gaussianNoise" ? ", or give it clip: false" : ""
      const expected =
        "before Image.normalize: it takes images of 0 … 1 and cuts off what lies beyond, which normalized values do; " +
        `put it before the normalize${noise}`
      throw new InvalidOption({ option: "an image stage", value: transform.name, expected })
    }
  }
}
