/**
 * What is pulled one by one until none is left, as a `Stream` and for `for await`.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Stream from "effect/Stream"

/** Gives the next one; none at the end. @since 0.1.0 */
export type Pull<A, E> = Effect.Effect<Option.Option<A>, E>

/** What an async iterator gives at its end. @since 0.1.0 */
export const END = { done: true, value: undefined } as const

/** The stream of all that is pulled. @since 0.1.0 */
export const stream = <A, E>(pull: Pull<A, E>): Stream.Stream<A, E> =>
  Stream.repeatEffectOption(
    Effect.flatMap(Effect.mapError(pull, Option.some), (pulled) =>
      Option.isSome(pulled) ? Effect.succeed(pulled.value) : Effect.fail(Option.none())
    )
  )
