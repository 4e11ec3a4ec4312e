/**
 * Batches that were taken from their queues and not delivered yet: empty ones, until a batch with rows shows which columns
 * they have; those of a later epoch than the one that is asked for; and those of which something is to be reported first.
 *
 * @since 0.1.0
 */
import type { BuiltBatch } from "../backends/Backend.ts"

/** A batch that was taken from its queue. @since 0.1.0 */
export interface Taken {
  readonly content: BuiltBatch
  readonly sequence: number
  /** How long the consumer waited for it, in milliseconds. */
  readonly waited: number
  /** How many batches its queue held. */
  readonly queued: number
  /** Whether its worker has been given the credit for another batch. */
  readonly isCredited: boolean
  /** Whether it was to be delivered, and the report that comes first has failed or was interrupted. */
  isUnreported: boolean
  /** How many of the samples that were left out of it have been reported. */
  reported: number
}

/** @since 0.1.0 */
export class HeldBack {
  #all: Array<Taken> = []

  get length(): number {
    return this.#all.length
  }

  get last(): Taken | undefined {
    return this.#all.at(-1)
  }

  /** Adds a batch behind all others. */
  push(taken: Taken): void {
    this.#all.push(taken)
  }

  /** Adds a batch of which something is to be reported: it is the next one to be delivered. */
  unreported(taken: Taken): void {
    taken.isUnreported = true
    this.#all.unshift(taken)
  }

  remove(taken: Taken): void {
    this.#all = this.#all.filter((own) => own !== taken)
  }

  /** Removes and returns the first batch before a sequence number that is accepted. */
  poll(limit: number, accepts: (taken: Taken) => boolean = () => true): Taken | undefined {
    const at = this.#all.findIndex((own) => own.sequence < limit && accepts(own))
    return at === -1 ? undefined : this.#all.splice(at, 1)[0]
  }

  /** Removes and returns all batches before a sequence number. */
  removeBefore(sequence: number): ReadonlyArray<Taken> {
    const removed = this.#all.filter((own) => own.sequence < sequence)
    this.#all = this.#all.filter((own) => own.sequence >= sequence)
    return removed
  }
}
