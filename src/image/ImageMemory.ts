/**
 * Where images lie: the source of a pass, its target, and the memory between two passes.
 *
 * @since 0.1.0
 */
import type { Arena } from "../wasm/Arena.ts"
import { Place } from "../wasm/Place.ts"
import type { Pixels, Size } from "./Pixels.ts"

/** Where a result goes: memory of the requested element type, from `offset` on. @since 0.1.0 */
export interface Target {
  readonly pixels: Pixels
  readonly offset: number
}

/** Gives the memory for a result, once its element type and size are known. @since 0.1.0 */
export type Allocate = (float: boolean, size: Size, length: number) => Target

/** Where an image lies: its first element is `pixels[offset]`. @since 0.1.0 */
export interface Source {
  readonly pixels: Pixels
  readonly offset: number
  /** The address of `pixels[0]`, if it lies in the kernels' memory. */
  readonly address: number | undefined
}

/** Returns an image as an array that begins with it. @since 0.1.0 */
export const viewOf = ({ offset, pixels }: Source, { channels, height, width }: Size): Pixels =>
  offset === 0 ? pixels : pixels.subarray(offset, offset + height * width * channels)

/** Memory between two passes: kept, and grown for an image that is larger than any before. @since 0.1.0 */
export class Scratch implements Source, Target {
  pixels: Pixels = new Uint8Array(0)
  readonly offset = 0
  address: number | undefined = undefined
  readonly #arena: Arena | undefined
  #place: Place | undefined
  #bytes: Uint8Array = new Uint8Array(0)
  #floats: Float32Array = new Float32Array(0)

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
