/**
 * Runs a row of transforms over an image in as few passes over its pixels as they allow.
 *
 * Windows (crop, pad, flip) compose into one window, and a pointwise transform behind them is applied as the window is
 * read: crop + flip + normalize is one pass. All else is a pass of its own, over scratch memory that is kept.
 *
 * @since 0.1.0
 */
import { InvalidOption } from "../core/InvalidOption.ts"
import { Tensor } from "../core/Tensor.ts"
import type { Rng } from "../random/Rng.ts"
import type { Arena } from "../wasm/Arena.ts"
import { kernels } from "../wasm/Kernels.ts"
import type { Output } from "../wasm/Output.ts"
import { Place } from "../wasm/Place.ts"
import { planes } from "./kernels/planes.ts"
import { of, scales, table } from "./kernels/pointwise.ts"
import type { Rectangle } from "./kernels/resize.ts"
import { cut, cutFloats, cutTable, cutTable1, type View } from "./kernels/window.ts"
import { fits, matches } from "./Options.ts"
import type {
  Images,
  Native,
  NativeWork,
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
      /** Whether each channel is to have a plane of its own. */
      readonly planar: boolean
    }
  | { readonly kind: "pixels"; readonly first: number; readonly transform: PixelTransform }
  | { readonly kind: "planar"; readonly first: number }

/** Where a result goes: memory for `length` elements of the kind that is asked for, beginning at `offset`. */
export interface Target {
  readonly pixels: Pixels
  readonly offset: number
}

/** Where an image lies: its first element is `pixels[offset]`. */
export interface Source {
  readonly pixels: Pixels
  readonly offset: number
  /** The address of `pixels[0]`, where it lies in the kernels' memory. */
  readonly address: number | undefined
}

/**
 * A row of transforms, ready to run. It holds scratch memory, so one image is worked on at a time.
 *
 * @since 0.1.0
 */
export class Passes {
  readonly #passes: ReadonlyArray<Pass>
  readonly #kernels = kernels()
  readonly #sources: ReadonlyArray<Scratch>
  readonly #constants: ReadonlyArray<Constants>
  readonly #staged = new Scratch(this.#kernels?.arena)
  readonly #blending = new Scratch(this.#kernels?.arena)
  /** A row on its way to planes, or an image. */
  readonly #beside = new Scratch(this.#kernels?.arena)
  readonly #window: Window = { top: 0, left: 0, height: 0, width: 0, flipVertical: false, flipHorizontal: false }
  readonly #view: View = { y: 0, yStep: 1, x: 0, xStep: 1, top: 0, bottom: 0, left: 0, right: 0, height: 0, width: 0 }
  readonly #size: Size = { height: 0, width: 0, channels: 0 }
  readonly #output: Size = { height: 0, width: 0, channels: 0 }
  readonly #rectangle: Rectangle = { top: 0, left: 0, height: 0, width: 0 }
  readonly #work: NativeWork = {
    source: 0,
    size: { height: 0, width: 0, channels: 0 },
    parameters: new Float64Array(0),
    target: 0,
    output: { height: 0, width: 0, channels: 0 },
    scratch: 0,
    flipVertical: false,
    flipHorizontal: false,
    constants: 0,
    planes: 0
  }

  readonly #planar: boolean

  constructor(transforms: ReadonlyArray<Transform>) {
    this.#passes = plan(transforms)
    this.#planar = transforms.at(-1)?.kind === "planar"
    this.#sources = this.#passes.map(() => new Scratch(this.#kernels?.arena))
    this.#constants = this.#passes.map((pass) => new Constants(pass))
  }

  /** The shape of a result of a size. */
  shape({ channels, height, width }: Size): ReadonlyArray<number> {
    return this.#planar ? [channels, height, width] : [height, width, channels]
  }

  /**
   * Takes an image of a size through all transforms. `rng` gives the generator of each, by its place in the row, and is
   * asked right before its draws; `target` gives the memory for the result, once its kind and size are known. The image
   * itself is not written to. `next` is where the next image lies, if that is known.
   */
  run(
    image: Source,
    { channels, height, width }: Size,
    rng: (place: number) => Rng,
    target: (float: boolean, size: Size, length: number) => Target,
    next = 0
  ): void {
    const size = this.#size
    const output = this.#output
    size.height = height
    size.width = width
    size.channels = channels
    let source = image
    for (let at = 0; at < this.#passes.length; at++) {
      const pass = this.#passes[at] as Pass // below the length
      const scratch = this.#sources[at] as Scratch // one a pass
      const last = at === this.#passes.length - 1
      if (pass.kind === "window") {
        const float = source.pixels instanceof Float32Array || pass.pointwise !== undefined
        this.#compose(pass, source.pixels, rng)
        const length = output.height * output.width * output.channels
        const to = last ? target(float, output, length) : scratch.take(float, length)
        this.#cut(at, source, to, last ? next : 0)
      } else if (pass.kind === "planar") {
        rng(pass.first)
        output.height = size.height
        output.width = size.width
        output.channels = size.channels
        const length = size.height * size.width * size.channels
        const to = last ? target(source.pixels instanceof Float32Array, output, length) : scratch
        this.#planes(source, to)
      } else {
        const own = rng(pass.first)
        const { transform } = pass
        transform.draw(own, size, transform.parameters)
        output.height = size.height
        output.width = size.width
        output.channels = size.channels
        transform.output(size, transform.parameters, output)
        const native = this.#kernels !== undefined && source.pixels instanceof Uint8Array ? transform.native : undefined
        if (native?.scales === true && this.#scalesBehind(at)) {
          this.#both(at, native, source, own, rng, target)
          at++
          if (at < this.#passes.length - 1) source = this.#sources[at] as Scratch // one a pass
          size.height = output.height
          size.width = output.width
          size.channels = output.channels
          continue
        }
        const length = output.height * output.width * output.channels
        const float = source.pixels instanceof Float32Array
        const place = last ? target(float, output, length) : scratch.take(float, length)
        if (native === undefined || !this.#natively(native, transform, source, place, 0, false, false, 0)) {
          transform.run(viewOf(source, size), size, transform.parameters, place.pixels, place.offset, output, own)
        }
      }
      if (!last) source = this.#sources[at] as Scratch // one a pass
      size.height = output.height
      size.width = output.width
      size.channels = output.channels
    }
  }

  /**
   * Takes the images of one size at some places of a column through all transforms, by one call of a kernel. Gives none,
   * and has asked for nothing, where the transforms are not windows with a scale behind them, over bytes, or where the
   * images are so large that only their windows should be copied to where kernels can read them.
   */
  windows(
    { data, shape, width: bytes }: Images,
    places: Float64Array,
    rngs: (place: number) => (row: number) => Rng,
    memory: Output
  ): Tensor<Pixels> | undefined {
    const [pass] = this.#passes
    const own = this.#kernels
    const size = this.#size
    const output = this.#output
    if (own === undefined || this.#passes.length !== 1 || pass?.kind !== "window" || pass.pointwise === undefined) {
      return undefined
    }
    if (!(data instanceof Uint8Array)) return undefined
    measure(new Tensor(data, shape), size)
    const { arena } = own
    const resident = arena.addressOf(data)
    if (resident === undefined && bytes > LARGE) return undefined
    const count = places.length
    const constants = this.#constants[0]?.scaled(arena, size.channels)
    const rows = this.#blending.take(false, ROW * count).address
    const staged = resident ?? this.#staged.take(false, bytes * count).address
    if (pass.planar && this.#beside.take(true, 1).address === undefined) return undefined
    if (constants === undefined || rows === undefined || staged === undefined) return undefined
    const { words } = arena
    this.#composeAll(pass, data, count, rngs, words, rows >>> 2)
    for (let row = 0, at = rows >>> 2; row < count; row++, at += ROW / 4) {
      const place = places[row] as number // below the length
      if (resident === undefined) {
        const own = staged + row * bytes
        arena.bytes.set(data.subarray(place * bytes, (place + 1) * bytes), own)
        words[at] = own
      } else words[at] = resident + place * bytes
    }
    const { channels, height, width } = output
    const pixels = memory.take(true, count * height * width * channels)
    const target = arena.addressOf(pixels)
    // More than there is room for goes row by row.
    if (target === undefined) throw new Error("no memory is left for a batch that kernels could write")
    const touched = resident === undefined ? 0 : bytes
    const apart = pass.planar ? 4 * height * width : 0
    const beside = apart === 0 ? 0 : (this.#beside.take(true, width * channels).address ?? 0)
    own.cutScaledRows(rows, count, size.width, touched, channels, height, width, constants, apart, beside, target)
    return new Tensor(memory.lasting(pixels), [count, ...this.shape({ height, width, channels })])
  }

  /** Composes a pass's windows into `#view`, and its result's size into `#output`. */
  #compose(pass: WindowPass, source: Pixels, rng: (place: number) => Rng): void {
    const view = this.#view
    const output = this.#output
    this.#whole()
    const { windows } = pass
    for (let at = 0; at < windows.length; at++) {
      const transform = windows[at] as WindowTransform // below the length
      this.#draw(transform, rng(pass.first + at))
      // Here and not where the pass is run: an error is put down to the stage whose rng was asked for last.
      filled(transform, source, output.channels)
      apply(view, this.#window, output)
    }
    if (pass.pointwise !== undefined) {
      rng(pass.first + windows.length)
      pass.pointwise.check(output.channels)
      if (pass.planar) rng(pass.first + windows.length + 1)
    }
    view.height = output.height
    view.width = output.width
  }

  /**
   * The same for many images of one size, stage by stage, into the kernel's rows from `words[first]` on. Throws where
   * their windows have several sizes.
   */
  #composeAll(
    pass: WindowPass,
    source: Pixels,
    count: number,
    rngs: (place: number) => (row: number) => Rng,
    words: Uint32Array,
    first: number
  ): void {
    const window = this.#window
    const view = this.#view
    const output = this.#output
    this.#whole()
    for (let row = 0; row < count; row++) write(view, words, first + (ROW / 4) * row)
    const { windows } = pass
    for (let at = 0; at < windows.length; at++) {
      const transform = windows[at] as WindowTransform // below the length
      const rng = rngs(pass.first + at)
      const { height, width } = output
      let toHeight = height
      let toWidth = width
      filled(transform, source, output.channels)
      for (let row = 0; row < count; row++) {
        output.height = height
        output.width = width
        this.#draw(transform, rng(row))
        if (row === 0) {
          toHeight = window.height
          toWidth = window.width
        }
        if (window.height !== toHeight || window.width !== toWidth) throw new Error("windows of several sizes")
        read(view, words, first + (ROW / 4) * row)
        apply(view, window, output)
        write(view, words, first + (ROW / 4) * row)
      }
    }
    pass.pointwise?.check(output.channels)
  }

  /** Puts the view upon all of an image of `#size`. */
  #whole(): void {
    const { channels, height, width } = this.#size
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
  }

  /** Draws a window of what has the size of `#output`, into `#window`. */
  #draw(transform: WindowTransform, rng: Rng): void {
    const window = this.#window
    const output = this.#output
    transform.draw(rng, output, transform.parameters)
    window.top = 0
    window.left = 0
    window.height = output.height
    window.width = output.width
    window.flipVertical = false
    window.flipHorizontal = false
    transform.place(output, transform.parameters, window)
  }

  /** Cuts the composed view of pass `at` out of `source`, which has `#size`. */
  #cut(at: number, source: Source, { offset, pixels: target }: Target, next: number): void {
    const pass = this.#passes[at] as WindowPass // asked for windows alone
    const { pointwise } = pass
    const { channels, width } = this.#size
    const fill = pass.fill ?? NO_FILL
    const view = this.#view
    const own = this.#kernels
    if (own !== undefined && source.pixels instanceof Uint8Array) {
      const to = own.arena.addressOf(target)
      const constants = pointwise === undefined ? undefined : this.#constants[at]?.scaled(own.arena, channels)
      if (to !== undefined && constants !== undefined) {
        const from = this.#addressOf(own.arena, source, rowsOf(view, this.#size))
        const beside = pass.planar ? this.#beside.take(true, view.width * channels).address : 0
        if (from !== undefined && beside !== undefined) {
          own.cutScaled(
            from,
            width,
            channels,
            view.y,
            view.yStep,
            view.x,
            view.xStep,
            view.top,
            view.bottom,
            view.left,
            view.right,
            view.height,
            view.width,
            constants,
            pass.planar ? 4 * view.height * view.width : 0,
            beside,
            to + 4 * offset,
            next,
            next === 0 ? 0 : this.#size.height * width * channels
          )
          return
        }
      }
    }
    const image = viewOf(source, this.#size)
    if (pointwise === undefined) {
      cut(image, width, channels, view, fill, target, offset)
      return
    }
    if (pass.planar) {
      const size = { height: view.height, width: view.width, channels }
      const between = this.#beside.take(true, view.height * view.width * channels)
      this.#scaled(pointwise, image, fill, between.pixels as Float32Array, 0) // asked for floats
      planes(between.pixels, size, target, offset)
    } else this.#scaled(pointwise, image, fill, target as Float32Array, offset) // `run` asked for floats
  }

  /** Cuts the composed view out of an image of `#size`, through a pointwise transform. */
  #scaled(
    pointwise: PointwiseTransform,
    image: Pixels,
    fill: ReadonlyArray<number>,
    floats: Float32Array,
    offset: number
  ): void {
    const { channels, width } = this.#size
    const view = this.#view
    if (image instanceof Float32Array) {
      cutFloats(image, width, channels, view, fill, pointwise.mean, pointwise.deviation, floats, offset)
    } else if (channels === 1) {
      cutTable1(image, width, view, of(fill, 0), table(pointwise, channels), floats, offset)
    } else {
      cutTable(image, width, channels, view, fill, table(pointwise, channels), floats, offset)
    }
  }

  /** Whether the pass behind `at` scales to floats, and flips at most, as far as can be told before it is drawn. */
  #scalesBehind(at: number): boolean {
    const behind = this.#passes[at + 1]
    return behind?.kind === "window" && behind.pointwise !== undefined
  }

  /** The work of pass `at`, which is drawn, and of the one behind it, in one go if that only flips and scales. */
  #both(
    at: number,
    native: Native,
    source: Source,
    drawn: Rng,
    rng: (place: number) => Rng,
    target: (float: boolean, size: Size, length: number) => Target
  ): void {
    const { transform } = this.#passes[at] as PixelPass // the caller has seen to both
    const behind = this.#passes[at + 1] as WindowPass
    const size = this.#size
    const output = this.#output
    const view = this.#view
    const { channels, height: sourceHeight, width: sourceWidth } = size
    const { height, width } = output
    size.height = height
    size.width = width
    this.#compose(behind, source.pixels, rng)
    const whole = flipsAlone(view, size)
    const length = output.height * output.width * output.channels
    const last = at + 2 === this.#passes.length
    const place = last ? target(true, output, length) : (this.#sources[at + 1] as Scratch).take(true, length)
    const own = this.#kernels
    const constants = own === undefined ? undefined : this.#constants[at + 1]?.scaled(own.arena, channels)
    if (whole && constants !== undefined) {
      size.height = sourceHeight
      size.width = sourceWidth
      const apart = behind.planar ? 4 * height * width : 0
      const [down, across] = [view.yStep === -1, view.xStep === -1]
      if (this.#natively(native, transform, source, place, constants, down, across, apart)) return
      size.height = height
      size.width = width
    }
    const between = (this.#sources[at] as Scratch).take(false, height * width * channels) // one a pass
    const to = { height, width, channels }
    const from = { height: sourceHeight, width: sourceWidth, channels }
    transform.run(viewOf(source, from), from, transform.parameters, between.pixels, 0, to, drawn)
    this.#cut(at + 1, between, place, 0)
  }

  /** Runs a transform by kernels, from `#size` to `#output`; `false` where source or target are out of their reach. */
  #natively(
    native: Native,
    transform: PixelTransform,
    source: Source,
    { offset, pixels }: Target,
    constants: number,
    flipVertical: boolean,
    flipHorizontal: boolean,
    apart: number
  ): boolean {
    const own = this.#kernels
    const size = this.#size
    const output = this.#output
    if (own === undefined) return false
    const to = own.arena.addressOf(pixels)
    if (to === undefined) return false
    const { parameters } = transform
    const rectangle = this.#rectangle
    rectangle.top = 0
    rectangle.height = size.height
    native.reads?.(size, parameters, rectangle)
    const bytes = size.width * size.channels
    const rows = { first: rectangle.top, end: rectangle.top + rectangle.height, bytes }
    const from = this.#addressOf(own.arena, source, rows)
    const scratch = this.#blending.take(false, native.scratch(output)).address
    if (from === undefined || scratch === undefined) return false
    const work = this.#work
    work.source = from
    work.size.height = size.height
    work.size.width = size.width
    work.size.channels = size.channels
    work.parameters = parameters
    work.target = to + pixels.BYTES_PER_ELEMENT * offset
    work.output.height = output.height
    work.output.width = output.width
    work.output.channels = output.channels
    work.scratch = scratch
    work.flipVertical = flipVertical
    work.flipHorizontal = flipHorizontal
    work.constants = constants
    work.planes = apart
    native.run(own, work)
    return true
  }

  /** Parts the channels of an image of `#size`. */
  #planes(source: Source, { offset, pixels }: Target): void {
    const own = this.#kernels
    const size = this.#size
    const each = source.pixels.BYTES_PER_ELEMENT
    const to = own?.arena.addressOf(pixels)
    const rows = { first: 0, end: size.height, bytes: size.width * size.channels }
    const from =
      own === undefined || to === undefined
        ? undefined
        : source.pixels instanceof Uint8Array
          ? this.#addressOf(own.arena, source, rows)
          : own.arena.addressOf(viewOf(source, size))
    if (own === undefined || to === undefined || from === undefined) planes(viewOf(source, size), size, pixels, offset)
    else own.planar(from, size.height, size.width, size.channels, each, to + each * offset)
  }

  /** The address of an image's first byte; its rows are copied into the kernels' memory where they do not lie there. */
  #addressOf(arena: Arena, { address, offset, pixels }: Source, { bytes, end, first }: Rows): number | undefined {
    if (address !== undefined) return address + offset
    const length = Math.max(end - first, 0) * bytes
    const own = this.#staged.take(false, length).address
    if (own === undefined) return undefined
    const from = offset + first * bytes
    // Only rows from `first` on are read, so the address of the row 0 that is not there may be a wild one.
    arena.bytes.set(pixels.subarray(from, from + length), own)
    return own - first * bytes
  }
}

/** An image of more bytes is copied window by window, not whole. */
const LARGE = 16_384

/** How many bytes a window takes that a kernel is told of. */
const ROW = 48

type WindowPass = Extract<Pass, { readonly kind: "window" }>
type PixelPass = Extract<Pass, { readonly kind: "pixels" }>

/** Some rows of an image, of `bytes` each. */
interface Rows {
  readonly first: number
  readonly end: number
  readonly bytes: number
}

const rowsOf = ({ height, top, bottom, y, yStep }: View, { channels, width }: Size): Rows => {
  const end = y + yStep * (height - 1)
  return {
    first: Math.max(Math.min(y, end), top),
    end: Math.min(Math.max(y, end) + 1, bottom),
    bytes: width * channels
  }
}

/** Whether a view is all of an image of a size, flipped or not. */
const flipsAlone = (view: View, { height, width }: Size): boolean =>
  view.height === height &&
  view.width === width &&
  view.top === 0 &&
  view.left === 0 &&
  view.bottom === height &&
  view.right === width &&
  view.y === (view.yStep === 1 ? 0 : height - 1) &&
  view.x === (view.xStep === 1 ? 0 : width - 1)

/** An image as an array that begins with it. */
const viewOf = ({ offset, pixels }: Source, { channels, height, width }: Size): Pixels =>
  offset === 0 ? pixels : pixels.subarray(offset, offset + height * width * channels)

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

/** Writes a view down as kernels read it, behind the address of its source. */
const write = (view: View, words: Uint32Array, at: number): void => {
  words[at + 1] = view.y
  words[at + 2] = view.yStep
  words[at + 3] = view.x
  words[at + 4] = view.xStep
  words[at + 5] = view.top
  words[at + 6] = view.bottom
  words[at + 7] = view.left
  words[at + 8] = view.right
}

/** Reads what {@link write} wrote: numbers with a sign. */
const read = (view: View, words: Uint32Array, at: number): void => {
  view.y = (words[at + 1] as number) | 0
  view.yStep = (words[at + 2] as number) | 0
  view.x = (words[at + 3] as number) | 0
  view.xStep = (words[at + 4] as number) | 0
  view.top = (words[at + 5] as number) | 0
  view.bottom = (words[at + 6] as number) | 0
  view.left = (words[at + 7] as number) | 0
  view.right = (words[at + 8] as number) | 0
}

/** Throws `InvalidOption` where a window's fill is none for such an image. */
const filled = ({ fill }: WindowTransform, source: Pixels, channels: number): void => {
  if (fill === undefined) return
  matches("fill", fill, channels)
  fits("fill", fill, source)
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
    if (transform?.kind === "planar") {
      passes.push({ kind: "planar", first: at++ })
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
    const planar = pointwise !== undefined && transforms[at]?.kind === "planar"
    if (planar) at++
    passes.push({ kind: "window", first, windows, pointwise, fill, planar })
  }
  return passes
}

const agrees = (one: ReadonlyArray<number> | undefined, other: ReadonlyArray<number> | undefined): boolean =>
  one === undefined ||
  other === undefined ||
  (one.length === other.length && one.every((value, channel) => value === other[channel]))

/** Reads an image's size off its shape. Throws `InvalidOption` for a tensor that is no image. @since 0.1.0 */
export const measure = (image: Tensor<Pixels>, size: Size): void => {
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
class Scratch implements Source, Target {
  pixels: Pixels = new Uint8Array(0)
  readonly offset = 0
  address: number | undefined = undefined
  readonly #arena: Arena | undefined
  #place: Place | undefined
  #bytes = new Uint8Array(0)
  #floats = new Float32Array(0)

  constructor(arena: Arena | undefined) {
    this.#arena = arena
  }

  take(float: boolean, length: number): this {
    if ((float ? this.#floats : this.#bytes).length < length) this.#grow(float ? 4 * length : length)
    this.pixels = float ? this.#floats : this.#bytes
    return this
  }

  /** One kind at a time is in it, so both have the same bytes. */
  #grow(length: number): void {
    const bytes = Math.ceil(length / 4) * 4
    const place = this.#arena === undefined ? undefined : Place.take(this.#arena, bytes)
    const buffer = place === undefined ? new ArrayBuffer(bytes) : this.#arena?.memory.buffer
    this.#place = place
    this.address = this.#place?.address
    this.#bytes = new Uint8Array(buffer ?? new ArrayBuffer(bytes), place?.address ?? 0, bytes)
    this.#floats = new Float32Array(this.#bytes.buffer, place?.address ?? 0, bytes / 4)
  }
}

/** What a window pass tells its kernel of its numbers. */
class Constants {
  readonly #pass: Pass
  readonly #known = new Map<number, Place | undefined>()

  constructor(pass: Pass) {
    this.#pass = pass
  }

  /** The address of scale and bias of each channel, and of what fill becomes; none where that is not the table's. */
  scaled(arena: Arena, channels: number): number | undefined {
    if (!this.#known.has(channels)) this.#known.set(channels, this.#make(arena, channels))
    return this.#known.get(channels)?.address
  }

  #make(arena: Arena, channels: number): Place | undefined {
    const pass = this.#pass
    if (pass.kind !== "window" || pass.pointwise === undefined) return undefined
    const own = scales(pass.pointwise, channels)
    if (own === undefined) return undefined
    const place = Place.take(arena, 24 * channels)
    if (place === undefined) return undefined
    arena.doubles.set(own, place.address / 8)
    const values = table(pass.pointwise, channels)
    for (let channel = 0; channel < channels; channel++) {
      const fill = of(pass.fill ?? NO_FILL, channel) & 0xff
      const at = place.address / 4 + 4 * channels + channel
      arena.floats[at] = values[256 * channel + fill] as number // a byte has an entry
      arena.words[at + channels] = fill
    }
    return place
  }
}
