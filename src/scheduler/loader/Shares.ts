/**
 * What one worker has to build, batch by batch: a position in its part of the plan, moved by arithmetic. A run that is
 * resumed far into 10^9 batches, or skips the rest of an epoch, walks over none of them.
 *
 * @since 0.1.0
 */

/** A batch that is to be built: its place in the run, and in its epoch. @since 0.1.0 */
export interface Share {
  readonly epoch: number
  /** The batch's number within the epoch. */
  readonly number: number
  /** Its place in the row of all batches: epoch × batches an epoch + number. */
  readonly place: number
}

/** The batches that a worker has to build. @since 0.1.0 */
export interface Shares {
  /** The next one; none at the end. */
  readonly next: Share | undefined
  /** Goes on to the one behind it. */
  pass(): void
}

/** Where a worker begins, and what is left out. @since 0.1.0 */
export interface Bounds {
  readonly worker: number
  readonly workers: number
  /** How many batches an epoch has; more than `worker`. */
  readonly batches: number
  /** The first place that is to be built. */
  readonly first: number
  /** The place behind the last one. */
  readonly end: number
  /** Places that are not to be built again. */
  readonly ahead: ReadonlySet<number>
}

/** The batches b ≡ worker (mod workers) of each epoch, from a place on. @since 0.1.0 */
export class WorkerShares implements Shares {
  readonly #bounds: Bounds
  #epoch = 0
  #number = 0
  #next: Share | undefined

  constructor(bounds: Bounds) {
    this.#bounds = bounds
    this.#moveTo(bounds.first)
  }

  get next(): Share | undefined {
    return this.#next
  }

  pass(): void {
    this.#number += this.#bounds.workers
    this.#settle()
  }

  /** Leaves out all before a place. */
  skipTo(place: number): void {
    if (this.#next !== undefined && this.#next.place < place) this.#moveTo(place)
  }

  #moveTo(place: number): void {
    const { batches, worker, workers } = this.#bounds
    this.#epoch = Math.floor(place / batches)
    const number = place % batches
    this.#number = worker + Math.ceil(Math.max(number - worker, 0) / workers) * workers
    this.#settle()
  }

  #settle(): void {
    const { ahead, batches, end, worker, workers } = this.#bounds
    for (;;) {
      if (this.#number >= batches) {
        this.#epoch++
        this.#number = worker
      }
      const place = this.#epoch * batches + this.#number
      if (place >= end) {
        this.#next = undefined
        return
      }
      if (!ahead.has(place)) {
        this.#next = { epoch: this.#epoch, number: this.#number, place }
        return
      }
      this.#number += workers
    }
  }
}
