/**
 * Image stages of a user's own, with a kernel of their own if they like.
 *
 * @since 0.1.0
 */
import { whole } from "../core/Check.ts"
import { functionOf, optionsOf, textOf } from "../core/Options.ts"
import { type ParametersOption, valid } from "../core/Parameters.ts"
import type { Rng } from "../random/Rng.ts"
import { arena } from "../wasm/Kernels.ts"
import { type Drawing, drawing, type Fixed, fixed } from "./ImageStage.ts"
import type { Pixels, Size } from "./Pixels.ts"
import type { NativeWork, PixelTransform } from "./Transform.ts"

/** @category options @since 0.1.0 */
export interface CustomOptions extends ParametersOption {
  /** The function's name, for errors. */
  readonly name: string
  /** How many numbers it draws for an image. Default 0. */
  readonly numbers?: number
  /** Draws them: sets `parameters`, which has as many places. It is called for each image, in the order of the stages. */
  readonly draw?: (rng: Rng, size: Size, parameters: Float64Array) => void
  /** Sets `output`, which comes as `size`, to the size of the result. Default: the image's own. */
  readonly output?: (size: Size, parameters: Float64Array, output: Size) => void
  /**
   * The work, in plain TypeScript: reads `source`, which begins at the image's first pixel, rows from the top, channels
   * side by side, and is not to be written to; writes the result to `target`, of the same element type, from `offset` on.
   */
  readonly run: (
    source: Pixels,
    size: Size,
    parameters: Float64Array,
    target: Pixels,
    offset: number,
    output: Size
  ) => void
  /**
   * The same for uint8 images, by WebAssembly that was instantiated over {@link kernelMemory}. It must return the same bits
   * as `run`: which of the two is called depends on the machine, and a digest must not.
   */
  readonly kernel?: {
    /** How many bytes of memory it works in, for a result of a size. Default none. */
    readonly scratch?: (output: Size) => number
    /**
     * The work: reads at `source`, writes at `target`, may use `scratch`; addresses in bytes. It may read up to 16 bytes
     * beyond the image, and must write nothing beyond the result and its scratch.
     */
    readonly run: (work: Pick<NativeWork, "source" | "size" | "parameters" | "target" | "output" | "scratch">) => void
  }
}

/**
 * An image stage of your own: with `draw` for `Pipeline.augment`, without it for `Pipeline.map`. Between other image stages
 * it is part of their pass: its image is in memory that is reused, and no tensor is created for it.
 *
 * Throws `InvalidOption` if `numbers` is not a whole number of at least 0, or if the name is empty.
 *
 * @example
 * import { Image, Rng, Tensor } from "furrow"
 *
 * const posterize = Image.custom({
 *   name: "posterize",
 *   numbers: 1,
 *   draw: (rng, _, parameters) => {
 *     parameters[0] = 1 << rng.integer(8)
 *   },
 *   run: (source, { channels, height, width }, [step = 1], target, offset) => {
 *     for (let at = 0; at < height * width * channels; at++) {
 *       const value = source[at] ?? 0
 *       target[offset + at] = value - (value % step)
 *     }
 *   }
 * })
 * const image = Tensor.make(Uint8Array.of(7, 100, 255), [1, 3, 1])
 * const rng = Rng.make({ algorithm: "xoshiro128**", words: [1, 2, 3, 4] })
 * console.assert(posterize(image, rng).shape.join() === "1,3,1")
 *
 * @category image stages
 * @since 0.1.0
 */
export const custom: {
  (options: CustomOptions & { readonly draw: NonNullable<CustomOptions["draw"]> }): Drawing
  (options: CustomOptions & { readonly draw?: never }): Fixed
} = (options: CustomOptions): Drawing & Fixed => {
  optionsOf("Image.custom", options, {
    name: true,
    numbers: true,
    draw: true,
    output: true,
    run: true,
    kernel: true,
    parameters: true
  })
  const { draw, kernel, output, run } = options
  const name = textOf("the name of an image stage", options.name, "not empty")
  functionOf(`run of image stage ${name}`, run)
  if (draw !== undefined) functionOf(`draw of image stage ${name}`, draw)
  if (output !== undefined) functionOf(`output of image stage ${name}`, output)
  if (kernel !== undefined)
    functionOf(
      `kernel.run of image stage ${name}`,
      optionsOf(`the kernel of image stage ${name}`, kernel, { scratch: true, run: true }).run
    )
  const transform: PixelTransform = {
    kind: "pixels",
    userCode: true,
    name,
    draws: draw !== undefined,
    options: valid(`parameters of image stage ${name}`, options.parameters),
    parameters: new Float64Array(whole("numbers", options.numbers ?? 0, 0)),
    draw: draw ?? (() => undefined),
    output: output ?? (() => undefined),
    run: (source, size, parameters, target, offset, to) => run(source, size, parameters, target, offset, to),
    native:
      kernel === undefined
        ? undefined
        : {
            scales: false,
            scratch: kernel.scratch ?? (() => 0),
            run: (_, work) => kernel.run(work)
          }
  }
  // One function: what does not draw does not ask for its rng.
  return draw === undefined ? (fixed(transform) as Drawing & Fixed) : (drawing(transform) as Drawing & Fixed)
}

/**
 * The memory that kernels work in: shared, and imported by a module as `env.memory`. None where there is no memory to
 * share; stages then run as plain TypeScript, so a module need not be instantiated.
 *
 * The module must be made for shared memory of up to 65,536 pages, and keep its own data below byte 65,536, as
 * AssemblyScript does with `--importMemory --sharedMemory --maximumMemory 65536 --runtime stub`; see "A kernel of your
 * own" in docs/performance.md.
 *
 * @category memory
 * @since 0.1.0
 */
export const kernelMemory = (): WebAssembly.Memory | undefined => arena()?.memory
