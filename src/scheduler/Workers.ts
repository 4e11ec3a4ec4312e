/**
 * How many workers make batches, and on what: the service that a run takes its workers from.
 *
 * @since 0.1.0
 */
import { Context, Layer } from "effect"
import { checked, type InvalidOption, whole } from "../InvalidOption.ts"

/** @since 0.1.0 */
export interface Service {
  /** What a worker runs on. */
  readonly backend: "fibers"
  readonly count: number
}

/**
 * The tag of the workers.
 *
 * @since 0.1.0
 */
export class Workers extends Context.Tag("furrow/Workers")<Workers, Service>() {}

/** The most workers a run can have: what the seed packing has room for. @since 0.1.0 */
export const MAX = 4096

/**
 * `count` fibers of this thread. Fails with `InvalidOption` unless it is a whole number from 1 to 4096.
 *
 * @example
 * import { Effect, Exit } from "effect"
 * import { Workers } from "furrow"
 *
 * const count = Workers.Workers.pipe(Effect.map((workers) => workers.count))
 * console.assert(Effect.runSync(count.pipe(Effect.provide(Workers.fibers(4)))) === 4)
 * console.assert(Exit.isFailure(Effect.runSyncExit(count.pipe(Effect.provide(Workers.fibers(0))))))
 *
 * @since 0.1.0
 */
export const fibers = (count: number): Layer.Layer<Workers, InvalidOption> =>
  Layer.effect(
    Workers,
    checked(() => ({ backend: "fibers", count: whole("workers", count, 1, MAX) }))
  )
