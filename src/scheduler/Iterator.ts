/**
 * A run as an async iterator, for `for await` in code without Effect.
 *
 * @since 0.1.0
 */
import * as Cause from "effect/Cause"
import * as Chunk from "effect/Chunk"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import { ownLayer } from "../ForeignEffect.ts"

/** What can be taken from, batch by batch, until none is left. */
interface Source<out A, out E> {
  readonly take: Effect.Effect<Option.Option<A>, E>
}

/** A stream as a source that is taken from one by one. @since 0.1.0 */
export const pulling = <A, E>(stream: Stream.Stream<A, E>): Effect.Effect<Source<A, E>, never, Scope.Scope> =>
  Effect.map(Stream.toPull(Stream.rechunk(stream, 1)), (pull) => ({
    take: Effect.matchEffect(pull, {
      onFailure: Option.match({ onNone: () => Effect.succeedNone, onSome: (error) => Effect.fail(error) }),
      onSuccess: (chunk) => Effect.succeed(Chunk.head(chunk))
    })
  }))

const END = { done: true, value: undefined } as const

/**
 * An iterator over what `open` opens with `layer`. The run is opened by the first `next` and closed, with all its
 * fibers ended, before the promise that ends the iteration settles: at the end, at an error (which rejects as the
 * typed error it is), at `return` and at `throw`. Calls that overlap are served one after the other; a `return` does
 * not wait for a `next` under way but ends it. A layer that another copy of `effect` made is a `ForeignEffect`.
 *
 * @since 0.1.0
 */
export const make = <A, E, R, EL>(
  open: Effect.Effect<Source<A, E>, E, R | Scope.Scope>,
  layer: Layer.Layer<R, EL>
): AsyncIterableIterator<A> => {
  const scope = Effect.runSync(Scope.make())
  let source: Source<A, E> | undefined
  let closed: Promise<void> | undefined
  let atWork: Fiber.RuntimeFiber<Option.Option<A>, E | EL> | undefined
  let last: Promise<unknown> = Promise.resolve()

  const opened = Effect.suspend(() => {
    if (source !== undefined) return Effect.succeed(source)
    return Layer.buildWithScope(ownLayer("the layer of the run", layer), scope).pipe(
      Effect.flatMap((context) => Effect.provide(Scope.extend(open, scope), context)),
      Effect.tap((made) =>
        Effect.sync(() => {
          source = made
        })
      )
    )
  })

  const close = (): Promise<void> => {
    closed ??= Effect.runPromise(
      Effect.zipRight(atWork === undefined ? Effect.void : Fiber.interrupt(atWork), Scope.close(scope, Exit.void))
    )
    return closed
  }

  const next = async (): Promise<IteratorResult<A, undefined>> => {
    if (closed !== undefined) return END
    atWork = Effect.runFork(Effect.flatMap(opened, ({ take }) => take))
    const exit = await Effect.runPromise(Fiber.await(atWork))
    atWork = undefined
    const ended = closed !== undefined
    if (Exit.isSuccess(exit) && Option.isSome(exit.value)) return { done: false, value: exit.value.value }
    await close()
    // An interrupt is the end only when it came from `close`.
    if (Exit.isSuccess(exit) || (ended && Cause.isInterruptedOnly(exit.cause))) return END
    throw Cause.squash(exit.cause)
  }

  const end = async (): Promise<IteratorResult<A, undefined>> => {
    await close()
    return END
  }

  return {
    next: () => {
      const result = last.then(next)
      // The row of calls goes on past a call that rejects; the caller has that rejection in hand.
      last = result.catch(() => undefined)
      return result
    },
    return: end,
    throw: async (error: unknown) => {
      await close()
      throw error
    },
    [Symbol.asyncIterator]() {
      return this
    }
  }
}
