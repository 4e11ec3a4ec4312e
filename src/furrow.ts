/// <reference lib="esnext.disposable" preserve="true" />
/**
 * Runs of a pipeline for code without Effect. This is a thin layer over `Scheduler.open`, not a second engine: same
 * batches, same errors, same cursors.
 *
 * @since 0.1.0
 */
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import type * as Scope from "effect/Scope"
import { type AnyOptions, FURROW, type FurrowOptions, layers } from "./furrow/Options.ts"
import type { Batch, Delivered } from "./pipeline/Batch.ts"
import type { Pipeline } from "./pipeline/Pipeline.ts"
import { catchError, TypedFailure, type Work } from "./scheduler/build/Work.ts"
import { AbortListener } from "./scheduler/loader/AbortListener.ts"
import { callSite } from "./scheduler/loader/CallSite.ts"
import type { Cursor } from "./scheduler/loader/Cursor.ts"
import { readDigest } from "./scheduler/loader/DigestChain.ts"
import type { Lending } from "./scheduler/loader/ForEach.ts"
import * as Iterator from "./scheduler/loader/Iterator.ts"
import { BUSY, LazyResource } from "./scheduler/loader/LazyResource.ts"
import { EpochPassed, type Loader, RunClosed, RunNotOpen, type Stats } from "./scheduler/loader/Loader.ts"
import type { OpenRun } from "./scheduler/loader/OpenRun.ts"
import type { Profile } from "./scheduler/loader/Profile.ts"
import * as ScheduledRun from "./scheduler/loader/Run.ts"
import { pipelineOf, settings } from "./scheduler/loader/RunOptions.ts"
import * as RunServices from "./scheduler/loader/RunServices.ts"
import { Steps } from "./scheduler/loader/Steps.ts"
import type { Verified } from "./scheduler/loader/Verify.ts"

export type { Failures, FurrowOptions, PlainOptions, PolicyLayer, PolicyName } from "./furrow/Options.ts"

/** One epoch of a run, or what is left of it. @category models @since 0.1.0 */
export interface RunEpoch<out C> extends AsyncIterable<Delivered<C>> {
  /** Which epoch it is, from 0. */
  readonly number: number
}

/**
 * A run of a pipeline. It opens when its first batch is asked for. It closes, and ends all its workers, at its end, on an
 * error, by `close`, by its signal, and when a loop over it or over its epochs is left early. After that, what it counted
 * can still be read; asking for more batches throws `RunClosed`.
 *
 * Errors are thrown as they are: `error instanceof Scheduler.StageError`, `error._tag`. If a finalizer of `layer` fails,
 * a warning is logged, and its error is thrown if the call that closes the run has no other error to throw.
 *
 * @category models
 * @since 0.1.0
 */
export interface Run<out C> extends AsyncIterable<Delivered<C>> {
  /**
   * The epochs that are left, each with its number and its batches. After a resume, the first is the rest of the epoch in
   * which the run stopped. Asking for the next epoch skips what is left of this one; see `Scheduler.Epochs`.
   */
  readonly epochs: AsyncIterable<RunEpoch<C>>
  /** The next batch; `undefined` at the end. */
  readonly take: () => Promise<Delivered<C> | undefined>
  /**
   * Calls `step` with each batch that is left, and waits for the promise that it returns, if any. The batch is lent for the
   * step, as by `forEach` of a `Loader`: no copy is made. An error of a step closes the run, and is
   * thrown as it is. A step ends by itself: `close` or the signal end the run before the next one. Meanwhile nothing else can
   * be taken: `take`, a loop or another `forEach` throw `RunInUse`.
   */
  readonly forEach: (step: (batch: Delivered<C>) => unknown) => Promise<void>
  /** Opens the run if it is not open yet, for example to read its cursor before the first batch. */
  readonly open: () => Promise<void>
  /** Ends all workers. Can be called at any time, any number of times. */
  readonly close: () => Promise<void>
  readonly [Symbol.asyncDispose]: () => Promise<void>
  /**
   * How many batches an epoch has; with several ranks, each of them delivers as many. `undefined` if that is known only at an
   * epoch's end. Throws `RunNotOpen`: before the first batch, call `open`.
   */
  readonly batches: number | undefined
  /** The position of the run, after the last batch that was taken. Plain data. Throws `RunNotOpen`. */
  readonly cursor: Cursor
  /** What was counted so far. Throws `RunNotOpen`. */
  readonly stats: Stats
  /** Where the time went so far; `undefined` without `profile: true`. Throws `RunNotOpen`. */
  readonly profile: Profile | undefined
  /** The digest of what was delivered. Throws `RunNotOpen`, and `InvalidOption` without `digest: true`. */
  readonly digest: string
  /**
   * Builds the batches that `verify` has chosen so far again, and returns which they were; see `Loader.verify`. It can be
   * called after the run's end, too. `close` and the signal end it; after them it rejects as `take` does.
   */
  readonly verify: () => Promise<ReadonlyArray<Verified>>
}

const END = { done: true, value: undefined } as const

/** What is done over an open run: an effect, or plain code as far as that goes. */
type Pull<C, E, A> = (loader: OpenRun<C, E, unknown>) => Effect.Effect<A, unknown, Scope.Scope> | Work<A, unknown>

const PASSED = Symbol("passed")

/** An error that is returned: by itself it would be an effect, which fails with it. */
interface Passed {
  readonly [PASSED]: EpochPassed
}

const passed = (error: unknown): Passed => {
  if (error instanceof EpochPassed) return { [PASSED]: error }
  throw new TypedFailure(error)
}

class PlainRun<C, E> implements Run<C> {
  readonly #session: LazyResource<OpenRun<C, E, unknown>, unknown, never>
  readonly #signal: AbortSignal | undefined
  readonly #listener: AbortListener | undefined
  readonly #steps = new Steps()
  /** All was delivered. */
  #ended = false
  /** Closed for another reason than its end. */
  #left = false
  /** Verifies after the end, when the session is closed. */
  #afterwards: LazyResource<Loader<C, E>, never, never> | undefined
  /** What the signal calls. The run holds it, and it the run. */
  readonly #abandonable = { abandon: () => this.#abandon() }

  constructor(
    open: Effect.Effect<OpenRun<C, E, unknown>, unknown, Scope.Scope>,
    services: Layer.Layer<never, unknown>,
    { layer, module, signal, threads, workers }: AnyOptions
  ) {
    // What only a close releases, a signal releases even if the run is forgotten: the scope, which lives as long as the
    // workers, holds the run. Fibers without resources are memory and nothing else.
    const isReleased = layer !== undefined || threads !== undefined || module !== undefined || Layer.isLayer(workers)
    const held = Effect.addFinalizer(() => Effect.sync(() => this.#listener?.end()))
    this.#session = new LazyResource(signal !== undefined && isReleased ? Effect.zipRight(held, open) : open, services)
    this.#signal = signal
    this.#listener = signal === undefined ? undefined : new AbortListener(signal, this.#abandonable)
    RunServices.provide(this, () => this.#session.runtime?.context)
  }

  readonly epochs: AsyncIterable<RunEpoch<C>> = {
    [Symbol.asyncIterator]: () => {
      let pull: Effect.Effect<RunEpoch<C> | undefined, unknown> | undefined
      return this.#iterator((loader) =>
        pull !== undefined
          ? pull
          : Effect.flatMap(Iterator.pulling(loader.epochs), ({ take }) => {
              pull = Effect.map(take, (next) =>
                Option.isSome(next) ? this.#epoch(next.value.number, loader.nextOf(next.value.number)) : undefined
              )
              return pull
            })
      )
    }
  };

  [Symbol.asyncIterator](): AsyncIterator<Delivered<C>, undefined> {
    return this.#iterator(({ next }) => next())
  }

  async take(): Promise<Delivered<C> | undefined> {
    this.#steps.refuse("take")
    return this.#next(({ next }) => next())
  }

  async forEach(step: (batch: Delivered<C>) => unknown): Promise<void> {
    if (this.#ended) throw this.#late()
    let lending: Lending<Delivered<C>, unknown> | undefined
    const next = (loader: OpenRun<C, E, unknown>) => {
      lending ??= loader.lending()
      return lending.next()
    }
    try {
      await this.#steps.each(step, { next: () => this.#now(next), leave: () => this.#abandon() })
    } finally {
      lending?.end()
    }
  }

  async open(): Promise<void> {
    if (this.#session.opened === undefined) await this.#use(() => Effect.void)
  }

  async close(): Promise<void> {
    this.#left = true
    await Promise.all([this.#shut(), this.#afterwards?.close()])
  }

  /** As `close`, for a call that has another error to throw. */
  async #abandon(cause?: Cause.Cause<unknown>): Promise<void> {
    this.#left = true
    this.#listener?.end()
    await Promise.all([this.#session.abandon(cause), this.#afterwards?.abandon()])
  }

  async #shut(): Promise<void> {
    this.#listener?.end()
    await this.#session.close()
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  get cursor(): Cursor {
    return Effect.runSync(this.#loader("cursor").cursor)
  }

  get batches(): number | undefined {
    return this.#loader("batches").batches
  }

  get stats(): Stats {
    return Effect.runSync(this.#loader("stats").stats)
  }

  get profile(): Profile | undefined {
    return Option.getOrUndefined(Effect.runSync(this.#loader("profile").profile))
  }

  get digest(): string {
    return readDigest(this.#loader("digest").digest)
  }

  async verify(): Promise<ReadonlyArray<Verified>> {
    if (this.#isAborted) throw this.#signal?.reason
    if (this.#left) throw this.#closed()
    const loader = this.#loader("verify")
    this.#listener?.enter()
    // A session that the run's end has closed, maybe while this waited for its turn, says `undefined`.
    let exit = await this.#session.use(({ verify }) => verify)
    if (exit === undefined && this.#ended && !this.#left) {
      const { runtime } = this.#session
      this.#afterwards ??= new LazyResource(Effect.succeed(loader), Layer.empty)
      exit = await this.#afterwards.use(({ verify }) =>
        runtime === undefined ? verify : Effect.provide(verify, runtime)
      )
    }
    this.#listener?.leave(this.#session.isClosed)
    if (exit === undefined) throw this.#isAborted ? this.#signal?.reason : this.#closed()
    if (Exit.isSuccess(exit)) return exit.value
    throw Cause.squash(exit.cause)
  }

  #loader(read: string): Loader<C, E> {
    const { opened } = this.#session
    if (opened === undefined) throw new RunNotOpen({ read })
    return opened
  }

  /** Whatever ends it ends the run: its end, an error, and leaving it. One that begins after the end is refused. */
  #iterator<A>(pull: Pull<C, E, A | undefined>): AsyncIterator<A, undefined> {
    let over = false
    const isLate = this.#ended
    return {
      next: async () => {
        if (over) return END
        if (isLate) throw this.#late()
        this.#steps.refuse("for await")
        const value = await this.#next(pull)
        if (value !== undefined) return { done: false, value }
        over = true
        return END
      },
      return: async () => {
        over = true
        await this.close()
        return END
      }
    }
  }

  /** Leaving it leaves the run as it is: the next epoch can be asked for. */
  #epoch(number: number, next: () => Work<Delivered<C> | undefined, unknown>): RunEpoch<C> {
    /** All was delivered, which loops that overlap are told even after the run's end. */
    let isDone = false
    return {
      number,
      [Symbol.asyncIterator]: () => {
        let over = false
        return {
          next: async () => {
            if (over || isDone) return END
            this.#steps.refuse("for await")
            // It is this iterator's error and not the run's: the epoch that the run is in goes on.
            const batch = await this.#use<Delivered<C> | undefined | Passed>(() => catchError(next, passed))
            if (batch === undefined) {
              isDone = true
              return END
            }
            if (!(PASSED in batch)) return { done: false, value: batch }
            over = true
            throw batch[PASSED]
          },
          return: async () => {
            over = true
            return END
          }
        }
      }
    }
  }

  /** As `#next`, without a promise where the next one is there: four of them take as long as a small batch. */
  #now<A>(pull: Pull<C, E, A | undefined>): A | undefined | Promise<A | undefined> {
    if (this.#ended || this.#isAborted) return this.#next(pull)
    const begun = this.#session.begin(pull)
    if (begun === BUSY) return this.#next(pull)
    if (Effect.isEffect(begun)) return this.#next(() => begun)
    return begun === undefined ? this.#next(() => undefined) : begun
  }

  async #next<A>(pull: Pull<C, E, A | undefined>): Promise<A | undefined> {
    if (this.#ended) return undefined
    try {
      const next = await this.#use(pull)
      if (next !== undefined) return next
    } catch (error) {
      // It was asked for while another one found the end.
      if (this.#ended && error instanceof RunClosed) return undefined
      throw error
    }
    this.#ended = true
    await this.#shut()
    return undefined
  }

  /** Does some work over the open run. An error ends the run before it is thrown. */
  async #use<A>(work: Pull<C, E, A>): Promise<A> {
    const signal = this.#signal
    if (this.#isAborted) {
      await this.#abandon()
      throw signal?.reason
    }
    if (this.#session.isClosed) throw this.#closed()
    this.#listener?.enter()
    const exit = await this.#session.use(work)
    this.#listener?.leave(this.#session.isClosed)
    if (exit !== undefined && Exit.isSuccess(exit)) return exit.value
    const cause = exit?.cause
    await (this.#ended ? this.#session.abandon(cause) : this.#abandon(cause))
    if (this.#isAborted) throw signal?.reason
    throw cause === undefined ? this.#closed() : Cause.squash(cause)
  }

  get #isAborted(): boolean {
    return this.#signal?.aborted === true
  }

  /** Why nothing can be taken any more. */
  #late(): unknown {
    return this.#isAborted ? this.#signal?.reason : this.#closed()
  }

  #closed(): RunClosed {
    const { opened } = this.#session
    const { batch, epoch } = opened === undefined ? {} : Effect.runSync(opened.cursor)
    return new RunClosed({ at: epoch === undefined || batch === undefined ? undefined : { epoch, batch } })
  }
}

/**
 * Opens a run of a pipeline, without Effect. Throws `InvalidOption` for invalid options as far as they can be checked
 * without the pipeline's plan, a cursor or a layer, and `ForeignEffect` for a layer that another copy of `effect` made. All
 * other errors are thrown when batches are asked for.
 *
 * @example
 * import { Dataset, furrow, Pipeline, Sampler } from "furrow"
 *
 * const numbers = Pipeline.from(Dataset.range(1000)).pipe(
 *   Pipeline.sample(Sampler.shuffle),
 *   Pipeline.augment("jitter", (x, rng) => x + rng.uniform(-0.5, 0.5)),
 *   Pipeline.batch(32)
 * )
 *
 * const run = furrow(numbers, { seed: 42, workers: 4, epochs: 2 })
 * let seen = 0
 * for await (const epoch of run.epochs) {
 *   for await (const batch of epoch) seen += batch.size
 *   console.assert(seen === 1000 * (epoch.number + 1)) // validate here
 * }
 * console.assert(run.stats.samples === 2000)
 *
 * @category constructors
 * @since 0.1.0
 */
export const furrow = <C, E, R>(pipeline: Pipeline<Batch<C>, E, R>, options: FurrowOptions<R>): Run<C> => {
  // The types are checked by now; what is left of them is looked at when it runs.
  const own = options as unknown as AnyOptions
  pipelineOf("furrow", pipeline)
  settings(own, "furrow", FURROW)
  // Types say that the layer has what the pipeline requires.
  const open = ScheduledRun.open(pipeline, own, callSite(furrow), "furrow", FURROW) as Effect.Effect<
    OpenRun<C, E, unknown>,
    unknown,
    Scope.Scope
  >
  return new PlainRun(open, layers(own), own)
}
