/**
 * Many effects side by side, where each is small: reads of samples, a decode, a request.
 *
 * `Effect.forEach` with a concurrency costs 12 to 16 µs an effect, whatever the effect does; this costs 4 (figures of
 * `bun run bench --only io`), as its fibers are watched by plain callbacks and hand no state back.
 *
 * @since 0.1.0
 */
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Runtime from "effect/Runtime"

/** What a fiber finds set that the one that starts it has not. @since 0.1.0 */
export type Setting = NonNullable<Runtime.RunForkOptions["updateRefs"]>

/**
 * Runs the effects that `make` gives for 0 … `count − 1`, at most `concurrency` at once, each on a fiber of its own; they
 * are begun in that order. Gives their values in that order. If one fails, `failed` says whether a value takes its place,
 * or whether this fails, too: the others are then interrupted, and it fails once they have ended. An interrupt ends all of
 * them as well. With `setting`, each finds its own set.
 *
 * @since 0.1.0
 */
export const concurrent = <A, E, R, E2>(
  count: number,
  concurrency: number,
  make: (place: number) => Effect.Effect<A, E, R>,
  failed: (place: number, cause: Cause.Cause<E>) => Exit.Exit<A, E2>,
  setting?: (place: number) => Setting
): Effect.Effect<Array<A>, E2, R> =>
  count === 0
    ? Effect.succeed([])
    : Effect.flatMap(Effect.runtime<R>(), (runtime) =>
        // What has begun is seen to its end, whenever an interrupt comes; only the waiting for it can be interrupted.
        Effect.uninterruptibleMask((restore) =>
          Effect.suspend(() => {
            const fork = Runtime.runFork(runtime)
            const values = new Array<A>(count)
            const running = new Set<Fiber.RuntimeFiber<A, E>>()
            let begun = 0
            let done = 0
            let failure: Cause.Cause<E2> | undefined
            let over = false
            let beginning = false
            let wake: (() => void) | undefined

            const put = (place: number, value: A): void => {
              values[place] = value
              over = ++done === count
            }
            const begin = (place: number): void => {
              const effect = given(make, place)
              const own = setting?.(place)
              const fiber = own === undefined ? fork(effect) : fork(effect, { updateRefs: own })
              running.add(fiber)
              fiber.addObserver((exit) => {
                running.delete(fiber)
                if (over) return
                if (Exit.isSuccess(exit)) put(place, exit.value)
                else {
                  const own = failed(place, exit.cause)
                  if (Exit.isSuccess(own)) put(place, own.value)
                  else {
                    failure = own.cause
                    over = true
                  }
                }
                if (over) wake?.()
                else next()
              })
            }

            /** Begins as many as may be; those that are done at once come back here, and find it at work. */
            const next = (): void => {
              if (beginning) return
              beginning = true
              while (!over && begun < count && running.size < concurrency) begin(begun++)
              beginning = false
            }
            next()

            const end = Effect.suspend(() => {
              over = true
              return Fiber.interruptAll(Array.from(running))
            })
            const waiting = Effect.async<void>((resume) => {
              if (over) resume(Effect.void)
              else wake = () => resume(Effect.void)
            })
            return Effect.flatMap(
              Effect.onInterrupt(restore(waiting), () => end),
              () => (failure === undefined ? Effect.succeed(values) : Effect.zipRight(end, Effect.failCause(failure)))
            )
          })
        )
      )

/** What throws instead of giving an effect dies as an effect would. */
const given = <A, E, R>(make: (place: number) => Effect.Effect<A, E, R>, place: number): Effect.Effect<A, E, R> => {
  try {
    return make(place)
  } catch (thrown) {
    return Effect.failCause(Cause.die(thrown))
  }
}
