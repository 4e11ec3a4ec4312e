/**
 * The memory that a thread's batches lie in: its own arena, written in place, which its owner reads in place.
 *
 * A batch's places are taken when it is built and given back when its reader is done with it, to be used again by a later
 * batch; so there are as many as are in use at once.
 *
 * @since 0.1.0
 */
import { dtypeOf, type Tensor } from "../../../core/Tensor.ts"
import type { Arena } from "../../../wasm/Arena.ts"
import { Place } from "../../../wasm/Place.ts"
import { takeTensors } from "../remote/BatchCodec.ts"
import type { EncodedBatch, EncodedTensor } from "../remote/Protocol.ts"

/** @since 0.1.0 */
export class SharedTensors {
  readonly #arena: Arena | undefined
  readonly #out = new Map<number, Place>()

  constructor(arena: Arena | undefined) {
    this.#arena = arena
  }

  /** Takes back the place at an address that is no longer read. */
  give(address: number): void {
    this.#out.get(address)?.give()
    this.#out.delete(address)
  }

  /** Encodes a batch. Tensors that lie in the arena already are left where they are, in `lent` places. */
  encode(batch: unknown, lent: ReadonlyArray<Place>): EncodedBatch {
    const places = [...lent]
    const tensors: Array<Tensor> = []
    const value = takeTensors(batch, tensors)
    const encoded = tensors.map((tensor) => this.#write(tensor, places))
    for (const place of places) this.#out.set(place.address, place)
    return { batch: value, tensors: encoded, slots: places.map(({ address, length }) => ({ address, length })) }
  }

  #write({ data, shape }: Tensor, places: Array<Place>): EncodedTensor {
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
    return { _tag: "InMemory", address, length: data.length, dtype: dtypeOf(data), clamped, shape }
  }
}
