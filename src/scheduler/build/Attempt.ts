/**
 * One attempt at building a batch: how it fails, and what a failure policy changes about it.
 *
 * @since 0.1.0
 */
import * as Data from "effect/Data"
import type * as Duration from "effect/Duration"
import type { CoordinatesError } from "../../seeding/Coordinates.ts"
import type { Service } from "./FailurePolicy.ts"
import type { DatasetChanged, StageError } from "./StageError.ts"

/**
 * Samples of one batch that failed, each with its own error.
 *
 * @since 0.1.0
 */
export class SamplesFailed extends Data.TaggedError("SamplesFailed")<{
  /** In the order of their rows; at least one. */
  readonly errors: readonly [StageError, ...ReadonlyArray<StageError>]
}> {}

/** Why an attempt failed. @since 0.1.0 */
export type AttemptError = StageError | CoordinatesError | DatasetChanged | SamplesFailed

/** The rows of a batch that are left out of it. @since 0.1.0 */
export type Left = ReadonlySet<number>

/** What a failure policy changes about the attempts of a worker. @since 0.1.0 */
export interface Limits {
  /** Whether what fails is attempted again sample by sample. */
  readonly careful: boolean
  /** How long a sample may take. */
  readonly sample: Duration.Duration | undefined
  /** How long a batch may take. */
  readonly batch: Duration.Duration | undefined
  readonly fill: "none" | "neighbour"
}

/** No limits. @since 0.1.0 */
export const unlimited: Limits = { careful: false, sample: undefined, batch: undefined, fill: "none" }

/** The limits of a failure policy. @since 0.1.0 */
export const limitsOf = ({ retry, skip, timeout }: Service): Limits => ({
  careful: retry !== undefined || skip !== undefined,
  ...timeout,
  fill: skip?.fill ?? "none"
})
