/**
 * Gives way to timers, signals and I/O between two batches.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import { afterEvents } from "../runtime.ts"

/** Timers and signals wait no longer than this many milliseconds, or one batch. */
const BREATH_MS = 8

/** Lets timers, signals and I/O have their turn where they have waited for long. @since 0.1.0 */
export class Breath {
  #last = performance.now()

  get isDue(): boolean {
    return performance.now() - this.#last >= BREATH_MS
  }

  readonly take: Effect.Effect<void> = Effect.async((resume) => {
    const cancel = afterEvents(() => {
      this.#last = performance.now()
      resume(Effect.void)
    })
    return Effect.sync(cancel)
  })

  /** Lets other fibers work, and all else where it has waited for long. */
  readonly between: Effect.Effect<void> = Effect.suspend(() => (this.isDue ? this.take : Effect.yieldNow()))
}
