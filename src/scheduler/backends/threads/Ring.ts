/**
 * The memory that a thread's batches lie in: its own arena, written in place, which its owner reads in place.
 *
 * A batch's places are taken when it is made and given back when its reader says so, to be used again by a later batch;
 * so there is a ring of as many as are in use at once.
 *
 * @since 0.1.0
 */

import { isRecord } from "../../../core/Record.ts"
import { dtypeOf, Tensor } from "../../../core/Tensor.ts"
import type { Arena } from "../../../wasm/Arena.ts"
import { Place } from "../../../wasm/Place.ts"
import type { Laid, Slot } from "./Protocol.ts"

/** The key under which a tensor's number stands in its stead. @since 0.1.0 */
export const LAID = "furrow/laid"

/** A batch whose tensors lie in memory that the owner can read. @since 0.1.0 */
export interface Written {
  readonly slots: ReadonlyArray<Slot>
  /** The value, with `{ [LAID]: n }` in the place of its n-th tensor. */
  readonly value: unknown
  readonly laid: ReadonlyArray<Laid>
}

/**
 * The ring of a thread.
 *
 * @since 0.1.0
 */
export class Ring {
  readonly #arena: Arena | undefined
  readonly #out = new Map<number, Place>()

  constructor(arena: Arena | undefined) {
    this.#arena = arena
  }

  /** Takes back places that nobody reads any more. */
  give(slots: ReadonlyArray<Slot>): void {
    for (const { address } of slots) {
      this.#out.get(address)?.give()
      this.#out.delete(address)
    }
  }

  /** Writes all tensors of a value; those that lie in the arena already are left where they are, in `lent` places. */
  write(value: unknown, lent: ReadonlyArray<Place>): Written {
    const places = [...lent]
    const tensors: Array<Tensor> = []
    const own = stand(value, tensors)
    const laid = tensors.map((tensor) => this.#lay(tensor, places))
    for (const place of places) this.#out.set(place.address, place)
    return { slots: places.map(({ address, length }) => ({ address, length })), value: own, laid }
  }

  #lay({ data, shape }: Tensor, places: Array<Place>): Laid {
    const arena = this.#arena
    if (arena === undefined) return { _tag: "Sent", data, shape }
    let address = arena.addressOf(data)
    if (address === undefined) {
      const place = Place.take(arena, data.byteLength)
      // No room is left: it goes as a copy, as it would without shared memory.
      if (place === undefined) return { _tag: "Sent", data, shape }
      places.push(place)
      place.bytes.set(new Uint8Array(data.buffer, data.byteOffset, data.byteLength))
      address = place.address
    }
    const clamped = data instanceof Uint8ClampedArray
    return { _tag: "Laid", address, length: data.length, dtype: dtypeOf(data), clamped, shape }
  }
}

/** As deep as records and lists may be nested. */
const DEEPEST = 500

/**
 * A copy of a value with stand-ins for its tensors, which are added to `tensors`. Throws a `RangeError` if it refers to
 * itself.
 *
 * @since 0.1.0
 */
export const stand = (value: unknown, tensors: Array<Tensor>, depth = 0): unknown => {
  if (depth > DEEPEST) throw new RangeError(`it refers to itself, or is nested deeper than ${DEEPEST}`)
  if (value instanceof Tensor) return { [LAID]: tensors.push(value) - 1 }
  if (Array.isArray(value)) return value.some(holds) ? value.map((own) => stand(own, tensors, depth + 1)) : value
  if (!isRecord(value)) return value
  return Object.fromEntries(Object.entries(value).map(([key, own]) => [key, stand(own, tensors, depth + 1)]))
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
