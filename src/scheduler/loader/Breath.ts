/**
 * Turns for timers, signals and I/O, which wait while Effects and plain code follow one another without an end.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import { afterEvents } from "../../core/runtime.ts"

/** Timers and signals wait no longer than this many milliseconds, or one batch. */
const BREATH_MS = 8

/** @since 0.1.0 */
export class Breath {
  #last = performance.now()

  /** Whether they have waited for long. */
  get isDue(): boolean {
    return performance.now() - this.#last >= BREATH_MS
  }

  /** Lets them have their turn. */
  readonly take: Effect.Effect<void> = Effect.async((resume) => {
    const cancel = afterEvents(() => {
      this.#last = performance.now()
      resume(Effect.void)
    })
    return Effect.sync(cancel)
  })

  /** Lets them have their turn if they have waited for long. */
  readonly ifDue: Effect.Effect<void> = Effect.suspend(() => (this.isDue ? this.take : Effect.void))

  /** Lets other fibers work, and all else if it has waited for long. */
  readonly between: Effect.Effect<void> = Effect.suspend(() => (this.isDue ? this.take : Effect.yieldNow()))
}
