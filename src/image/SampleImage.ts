/**
 * The image of a sample: the sample itself, or one of its fields.
 *
 * @since 0.1.0
 */
import { InvalidOption } from "../core/InvalidOption.ts"
import { Tensor } from "../core/Tensor.ts"
import type { Pixels, Size } from "./Pixels.ts"

/**
 * Returns the image of a sample. Throws `InvalidOption` if the sample has no image, or if its buffer is detached, which would be read
 * as zeros.
 *
 * @since 0.1.0
 */
export const imageOf = (sample: unknown, field: string): Tensor<Pixels> => {
  const image = found(sample, field)
  const { data, shape } = image
  let length = 1
  for (let axis = 0; axis < shape.length; axis++) length *= shape[axis] as number // below the length
  if (data.length === length) return image
  const expected = `${length} elements, as its shape [${shape.join(", ")}] has: its buffer was detached or shrunk`
  throw new InvalidOption({ option: "image data", value: data.length, expected })
}

const found = (sample: unknown, field: string): Tensor<Pixels> => {
  // Whether the elements are pixels is checked where the image's size is read.
  if (sample instanceof Tensor) return sample as Tensor<Pixels>
  if (typeof sample === "object" && sample !== null) {
    const image: unknown = Reflect.get(sample, field)
    if (image instanceof Tensor) return image as Tensor<Pixels> // as above
  }
  const expected = `an image tensor, or a record with one in its field "${field}"${otherField(sample)}`
  throw new InvalidOption({ option: "the sample of an image stage", value: sample, expected })
}

/** What to write for the field in which a sample has its image, in words; empty if it has none. */
const otherField = (sample: unknown): string => {
  if (typeof sample !== "object" || sample === null) return ""
  const fields = Object.entries(Object.getOwnPropertyDescriptors(sample))
  const other = fields.find(([, { value }]) => value instanceof Tensor)?.[0]
  return other === undefined ? "" : `; for its field "${other}" write Image.on("${other}", stage)`
}

/** Returns the sample with another image; the sample itself does not change. @since 0.1.0 */
export const withImage = (sample: unknown, field: string, image: Tensor<Pixels>): unknown =>
  // `imageOf` found the image in it, so it is an object.
  sample instanceof Tensor ? image : { ...(sample as object), [field]: image }

/** Sets `size` to that of an image. Throws `InvalidOption` if the tensor is not an image. @since 0.1.0 */
export const measure = (image: Tensor, size: Size): void => {
  const { data, shape } = image
  const [height, width, channels = 1] = shape
  if (height === undefined || width === undefined || shape.length > 3) {
    throw new InvalidOption({ option: "image shape", value: shape, expected: "[height, width, channels]" })
  }
  if (!(data instanceof Uint8Array || data instanceof Float32Array)) {
    throw new InvalidOption({ option: "image", value: String(image), expected: "of uint8 or float32" })
  }
  size.height = height
  size.width = width
  size.channels = channels
}
