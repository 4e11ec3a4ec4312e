/**
 * A window pass over the images of a column, by one call of a kernel.
 *
 * @since 0.1.0
 */
import { gather } from "../core/runtime.ts"
import { Tensor } from "../core/Tensor.ts"
import type { Rng } from "../random/Rng.ts"
import type { TensorColumn } from "../sources/Columnar.ts"
import { kernels } from "../wasm/Kernels.ts"
import type { Output } from "../wasm/Output.ts"
import { Scratch } from "./ImageMemory.ts"
import type { ImageProgram } from "./ImageProgram.ts"
import type { WindowPass } from "./Pass.ts"
import { measure } from "./SampleImage.ts"
import { ScaleConstants } from "./ScaleConstants.ts"
import { WINDOW_BYTES, WindowComposer } from "./WindowComposer.ts"

/** An image of more bytes is copied window by window, not as a whole. */
const LARGE = 16_384

/** It holds scratch memory, so it works on one batch at a time. @since 0.1.0 */
export class ColumnWindows {
  readonly #program: ImageProgram
  readonly #pass: WindowPass | undefined
  readonly #kernels = kernels()
  readonly #constants: ScaleConstants | undefined
  readonly #composer = new WindowComposer()
  readonly #staged = new Scratch(this.#kernels?.arena)
  readonly #windows = new Scratch(this.#kernels?.arena)
  readonly #interleaved = new Scratch(this.#kernels?.arena)

  constructor(program: ImageProgram) {
    this.#program = program
    const [pass] = program.passes
    if (program.passes.length !== 1 || pass?.kind !== "window" || pass.pointwise === undefined) return
    this.#pass = pass
    this.#constants = new ScaleConstants(pass)
  }

  /**
   * Takes the images at `rows` of a column through the pass. Returns `undefined`, before anything is drawn, if the program
   * is not a single window pass that scales bytes, or if the images are so large that only their windows should be copied to
   * the kernels' memory.
   */
  run(
    { data, shape, width: bytes }: TensorColumn,
    rows: Float64Array,
    rngs: (place: number) => (row: number) => Rng,
    memory: Output
  ): TensorColumn | undefined {
    const own = this.#kernels
    const pass = this.#pass
    if (own === undefined || pass === undefined || !(data instanceof Uint8Array)) return undefined
    const { output, size } = this.#composer
    measure(new Tensor(data, shape), size)
    const { arena } = own
    const resident = arena.addressOf(data)
    if (resident === undefined && bytes > LARGE) return undefined
    const count = rows.length
    const constants = this.#constants?.address(arena, size.channels)
    const windows = this.#windows.take(false, WINDOW_BYTES * count).address
    const staged = resident ?? this.#staged.take(false, bytes * count).address
    if (pass.planar && this.#interleaved.take(true, 1).address === undefined) return undefined
    if (constants === undefined || windows === undefined || staged === undefined) return undefined
    const { words } = arena
    this.#composer.composeAll(pass, data, count, rngs, words, windows >>> 2)
    if (resident === undefined) gather(data, rows, bytes, arena.bytes, staged)
    for (let row = 0, at = windows >>> 2; row < count; row++, at += WINDOW_BYTES / 4) {
      const place = resident === undefined ? row : (rows[row] as number) // below the length
      words[at] = staged + place * bytes
    }
    const { channels, height, width } = output
    const pixels = memory.take(true, count * height * width * channels)
    const target = arena.addressOf(pixels)
    // More than there is room for goes row by row.
    if (target === undefined) throw new Error("no memory is left for a batch that kernels could write")
    const touched = resident === undefined ? 0 : bytes
    const planes = pass.planar ? 4 * height * width : 0
    const row = planes === 0 ? 0 : (this.#interleaved.take(true, width * channels).address ?? 0)
    own.cutScaledRows(windows, count, size.width, touched, channels, height, width, constants, planes, row, target)
    return {
      _tag: "Tensors",
      data: memory.lasting(pixels),
      shape: this.#program.shape(output),
      width: height * width * channels
    }
  }
}
