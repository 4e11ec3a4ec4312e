/**
 * Work that is plain code up to the first step that has to wait, and an effect from there on. No step is begun as plain code
 * and then again as an effect.
 *
 * This is the only file of `plan/` and `build/` that knows how waiting is done: by Effect. All else goes through the
 * functions below, so another version of Effect is a matter of this file.
 *
 * @since 0.1.0
 */
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Option from "effect/Option"
import * as Runtime from "effect/Runtime"
import { concurrent, type Setting } from "../../core/Concurrent.ts"

/** A value that plain code has made, or the rest of the work, which waits. @since 0.1.0 */
export type Work<A, E> = A | Later<A, E>

/**
 * Work that has not ended yet.
 *
 * @since 0.1.0
 */
export class Later<out A, out E> {
  readonly #effect: Effect.Effect<A, E, unknown>

  constructor(effect: Effect.Effect<A, E, unknown>) {
    this.#effect = effect
  }

  /** Whether it is one. Asks nothing of a Proxy, whose traps may throw. */
  static is(value: unknown): value is Later<unknown, unknown> {
    return typeof value === "object" && value !== null && #effect in value
  }

  /** The effect that does it. */
  static effect<A, E>(later: Later<A, E>): Effect.Effect<A, E, unknown> {
    return later.#effect
  }
}

/**
 * A typed error that plain code throws, so that it is told from whatever else is thrown.
 *
 * @since 0.1.0
 */
export class TypedFailure<out E> {
  readonly error: E
  readonly #own = true

  constructor(error: E) {
    this.error = error
  }

  /** Whether it is one. Asks nothing of a Proxy, whose traps may throw. */
  static is(thrown: unknown): thrown is TypedFailure<unknown> {
    return typeof thrown === "object" && thrown !== null && #own in thrown
  }
}

/** Why work did not succeed. @since 0.1.0 */
export interface Failed<out E = unknown> {
  /** What it failed with, or what was thrown. */
  readonly cause: unknown
  /** What it failed with in a typed way; `undefined` if it threw, or was interrupted. */
  readonly failure: E | undefined
}

const failedOf = <E>(cause: Cause.Cause<E>): Failed<E> => ({
  cause: Cause.squash(cause),
  failure: Option.getOrUndefined(Cause.failureOption(cause))
})

// A `Later` among values is told by its private field. A value that work returns is never a `Later` itself: none leaves
// this program.
/** Whether work waits; else it is done, and is its value. @since 0.1.0 */
export const isLater = <A, E>(work: Work<A, E>): work is Later<A, E> => Later.is(work)

/** The work that an effect does. What `make` throws is what it dies of. @since 0.1.0 */
export const fromEffect = <A, E>(make: () => Effect.Effect<A, E, unknown>): Later<A, E> => {
  try {
    return new Later(make())
  } catch (thrown) {
    return new Later(Effect.failCause(causeOf<E>(thrown)))
  }
}

/** The work of what plain code gives at once, or an effect. What it throws is what the effect dies of. @since 0.1.0 */
export const workOf = <A, E>(make: () => A | Effect.Effect<A, E, unknown>): Work<A, E> => {
  try {
    const own = make()
    return Effect.isEffect(own) ? new Later<A, E>(own as Effect.Effect<A, E, unknown>) : own // A is no effect
  } catch (thrown) {
    return new Later(Effect.failCause(causeOf<E>(thrown)))
  }
}

/** `work` as an effect, which starts it. A {@link TypedFailure} that it throws is what the effect fails with. @since 0.1.0 */
export const toEffect = <A, E>(work: () => Work<A, E>): Effect.Effect<A, E, unknown> =>
  Effect.suspend(() => started(work))

/** Starts `work`: gives its value, or the effect that does the rest, or that fails with what it threw. @since 0.1.0 */
export const begin = <A, E>(work: () => Work<A, E>): A | Effect.Effect<A, E, unknown> => {
  try {
    const own = work()
    return isLater(own) ? Later.effect(own) : own
  } catch (thrown) {
    return Effect.failCause(causeOf<E>(thrown))
  }
}

/** Starts `work`; what it throws becomes the effect's failure. */
const started = <A, E>(work: () => Work<A, E>): Effect.Effect<A, E, unknown> => {
  try {
    const own = work()
    return isLater(own) ? Later.effect(own) : Effect.succeed(own)
  } catch (thrown) {
    return Effect.failCause(causeOf(thrown))
  }
}

/** Whoever throws a {@link TypedFailure} in some work throws the E of that work. */
const causeOf = <E>(thrown: unknown): Cause.Cause<E> =>
  TypedFailure.is(thrown) ? Cause.fail(thrown.error as E) : Cause.die(thrown)

/** Goes on with `next` once `work` is done: at once if it already is. @since 0.1.0 */
export const andThen: {
  <A, E, B, E2 = never>(work: Later<A, E>, next: (value: A) => Work<B, E2>): Later<B, E | E2>
  <A, B, E = never, E2 = never>(work: Work<A, E>, next: (value: A) => Work<B, E2>): Work<B, E | E2>
} = <A, E, B, E2>(work: Work<A, E>, next: (value: A) => Work<B, E2>) =>
  // The first overload is the second one where the work is a `Later`.
  (isLater(work)
    ? new Later(Effect.flatMap(Later.effect(work), (value) => started(() => next(value))))
    : next(work)) as Later<B, E | E2>

/** Goes on with what `failed` returns if `work` fails with a typed error. @since 0.1.0 */
export const catchError = <A, E, B, E2 = never>(
  work: () => Work<A, E>,
  failed: (error: E) => Work<B, E2>
): Work<A | B, E2> => {
  let own: Work<A, E>
  try {
    own = work()
  } catch (thrown) {
    if (!TypedFailure.is(thrown)) throw thrown
    return failed(thrown.error as E) // as in `causeOf`
  }
  if (!isLater(own)) return own
  return new Later(Effect.catchAll(Later.effect(own), (error) => started(() => failed(error))))
}

/**
 * Goes on with what `failed` returns if an effect fails, dies, or is interrupted from within. If the worker itself is
 * interrupted, it is not called.
 *
 * @since 0.1.0
 */
export const catchAll = <A, E, B, E2>(work: Later<A, E>, failed: (why: Failed<E>) => Work<B, E2>): Later<A | B, E2> =>
  new Later(Effect.catchAllCause(Later.effect(work), (cause) => started(() => failed(failedOf(cause)))))

/**
 * Calls `done` with what `work` gives, or `failed` with the error that it, or `done`, fails with or throws.
 *
 * @since 0.1.0
 */
export const settled = <A, E>(
  work: () => Work<A, E>,
  done: (value: A) => void,
  failed: (error: unknown) => void
): Work<void, never> => {
  try {
    const own = work()
    if (!isLater(own)) return done(own)
    return new Later(
      Effect.catchAllCause(Effect.map(Later.effect(own), done), (cause) =>
        Effect.sync(() => failed(Cause.squash(cause)))
      )
    )
  } catch (thrown) {
    return failed(TypedFailure.is(thrown) ? thrown.error : thrown)
  }
}

/** Calls `ended` when `work` is done, has failed, or was interrupted. @since 0.1.0 */
export const ensuring = <A, E>(work: () => Work<A, E>, ended: (failed: boolean) => void): Work<A, E> => {
  let own: Work<A, E>
  try {
    own = work()
  } catch (thrown) {
    ended(true)
    throw thrown
  }
  if (isLater(own)) {
    return new Later(Effect.onExit(Later.effect(own), (exit) => Effect.sync(() => ended(Exit.isFailure(exit)))))
  }
  ended(false)
  return own
}

/** Interrupts `work` after so many milliseconds and fails with what `late` returns. Plain code is never late. @since 0.1.0 */
export const within = <A, E, E2>(work: Work<A, E>, milliseconds: number, late: () => E2): Work<A, E | E2> =>
  isLater(work) ? new Later(Effect.timeoutFail(Later.effect(work), { duration: milliseconds, onTimeout: late })) : work

/**
 * Does the work of 0 … `count − 1`, at most `limit` at once, and gives the values in that order.
 *
 * If one fails, `failed` gives the value in its place, or throws what all of it fails with; without it, all of it fails.
 *
 * @since 0.1.0
 */
export const all = <A, E, E2 = E>(
  count: number,
  limit: number,
  work: (place: number) => Work<A, E>,
  failed?: (place: number, why: Failed<E>) => A,
  setting?: (place: number) => Setting
): Later<Array<A>, E2> =>
  new Later(
    concurrent<A, E, unknown, E2>(
      count,
      limit,
      (place) => started(() => work(place)),
      (place, cause) => {
        // Without `failed` the errors are those of the work.
        if (failed === undefined) return Exit.failCause(cause as Cause.Cause<never>)
        try {
          return Exit.succeed(failed(place, failedOf(cause)))
        } catch (thrown) {
          return Exit.failCause(causeOf(thrown))
        }
      },
      setting
    )
  )

/** Changes what effects find set around them. @since 0.1.0 */
export const around = <A, E>(
  work: Later<A, E>,
  change: (effect: Effect.Effect<A, E, unknown>) => Effect.Effect<A, E, unknown>
): Later<A, E> => new Later(change(Later.effect(work)))

/** Writes a warning to the log. @since 0.1.0 */
export const warn = (message: string): Later<void, never> => new Later(Effect.logWarning(message))

/** What plain code threw; if it ran an effect by `Effect.runSync`, what that failed with. @since 0.1.0 */
export const unwrapped = (thrown: unknown): unknown => {
  try {
    return Runtime.isFiberFailure(thrown) ? Cause.squash(thrown[Runtime.FiberFailureCauseId]) : thrown
  } catch {
    return thrown // a Proxy whose traps throw
  }
}
