/**
 * Warns of batches that the consumer waits for and that take long. Nothing else would report one that never ends.
 *
 * @since 0.1.0
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"

/** A batch that is waited for. @since 0.1.0 */
export interface SlowBatch {
  readonly request: { readonly epoch: number; readonly batch: number }
  readonly isWanted: boolean
  /** For how many milliseconds a member has been at it; 0 if none is. */
  readonly age: number
  /** The stage that its member is at, as far as is known. */
  readonly stage: string | undefined
}

/** @since 0.1.0 */
export class SlowBatches {
  readonly #backend: string
  readonly #tell: (effect: Effect.Effect<void>) => void
  readonly #every: number
  /** Milliseconds until the next warning; it doubles, so that a run whose batches all take long is not full of warnings. */
  #limit: number
  readonly #waiting = new Set<SlowBatch>()
  #timer: ReturnType<typeof setInterval> | undefined

  constructor(backend: string, tell: (effect: Effect.Effect<void>) => void, limit = 20_000, every = 2000) {
    this.#backend = backend
    this.#tell = tell
    this.#limit = limit
    this.#every = every
  }

  /** Watches a batch that the consumer waits for. */
  add(pending: SlowBatch): void {
    this.#waiting.add(pending)
    // It ends by itself: a timer for each batch would cost more than a small batch.
    if (this.#timer !== undefined) return
    this.#timer = setInterval(() => this.#look(), this.#every)
    this.#timer.unref()
  }

  remove(pending: SlowBatch): void {
    this.#waiting.delete(pending)
  }

  /** Stops watching. */
  end(): void {
    this.#waiting.clear()
    clearInterval(this.#timer)
    this.#timer = undefined
  }

  #look(): void {
    for (const pending of this.#waiting) {
      const { age, isWanted, request, stage } = pending
      if (!isWanted) this.#waiting.delete(pending)
      else if (age >= this.#limit) {
        this.#limit = 2 * age
        const at = stage === undefined ? "" : `, and is at stage "${stage}"`
        const what = `batch ${request.batch} of epoch ${request.epoch} has been built for ${Duration.format(Duration.seconds(Math.round(age / 1000)))}${at}`
        const advice = "it may never end; the option `timeout` limits how long a batch may take"
        this.#tell(Effect.logWarning(`backend ${this.#backend}: ${what}; ${advice}`))
      }
    }
    if (this.#waiting.size === 0) this.end()
  }
}
