/**
 * What lies between workers and their consumer: batches that are made and not yet taken, and how many may be.
 *
 * Taking is plain code: a batch is taken and accounted for in one go, so that an interrupt cannot fall between.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import { Signal } from "../../core/Signal.ts"
import { fromEffect, Later, toEffect, type Work } from "../build/Work.ts"

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

/**
 * A queue, first in, first out, for plain code: 0.14 µs for a `put` and a `poll`, where `Effect.Queue` takes 0.46, and its
 * `take` is an effect, which an interrupt can end between taking a batch and accounting for it.
 *
 * @since 0.1.0
 */
export class Queue<A> {
  readonly #items: Array<A> = []
  readonly #changed = new Signal()

  put(item: A): void {
    this.#items.push(item)
    this.#changed.notify()
  }

  get length(): number {
    return this.#items.length
  }

  /** Removes and returns the first item, if there is one. */
  poll(): A | undefined {
    return this.#items.shift()
  }

  /** Removes and returns the first item that is accepted, if there is one. */
  pollWhere(accepts: (item: A) => boolean): A | undefined {
    const at = this.#items.findIndex(accepts)
    return at === -1 ? undefined : this.#items.splice(at, 1)[0]
  }

  /** Whether it holds an item that is accepted. */
  has(accepts: (item: A) => boolean): boolean {
    return this.#items.some(accepts)
  }

  /** Removes and returns all items that are accepted. */
  remove(accepts: (item: A) => boolean): ReadonlyArray<A> {
    const removed = this.#items.filter(accepts)
    const kept = this.#items.filter((item) => !accepts(item))
    this.#items.splice(0, this.#items.length, ...kept)
    return removed
  }

  /** Waits for a condition that a `put`, or `notify`, can bring about. */
  until(holds: () => boolean): Effect.Effect<void> {
    return this.#changed.until(holds)
  }

  /** Has those who wait look again. */
  notify(): void {
    this.#changed.notify()
  }
}

/** A counter of credits: how many batches a worker may still build ahead. @since 0.1.0 */
export class Credits {
  #left: number
  readonly #lot: number
  /** Rings when there is a lot of credits. */
  readonly given = new Bell()

  /** With so many credits, which are used in lots: to do something once for each batch costs more, as no code is warm. */
  constructor(count: number, lot = 1) {
    this.#left = count
    this.#lot = lot
  }

  /** Returns whether there is a lot of them, which are used now. */
  give(): boolean {
    this.#left++
    if (this.#left < this.#lot) return false
    this.given.ring()
    return true
  }

  /** Rings for those that are no lot yet. */
  flush(): void {
    if (this.#left > 0) this.given.ring()
  }

  get left(): number {
    return this.#left
  }

  /** Uses a credit, which there is. */
  use(): void {
    this.#left--
  }
}

/** Runs one effect at a time. Takes 1.3 µs if there is no wait; `Effect.Semaphore` takes 2.7. @since 0.1.0 */
export class Mutex {
  #taken = false
  readonly #free = new Signal()
  readonly #isFree = (): boolean => !this.#taken
  readonly #give = Effect.sync(() => this.#release())

  #release(): void {
    this.#taken = false
    this.#free.notify()
  }

  /** Runs `work` when no other is running. */
  during<A, E, R>(work: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> {
    return Effect.uninterruptibleMask((restore) => {
      const begun: Effect.Effect<A, E, R> = Effect.suspend(() => {
        if (this.#taken) return Effect.zipRight(restore(this.#free.until(this.#isFree)), begun)
        this.#taken = true
        return Effect.ensuring(restore(work), this.#give)
      })
      return begun
    })
  }

  /** As {@link during}, by plain code as far as that goes. What is left to do must be run, and at once. */
  now<A, E>(work: () => Work<A, E>): Work<A, E> {
    if (this.#taken) return fromEffect(() => this.during(toEffect(work)))
    this.#taken = true
    let own: Work<A, E>
    try {
      own = work()
    } catch (thrown) {
      this.#release()
      throw thrown
    }
    if (Later.is(own)) {
      const rest = Later.effect<A, E>(own as Later<A, E>) // the work's
      return fromEffect(() => Effect.uninterruptibleMask((restore) => Effect.ensuring(restore(rest), this.#give)))
    }
    this.#release()
    return own
  }
}
