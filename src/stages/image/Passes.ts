/**
 * Runs a row of transforms over an image in as few passes over its pixels as they allow.
 *
 * Windows (crop, pad, flip) compose into one window, and a pointwise transform behind them is applied as the window is
 * read: crop + flip + normalise is one pass. All else is a pass of its own, over scratch memory that is kept.
 *
 * @since 0.1.0
 */
import { InvalidOption } from "../../InvalidOption.ts"
import type { Rng } from "../../seeding/Rng.ts"
import type { Tensor } from "../../Tensor.ts"
import { of, table } from "./kernels/pointwise.ts"
import { cut, cutFloats, cutTable, cutTable1, type View } from "./kernels/window.ts"
import { fits, matches } from "./Options.ts"
import type {
  Pixels,
  PixelTransform,
  PointwiseTransform,
  Size,
  Transform,
  Window,
  WindowTransform
} from "./Transform.ts"

/** One pass over the pixels. `first` is the place of its first transform in the row. */
type Pass =
  | {
      readonly kind: "window"
      readonly first: number
      readonly windows: ReadonlyArray<WindowTransform>
      readonly pointwise: PointwiseTransform | undefined
      readonly fill: ReadonlyArray<number> | undefined
    }
  | { readonly kind: "pixels"; readonly first: number; readonly transform: PixelTransform }

/** Where a result goes: memory for `length` elements of the kind that is asked for, beginning at `offset`. */
export interface Target {
  readonly pixels: Pixels
  readonly offset: number
}

/**
 * A row of transforms, ready to run. It holds scratch memory, so one image is worked on at a time.
 *
 * @since 0.1.0
 */
export class Passes {
  readonly #passes: ReadonlyArray<Pass>
  readonly #sources: ReadonlyArray<Scratch>
  readonly #window: Window = { top: 0, left: 0, height: 0, width: 0, flipVertical: false, flipHorizontal: false }
  readonly #view: View = { y: 0, yStep: 1, x: 0, xStep: 1, top: 0, bottom: 0, left: 0, right: 0, height: 0, width: 0 }
  readonly #size: Size = { height: 0, width: 0, channels: 0 }
  readonly #output: Size = { height: 0, width: 0, channels: 0 }

  constructor(transforms: ReadonlyArray<Transform>) {
    this.#passes = plan(transforms)
    this.#sources = this.#passes.map(() => new Scratch())
  }

  /**
   * Takes an image through all transforms. `rng` gives the generator of each, by its place in the row, and is asked
   * right before its work; `target` gives the memory for the result, once its kind and size are known. The image itself
   * is not written to.
   */
  run(
    image: Tensor<Pixels>,
    rng: (place: number) => Rng,
    target: (float: boolean, size: Size, length: number) => Target
  ): void {
    const size = this.#size
    const output = this.#output
    read(image, size)
    let source: Pixels = image.data
    for (let at = 0; at < this.#passes.length; at++) {
      const pass = this.#passes[at] as Pass // below the length
      const last = at === this.#passes.length - 1
      const float = source instanceof Float32Array || (pass.kind === "window" && pass.pointwise !== undefined)
      let own: Rng | undefined
      if (pass.kind === "window") this.#compose(pass, source, rng)
      else {
        own = rng(pass.first)
        pass.transform.draw(own, size, pass.transform.parameters)
        output.height = size.height
        output.width = size.width
        output.channels = size.channels
        pass.transform.output(size, pass.transform.parameters, output)
      }
      const length = output.height * output.width * output.channels
      const { offset, pixels } = last
        ? target(float, output, length)
        : (this.#sources[at] as Scratch).take(float, length) // one a pass
      if (pass.kind === "window") this.#cut(pass, source, pixels, offset)
      else pass.transform.run(source, size, pass.transform.parameters, pixels, offset, output, own as Rng) // set above
      source = pixels
      size.height = output.height
      size.width = output.width
      size.channels = output.channels
    }
  }

  /** Composes a pass's windows into `#view`, and its result's size into `#output`. */
  #compose(pass: Extract<Pass, { readonly kind: "window" }>, source: Pixels, rng: (place: number) => Rng): void {
    const { channels, height, width } = this.#size
    const window = this.#window
    const view = this.#view
    const output = this.#output
    view.y = 0
    view.yStep = 1
    view.x = 0
    view.xStep = 1
    view.top = 0
    view.bottom = height
    view.left = 0
    view.right = width
    output.height = height
    output.width = width
    output.channels = channels
    const { windows } = pass
    for (let at = 0; at < windows.length; at++) {
      const transform = windows[at] as WindowTransform // below the length
      transform.draw(rng(pass.first + at), output, transform.parameters)
      window.top = 0
      window.left = 0
      window.height = output.height
      window.width = output.width
      window.flipVertical = false
      window.flipHorizontal = false
      transform.place(output, transform.parameters, window)
      // Here and not where the pass is run: an error is put down to the stage whose rng was asked for last.
      if (transform.fill !== undefined) {
        matches("fill", transform.fill, channels)
        fits("fill", transform.fill, source)
      }
      apply(view, window, output)
    }
    if (pass.pointwise !== undefined) {
      rng(pass.first + windows.length)
      pass.pointwise.check(channels)
    }
    view.height = output.height
    view.width = output.width
  }

  #cut(pass: Extract<Pass, { readonly kind: "window" }>, source: Pixels, target: Pixels, offset: number): void {
    const { pointwise } = pass
    const { width, channels } = this.#size
    const fill = pass.fill ?? NO_FILL
    if (pointwise === undefined) {
      cut(source, width, channels, this.#view, fill, target, offset)
      return
    }
    const floats = target as Float32Array // pointwise work gives float32, and `run` asked for memory of that kind
    if (source instanceof Float32Array) {
      cutFloats(source, width, channels, this.#view, fill, pointwise.mean, pointwise.deviation, floats, offset)
    } else if (channels === 1) {
      cutTable1(source, width, this.#view, of(fill, 0), table(pointwise, channels), floats, offset)
    } else {
      cutTable(source, width, channels, this.#view, fill, table(pointwise, channels), floats, offset)
    }
  }
}

const NO_FILL: ReadonlyArray<number> = [0]

/**
 * Puts one more window over a view. Rows and columns of the new result are found in the old one, which lies in a plane
 * of fill: what lies outside of it is outside of the image's valid part from now on.
 */
const apply = (view: View, window: Window, old: Size): void => {
  const firstY = view.y
  const lastY = view.y + view.yStep * (old.height - 1)
  const firstX = view.x
  const lastX = view.x + view.xStep * (old.width - 1)
  view.top = Math.max(view.top, Math.min(firstY, lastY))
  view.bottom = Math.min(view.bottom, Math.max(firstY, lastY) + 1)
  view.left = Math.max(view.left, Math.min(firstX, lastX))
  view.right = Math.min(view.right, Math.max(firstX, lastX) + 1)
  view.y += view.yStep * (window.flipVertical ? window.top + window.height - 1 : window.top)
  view.x += view.xStep * (window.flipHorizontal ? window.left + window.width - 1 : window.left)
  if (window.flipVertical) view.yStep = -view.yStep
  if (window.flipHorizontal) view.xStep = -view.xStep
  old.height = window.height
  old.width = window.width
}

const plan = (transforms: ReadonlyArray<Transform>): ReadonlyArray<Pass> => {
  const passes: Array<Pass> = []
  let at = 0
  while (at < transforms.length) {
    const transform = transforms[at]
    if (transform?.kind === "pixels") {
      passes.push({ kind: "pixels", first: at++, transform })
      continue
    }
    const first = at
    const windows: Array<WindowTransform> = []
    let fill: ReadonlyArray<number> | undefined
    for (let next = transforms[at]; next?.kind === "window" && agrees(fill, next.fill); next = transforms[++at]) {
      windows.push(next)
      fill ??= next.fill
    }
    const behind = transforms[at]
    const pointwise = behind?.kind === "pointwise" ? behind : undefined
    if (pointwise !== undefined) at++
    passes.push({ kind: "window", first, windows, pointwise, fill })
  }
  return passes
}

const agrees = (one: ReadonlyArray<number> | undefined, other: ReadonlyArray<number> | undefined): boolean =>
  one === undefined ||
  other === undefined ||
  (one.length === other.length && one.every((value, channel) => value === other[channel]))

/** Reads an image's size off its shape. Throws `InvalidOption` for a tensor that is no image. */
const read = (image: Tensor<Pixels>, size: Size): void => {
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

/** Memory between two passes: kept, and grown when an image is larger than any before. */
class Scratch implements Target {
  pixels: Pixels = new Uint8Array(0)
  readonly offset = 0
  #bytes = new Uint8Array(0)
  #floats = new Float32Array(0)

  take(float: boolean, length: number): this {
    if (float && this.#floats.length < length) this.#floats = new Float32Array(length)
    if (!float && this.#bytes.length < length) this.#bytes = new Uint8Array(length)
    this.pixels = float ? this.#floats : this.#bytes
    return this
  }
}
