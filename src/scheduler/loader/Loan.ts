/**
 * The batch that a run has lent to its consumer.
 *
 * @since 0.1.0
 */
import type { Lease } from "../../pipeline/Lease.ts"

/**
 * The loan of the batch that was delivered last. It ends with the step of `forEach`; without steps when the next batch is
 * asked for, or when the run is closed.
 *
 * @since 0.1.0
 */
export class Loan {
  #lease: Lease | undefined
  #inSteps = false

  /** Lends a batch that lies in memory under this lease, if it has one. */
  begin(lease: Lease | undefined): void {
    lease?.handOver()
    this.#lease = lease
  }

  /** Ends what was lent last. */
  end(): void {
    this.#lease?.release()
    this.#lease = undefined
  }

  /** From now on batches are lent to steps. */
  beginSteps(): void {
    this.#inSteps = true
  }

  endSteps(): void {
    this.#inSteps = false
    this.end()
  }

  /** The run is closed. A step that is under way reads its batch to its own end. */
  close(): void {
    if (!this.#inSteps) this.end()
  }
}
