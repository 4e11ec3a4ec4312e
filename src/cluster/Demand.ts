/**
 * What the consumer of a run waits for, and how much lies there that it has not taken: the process stays alive while it
 * waits, and only then is more received than may lie there.
 *
 * @since 0.1.0
 */
import type { PendingBatch } from "../scheduler/backends/remote/PendingBatch.ts"
import type { Seat } from "./Seat.ts"

/** @since 0.1.0 */
export interface DemandOptions {
  readonly seats: () => ReadonlyArray<Seat>
  /** How many bytes of batches may lie here. */
  readonly most: number
  /** Is called again and again, after so many milliseconds each time. */
  readonly every: number
  readonly look: () => void
}

/** @since 0.1.0 */
export class Demand {
  readonly #options: DemandOptions
  readonly #timer: ReturnType<typeof setInterval>
  #wanted = 0
  #bytes = 0
  #isHeld = false
  #isPaused = false

  constructor(options: DemandOptions) {
    this.#options = options
    this.#timer = setInterval(() => {
      // Not at each batch: that would cost more than a small one.
      if (!this.waits) this.#hold(false)
      options.look()
    }, options.every)
    this.#timer.unref()
  }

  /** Whether the consumer waits. */
  get waits(): boolean {
    return this.#wanted > 0
  }

  want(pending: PendingBatch): void {
    pending.isWanted = true
    this.#wanted++
    this.#hold(true)
    this.#regulate()
  }

  /** It has come, or it is not waited for any more. */
  forget(pending: PendingBatch): void {
    if (!pending.isWanted) return
    pending.isWanted = false
    this.#wanted--
    this.#regulate()
  }

  /** So many bytes have come, or were taken if it is negative. */
  held(bytes: number): void {
    this.#bytes += bytes
    this.#regulate()
  }

  /** A runner is ready. */
  opened({ member }: Seat): void {
    member?.hold(this.#isHeld)
    member?.pause(this.#isPaused)
  }

  #hold(alive: boolean): void {
    if (alive === this.#isHeld) return
    this.#isHeld = alive
    if (alive) this.#timer.ref()
    else this.#timer.unref()
    for (const { isOpen, member } of this.#options.seats()) if (isOpen) member?.hold(alive)
  }

  #regulate(): void {
    const isPaused = !this.waits && this.#bytes > this.#options.most
    if (isPaused === this.#isPaused) return
    this.#isPaused = isPaused
    for (const { isOpen, member } of this.#options.seats()) if (isOpen) member?.pause(isPaused)
  }

  end(): void {
    clearInterval(this.#timer)
  }
}
