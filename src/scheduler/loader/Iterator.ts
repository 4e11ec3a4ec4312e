/**
 * A run as an async iterator, for `for await` in code without Effect.
 *
 * @since 0.1.0
 */
import * as Cause from "effect/Cause"
import * as Chunk from "effect/Chunk"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import type * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import { LazyResource } from "./LazyResource.ts"
import { END } from "./Pull.ts"

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

/**
 * An iterator over what `open` opens with `layer`. The run is opened by the first `next` and closed, with all its
 * fibers ended, before the promise that ends the iteration settles: at the end, at an error (which rejects as the
 * typed error it is), at `return` and at `throw`. Calls that overlap are served one after the other; a `return` does
 * not wait for a `next` under way but ends it. A layer that another copy of `effect` made is a `ForeignEffect`. The error
 * of a finalizer is thrown if nothing else is; see {@link LazyResource}.
 *
 * @since 0.1.0
 */
export const make = <A, E, R, EL>(
  open: Effect.Effect<Source<A, E>, E, R | Scope.Scope>,
  layer: Layer.Layer<R, EL>
): AsyncIterableIterator<A> => {
  const session = new LazyResource<Source<A, E>, E | EL, R>(open, layer)

  const next = async (): Promise<IteratorResult<A, undefined>> => {
    const exit = await session.use(({ take }) => take)
    if (exit === undefined) return END
    if (Exit.isSuccess(exit) && Option.isSome(exit.value)) return { done: false, value: exit.value.value }
    if (Exit.isFailure(exit)) {
      await session.abandon(exit.cause)
      throw Cause.squash(exit.cause)
    }
    await session.close()
    return END
  }

  return {
    next,
    return: async () => {
      await session.close()
      return END
    },
    throw: async (error: unknown) => {
      await session.abandon()
      throw error
    },
    [Symbol.asyncIterator]() {
      return this
    }
  }
}
