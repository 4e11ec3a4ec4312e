/**
 * A condition that fibers wait for.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"

/** Wakes all that wait for a condition. @since 0.1.0 */
export class Signal {
  readonly #waiting = new Set<() => void>()

  /**
   * Waits until it is notified while the condition holds, or held when the wait began. A fiber can yield between any two
   * steps, so the condition is read again when the wait begins: a change before that would wake nobody.
   */
  until(holds: () => boolean): Effect.Effect<void> {
    return Effect.async((resume) => {
      if (holds()) {
        resume(Effect.void)
        return
      }
      const wake = (): void => {
        if (!holds()) return
        this.#waiting.delete(wake)
        resume(Effect.void)
      }
      this.#waiting.add(wake)
      return Effect.sync(() => this.#waiting.delete(wake))
    })
  }

  notify(): void {
    for (const wake of this.#waiting) wake()
  }
}
