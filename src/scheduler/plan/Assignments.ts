/**
 * What one worker has to build, batch by batch, moved by arithmetic. A run that is resumed far into 10^9 batches, or skips
 * the rest of an epoch, walks over none of them.
 *
 * @since 0.1.0
 */
import * as Plan from "./Plan.ts"
import type { Sequence } from "./Sequence.ts"

/** A batch that is to be built. @since 0.1.0 */
export interface Assignment {
  readonly epoch: number
  /** The batch's number within the epoch. */
  readonly batch: number
  /** Its sequence number in the run. */
  readonly sequence: number
}

/** The batches that a worker has to build. @since 0.1.0 */
export interface Assignments {
  /** The next one; `undefined` at the end. */
  readonly next: Assignment | undefined
  /** Moves on to the one behind it. */
  pass(): void
}

/** Where a worker begins, and what is left out. @since 0.1.0 */
export interface Bounds {
  readonly worker: number
  readonly workers: number
  readonly sequence: Sequence
  /** The first sequence number that is to be built. */
  readonly first: number
  /** The one behind the last. */
  readonly end: number
  /** Sequence numbers that are not to be built again. */
  readonly ahead: ReadonlySet<number>
}

/** The batches b ≡ worker (mod workers) of each epoch, from a sequence number on. @since 0.1.0 */
export class WorkerAssignments implements Assignments {
  readonly #bounds: Bounds
  #epoch = 0
  #batch = 0
  #next: Assignment | undefined

  constructor(bounds: Bounds) {
    this.#bounds = bounds
    this.#moveTo(bounds.first)
  }

  get next(): Assignment | undefined {
    return this.#next
  }

  pass(): void {
    this.#batch = Plan.batchOf(this.#bounds, this.#bounds.worker, this.#batch + 1)
    this.#settle()
  }

  /** Leaves out all before a sequence number. */
  skipTo(sequence: number): void {
    if (this.#next !== undefined && this.#next.sequence < sequence) this.#moveTo(sequence)
  }

  #moveTo(from: number): void {
    const { sequence, worker } = this.#bounds
    this.#epoch = sequence.epochOf(from)
    this.#batch = Plan.batchOf(this.#bounds, worker, sequence.batchOf(from))
    this.#settle()
  }

  #settle(): void {
    const { ahead, end, sequence, worker } = this.#bounds
    for (;;) {
      if (this.#batch >= sequence.room) {
        this.#epoch++
        this.#batch = Plan.batchOf(this.#bounds, worker, 0)
      }
      const own = sequence.of(this.#epoch, this.#batch)
      if (own >= end) {
        this.#next = undefined
        return
      }
      if (!ahead.has(own)) {
        this.#next = { epoch: this.#epoch, batch: this.#batch, sequence: own }
        return
      }
      this.#batch = Plan.batchOf(this.#bounds, worker, this.#batch + 1)
    }
  }
}
