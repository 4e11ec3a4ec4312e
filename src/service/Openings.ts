/**
 * Runs that are being opened: each once for all who ask for it meanwhile, and different ones side by side.
 *
 * @since 0.1.0
 */
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as FiberId from "effect/FiberId"
import type * as Scope from "effect/Scope"

/** A run that is being opened, and those who wait for it. */
interface Opening<A> {
  readonly key: string
  readonly readers: Set<object>
  readonly opened: Deferred.Deferred<A, unknown>
  fiber: Fiber.Fiber<unknown, unknown> | undefined
}

/** @since 0.1.0 */
export class Openings<A> {
  readonly #scope: Scope.Scope
  readonly #all = new Set<Opening<A>>()

  /** What is opened, is opened in `scope`. */
  constructor(scope: Scope.Scope) {
    this.#scope = scope
  }

  /** How many there are. One that nobody waits for any more counts until its resources are released. */
  get size(): number {
    return this.#all.size
  }

  /** Waits for the one of this key; `undefined` if there is none. */
  join(key: string, reader: object): Effect.Effect<A, unknown> | undefined {
    for (const { key: own, opened, readers } of this.#all) {
      // One without readers is being given up.
      if (own !== key || readers.size === 0) continue
      readers.add(reader)
      return Deferred.await(opened)
    }
    return undefined
  }

  /**
   * Counts one from now on. The effect starts it, and gives what waits for it, which can be interrupted without harm to others; it
   * must be run, and without interrupts. `keep` is given the run and all who wait for it, before anybody else can ask for it.
   */
  start(
    key: string,
    reader: object,
    open: Effect.Effect<A, unknown>,
    keep: (run: A, readers: ReadonlySet<object>) => void
  ): Effect.Effect<Effect.Effect<A, unknown>> {
    const opened = Deferred.unsafeMake<A, unknown>(FiberId.none)
    const own: Opening<A> = { key, readers: new Set([reader]), opened, fiber: undefined }
    this.#all.add(own)
    const opening = Effect.flatMap(Effect.exit(open), (exit) => {
      this.#all.delete(own)
      if (Exit.isSuccess(exit)) keep(exit.value, own.readers)
      return Deferred.done(opened, exit)
    })
    // The fiber inherits that it is not interrupted, so that it always notes that it has ended; `open` says where it can be.
    return Effect.map(Effect.forkIn(opening, this.#scope), (fiber) => {
      own.fiber = fiber
      return Deferred.await(opened)
    })
  }

  /** Notes that a reader waits no more. A run that nobody waits for is not opened. */
  leave(reader: object): Effect.Effect<void> {
    return Effect.suspend(() => {
      const left = Array.from(this.#all).filter(({ readers }) => readers.delete(reader) && readers.size === 0)
      return Effect.forEach(left, ({ fiber }) => (fiber === undefined ? Effect.void : Fiber.interruptFork(fiber)), {
        discard: true
      })
    })
  }
}
