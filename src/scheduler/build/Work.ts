/**
 * Work that is plain code up to the first step that has to wait, and an Effect from there on. Each step runs once: there
 * is no second attempt by another path.
 *
 * @since 0.1.0
 */
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"

/** `undefined` if plain code has done all of it, else the Effect that does the rest. @since 0.1.0 */
export type Work<E> = Effect.Effect<void, E, unknown> | undefined

/** A value that is there already, or the Effect that gives it. @since 0.1.0 */
export type Given<A, E> =
  | { readonly _tag: "Now"; readonly value: A }
  | { readonly _tag: "Later"; readonly effect: Effect.Effect<A, E, unknown> }

/**
 * An error on its way from plain code to the Effect, or the caller, that fails with it.
 *
 * @since 0.1.0
 */
export class Failing<E> {
  readonly error: E
  readonly #own = true

  constructor(error: E) {
    this.error = error
  }

  /** Whether it is one. Asks nothing of a Proxy, whose traps may throw. */
  static is(thrown: unknown): thrown is Failing<unknown> {
    return typeof thrown === "object" && thrown !== null && #own in thrown
  }
}

/** Runs `next` once `work` is done: at once if it already is. @since 0.1.0 */
export const andThen = <E>(work: Work<E>, next: () => Work<E>): Work<E> =>
  work === undefined ? next() : Effect.flatMap(work, () => settled(next))

/** `work` as an Effect that runs when the Effect runs. @since 0.1.0 */
export const suspended = <E>(work: () => Work<E>): Effect.Effect<void, E, unknown> =>
  Effect.suspend(() => settled(work))

/** Runs `work` now; a {@link Failing} that it throws becomes the Effect's failure, anything else a defect. */
const settled = <E>(work: () => Work<E>): Effect.Effect<void, E, unknown> => {
  try {
    return work() ?? Effect.void
  } catch (thrown) {
    // Whoever throws a Failing in here throws the E of this work.
    return Failing.is(thrown) ? Effect.fail(thrown.error as E) : Effect.failCause(Cause.die(thrown))
  }
}

/** Runs `work` now, and says whether a value is there or an Effect gives it. @since 0.1.0 */
export const given = <A, E>(work: () => Work<E>, value: () => A): Given<A, E> => {
  const rest = start(work)
  return rest === undefined ? { _tag: "Now", value: value() } : { _tag: "Later", effect: Effect.map(rest, value) }
}

const start = <E>(work: () => Work<E>): Work<E> => {
  try {
    return work()
  } catch (thrown) {
    return Failing.is(thrown) ? Effect.fail(thrown.error as E) : Effect.failCause(Cause.die(thrown)) // as in `settled`
  }
}
