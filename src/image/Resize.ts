/**
 * Images of another size.
 *
 * @since 0.1.0
 */
import { InvalidOption } from "../core/InvalidOption.ts"
import { optionsOf } from "../core/Options.ts"
import { drawsNothing, type Fixed, fixed } from "./ImageStage.ts"
import { area, bilinear, nearest, type Resizing } from "./kernels/resize.ts"
import { oneOf, type SizeOption, sizeOf } from "./Options.ts"
import type { Rectangle, Size } from "./Pixels.ts"
import type { Native } from "./Transform.ts"

/**
 * Interpolation method: the nearest pixel, a blend of the four nearest, or the mean over the area that the new pixel covers.
 *
 * @category models
 * @since 0.1.0
 */
export type Interpolation = "nearest" | "bilinear" | "area"

/** @category options @since 0.1.0 */
export interface ResizeOptions {
  /** The height and width of the result; one number is both (torchvision's: the shorter side alone). */
  readonly size: SizeOption
  /** Default `"bilinear"`. */
  readonly interpolation?: Interpolation
}

/**
 * Resizes images to one size, as torchvision's `v2.Resize` with `antialias=False` and the height and width given.
 *
 * - `"nearest"` takes column ⌊x · width / new width⌋, and rows likewise, as torch does.
 * - `"bilinear"` blends four pixels, whatever the sizes; pixel centers are at halves (`align_corners=False`) and the
 *   edge pixels are repeated. When it shrinks by more than half it skips pixels, which shows as jagged edges: use `"area"`
 *   there.
 * - `"area"` is the mean over the area that the new pixel covers, parts of pixels by their share. It keeps the mean of
 *   the image, and is the antialiasing choice.
 *
 * uint8 results are rounded half up; none can leave 0 … 255.
 *
 * Throws `InvalidOption` if an option is invalid; in a run, for an image without pixels.
 *
 * @example
 * import { Image, Tensor } from "furrow"
 *
 * const half = Image.resize({ size: [1, 2], interpolation: "area" })
 * const image = Tensor.make(Uint8Array.of(0, 10, 20, 40), [1, 4, 1])
 * console.assert(half(image).data.join() === "5,30")
 *
 * @category image stages
 * @since 0.1.0
 */
export const resize = (options: ResizeOptions): Fixed => {
  optionsOf("Image.resize", options, { size: true, interpolation: true })
  const [height, width] = sizeOf("size", options.size)
  const kernel = resizing(options.interpolation)
  const whole: Rectangle = { top: 0, left: 0, height: 0, width: 0 }
  return fixed({
    ...drawsNothing,
    kind: "pixels",
    name: "resize",
    options: { size: [height, width], interpolation: options.interpolation ?? "bilinear" },
    output: (size, _, output) => {
      notEmpty(size)
      output.height = height
      output.width = width
    },
    native: natively(options.interpolation, (size, _, rectangle) => {
      rectangle.top = 0
      rectangle.left = 0
      rectangle.height = size.height
      rectangle.width = size.width
    }),
    run: (source, size, _, target, offset, output) => {
      whole.height = size.height
      whole.width = size.width
      kernel(source, size.width, whole, target, offset, output)
    }
  })
}

/** The kernel of a name, bilinear for none. Throws `InvalidOption` if the name does not exist. @since 0.1.0 */
export const resizing = (interpolation: Interpolation = "bilinear"): Resizing =>
  kernels[oneOf("interpolation", interpolation, ["nearest", "bilinear", "area"])]

const kernels: Readonly<Record<Interpolation, Resizing>> = { nearest, bilinear, area }

/** The same by kernels, of the rectangle that `reads` sets. @since 0.1.0 */
export const natively = (
  interpolation: Interpolation = "bilinear",
  reads: (size: Size, parameters: Float64Array, rectangle: Rectangle) => void
): Native => {
  const from: Rectangle = { top: 0, left: 0, height: 0, width: 0 }
  return {
    scales: interpolation === "bilinear",
    // Of a blend: a table of columns, two blended rows, and a row that is dealt to planes.
    scratch: ({ channels, width }) => 16 * (width + 1) * (1 + channels) + 4 * width * channels,
    reads,
    run: (kernels, { output: { channels, height, width }, size, ...work }) => {
      reads(size, work.parameters, from)
      const { scratch, source, target } = work
      const [top, left] = [from.top, from.left]
      if (interpolation === "nearest") {
        kernels.nearestPixels(
          source,
          size.width,
          top,
          left,
          from.height,
          from.width,
          channels,
          height,
          width,
          scratch,
          target
        )
      } else if (interpolation === "area") {
        kernels.area(source, size.width, top, left, from.height, from.width, channels, height, width, target)
      } else if (work.constants === 0) {
        kernels.bilinear(
          source,
          size.width,
          top,
          left,
          from.height,
          from.width,
          channels,
          height,
          width,
          scratch,
          target
        )
      } else {
        kernels.bilinearScaled(
          source,
          size.width,
          top,
          left,
          from.height,
          from.width,
          channels,
          height,
          width,
          Number(work.flipVertical),
          Number(work.flipHorizontal),
          work.constants,
          work.planes,
          scratch,
          target
        )
      }
    }
  }
}

/** Throws `InvalidOption` for an image without pixels. @since 0.1.0 */
export const notEmpty = ({ height, width }: Size): void => {
  if (height > 0 && width > 0) return
  throw new InvalidOption({ option: "the size of an image to resize", value: [height, width], expected: "above 0" })
}
