/**
 * Memory that a worker's batches are written to.
 *
 * @since 0.1.0
 */
import type { Arena } from "./Arena.ts"
import { Place } from "./Place.ts"

/** How many places that were given back an output keeps for itself. */
const MOST_KEPT = 4

/**
 * Memory for results. It lies in the arena, where kernels write in place. What becomes of it there depends on who reads
 * the batch: it is lent with the batch, and given back, or copied into memory that lasts.
 *
 * @since 0.1.0
 */
export class Output {
  readonly #arena: Arena | undefined
  readonly #lends: boolean
  #place: Place | undefined
  #lent: Array<Place> = []
  /** Places to use again: to take one from the arena, and to give it back there, costs a microsecond. */
  readonly #kept: Array<Place> = []

  /** `lends`: places are handed over with the batch ({@link lent}) instead of being copied. */
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
    if (this.#lent.length === 0) return none
    const all = this.#lent
    this.#lent = []
    return all
  }

  /** Takes back places that are no longer read. */
  give(places: ReadonlyArray<Place>): void {
    for (const place of places) {
      if (this.#kept.length === MOST_KEPT) this.#kept.shift()?.give()
      this.#kept.push(place)
    }
  }

  #address(arena: Arena, length: number): number | undefined {
    if (!this.#lends) {
      if ((this.#place?.length ?? -1) < length) this.#place = Place.take(arena, length)
      return this.#place?.address
    }
    const place = this.#takeKept(length) ?? Place.take(arena, length)
    if (place !== undefined) this.#lent.push(place)
    return place?.address
  }

  /** The place of `length` bytes that was given back last: the one most likely to be in a cache. */
  #takeKept(length: number): Place | undefined {
    for (let at = this.#kept.length - 1; at >= 0; at--) {
      if (this.#kept[at]?.length === length) return this.#kept.splice(at, 1)[0]
    }
    return undefined
  }
}

const none: ReadonlyArray<Place> = []
