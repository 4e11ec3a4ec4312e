/**
 * Turns of the event loop for timers, signals and I/O, which wait while Effects and plain code follow one another without
 * an end.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import { afterEvents } from "./runtime.ts"

/**
 * Timers and signals wait no longer than this many milliseconds, or one batch. A turn takes a consumer with long steps some
 * 0.2 ms, in code that no cache holds any more.
 */
const STARVED_MS = 40

/** @since 0.1.0 */
export class EventLoop {
  #last = performance.now()
  #waiting = 0

  /** Whether somebody waits for a {@link turn}, and for nothing else. */
  readonly isAwaited = (): boolean => this.#waiting > 0

  /** Whether the event loop has had no turn for {@link STARVED_MS}. */
  get isStarved(): boolean {
    return this.isStarvedAt(performance.now())
  }

  /** The same, for a caller that has read `performance.now()`. */
  isStarvedAt(now: number): boolean {
    return now - this.#last >= STARVED_MS
  }

  /** Gives the event loop a turn; {@link isAwaited} is `true` meanwhile. */
  readonly turn: Effect.Effect<void> = Effect.suspend(() => {
    this.#waiting++
    return Effect.ensuring(
      this.#turn,
      Effect.sync(() => this.#waiting--)
    )
  })

  readonly #turn: Effect.Effect<void> = Effect.async((resume) => {
    const cancel = afterEvents(() => {
      this.#last = performance.now()
      resume(Effect.void)
    })
    return Effect.sync(cancel)
  })

  /** Gives the event loop a turn if it is starved. */
  readonly turnIfStarved: Effect.Effect<void> = Effect.suspend(() => (this.isStarved ? this.#turn : Effect.void))

  /** Lets other fibers run, and the event loop if it is starved. */
  readonly yield: Effect.Effect<void> = Effect.suspend(() => (this.isStarved ? this.#turn : Effect.yieldNow()))
}
