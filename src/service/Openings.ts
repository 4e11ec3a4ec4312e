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
  /** When the last of those who waited left. */
  idleSince: number | undefined
  isGivenUp: boolean
}

/** @since 0.1.0 */
export class Openings<A> {
  readonly #scope: Scope.Scope
  readonly #all = new Set<Opening<A>>()

  /** What is opened, is opened in `scope`. */
  constructor(scope: Scope.Scope) {
    this.#scope = scope
  }

  /** How many there are. One that is given up counts until its resources are released. */
  get size(): number {
    return this.#all.size
  }

  /** Waits for the one of this key; `undefined` if there is none. */
  join(key: string, reader: object): Effect.Effect<A, unknown> | undefined {
    for (const own of this.#all) {
      if (own.key !== key || own.isGivenUp) continue
      own.readers.add(reader)
      own.idleSince = undefined
      return Deferred.await(own.opened)
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
    const own: Opening<A> = {
      key,
      readers: new Set([reader]),
      opened,
      fiber: undefined,
      idleSince: undefined,
      isGivenUp: false
    }
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

  /**
   * Notes that a reader waits no more. It may come back: a client gives a connection up that is silent for longer than it waits, and
   * if it found nothing begun, a run that takes longer than that to open would never be open.
   */
  leave(reader: object, now: number): void {
    for (const own of this.#all) if (own.readers.delete(reader) && own.readers.size === 0) own.idleSince = now
  }

  /** Gives up those that nobody has waited for since a time. */
  giveUp(since: number): Effect.Effect<void> {
    return Effect.suspend(() => Effect.forEach(this.#idle(since), (own) => this.#end(own), { discard: true }))
  }

  /** Gives up the one that nobody has waited for for longest. */
  readonly giveUpOne: Effect.Effect<void> = Effect.suspend(() => {
    const [oldest] = this.#idle(Number.POSITIVE_INFINITY).toSorted((one, other) => one.idleSince - other.idleSince)
    return oldest === undefined ? Effect.void : this.#end(oldest)
  })

  #idle(since: number): ReadonlyArray<Opening<A> & { readonly idleSince: number }> {
    const isIdle = (own: Opening<A>): own is Opening<A> & { readonly idleSince: number } =>
      own.idleSince !== undefined && own.idleSince <= since && !own.isGivenUp
    return Array.from(this.#all).filter(isIdle)
  }

  #end(own: Opening<A>): Effect.Effect<void> {
    own.isGivenUp = true
    return own.fiber === undefined ? Effect.void : Fiber.interruptFork(own.fiber)
  }
}
