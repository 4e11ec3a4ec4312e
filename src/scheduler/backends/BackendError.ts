/**
 * What goes wrong with a backend, other than what goes wrong in a stage that it runs.
 *
 * @since 0.1.0
 */
import * as Data from "effect/Data"

/**
 * A backend cannot build batches: one of its members (a thread, a process) could not start, or died or hung more often
 * than it may be replaced.
 *
 * @category errors
 * @since 0.1.0
 */
export class BackendError extends Data.TaggedError("BackendError")<{
  /** The name of the backend: `"threads"`, or that of your own. */
  readonly backend: string
  /** The worker whose batch was being built; before the first batch, the number of the member. */
  readonly worker: number
  /** The module that members build the pipeline from. */
  readonly module: string
  /** The batch that was being built; `undefined` before the first. */
  readonly epoch: number | undefined
  readonly batch: number | undefined
  /** The stage that the member was at, as far as it is known. */
  readonly stage: string | undefined
  readonly reason: string
}> {
  override get message(): string {
    const { backend, batch, epoch, module, reason, stage, worker } = this
    if (batch === undefined)
      return `backend ${backend}, member ${worker} (${module}) failed before its first batch: ${reason}`
    const within = stage === undefined ? "" : `, in stage ${stage}`
    return `backend ${backend}, worker ${worker} (${module}) failed at epoch ${epoch}, batch ${batch}${within}: ${reason}`
  }
}
