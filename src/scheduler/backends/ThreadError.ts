/**
 * What goes wrong with a thread, other than what goes wrong in a stage that it runs.
 *
 * @since 0.1.0
 */
import * as Data from "effect/Data"

/**
 * A thread could not start, or died more often than it may be replaced.
 *
 * @category errors
 * @since 0.1.0
 */
export class ThreadError extends Data.TaggedError("ThreadError")<{
  /** The worker whose batch it was building; before the first batch, the number of the thread. */
  readonly worker: number
  /** The module that it was to build the pipeline from. */
  readonly module: string
  /** The batch that it was building; `undefined` before the first. */
  readonly epoch: number | undefined
  readonly batch: number | undefined
  /** The stage that it was at, as far as it is known. */
  readonly stage: string | undefined
  readonly reason: string
}> {
  override get message(): string {
    const { batch, epoch, module, reason, stage, worker } = this
    if (batch === undefined) return `thread ${worker} (${module}) failed before its first batch: ${reason}`
    const within = stage === undefined ? "" : `, in stage ${stage}`
    return `the thread of worker ${worker} (${module}) failed at epoch ${epoch}, batch ${batch}${within}: ${reason}`
  }
}
