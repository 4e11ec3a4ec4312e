/**
 * Something that is opened within a scope, for code without Effect: opened by the first use, and closed once, with all
 * its fibers ended.
 *
 * A finalizer that fails is logged as a warning. Its error is also thrown, as it is and once, by the call that closes, if
 * that call has no other error to throw: a finalizer never takes the place of what ended the run.
 *
 * @since 0.1.0
 */
import * as Cause from "effect/Cause"
import * as Chunk from "effect/Chunk"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Runtime from "effect/Runtime"
import * as Scope from "effect/Scope"
import { ownLayer } from "../../patches/EffectVersion.ts"
import { begin, type Work } from "../build/Work.ts"

/** What was opened, and what its layer gave. */
interface Opened<A, R> {
  readonly value: A
  readonly runtime: Runtime.Runtime<R>
  /** The same with the scope of what is opened. */
  readonly scoped: Runtime.Runtime<R | Scope.Scope>
}

/** What is done with what is opened: an effect, or work that is plain code as far as that goes. */
type Use<A, B, E> = (opened: A) => Effect.Effect<B, E, Scope.Scope> | Work<B, E>

/** Begins it: gives its value, or the effect of what is left. */
const effectOf = <A, B, E>(work: Use<A, B, E>, opened: A): B | Effect.Effect<B, E, Scope.Scope> =>
  // Work of a run requires nothing; an effect says itself what it requires.
  begin<B | Effect.Effect<B, E, Scope.Scope>, E>(() => work(opened)) as B | Effect.Effect<B, E, Scope.Scope>

/** That a use cannot begin yet. @since 0.1.0 */
export const BUSY = Symbol("busy")

/** @since 0.1.0 */
export class LazyResource<A, E, R> {
  readonly #open: Effect.Effect<A, E, R | Scope.Scope>
  readonly #layer: Layer.Layer<R, E>
  readonly #scope = Effect.runSync(Scope.make())
  #opened: Opened<A, R> | undefined
  #closed: Promise<Exit.Exit<void>> | undefined
  /** A call has thrown the error of a finalizer, or another one in its place. */
  #isSettled = false
  #atWork: Fiber.RuntimeFiber<unknown, unknown> | undefined
  #last: Promise<unknown> = Promise.resolve()
  /** How many uses have not ended. */
  #uses = 0

  constructor(open: Effect.Effect<A, E, R | Scope.Scope>, layer: Layer.Layer<R, E>) {
    this.#open = open
    this.#layer = layer
  }

  /** What was opened; none before the first use. It stays readable when it is closed. */
  get opened(): A | undefined {
    return this.#opened?.value
  }

  /** What the layer gave, with its services; none before the first use. */
  get runtime(): Runtime.Runtime<R> | undefined {
    return this.#opened?.runtime
  }

  get isClosed(): boolean {
    return this.#closed !== undefined
  }

  /**
   * Does some work over what is opened; uses that overlap are served one after the other. `undefined` when it was closed
   * before, or while, it ran. It never rejects.
   */
  use<B, E2>(work: Use<A, B, E2>): Promise<Exit.Exit<B, E | E2> | undefined> {
    this.#uses++
    const result = this.#uses === 1 ? this.#run(work) : this.#last.then(() => this.#run(work))
    this.#last = result
    return result
  }

  /**
   * Begins a use that nothing holds up: gives its value, or the effect of what is left, which is a use itself. `BUSY`, with
   * nothing begun, if it must wait: since nothing is opened, or another use is under way, or it is closed.
   */
  begin<B, E2>(work: Use<A, B, E2>): B | Effect.Effect<B, E | E2, Scope.Scope> | typeof BUSY {
    const own = this.#opened
    return own === undefined || this.#uses > 0 || this.#closed !== undefined ? BUSY : effectOf(work, own.value)
  }

  /**
   * Calls off the use under way, and closes what was opened, once. Rejects with the error of a finalizer, unless a call
   * before has thrown it, or {@link abandon} was called.
   */
  async close(): Promise<void> {
    const exit = await this.#close()
    if (this.#isSettled) return
    this.#isSettled = true
    if (Exit.isFailure(exit)) throw Cause.squash(exit.cause)
  }

  /**
   * As {@link close}, for a call that has another error to throw, by default none of a use: never rejects. What `cause`
   * holds beside the error that is thrown is logged.
   */
  async abandon(cause: Cause.Cause<unknown> = Cause.empty): Promise<void> {
    const closed = this.#close()
    if (Chunk.size(Cause.failures(cause)) + Chunk.size(Cause.defects(cause)) > 1) {
      await Effect.runPromise(this.#warn("a run failed by more than one error, of which the first is thrown", cause))
    }
    await closed
    this.#isSettled = true
  }

  #close(): Promise<Exit.Exit<void>> {
    this.#closed ??= Effect.runPromiseExit(
      Effect.zipRight(
        this.#atWork === undefined ? Effect.void : Effect.flatMap(Fiber.interrupt(this.#atWork), this.#calledOff),
        Effect.tapErrorCause(Scope.close(this.#scope, Exit.void), (cause) =>
          this.#warn("a finalizer failed while a run or its layer was closed", cause)
        )
      )
    )
    return this.#closed
  }

  /** What fails because it was called off is not the result of the use. */
  readonly #calledOff = (exit: Exit.Exit<unknown, unknown>): Effect.Effect<void> =>
    Exit.isFailure(exit) && Exit.isInterrupted(exit) && !Cause.isInterruptedOnly(exit.cause)
      ? this.#warn("what was under way failed while it was called off", exit.cause)
      : Effect.void

  /** With the loggers of the layer; with Effect's own if those throw, as what they need may be closed. */
  #warn(message: string, cause: Cause.Cause<unknown>): Effect.Effect<void> {
    const warning = Effect.logWarning(message, cause)
    return this.#opened === undefined
      ? warning
      : Effect.catchAllCause(Effect.provide(warning, this.#opened.runtime), () => warning)
  }

  async #run<B, E2>(work: Use<A, B, E2>): Promise<Exit.Exit<B, E | E2> | undefined> {
    try {
      if (this.#closed !== undefined) {
        await this.#closed
        return undefined
      }
      const own = this.#opened
      let fiber: Fiber.RuntimeFiber<B, E | E2>
      if (own === undefined) fiber = Effect.runFork(this.#opens(work))
      else {
        const begun = effectOf(work, own.value)
        // What is there is taken at once.
        if (!Effect.isEffect(begun)) return Exit.succeed(begun)
        fiber = Runtime.runFork(own.scoped)(begun)
      }
      this.#atWork = fiber
      const exit = await Effect.runPromise(Fiber.await(fiber))
      this.#atWork = undefined
      if (this.#closed === undefined) return exit
      // What was done before it was closed is done; an interrupt is the closing's.
      await this.#closed
      return Exit.isSuccess(exit) || !Exit.isInterrupted(exit) ? exit : undefined
    } finally {
      this.#uses--
    }
  }

  /** Opens it, and does the work. */
  #opens<B, E2>(work: Use<A, B, E2>): Effect.Effect<B, E | E2> {
    return Effect.flatMap(this.#opening, ({ scoped, value }) => {
      const begun = effectOf(work, value)
      return Effect.isEffect(begun) ? Effect.provide(begun, scoped) : Effect.succeed(begun)
    })
  }

  /** With the layer's runtime and not its context alone, so that its loggers, tracers and the like hold, too. */
  readonly #opening: Effect.Effect<Opened<A, R>, E> = Effect.suspend(() =>
    Scope.extend(Layer.toRuntime(ownLayer("the layer of the run", this.#layer)), this.#scope)
  ).pipe(
    Effect.flatMap((runtime) =>
      Effect.map(Effect.provide(Scope.extend(this.#open, this.#scope), runtime), (value) => ({
        value,
        runtime,
        scoped: Runtime.provideService(runtime, Scope.Scope, this.#scope)
      }))
    ),
    Effect.tap((opened) =>
      Effect.sync(() => {
        this.#opened = opened
      })
    )
  )
}
