/**
 * What died while it was building a batch: a batch at which too much has died is lost, so that it does not end one runner
 * after the other. A connection that breaks says nothing of its runner: whether that died is known once it is asked again.
 *
 * @since 0.1.0
 */
import { type PendingBatch, spent } from "../scheduler/backends/remote/PendingBatch.ts"
import type { Seat } from "./Seat.ts"

/** @since 0.1.0 */
export interface DeathsOptions {
  /** How often something may die that is building one batch. */
  readonly restarts: number
  /** More has died at a batch than may. */
  readonly lose: (pending: PendingBatch, reason: string, stage: string | undefined) => void
  /** A batch is not suspected any more. */
  readonly acquitted: (pending: PendingBatch) => void
}

/** @since 0.1.0 */
export class Deaths {
  readonly #options: DeathsOptions
  readonly #deaths = new WeakMap<PendingBatch, number>()
  /** How many connections broke at a batch of which it is not known yet whether their runners died. */
  readonly #doubts = new WeakMap<PendingBatch, number>()

  constructor(options: DeathsOptions) {
    this.#options = options
  }

  /** Something died at a batch. */
  charge(pending: PendingBatch, reason: string, stage: string | undefined): void {
    pending.replaced++
    this.#died(pending, reason, stage)
  }

  /** The connection to a runner broke, which was building some batches. */
  doubt(seat: Seat, batches: ReadonlyArray<PendingBatch>, reason: string): void {
    if (batches.length === 0) return
    seat.doubt = { process: seat.member?.process, batches, reason }
    for (const pending of batches) {
      pending.replaced++
      this.#doubts.set(pending, this.#doubtsAt(pending) + 1)
    }
  }

  /**
   * A runner was asked again: if the process that answers is that of before, it died at no batch. Returns whether that says
   * something of any.
   */
  asked(seat: Seat, process: string | undefined): boolean {
    const { doubt } = seat
    if (doubt === undefined) return false
    seat.doubt = undefined
    for (const pending of doubt.batches) {
      this.#doubts.set(pending, this.#doubtsAt(pending) - 1)
      if (process === undefined || process !== doubt.process) this.#died(pending, doubt.reason, undefined)
      else if (!this.isSuspect(pending)) this.#options.acquitted(pending)
    }
    return true
  }

  /** Whether something has died at a batch, or may have. */
  isSuspect(pending: PendingBatch): boolean {
    return this.#deaths.has(pending) || this.#doubtsAt(pending) > 0
  }

  /** Whether it may turn out that too much has died at a batch: no other runner is risked until that is known. */
  isOpen(pending: PendingBatch): boolean {
    const doubts = this.#doubtsAt(pending)
    return doubts > 0 && doubts + (this.#deaths.get(pending) ?? 0) > this.#options.restarts
  }

  #doubtsAt(pending: PendingBatch): number {
    return this.#doubts.get(pending) ?? 0
  }

  #died(pending: PendingBatch, reason: string, stage: string | undefined): void {
    const { lose, restarts } = this.#options
    const deaths = (this.#deaths.get(pending) ?? 0) + 1
    this.#deaths.set(pending, deaths)
    if (deaths > restarts) lose(pending, spent(reason, restarts), stage)
  }
}
