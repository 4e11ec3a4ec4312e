/**
 * Memory that a worker's batches are written to.
 *
 * @since 0.1.0
 */
import type { Arena } from "./Arena.ts"
import { Place } from "./Place.ts"

/**
 * Memory for results. It lies in the arena, where kernels write in place. What becomes of it there depends on who reads
 * the batch: copied into memory that lasts (the default), or handed over as it is, to be given back by hand.
 *
 * @since 0.1.0
 */
export class Output {
  readonly #arena: Arena | undefined
  readonly #lends: boolean
  #place: Place | undefined
  #lent: Array<Place> = []

  /** `lends`: regions are handed over with the batch ({@link lent}) instead of being copied. */
  constructor(arena: Arena | undefined, lends: boolean) {
    this.#arena = arena
    this.#lends = lends
  }

  /** Memory for `length` elements. Where it is not lent, it is good until the next call. */
  take(float: boolean, length: number): Uint8Array | Float32Array {
    const bytes = float ? 4 * length : length
    const arena = this.#arena
    const address = arena === undefined ? undefined : this.#address(arena, bytes)
    if (arena === undefined || address === undefined) {
      return float ? new Float32Array(length) : new Uint8Array(length)
    }
    const { buffer } = arena.bytes
    return float ? new Float32Array(buffer, address, length) : new Uint8Array(buffer, address, length)
  }

  /** The same numbers in memory that is the batch's for good, or for as long as it is lent. */
  lasting(pixels: Uint8Array | Float32Array): Uint8Array | Float32Array {
    if (this.#lends || this.#arena?.addressOf(pixels) === undefined) return pixels
    // Not `slice`, which makes shared memory of shared memory.
    const own = pixels instanceof Float32Array ? new Float32Array(pixels.length) : new Uint8Array(pixels.length)
    own.set(pixels)
    return own
  }

  /** What was lent since this was last asked. */
  lent(): ReadonlyArray<Place> {
    const all = this.#lent
    this.#lent = []
    return all
  }

  #address(arena: Arena, length: number): number | undefined {
    if (!this.#lends) {
      if ((this.#place?.length ?? -1) < length) this.#place = Place.take(arena, length)
      return this.#place?.address
    }
    const place = Place.take(arena, length)
    if (place !== undefined) this.#lent.push(place)
    return place?.address
  }
}
