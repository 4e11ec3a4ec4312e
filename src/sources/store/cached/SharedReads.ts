/**
 * Reads that are under way: whoever asks for what is read already waits for the same read. If all of them are interrupted,
 * so is the read.
 *
 * @since 0.1.0
 */
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"

interface Pending<A, E> {
  readonly done: Deferred.Deferred<A, E>
  fiber: Fiber.RuntimeFiber<unknown, unknown> | undefined
  waiting: number
}

/** Returns what runs an effect under a name, once for all who ask for that name meanwhile. @since 0.1.0 */
export const sharedReads = <A, E>(): ((name: string, read: Effect.Effect<A, E>) => Effect.Effect<A, E>) => {
  const pending = new Map<string, Pending<A, E>>()

  /** In a fiber of its own, since the one that asks first may be interrupted while others wait. */
  const start = (name: string, read: Effect.Effect<A, E>): Effect.Effect<Pending<A, E>> =>
    Effect.gen(function* () {
      const own: Pending<A, E> = { done: yield* Deferred.make<A, E>(), fiber: undefined, waiting: 0 }
      pending.set(name, own)
      own.fiber = yield* Effect.forkDaemon(
        Effect.interruptible(read).pipe(
          Effect.onExit((exit) => {
            if (pending.get(name) === own) pending.delete(name)
            return Deferred.done(own.done, exit)
          })
        )
      )
      return own
    })

  return (name, read) =>
    Effect.uninterruptibleMask((restore) =>
      Effect.suspend(() => {
        const found = pending.get(name)
        return Effect.flatMap(found === undefined ? start(name, read) : Effect.succeed(found), (own) => {
          own.waiting++
          return Effect.onExit(restore(Deferred.await(own.done)), () => {
            own.waiting--
            if (own.waiting > 0 || pending.get(name) !== own || own.fiber === undefined) return Effect.void
            pending.delete(name)
            return Fiber.interrupt(own.fiber)
          })
        })
      })
    )
}
