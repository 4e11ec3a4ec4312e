/**
 * Memory that a thread writes its batches into, in place, and that its owner reads them from.
 *
 * @since 0.1.0
 */

import { isRecord } from "../../stages/Lease.ts"
import { dtypeOf, Tensor } from "../../Tensor.ts"
import type { Laid, Slot } from "./Protocol.ts"

/** Tensors start at multiples of this many bytes, so that every element type can be read in place. */
const ALIGNMENT = 64

const aligned = (bytes: number): number => Math.ceil(bytes / ALIGNMENT) * ALIGNMENT

/** The key under which a tensor's place in the slot stands in its stead. @since 0.1.0 */
export const LAID = "furrow/laid"

/** A batch whose tensors lie in a slot. @since 0.1.0 */
export interface Written {
  readonly slot: Slot | undefined
  /** The value, with `{ [LAID]: n }` in the place of its n-th tensor. */
  readonly value: unknown
  readonly laid: ReadonlyArray<Laid>
}

/**
 * Rings of a thread: the one in use, made anew when a batch does not fit or all of its places are held.
 *
 * @since 0.1.0
 */
export class Rings {
  readonly #places: number
  readonly #announce: (ring: number, memory: SharedArrayBuffer, size: number) => void
  #ring = 0
  #size = 0
  #memory: SharedArrayBuffer | undefined
  #free: Array<number> = []

  /** `announce` is told of every new ring before anything is written there. */
  constructor(places: number, announce: (ring: number, memory: SharedArrayBuffer, size: number) => void) {
    this.#places = places
    this.#announce = announce
  }

  /** Takes back places that nobody reads any more. */
  give(slots: ReadonlyArray<Slot>): void {
    // Those of an earlier ring go with it.
    for (const { place, ring } of slots) if (ring === this.#ring) this.#free.push(place)
  }

  /** Writes all tensors of a value into a place. */
  write(value: unknown): Written {
    const tensors: Array<Tensor> = []
    const own = stand(value, tensors)
    let bytes = 0
    const laid = tensors.map(({ data, shape }): Laid => {
      const offset = bytes
      bytes = aligned(bytes + data.byteLength)
      return {
        offset,
        length: data.length,
        dtype: dtypeOf(data),
        clamped: data instanceof Uint8ClampedArray,
        shape
      }
    })
    if (tensors.length === 0) return { slot: undefined, value: own, laid }
    const place = this.#take(bytes)
    const target = new Uint8Array(this.#memory as SharedArrayBuffer, place * this.#size, this.#size) // `#take` made it
    for (const [index, { data }] of tensors.entries()) {
      target.set(new Uint8Array(data.buffer, data.byteOffset, data.byteLength), laid[index]?.offset ?? 0)
    }
    return { slot: { ring: this.#ring, place }, value: own, laid }
  }

  #take(bytes: number): number {
    const place = bytes <= this.#size ? this.#free.pop() : undefined
    if (place !== undefined) return place
    this.#size = Math.max(aligned(bytes), this.#size, ALIGNMENT)
    this.#memory = new SharedArrayBuffer(this.#size * this.#places)
    this.#free = Array.from({ length: this.#places - 1 }, (_, index) => index + 1)
    this.#ring++
    this.#announce(this.#ring, this.#memory, this.#size)
    return 0
  }
}

/** A copy of a value with stand-ins for its tensors, which are added to `tensors`. */
const stand = (value: unknown, tensors: Array<Tensor>): unknown => {
  if (value instanceof Tensor) return { [LAID]: tensors.push(value) - 1 }
  if (Array.isArray(value)) return value.some(holds) ? value.map((own) => stand(own, tensors)) : value
  if (!isRecord(value)) return value
  return Object.fromEntries(Object.entries(value).map(([key, own]) => [key, stand(own, tensors)]))
}

/** Only arrays that hold something with parts are walked: one of a million strings is sent as it is. */
const holds = (value: unknown): boolean => typeof value === "object" && value !== null

/** Puts tensors in the places of their stand-ins. @since 0.1.0 */
export const restore = (value: unknown, tensor: (index: number) => Tensor): unknown => {
  if (Array.isArray(value)) return value.some(holds) ? value.map((own) => restore(own, tensor)) : value
  if (!isRecord(value)) return value
  const index = value[LAID]
  if (typeof index === "number") return tensor(index)
  return Object.fromEntries(Object.entries(value).map(([key, own]) => [key, restore(own, tensor)]))
}
