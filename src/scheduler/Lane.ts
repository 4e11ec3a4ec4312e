/**
 * What lies between workers and their consumer: batches that are made and not yet taken, and how many may be.
 *
 * Taking is plain code: a batch is taken and accounted for in one go, so that an interrupt cannot fall between.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"

/** Wakes all that wait for something to be so. */
class Signal {
  readonly #waiting = new Set<() => void>()
  readonly #holds: () => boolean

  constructor(holds: () => boolean) {
    this.#holds = holds
  }

  /**
   * Waits until it is so, or was for a moment. A fiber can give way between any two steps, so it looks again when it
   * begins to wait: what changed before would wake nobody.
   */
  readonly wait: Effect.Effect<void> = Effect.async((resume) => {
    if (this.#holds()) {
      resume(Effect.void)
      return
    }
    const wake = () => resume(Effect.void)
    this.#waiting.add(wake)
    return Effect.sync(() => this.#waiting.delete(wake))
  })

  notify(): void {
    for (const wake of this.#waiting) {
      this.#waiting.delete(wake)
      wake()
    }
  }
}

/** Has plain code run each time that something has come about, without a fiber that wakes for it. @since 0.1.0 */
export class Bell {
  #work: (() => boolean) | undefined
  #end: (() => void) | undefined

  ring(): void {
    if (this.#work?.() === true) this.#end?.()
  }

  /**
   * Runs `work` now and at each ring, until it says that it is done. It throws nothing. One fiber at a time may wait, and
   * hears of nothing that rings while none does: therefore `work` runs at once.
   */
  until(work: () => boolean): Effect.Effect<void> {
    return Effect.async((resume) => {
      if (work()) {
        resume(Effect.void)
        return
      }
      const off = (): void => {
        this.#work = undefined
        this.#end = undefined
      }
      this.#work = work
      this.#end = () => {
        off()
        resume(Effect.void)
      }
      return Effect.sync(off)
    })
  }
}

/** A row of things, first in, first out. @since 0.1.0 */
export class Line<A> {
  readonly #items: Array<A> = []
  readonly #arrived = new Signal(() => this.#items.length > 0)

  put(item: A): void {
    this.#items.push(item)
    this.#arrived.notify()
  }

  get length(): number {
    return this.#items.length
  }

  /** The first, if there is one; it is taken. */
  poll(): A | undefined {
    return this.#items.shift()
  }

  /** Waits until there is something. */
  readonly some: Effect.Effect<void> = this.#arrived.wait

  /** Waits for the first, and takes it. */
  readonly take: Effect.Effect<A> = Effect.suspend(() => {
    const first = this.#items.shift()
    return first === undefined ? Effect.zipRight(this.#arrived.wait, this.take) : Effect.succeed(first)
  })
}

/** Leave to make so many things before one of them has been taken. @since 0.1.0 */
export class Leave {
  #left: number
  readonly #given = new Signal(() => this.#left > 0)
  /** Rings when leave is given. */
  readonly given = new Bell()

  constructor(count: number) {
    this.#left = count
  }

  give(): void {
    this.#left++
    this.#given.notify()
    this.given.ring()
  }

  get left(): number {
    return this.#left
  }

  /** Uses up leave that there is. */
  use(): void {
    this.#left--
  }

  /** Waits for leave, and uses it up. */
  readonly take: Effect.Effect<void> = Effect.suspend(() => {
    if (this.#left === 0) return Effect.zipRight(this.#given.wait, this.take)
    this.#left--
    return Effect.void
  })
}

/** One at a time. A semaphore does it too, at several times the cost where nobody has to wait. @since 0.1.0 */
export class Turn {
  #taken = false
  readonly #free = new Signal(() => !this.#taken)
  readonly #give = Effect.sync(() => {
    this.#taken = false
    this.#free.notify()
  })

  /** Runs `work` when nobody else's is at it. */
  during<A, E, R>(work: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> {
    return Effect.uninterruptibleMask((restore) => {
      const begun: Effect.Effect<A, E, R> = Effect.suspend(() => {
        if (this.#taken) return Effect.zipRight(restore(this.#free.wait), begun)
        this.#taken = true
        return Effect.ensuring(restore(work), this.#give)
      })
      return begun
    })
  }
}
