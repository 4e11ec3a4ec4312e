/**
 * Errors of one batch, located: at the stage and the sample that they happened at.
 *
 * @since 0.1.0
 */
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Runtime from "effect/Runtime"
import type { BatchRows } from "./BatchRows.ts"
import { errorAt, type StageError } from "./StageError.ts"
import { suspended } from "./Work.ts"

/**
 * The error of a stage at a row; without a row, or behind `batch`, it is the whole batch's. `failure` is what an effect
 * failed with.
 *
 * @since 0.1.0
 */
export const errorOf = (
  rows: BatchRows,
  stage: string,
  row: number | undefined,
  cause: unknown,
  failure?: unknown
): StageError => {
  const { indices, runPlan, ordinal, place, program, scope } = rows
  const { batch, epoch, position } = place
  const sample = scope === "sample" ? row : undefined
  return errorAt(runPlan, { epoch, batch, worker: program.worker }, stage, cause, {
    failure,
    sample: sample === undefined ? undefined : indices[sample],
    position: sample === undefined ? undefined : position + sample,
    ordinal: sample === undefined ? undefined : ordinal + sample
  })
}

/** The error of a stage at a row whose effect ended with `cause`. @since 0.1.0 */
export const errorOfCause = (
  rows: BatchRows,
  stage: string,
  row: number | undefined,
  cause: Cause.Cause<unknown>
): StageError => errorOf(rows, stage, row, Cause.squash(cause), Option.getOrUndefined(Cause.failureOption(cause)))

/**
 * Turns what an effect fails with, or dies of, into its {@link errorOf}. If the worker itself is interrupted, this does
 * not run; an interruption that arrives here is one within the effect, such as that of a fiber it waited for.
 *
 * @since 0.1.0
 */
export const located =
  (rows: BatchRows, stage: string, row: number | undefined) =>
  <A, E, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<A, StageError, R> =>
    Effect.catchAllCause(effect, (cause) => Effect.fail(errorOfCause(rows, stage, row, cause)))

/** The effect of one row, whose failure is that row's alone if another attempt can follow. @since 0.1.0 */
export const failingAlone = (
  rows: BatchRows,
  stage: string,
  row: number,
  effect: Effect.Effect<unknown, unknown, unknown>
): Effect.Effect<unknown, StageError, unknown> =>
  Effect.catchAllCause(effect, (cause) =>
    suspended<StageError>(() => {
      rows.fail(row, errorOfCause(rows, stage, row, cause))
      return undefined
    })
  )

/** What plain code threw; if it ran an effect by `Effect.runSync`, what that failed with. @since 0.1.0 */
export const unwrapped = (thrown: unknown): unknown => {
  try {
    return Runtime.isFiberFailure(thrown) ? Cause.squash(thrown[Runtime.FiberFailureCauseId]) : thrown
  } catch {
    return thrown // a Proxy whose traps throw
  }
}
