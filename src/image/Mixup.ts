/**
 * Stages on a batch that mix its rows with one another: mixup and CutMix. They go behind `batch`, with
 * `Pipeline.augment`; each batch draws from a seed of its own.
 *
 * Each row is mixed with the one before it (the first with the last), as torchvision's `v2.MixUp` and `v2.CutMix` do,
 * and the labels become shares of classes: a float32 column `[batch, classes]` whose rows sum to 1.
 *
 * @since 0.1.0
 */
import { whole } from "../core/Check.ts"
import { InvalidOption } from "../core/InvalidOption.ts"
import { optionsOf, textOf } from "../core/Options.ts"
import { declare } from "../core/Parameters.ts"
import { Tensor } from "../core/Tensor.ts"
import type { Batch } from "../pipeline/Batch.ts"
import type { Rng } from "../random/Rng.ts"

/** @category options @since 0.1.0 */
export interface MixupOptions<I extends string = "image", L extends string = "label"> {
  /** The shape of the Beta(alpha, alpha) distribution that the share of a row's own is drawn from. Default 1: uniform. */
  readonly alpha?: number
  /** How many classes there are; labels go from 0 to `classes − 1`. */
  readonly classes: number
  /** The column of images, float32 `[batch, height, width, channels]`. Default `image`. */
  readonly image?: I
  /** The column of labels: whole numbers `[batch]`, or shares `[batch, classes]`, as these stages return them. Default `label`. */
  readonly label?: L
}

/** The columns `C` with labels as shares of classes. @category models @since 0.1.0 */
export type SoftLabels<C, L extends string = "label"> = {
  readonly [K in keyof C]: K extends L ? Tensor<Float32Array> : C[K]
}

/** The columns that mixup and CutMix need: images and their labels. @category models @since 0.1.0 */
export type LabeledImages<I extends string = "image", L extends string = "label"> = Readonly<
  Record<I, Tensor<Float32Array>> & Record<L, Tensor>
>

/** A stage on batches, for `Pipeline.augment` behind `Pipeline.batch`. @category models @since 0.1.0 */
export type MixupStage<I extends string = "image", L extends string = "label"> = <C extends LabeledImages<I, L>>(
  batch: Batch<C>,
  rng: Rng
) => Batch<SoftLabels<C, L>>

/**
 * Mixup: each image, and its label, becomes `share` of its own and `1 − share` of the row before. One share for the
 * whole batch, drawn from Beta(alpha, alpha). Zhang, Cissé, Dauphin and Lopez-Paz, "mixup: Beyond empirical risk
 * minimization" (2018).
 *
 * Throws `InvalidOption` if `alpha` is not above 0 or `classes` is not a whole number of at least 1; in a run, for a label
 * beyond the classes or images that are not float32 (normalize them first).
 *
 * @example
 * import { Image, Rng, Tensor } from "furrow"
 *
 * const mixup = Image.mixup({ alpha: 0.2, classes: 10 })
 * const columns = {
 *   image: Tensor.make(Float32Array.of(1, 0), [2, 1, 1, 1]),
 *   label: Tensor.make(Uint8Array.of(3, 7), [2])
 * }
 * const batch = { epoch: 0, index: 0, rank: 0, worker: 0, size: 2, indices: Float64Array.of(0, 1), columns }
 * const mixed = mixup(batch, Rng.make({ algorithm: "xoshiro128**", words: [1, 2, 3, 4] }))
 * console.assert(mixed.columns.label.shape.join() === "2,10")
 *
 * @category image stages
 * @since 0.1.0
 */
export const mixup = <const I extends string = "image", const L extends string = "label">(
  options: MixupOptions<I, L>
): MixupStage<I, L> =>
  mixing("mixup", options, (image, rng, alpha) => {
    const share = rng.beta(alpha, alpha)
    const [size = 0] = image.shape
    const length = size === 0 ? 0 : image.data.length / size
    const mixed = new Float32Array(image.data.length)
    for (let row = 0; row < size; row++) {
      const own = row * length
      const other = before(row, size) * length
      for (let at = 0; at < length; at++) {
        // Rows of one length: all indices lie inside.
        mixed[own + at] = share * (image.data[own + at] as number) + (1 - share) * (image.data[other + at] as number)
      }
    }
    return { image: new Tensor(mixed, image.shape), share }
  })

/**
 * CutMix: a rectangle of each image is that of the row before, and the label is shared by area. The rectangle has the
 * same place in all images of the batch; its area is drawn from Beta(alpha, alpha) and then its center, column first, so
 * that it may be cut by the edge; the share is the part of its own image that is left. Yun, Han, Oh, Chun, Choe and Yoo, "CutMix"
 * (2019).
 *
 * Throws as {@link mixup} does.
 *
 * @category image stages
 * @since 0.1.0
 */
export const cutMix = <const I extends string = "image", const L extends string = "label">(
  options: MixupOptions<I, L>
): MixupStage<I, L> =>
  mixing("cutMix", options, (image, rng, alpha) => {
    const half = 0.5 * Math.sqrt(1 - rng.beta(alpha, alpha))
    const [size = 0, height = 0, width = 0, channels = 0] = image.shape
    const x = rng.integer(width)
    const y = rng.integer(height)
    const left = Math.max(x - Math.floor(half * width), 0)
    const top = Math.max(y - Math.floor(half * height), 0)
    const right = Math.min(x + Math.floor(half * width), width)
    const bottom = Math.min(y + Math.floor(half * height), height)
    const mixed = image.data.slice()
    for (let row = 0; row < size; row++) {
      const other = before(row, size)
      for (let line = top; line < bottom; line++) {
        const from = ((other * height + line) * width + left) * channels
        const to = ((row * height + line) * width + left) * channels
        mixed.set(image.data.subarray(from, from + (right - left) * channels), to)
      }
    }
    const share = 1 - ((right - left) * (bottom - top)) / (width * height)
    return { image: new Tensor(mixed, image.shape), share }
  })

const before = (row: number, size: number): number => (row === 0 ? size - 1 : row - 1)

const mixing = <I extends string, L extends string>(
  name: "mixup" | "cutMix",
  options: MixupOptions<I, L>,
  mix: (image: Tensor<Float32Array>, rng: Rng, alpha: number) => { image: Tensor<Float32Array>; share: number }
): MixupStage<I, L> => {
  optionsOf(`Image.${name}`, options, { alpha: true, classes: true, image: true, label: true })
  const { alpha = 1 } = options
  if (!(alpha > 0 && alpha < Infinity)) {
    throw new InvalidOption({ option: "alpha", value: alpha, expected: "a finite number greater than 0" })
  }
  const classes = whole("classes", options.classes, 1)
  const imageName: string = textOf("image", options.image ?? "image", "the name of a column")
  const labelName: string = textOf("label", options.label ?? "label", "the name of a column")
  const mixed = <C extends LabeledImages<I, L>>(batch: Batch<C>, rng: Rng): Batch<SoftLabels<C, L>> => {
    const images = images4(imageName, Reflect.get(batch.columns, imageName))
    const shares = oneHot(labelName, Reflect.get(batch.columns, labelName), classes)
    const { image, share } = mix(images, rng, alpha)
    const label = new Float32Array(shares.data.length)
    for (let row = 0; row < batch.size; row++) {
      for (let at = 0; at < classes; at++) {
        // `oneHot` made batch.size rows of `classes`.
        const own = shares.data[row * classes + at] as number
        const other = shares.data[before(row, batch.size) * classes + at] as number
        label[row * classes + at] = share * own + (1 - share) * other
      }
    }
    const columns = { ...batch.columns, [imageName]: image, [labelName]: new Tensor(label, [batch.size, classes]) }
    // The two columns that were put in are of the types that SoftLabels names; all others are C's own.
    return { ...batch, columns: columns as SoftLabels<C, L> }
  }
  // In lower case, as cursors hold it.
  return declare(mixed, name.toLowerCase(), { alpha, classes, image: imageName, label: labelName })
}

const images4 = (name: string, column: unknown): Tensor<Float32Array> => {
  if (column instanceof Tensor && column.data instanceof Float32Array && column.shape.length === 4) return column
  const value = column instanceof Tensor ? String(column) : column
  const expected = "a float32 tensor [batch, height, width, channels]; normalize before batch"
  throw new InvalidOption({ option: `column "${name}" of mixup or CutMix`, value, expected })
}

/** Labels as shares: 1 for the own class. Shares that are there already are kept. */
const oneHot = (name: string, column: unknown, classes: number): Tensor<Float32Array> => {
  const refuse = (value: unknown, expected: string): never => {
    throw new InvalidOption({ option: `column "${name}" of mixup or CutMix`, value, expected })
  }
  const either = `labels [batch] from 0 to ${classes - 1}, or float32 shares [batch, ${classes}]`
  if (!(column instanceof Tensor)) return refuse(column, either)
  const { data, shape } = column
  const [size = 0, width] = shape
  if (shape.length === 2 && width === classes && data instanceof Float32Array) return new Tensor(data, shape)
  if (shape.length !== 1) return refuse(String(column), either)
  const shares = new Float32Array(size * classes)
  for (let row = 0; row < size; row++) {
    const label = Number(data[row])
    if (!(Number.isInteger(label) && label >= 0 && label < classes)) refuse(label, either)
    shares[row * classes + label] = 1
  }
  return new Tensor(shares, [size, classes])
}
