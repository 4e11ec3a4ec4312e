/**
 * What goes wrong with a backend, other than what goes wrong in a stage that it runs.
 *
 * @since 0.1.0
 */
import * as Data from "effect/Data"

/**
 * A backend cannot build batches: one of its members (a thread, a process) could not start, or died or hung more often
 * than it may be replaced; or one of your own threw, or gave what is no batch.
 *
 * @category errors
 * @since 0.1.0
 */
export class BackendError extends Data.TaggedError("BackendError")<{
  /** The name of the backend: `"threads"`, or that of your own. */
  readonly backend: string
  readonly reason: string
  /** The worker whose batch was being built; before the first batch, the number of the member. */
  readonly worker?: number | undefined
  /** The module that members build the pipeline from. */
  readonly module?: string | undefined
  /** The batch that was being built; `undefined` before the first. */
  readonly epoch?: number | undefined
  readonly batch?: number | undefined
  /** The stage that the member was at, as far as it is known. */
  readonly stage?: string | undefined
}> {
  override get message(): string {
    const { backend, batch, epoch, module, reason, stage, worker } = this
    const who = worker === undefined ? "" : `, ${batch === undefined ? "member" : "worker"} ${worker}`
    const from = module === undefined ? "" : ` (${module})`
    const within = stage === undefined ? "" : `, in stage ${stage}`
    const at = batch === undefined ? "before its first batch" : `at epoch ${epoch}, batch ${batch}${within}`
    return `backend ${backend}${who}${from} failed ${at}: ${reason}`
  }
}
