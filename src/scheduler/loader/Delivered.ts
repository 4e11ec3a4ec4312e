/**
 * Which batches of a run have been delivered: all up to one, and those that came early.
 *
 * @since 0.1.0
 */
import type { DigestChain } from "./DigestChain.ts"

/** What was delivered so far. @since 0.1.0 */
export interface DeliveredState {
  /** The first sequence number that is missing. */
  readonly next: number
  /** What was delivered out of order, by sequence number. */
  readonly early: ReadonlyArray<readonly [sequence: number, hash: Uint8Array | undefined]>
}

/**
 * The ledger of a run. `add` takes batches in any order, each with its sequence number and its hash; the hashes of those
 * that came early wait (32 bytes each) until those before them are there, and go into the chain in the plan's order.
 *
 * @since 0.1.0
 */
export class Delivered {
  readonly #chain: DigestChain
  #next: number
  readonly #early: Map<number, Uint8Array | undefined>
  /** Of epochs whose end was not known: the first sequence number behind the end so far, by the next epoch's first one. */
  readonly #ends = new Map<number, number>()

  constructor(chain: DigestChain, { early, next }: DeliveredState = { next: 0, early: [] }) {
    this.#chain = chain
    this.#next = next
    this.#early = new Map(early)
  }

  /** The first sequence number that is missing. */
  get next(): number {
    return this.#next
  }

  /** What came early, in the order of sequence numbers. */
  get early(): ReadonlyArray<readonly [number, Uint8Array | undefined]> {
    return [...this.#early].toSorted(([a], [b]) => a - b)
  }

  /** Adds the hash of a batch; `undefined` if nothing was left of the batch. */
  add(sequence: number, hash: Uint8Array | undefined): void {
    if (sequence === this.#next) {
      this.#next++
      this.#chain.add(hash)
      if (this.#early.size === 0 && this.#ends.size === 0) return
    } else this.#early.set(sequence, hash)
    this.#settle()
  }

  /** Notes that an epoch ends at `sequence` or before it, and that `next` is the next epoch's first sequence number. */
  endAt(sequence: number, next: number): void {
    if (sequence < this.#next) return
    this.#ends.set(next, Math.min(sequence, this.#ends.get(next) ?? sequence))
    this.#settle()
  }

  /** Leaves out all before `sequence` that were not added; those that were go in, in order. */
  skipTo(sequence: number): void {
    for (const [own, hash] of this.early) {
      if (own >= sequence) break
      this.#early.delete(own)
      this.#chain.add(hash)
    }
    this.#next = Math.max(this.#next, sequence)
    this.#settle()
  }

  /** The first sequence number behind `sequence` that is missing. */
  missingBehind(sequence: number): number {
    let next = Math.max(sequence + 1, this.#next)
    for (;;) {
      const behind = this.#early.has(next) ? next + 1 : this.#behindEnd(next)
      if (behind === undefined) return next
      next = behind
    }
  }

  /** How many sequence numbers before `sequence` are still missing; all of an epoch's, as long as its end is not known. */
  missing(sequence: number): number {
    let count = Math.max(sequence - this.#next, 0)
    for (const [next, end] of this.#ends) {
      count -= Math.max(0, Math.min(next, sequence) - Math.max(end, this.#next))
    }
    if (this.#early.size > 0) for (const own of this.#early.keys()) if (own < sequence) count--
    return count
  }

  #settle(): void {
    for (;;) {
      if (this.#early.has(this.#next)) {
        const hash = this.#early.get(this.#next)
        this.#early.delete(this.#next)
        this.#next++
        this.#chain.add(hash)
      } else {
        const behind = this.#behindEnd(this.#next)
        if (behind === undefined) return
        this.#next = behind
        for (const own of this.#ends.keys()) if (own <= behind) this.#ends.delete(own)
      }
    }
  }

  /** The first sequence number of the epoch behind the one that ends at `sequence`; `undefined` if none does. */
  #behindEnd(sequence: number): number | undefined {
    if (this.#ends.size > 0) for (const [next, end] of this.#ends) if (end === sequence) return next
    return undefined
  }
}
