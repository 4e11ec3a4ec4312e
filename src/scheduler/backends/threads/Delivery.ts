/**
 * Batches out of one thread's memory: as tensors that are read in place, under a lease, until they are given back.
 *
 * @since 0.1.0
 */

import { type DType, Tensor, type TypedArray } from "../../../core/Tensor.ts"
import type { Batch } from "../../../pipeline/Batch.ts"
import { KEPT_FROM_USE, Lease, lease, leased, Quarantine } from "../../../pipeline/Lease.ts"
import type { Content } from "../Backend.ts"
import { Form, type Like, type Made } from "./Form.ts"
import type { Alike } from "./Mailbox.ts"
import type { Laid, Slot } from "./Protocol.ts"
import { restore } from "./Ring.ts"

/**
 * The memory of a thread, as its owner sees it. It goes with its thread; batches in it stay readable.
 *
 * @since 0.1.0
 */
export class Delivery {
  readonly #debug: boolean
  readonly #forms = new Map<number, Form>()
  readonly #quarantine: Quarantine<Slot>
  #memory: ArrayBufferLike = new ArrayBuffer(0)
  #free: Array<Slot> = []

  /** With `debug`, memory is overwritten as soon as it is given back, so that late readers notice. */
  constructor(debug: boolean) {
    this.#debug = debug
    this.#quarantine = new Quarantine(debug ? KEPT_FROM_USE : 0)
  }

  /** The thread's memory has grown. */
  grown(memory: ArrayBufferLike): void {
    this.#memory = memory
  }

  /** Slots that nobody reads any more, to be given back to the thread. */
  takeFree(): ReadonlyArray<Slot> {
    const free = this.#free
    this.#free = []
    return free
  }

  /** Gives back the slots of a batch that nobody reads. */
  drop(slots: ReadonlyArray<Slot>): void {
    this.#free.push(...slots)
  }

  /** Keeps the form of a batch, of which later ones will speak. */
  learn(made: Made): void {
    if (made.form !== undefined) this.#forms.set(made.form, new Form(made))
  }

  /** A batch of a form that was learnt; `indices` are the rows that were asked for. */
  like(alike: Alike, indices: Float64Array): Like {
    const form = this.#forms.get(alike.form) as Form // said before any that is like it
    return form.like(alike, indices)
  }

  /** The batch that was sent. */
  content({ batch, hash, laid, slots }: Made): Content {
    if (batch === undefined) return { batch: undefined, hash }
    // A thread sends batches.
    const place = batch as { readonly epoch: number; readonly index: number }
    const own = this.#lease(place.epoch, place.index, slots)
    const memory = this.#memory
    const whole = restore(batch, (index) => {
      const at = laid[index] as Laid // as many as stand-ins
      return at._tag === "Sent" ? new Tensor(at.data, at.shape) : leased(own, view(at, memory), at.shape)
    }) as Batch<unknown>
    lease(whole, own)
    return { batch: whole, hash, release: own.release }
  }

  /** The same for a batch of a form, of which all is known but where it lies. */
  contentLike({ alike, form, indices, slots }: Like): Content {
    const own = this.#lease(alike.epoch, alike.batch, slots)
    const memory = this.#memory
    const whole = form.batch(alike, indices, (at) => leased(own, view(at, memory), at.shape))
    lease(whole, own)
    return { batch: whole, hash: alike.hash, release: own.release }
  }

  #lease(epoch: number, batch: number, slots: ReadonlyArray<Slot>): Lease {
    const memory = this.#memory
    return new Lease({ epoch, batch }, () => {
      if (this.#debug) {
        for (const { address, length } of slots) new Uint8Array(memory, address, length).fill(0xff)
      }
      this.#free.push(...this.#quarantine.pass(slots))
    })
  }
}

const arrays: { readonly [D in DType]: new (memory: ArrayBufferLike, offset: number, length: number) => TypedArray } = {
  float32: Float32Array,
  uint8: Uint8Array,
  float64: Float64Array,
  int32: Int32Array,
  uint32: Uint32Array,
  int8: Int8Array,
  int16: Int16Array,
  uint16: Uint16Array,
  int64: BigInt64Array,
  uint64: BigUint64Array
}

const view = (
  { address, clamped, dtype, length }: Extract<Laid, { readonly _tag: "Laid" }>,
  memory: ArrayBufferLike
): TypedArray => new (clamped ? Uint8ClampedArray : arrays[dtype])(memory, address, length)
