/**
 * Counts the runners and threads that died while building each batch. A batch with more deaths than `restarts` fails, so that it
 * does not kill one runner after another. A broken connection may or may not be a death: that is known once the runner has been
 * asked again.
 *
 * @since 0.1.0
 */
import { type PendingBatch, spent } from "../scheduler/backends/remote/PendingBatch.ts"
import type { Seat } from "./Seat.ts"

/** @since 0.1.0 */
export interface DeathsOptions {
  /** How many deaths one batch may have. */
  readonly restarts: number
  /** A batch has more deaths than that. */
  readonly lose: (pending: PendingBatch, reason: string, stage: string | undefined) => void
  /** A batch is no longer suspected. */
  readonly acquitted: (pending: PendingBatch) => void
}

/** @since 0.1.0 */
export class Deaths {
  readonly #options: DeathsOptions
  readonly #deaths = new WeakMap<PendingBatch, number>()
  /** For each batch, the broken connections whose runners may have died. */
  readonly #doubts = new WeakMap<PendingBatch, number>()

  constructor(options: DeathsOptions) {
    this.#options = options
  }

  /** Something died at a batch. */
  charge(pending: PendingBatch, reason: string, stage: string | undefined): void {
    pending.replaced++
    this.#died(pending, reason, stage)
  }

  /** The connection to a runner that was building `batches` broke. */
  doubt(seat: Seat, batches: ReadonlyArray<PendingBatch>, reason: string): void {
    if (batches.length === 0) return
    seat.doubt = { process: seat.member?.process, batches, reason }
    for (const pending of batches) {
      pending.replaced++
      this.#doubts.set(pending, this.#doubtsAt(pending) + 1)
    }
  }

  /**
   * A runner was asked again. If the same process answers as before, it has not died. Returns whether any batch was in doubt.
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

  /** Whether a batch may already have too many deaths: no other runner is risked until that is known. */
  isOpen(pending: PendingBatch): boolean {
    const doubts = this.#doubtsAt(pending)
    return doubts > 0 && doubts + (this.#deaths.get(pending) ?? 0) > this.#options.restarts
  }

  /** What becomes of the batch that a lost runner was at, for a message. */
  fateOf(pending: PendingBatch | undefined): string {
    if (pending === undefined) return "it was at no batch"
    const { batch, epoch } = pending.request
    const { restarts } = this.#options
    const name = `batch ${batch} of epoch ${epoch}`
    if ((this.#deaths.get(pending) ?? 0) > restarts) return `${name} fails, as \`restarts\` is ${restarts}`
    if (!this.isOpen(pending)) return `${name} is built again elsewhere`
    return `${name} fails, as \`restarts\` is ${restarts}, unless the runner answers again`
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
