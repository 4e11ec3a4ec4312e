/**
 * Runs transforms by WebAssembly kernels.
 *
 * @since 0.1.0
 */
import type { Kernels } from "../wasm/Kernels.ts"
import { Scratch, type Source, type Target, viewOf } from "./ImageMemory.ts"
import { planes } from "./kernels/planes.ts"
import type { Rectangle, Size } from "./Pixels.ts"
import type { Native, NativeWork } from "./Transform.ts"
import type { Rows } from "./WindowView.ts"

/** What follows the transform in the same pass; see {@link NativeWork}. @since 0.1.0 */
export interface Following {
  readonly constants: number
  readonly flipVertical: boolean
  readonly flipHorizontal: boolean
  readonly planes: number
}

/** It holds scratch memory, so it works on one image at a time. @since 0.1.0 */
export class KernelRunner {
  readonly kernels: Kernels
  readonly #staged: Scratch
  readonly #scratch: Scratch
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

  constructor(kernels: Kernels) {
    this.kernels = kernels
    this.#staged = new Scratch(kernels.arena)
    this.#scratch = new Scratch(kernels.arena)
  }

  /** Runs a transform, from `size` to `output`; returns `false` if source or target are out of the kernels' reach. */
  run(
    native: Native,
    parameters: Float64Array,
    source: Source,
    size: Size,
    { offset, pixels }: Target,
    output: Size,
    following: Following
  ): boolean {
    const { arena } = this.kernels
    const to = arena.addressOf(pixels)
    if (to === undefined) return false
    const rectangle = this.#rectangle
    rectangle.top = 0
    rectangle.height = size.height
    native.reads?.(size, parameters, rectangle)
    const bytes = size.width * size.channels
    const rows = { first: rectangle.top, end: rectangle.top + rectangle.height, bytes }
    const from = this.addressOf(source, rows)
    const scratch = this.#scratch.take(false, native.scratch(output)).address
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
    work.flipVertical = following.flipVertical
    work.flipHorizontal = following.flipHorizontal
    work.constants = following.constants
    work.planes = following.planes
    native.run(this.kernels, work)
    return true
  }

  /** Writes the channels of an image of a size as planes. */
  planes(source: Source, size: Size, { offset, pixels }: Target): void {
    const { arena } = this.kernels
    const each = source.pixels.BYTES_PER_ELEMENT
    const to = arena.addressOf(pixels)
    const rows = { first: 0, end: size.height, bytes: size.width * size.channels }
    const from =
      to === undefined
        ? undefined
        : source.pixels instanceof Uint8Array
          ? this.addressOf(source, rows)
          : arena.addressOf(viewOf(source, size))
    if (to === undefined || from === undefined) planes(viewOf(source, size), size, pixels, offset)
    else this.kernels.planar(from, size.height, size.width, size.channels, each, to + each * offset)
  }

  /**
   * Returns the address of an image's first byte, after copying its rows into the kernels' memory if they do not lie there;
   * `undefined` if there is no memory left.
   */
  addressOf({ address, offset, pixels }: Source, { bytes, end, first }: Rows): number | undefined {
    if (address !== undefined) return address + offset
    const { arena } = this.kernels
    const length = Math.max(end - first, 0) * bytes
    const own = this.#staged.take(false, length).address
    if (own === undefined) return undefined
    const from = offset + first * bytes
    // Only rows from `first` on are read, so the address of row 0, which was not copied, may be out of range.
    arena.bytes.set(pixels.subarray(from, from + length), own)
    return own - first * bytes
  }
}
