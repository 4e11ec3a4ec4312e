/**
 * Batches in borrowed memory, which is used again once all who may read it have let go of it.
 *
 * @since 0.1.0
 */
/// <reference lib="esnext.disposable" preserve="true" />
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
      `batch ${this.batch} of epoch ${this.epoch} lies in memory that was given back: when its step of forEach was done, ` +
      "when it was disposed, or, with { lend: true }, when the next one was taken or the run closed; keep it with " +
      "Batch.hold, or copy it with Batch.copy, before that"
    )
  }
}

/** The leases of tensors in borrowed memory. */
const leases = new WeakMap<Tensor, Lease>()

/**
 * The places of all leases that have been handed over and are not over. A typed array does not keep the place it lies in, so
 * that a batch that is garbage does not mean that its memory is no longer read.
 */
const handed = new Set<object>()

/** Who may read borrowed memory, and until when. @since 0.1.0 */
export class Lease {
  #holds = 1
  #released = false
  readonly #epoch: number
  readonly #batch: number
  readonly #end: () => void
  readonly #places: ReadonlyArray<object>
  /** Whether all of it is ordinary memory: a batch that is never given back may stay there for good. */
  readonly isOrdinary: boolean

  /**
   * Memory of a batch that is read until its first holder, the run or the batch's owner, lets go of it; `end` is called when
   * the last one has. `places` are objects that the memory would be used again without.
   */
  constructor(
    epoch: number,
    batch: number,
    end: () => void,
    { isOrdinary = false, places = [] }: { readonly isOrdinary?: boolean; readonly places?: ReadonlyArray<object> } = {}
  ) {
    this.#epoch = epoch
    this.#batch = batch
    this.#end = end
    this.#places = places
    this.isOrdinary = isOrdinary
  }

  /** Somebody outside gets to see the memory: from now on it is used again only when all have let go of it. */
  handOver(): void {
    for (const place of this.#places) handed.add(place)
  }

  get over(): boolean {
    return this.#holds === 0
  }

  /** Throws {@link StaleBatch} when the memory has been given back. */
  check(): void {
    if (this.#holds === 0) throw new StaleBatch({ epoch: this.#epoch, batch: this.#batch })
  }

  /** One more reader; what it gives lets go again. */
  hold(): () => void {
    this.check()
    this.#holds++
    let done = false
    return () => {
      if (done) return
      done = true
      this.#letGo()
    }
  }

  /** Lets go for its first holder. */
  readonly release = (): void => {
    if (this.#released) return
    this.#released = true
    this.#letGo()
  }

  /**
   * A tensor in this memory. Whoever asks it for its data when the lease is over gets a {@link StaleBatch} instead; a typed
   * array that was taken from it before cannot be guarded so.
   */
  tensor<D extends TypedArray>(data: D, shape: ReadonlyArray<number>): Tensor<D> {
    const own = Object.defineProperty(new Tensor(data, shape), "data", {
      enumerable: true,
      get: () => {
        this.check()
        return data
      }
    })
    leases.set(own, this)
    return own
  }

  /** The lease of a tensor that lies in borrowed memory, whatever batch it has been put into. */
  static ofTensor(tensor: Tensor): Lease | undefined {
    return leases.get(tensor)
  }

  #letGo(): void {
    this.#holds--
    if (this.#holds > 0) return
    for (const place of this.#places) handed.delete(place)
    this.#end()
  }
}

/** What may lie in borrowed memory, and gives it back when it is disposed. @since 0.1.0 */
export abstract class Borrower implements Disposable {
  readonly #lease: Lease | undefined

  /** Without a lease it lies in memory of its own, and there is nothing to give back. */
  constructor(lease: Lease | undefined) {
    this.#lease = lease
  }

  /** The lease of a value that lies in borrowed memory. */
  static leaseOf(value: object): Lease | undefined {
    return #lease in value ? value.#lease : undefined
  }

  [Symbol.dispose](): void {
    this.#lease?.release()
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
    if (this.#size === 0) return places
    this.#kept.push(...places)
    return this.#kept.splice(0, Math.max(0, this.#kept.length - this.#size))
  }
}

/** How many places a worker keeps from use in debug mode. @since 0.1.0 */
export const KEPT_FROM_USE = 16
