/**
 * The chain of hashes behind a run's digest, and with it which batches of the run have been delivered.
 *
 * @since 0.1.0
 */
import { sha256Stream } from "../../core/runtime.ts"
import { hex } from "../plan/Digest.ts"

/** Where a chain stands. @since 0.1.0 */
export interface ChainState {
  /** The hash over all before `next`. */
  readonly head: Uint8Array
  /** The first sequence number that is missing. */
  readonly next: number
  /** What was added out of order, by sequence number. */
  readonly early: ReadonlyArray<readonly [sequence: number, hash: Uint8Array | undefined]>
}

/**
 * The chain of a run. `add` takes the hashes of batches in any order, each with its sequence number; what came early waits
 * (32 bytes each) until those before it are there.
 *
 * @since 0.1.0
 */
export class DigestChain {
  #head: Uint8Array
  #next: number
  readonly #early: Map<number, Uint8Array | undefined>
  /** Of epochs whose end was not known: the first sequence number behind the end so far, by the next epoch's first one. */
  readonly #ends = new Map<number, number>()

  constructor({ early, head, next }: ChainState = { head: new Uint8Array(32), next: 0, early: [] }) {
    this.#head = head
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
    this.#early.set(sequence, hash)
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
      this.#absorb(hash)
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
        this.#absorb(hash)
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

  #absorb(hash: Uint8Array | undefined): void {
    if (hash !== undefined) this.#head = sha256Stream().update(this.#head).update(hash).digest()
  }

  /** The digest over the plan's batches from the first on, as far as none is missing: 64 hexadecimal digits. */
  get value(): string {
    return hex(this.#head)
  }
}
