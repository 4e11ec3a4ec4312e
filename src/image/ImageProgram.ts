/**
 * Transforms compiled to as few passes over the pixels as they allow: crop, flip and normalize are one pass.
 *
 * @since 0.1.0
 */
import type { Rng } from "../random/Rng.ts"
import { kernels } from "../wasm/Kernels.ts"
import { type Allocate, Scratch, type Source, type Target, viewOf } from "./ImageMemory.ts"
import { type Following, KernelRunner } from "./KernelRunner.ts"
import { planes } from "./kernels/planes.ts"
import { of, table } from "./kernels/pointwise.ts"
import { cut, cutFloats, cutTable, cutTable1 } from "./kernels/window.ts"
import { NO_FILL, type Pass, type PixelPass, passesOf, type WindowPass } from "./Pass.ts"
import type { Pixels, Size } from "./Pixels.ts"
import { ScaleConstants } from "./ScaleConstants.ts"
import type { Native, PointwiseTransform, Transform } from "./Transform.ts"
import { WindowComposer } from "./WindowComposer.ts"
import { onlyFlips, rowsOf } from "./WindowView.ts"

const NOTHING: Following = { constants: 0, flipVertical: false, flipHorizontal: false, planes: 0 }

/**
 * Compiled transforms. They hold scratch memory, so they work on one image at a time.
 *
 * @since 0.1.0
 */
export class ImageProgram {
  readonly passes: ReadonlyArray<Pass>
  readonly #kernels: KernelRunner | undefined
  /** The result of each pass but the last. */
  readonly #between: ReadonlyArray<Scratch>
  readonly #constants: ReadonlyArray<ScaleConstants>
  /** A row, or an image, before its channels are written as planes. */
  readonly #interleaved: Scratch
  readonly #composer = new WindowComposer()
  readonly #following = { ...NOTHING }
  readonly #planar: boolean

  constructor(transforms: ReadonlyArray<Transform>) {
    const own = kernels()
    this.#kernels = own === undefined ? undefined : new KernelRunner(own)
    this.passes = passesOf(transforms)
    this.#planar = transforms.at(-1)?.kind === "planar"
    this.#between = this.passes.map(() => new Scratch(own?.arena))
    this.#constants = this.passes.map((pass) => new ScaleConstants(pass))
    this.#interleaved = new Scratch(own?.arena)
  }

  /** Returns the shape of a result of a size. */
  shape({ channels, height, width }: Size): ReadonlyArray<number> {
    return this.#planar ? [channels, height, width] : [height, width, channels]
  }

  /**
   * Takes an image of a size through all transforms. `rng` gives the generator of each by its place, and is called directly
   * before the transform draws; `target` gives the memory for the result. The image itself is not written to. `next` is the
   * address of the next image, if that is known.
   */
  run(image: Source, { channels, height, width }: Size, rng: (place: number) => Rng, target: Allocate, next = 0): void {
    const { output, size } = this.#composer
    size.height = height
    size.width = width
    size.channels = channels
    let source = image
    for (let at = 0; at < this.passes.length; at++) {
      const pass = this.passes[at] as Pass // below the length
      const last = at === this.passes.length - 1
      if (pass.kind === "window") {
        const float = source.pixels instanceof Float32Array || pass.pointwise !== undefined
        this.#composer.compose(pass, source.pixels, rng)
        this.#cut(at, pass, source, this.#allocate(at, float, target), last ? next : 0)
      } else if (pass.kind === "planar") {
        rng(pass.first)
        copySize(size, output)
        this.#planes(source, this.#allocate(at, source.pixels instanceof Float32Array, target))
      } else if (this.#runPixels(at, pass, source, rng, target)) at++
      if (at < this.passes.length - 1) source = this.#between[at] as Scratch // one a pass
      copySize(output, size)
    }
  }

  /** Returns memory for the result of pass `at`, of the size of the composer's output. */
  #allocate(at: number, float: boolean, target: Allocate): Target {
    const { output } = this.#composer
    const length = output.height * output.width * output.channels
    if (at === this.passes.length - 1) return target(float, output, length)
    return (this.#between[at] as Scratch).take(float, length) // one a pass
  }

  /** Runs a transform; returns `true` if the window pass behind it has been run, too. */
  #runPixels(at: number, pass: PixelPass, source: Source, rng: (place: number) => Rng, target: Allocate): boolean {
    const { output, size } = this.#composer
    const { transform } = pass
    const own = rng(pass.first)
    transform.draw(own, size, transform.parameters)
    copySize(size, output)
    transform.output(size, transform.parameters, output)
    const native = this.#kernels !== undefined && source.pixels instanceof Uint8Array ? transform.native : undefined
    const behind = this.passes[at + 1]
    if (native?.scales === true && behind?.kind === "window" && behind.pointwise !== undefined) {
      this.#runBoth(at, pass, behind, native, source, own, rng, target)
      return true
    }
    const to = this.#allocate(at, source.pixels instanceof Float32Array, target)
    if (
      native === undefined ||
      this.#kernels?.run(native, transform.parameters, source, size, to, output, NOTHING) !== true
    ) {
      transform.run(viewOf(source, size), size, transform.parameters, to.pixels, to.offset, output, own)
    }
    return false
  }

  /** Runs pass `at`, which is drawn, and the window pass behind it: by one kernel if that only flips and scales. */
  #runBoth(
    at: number,
    { transform }: PixelPass,
    behind: WindowPass,
    native: Native,
    source: Source,
    drawn: Rng,
    rng: (place: number) => Rng,
    target: Allocate
  ): void {
    const { output, size, view } = this.#composer
    const { channels, height: sourceHeight, width: sourceWidth } = size
    const { height, width } = output
    size.height = height
    size.width = width
    this.#composer.compose(behind, source.pixels, rng)
    const flips = onlyFlips(view, size)
    const to = this.#allocate(at + 1, true, target)
    const own = this.#kernels
    const constants = own === undefined ? undefined : this.#constants[at + 1]?.address(own.kernels.arena, channels)
    if (flips && constants !== undefined) {
      size.height = sourceHeight
      size.width = sourceWidth
      const following = this.#following
      following.constants = constants
      following.flipVertical = view.yStep === -1
      following.flipHorizontal = view.xStep === -1
      following.planes = behind.planar ? 4 * height * width : 0
      if (own?.run(native, transform.parameters, source, size, to, output, following) === true) return
      size.height = height
      size.width = width
    }
    const between = (this.#between[at] as Scratch).take(false, height * width * channels) // one a pass
    const from = { height: sourceHeight, width: sourceWidth, channels }
    const middle = { height, width, channels }
    transform.run(viewOf(source, from), from, transform.parameters, between.pixels, 0, middle, drawn)
    this.#cut(at + 1, behind, between, to, 0)
  }

  /** Cuts the composed view out of `source`. */
  #cut(at: number, pass: WindowPass, source: Source, target: Target, next: number): void {
    if (this.#cutByKernel(at, pass, source, target, next)) return
    const { pointwise } = pass
    const { size, view } = this.#composer
    const { channels, width } = size
    const fill = pass.fill ?? NO_FILL
    const image = viewOf(source, size)
    if (pointwise === undefined) {
      cut(image, width, channels, view, fill, target.pixels, target.offset)
    } else if (pass.planar) {
      const result = { height: view.height, width: view.width, channels }
      const between = this.#interleaved.take(true, view.height * view.width * channels)
      this.#scale(pointwise, image, fill, between.pixels as Float32Array, 0) // floats were asked for
      planes(between.pixels, result, target.pixels, target.offset)
    } else this.#scale(pointwise, image, fill, target.pixels as Float32Array, target.offset) // as above
  }

  /** Returns `false` if the pass does not scale bytes, or if source or target are out of the kernels' reach. */
  #cutByKernel(at: number, pass: WindowPass, source: Source, target: Target, next: number): boolean {
    const own = this.#kernels
    if (own === undefined || pass.pointwise === undefined || !(source.pixels instanceof Uint8Array)) return false
    const { size, view } = this.#composer
    const { channels, height, width } = size
    const { arena } = own.kernels
    const to = arena.addressOf(target.pixels)
    const constants = this.#constants[at]?.address(arena, channels)
    if (to === undefined || constants === undefined) return false
    const from = own.addressOf(source, rowsOf(view, size))
    const row = pass.planar ? this.#interleaved.take(true, view.width * channels).address : 0
    if (from === undefined || row === undefined) return false
    own.kernels.cutScaled(
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
      row,
      to + 4 * target.offset,
      next,
      next === 0 ? 0 : height * width * channels
    )
    return true
  }

  /** Cuts the composed view out of an image, through a pointwise transform. */
  #scale(
    pointwise: PointwiseTransform,
    image: Pixels,
    fill: ReadonlyArray<number>,
    floats: Float32Array,
    offset: number
  ): void {
    const { size, view } = this.#composer
    const { channels, width } = size
    if (image instanceof Float32Array) {
      cutFloats(image, width, channels, view, fill, pointwise.mean, pointwise.deviation, floats, offset)
    } else if (channels === 1) {
      cutTable1(image, width, view, of(fill, 0), table(pointwise, channels), floats, offset)
    } else {
      cutTable(image, width, channels, view, fill, table(pointwise, channels), floats, offset)
    }
  }

  /** Writes the channels of an image as planes. */
  #planes(source: Source, target: Target): void {
    const { size } = this.#composer
    if (this.#kernels === undefined) planes(viewOf(source, size), size, target.pixels, target.offset)
    else this.#kernels.planes(source, size, target)
  }
}

const copySize = (from: Size, to: Size): void => {
  to.height = from.height
  to.width = from.width
  to.channels = from.channels
}
