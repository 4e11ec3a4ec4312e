/**
 * The accounts of a run: what was delivered, what was left out and may be, and what is counted.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import type { Batch } from "../../pipeline/Batch.ts"
import type { Cuts } from "../plan/Cuts.ts"
import type { Sequence } from "../plan/Sequence.ts"
import type { Delivered } from "./Delivered.ts"
import * as FailurePolicy from "./FailurePolicy.ts"
import type { SkipService } from "./FailureServices.ts"
import type { Taken } from "./HeldBack.ts"
import type { Stats } from "./Loader.ts"
import type * as Metrics from "./Metrics.ts"
import type * as Verify from "./Verify.ts"
import type { WorkerQueues } from "./WorkerQueues.ts"

/** @since 0.1.0 */
export interface AccountsOptions {
  readonly queues: WorkerQueues
  readonly delivered: Delivered
  readonly chosen: Verify.Chosen
  readonly counting: Metrics.Counting
  readonly skip: SkipService | undefined
  /** How many samples may be left out, and how many were before the run continued from its cursor. */
  readonly budget: number
  readonly skippedBefore: number
  readonly sequence: Sequence
  readonly cuts: Cuts
}

const nothing: ReadonlyArray<FailurePolicy.Skipped> = []

/** @since 0.1.0 */
export class Accounts {
  readonly stats: { -readonly [Key in keyof Stats]: Stats[Key] } = {
    batches: 0,
    samples: 0,
    skipped: 0,
    retried: 0,
    replaced: 0,
    verified: 0,
    waited: 0
  }
  readonly #options: AccountsOptions

  constructor(options: AccountsOptions) {
    this.#options = options
  }

  /** The error of a batch that leaves out more samples than the run may. */
  tooMany(skipped: ReadonlyArray<FailurePolicy.Skipped>): FailurePolicy.SkipBudgetExceeded | undefined {
    const { budget, skippedBefore } = this.#options
    let count = this.stats.skipped + skippedBefore
    for (const own of skipped) {
      count += own.samples
      if (count > budget) return new FailurePolicy.SkipBudgetExceeded({ skipped: own, count, budget })
    }
    return undefined
  }

  /**
   * Reports what was left out of a batch. What has been reported is not reported again, unless an interrupt falls right
   * behind the report.
   */
  report(taken: Taken): Effect.Effect<void> {
    const { skip } = this.#options
    const one = (own: FailurePolicy.Skipped): Effect.Effect<void> =>
      Effect.map(skip?.report(own) ?? Effect.void, () => {
        taken.reported++
      })
    return Effect.forEach((taken.content.skipped ?? nothing).slice(taken.reported), one, { discard: true })
  }

  /** Accounts for a batch that is handed on, or of which nothing is left. Throws `DigestError`. */
  add({ content, isCredited, queued, sequence, waited }: Taken, handed: Batch<unknown> | undefined): void {
    const { delivered, chosen, counting, cuts, queues } = this.#options
    const { batch, hash, replaced = 0, retried = 0, skipped = nothing } = content
    if (batch !== undefined && skipped.length === 0) chosen.pass(batch)
    this.stats.retried += retried
    this.stats.replaced += replaced
    delivered.add(sequence, hash)
    if (cuts.batches === undefined && cuts.isCounted) this.#endKnown(sequence)
    if (!isCredited) queues.giveCredit(sequence)
    for (const { samples } of skipped) {
      this.stats.skipped += samples
      counting.skipped(samples)
    }
    if (handed !== undefined) {
      this.stats.batches++
      this.stats.samples += handed.size
      counting.taken(handed.size, waited, queued)
    }
  }

  /** Notes that an epoch ends behind a batch, if it does: its cursor is then that of the next epoch's start. */
  #endKnown(sequence: number): void {
    const { delivered, cuts, sequence: order } = this.#options
    const epoch = order.epochOf(sequence)
    if (cuts.at(epoch, order.batchOf(sequence) + 1) === undefined) delivered.endAt(sequence + 1, order.of(epoch + 1, 0))
  }
}
