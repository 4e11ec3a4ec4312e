/**
 * Allocates the images of a batch: one behind the other as long as they have one size, so that they are a column without a
 * copy; otherwise each in memory of its own.
 *
 * @since 0.1.0
 */

import { Tensor } from "../core/Tensor.ts"
import type { Field } from "../sources/Columnar.ts"
import type { Output } from "../wasm/Output.ts"
import type { Target } from "./ImageMemory.ts"
import type { Pixels, Size } from "./Pixels.ts"

/**
 * How many bytes are allocated at most for a batch when its first image is done, on the assumption that all images have its
 * size. For larger batches each image has memory of its own: photos of many sizes would ask for more than there is.
 */
const MOST_SHARED = 2 ** 28

/** The images of one batch. @since 0.1.0 */
export class ImageAllocator {
  readonly #output: Output
  readonly #rows: number
  readonly #shape: (size: Size) => ReadonlyArray<number>
  #row = -1
  #first: Size = { height: 0, width: 0, channels: 0 }
  #length = 0
  #together: Pixels | undefined
  /** The images from the first one on that does not fit behind those before it. */
  #alone: Array<Tensor<Pixels>> | undefined
  /** How many lie together. */
  #count = 0
  #shared: Pixels | undefined

  /** `shape` returns the shape of an image of a size. */
  constructor(output: Output, rows: number, shape: (size: Size) => ReadonlyArray<number>) {
    this.#output = output
    this.#rows = rows
    this.#shape = shape
  }

  /** The memory that all images fill, one behind the other, if they do. */
  get shared(): Pixels | undefined {
    return this.#shared
  }

  /** Allocates the next image. */
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

  /** Returns the images as a column: of tensors if they lie together, otherwise of items. */
  column(): Field {
    if (this.#together === undefined || this.#alone !== undefined) return { _tag: "Items", items: this.end() }
    const data = this.#output.lasting(this.#together)
    return { _tag: "Tensors", data, shape: this.#shape(this.#first), width: this.#length }
  }

  /** Returns the images. */
  end(): ReadonlyArray<Tensor<Pixels>> {
    const images: Array<Tensor<Pixels>> = []
    if (this.#together !== undefined) {
      const all = this.#output.lasting(this.#together)
      const shape = this.#shape(this.#first)
      for (let row = 0; row < this.#count; row++) {
        images.push(new Tensor(all.subarray(row * this.#length, (row + 1) * this.#length), shape))
      }
      if (this.#alone === undefined) this.#shared = all
    }
    return this.#alone === undefined ? images : [...images, ...this.#alone]
  }
}
