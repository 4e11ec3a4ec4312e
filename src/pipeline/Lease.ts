/**
 * Batches in borrowed memory. A thread writes its batches into memory that it uses again; who takes the next batch gives
 * back the one before. {@link hold} keeps one longer, {@link copy} makes one that lasts.
 *
 * @since 0.1.0
 */
import * as Data from "effect/Data"
import { Tensor, type TypedArray } from "../core/Tensor.ts"

/**
 * A batch was read after its memory had been given back.
 *
 * @category errors
 * @since 0.1.0
 */
export class StaleBatch extends Data.TaggedError("StaleBatch")<{
  readonly epoch: number
  readonly batch: number
}> {
  override get message(): string {
    return (
      `batch ${this.batch} of epoch ${this.epoch} lies in memory that was given back when the next one was taken; ` +
      "keep it with Batch.hold, or copy it with Batch.copy, before that"
    )
  }
}

/** Who may read borrowed memory, and until when. @since 0.1.0 */
export class Lease {
  #holds = 1
  readonly #place: { readonly epoch: number; readonly batch: number }
  readonly #end: () => void

  /** Memory that is read until its first holder, the run, lets go of it; `end` is called when the last one has. */
  constructor(place: { readonly epoch: number; readonly batch: number }, end: () => void) {
    this.#place = place
    this.#end = end
  }

  get over(): boolean {
    return this.#holds === 0
  }

  /** Throws {@link StaleBatch} when the memory has been given back. */
  check(): void {
    if (this.over) throw new StaleBatch(this.#place)
  }

  /** One more reader; what it gives lets go again. */
  hold(): () => void {
    this.check()
    this.#holds++
    return this.#once()
  }

  /** Lets go for the run. */
  readonly release = this.#once()

  #once(): () => void {
    let done = false
    return () => {
      if (done) return
      done = true
      this.#holds--
      if (this.#holds === 0) this.#end()
    }
  }
}

/**
 * Places on their way back, of which the last few are kept from being used again: in debug mode what was overwritten on
 * purpose is not to be overwritten by another batch right away, which would look like data.
 *
 * @since 0.1.0
 */
export class Quarantine<Place> {
  readonly #kept: Array<Place> = []
  readonly #size: number

  constructor(size: number) {
    this.#size = size
  }

  /** Takes places in, and gives those that have been here for long enough. */
  pass(places: ReadonlyArray<Place>): ReadonlyArray<Place> {
    this.#kept.push(...places)
    return this.#kept.splice(0, Math.max(0, this.#kept.length - this.#size))
  }
}

/** How many places a worker keeps from use in debug mode. @since 0.1.0 */
export const KEPT_FROM_USE = 16

const leases = new WeakMap<object, Lease>()

/** Says that a batch's columns lie in leased memory. @since 0.1.0 */
export const lease = (batch: object, own: Lease): void => {
  leases.set(batch, own)
}

/** Returns the lease of a batch, if its columns lie in leased memory. @since 0.1.0 */
export const leaseOf = (batch: object): Lease | undefined => leases.get(batch)

/**
 * A tensor in leased memory. Whoever asks it for its data when the lease is over gets a {@link StaleBatch} instead; a
 * typed array that was taken from it before cannot be guarded so.
 *
 * @since 0.1.0
 */
export const leased = <D extends TypedArray>(own: Lease, data: D, shape: ReadonlyArray<number>): Tensor<D> =>
  Object.defineProperty(new Tensor(data, shape), "data", {
    enumerable: true,
    get: () => {
      own.check()
      return data
    }
  })
