/**
 * A failure policy as plain limits and calls, for the builders of batches.
 *
 * @since 0.1.0
 */
import type { StageError } from "./StageError.ts"
import type { Later } from "./Work.ts"

/** Waits until it is time for another attempt after an error, and returns whether there is one. @since 0.1.0 */
export type Recurrence = (error: StageError) => Later<boolean, StageError>

/** @since 0.1.0 */
export interface FailureRules {
  /** Returns the recurrence of one sample, or of one batch that fails as a whole; `undefined` if nothing is retried. */
  readonly retry: (() => Recurrence) | undefined
  readonly skip: SkipRule | undefined
  /** How long a sample and a batch may take, in milliseconds. */
  readonly timeout: { readonly sample: number | undefined; readonly batch: number | undefined }
  /** Is called before a batch, or some of its samples, are attempted again; not if all that failed is skipped. */
  readonly retried: () => void
}

/** @since 0.1.0 */
export interface SkipRule {
  /** Which errors may be skipped. A caller's code. */
  readonly when: (error: StageError) => boolean
  /** What takes the place of a skipped sample. */
  readonly fill: "none" | "neighbor"
}

/** The first error ends the run. @since 0.1.0 */
export const failFirst: FailureRules = {
  retry: undefined,
  skip: undefined,
  timeout: { sample: undefined, batch: undefined },
  retried: () => undefined
}

/** What one attempt needs to know of the rules, as plain data. @since 0.1.0 */
export interface Limits {
  /** Whether another attempt may follow, so that samples fail one by one. */
  readonly careful: boolean
  /** How long a sample may take, in milliseconds. */
  readonly sample: number | undefined
  readonly fill: "none" | "neighbor"
}

/** @since 0.1.0 */
export const limits = ({ retry, skip, timeout }: FailureRules): Limits => ({
  careful: retry !== undefined || skip !== undefined,
  sample: timeout.sample,
  fill: skip?.fill ?? "none"
})
