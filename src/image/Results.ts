/**
 * Where the images of a batch end up: side by side in one stretch of memory as long as they have one size, so that a
 * batch can have it for a column; else each in memory of its own.
 *
 * @since 0.1.0
 */

import { Tensor } from "../core/Tensor.ts"
import type { Output } from "../wasm/Output.ts"
import type { Target } from "./Passes.ts"
import type { Pixels, Size } from "./Transform.ts"

/**
 * How many bytes are set aside for a batch when its first image is done, in the hope that all others have that size:
 * large photos of many sizes would ask for more than there is. Beyond, each image has memory of its own.
 */
const MOST_SHARED = 2 ** 28

/**
 * The results of one batch.
 *
 * @since 0.1.0
 */
export class Results {
  readonly #output: Output
  readonly #rows: number
  readonly #shape: (size: Size) => ReadonlyArray<number>
  #row = -1
  #first: Size = { height: 0, width: 0, channels: 0 }
  #length = 0
  #together: Pixels | undefined
  /** The images from the first one on that has no place beside those before it. */
  #alone: Array<Tensor<Pixels>> | undefined
  /** How many lie together. */
  #count = 0
  #shared: ArrayBufferLike | undefined

  /** `shape` says what shape a result of a size has. */
  constructor(output: Output, rows: number, shape: (size: Size) => ReadonlyArray<number>) {
    this.#output = output
    this.#rows = rows
    this.#shape = shape
  }

  /** The memory that all images lie in, one behind the other; none when they do not. */
  get shared(): ArrayBufferLike | undefined {
    return this.#shared
  }

  /** Gives the next image its memory. */
  readonly target = (float: boolean, size: Size, length: number): Target => {
    const first = this.#first
    this.#row++
    if (this.#row === 0) {
      this.#first = { ...size }
      this.#length = length
      if ((float ? 4 : 1) * length * this.#rows <= MOST_SHARED) {
        this.#together = this.#output.take(float, length * this.#rows)
      }
    }
    const together = this.#together
    const same =
      this.#row === 0 ||
      (size.height === first.height && size.width === first.width && size.channels === first.channels)
    if (this.#alone === undefined && together !== undefined && same && together instanceof Float32Array === float) {
      return { pixels: together, offset: this.#count++ * length }
    }
    const pixels = float ? new Float32Array(length) : new Uint8Array(length)
    this.#alone ??= []
    this.#alone.push(new Tensor(pixels, this.#shape(size)))
    return { pixels, offset: 0 }
  }

  /** All images as one column, or one by one if they have several sizes or more memory than one column may have. */
  column(): Tensor<Pixels> | ReadonlyArray<Tensor<Pixels>> {
    if (this.#together === undefined || this.#alone !== undefined) return this.end()
    return new Tensor(this.#output.lasting(this.#together), [this.#rows, ...this.#shape(this.#first)])
  }

  /** All images. */
  end(): ReadonlyArray<Tensor<Pixels>> {
    const images: Array<Tensor<Pixels>> = []
    if (this.#together !== undefined) {
      const all = this.#output.lasting(this.#together)
      const shape = this.#shape(this.#first)
      for (let row = 0; row < this.#count; row++) {
        images.push(new Tensor(all.subarray(row * this.#length, (row + 1) * this.#length), shape))
      }
      if (this.#alone === undefined) this.#shared = all.buffer
    }
    return this.#alone === undefined ? images : [...images, ...this.#alone]
  }
}
