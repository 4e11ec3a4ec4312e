/**
 * The interface of an open run: what its consumer can take and read, and the errors of both.
 *
 * @since 0.1.0
 */
import * as Data from "effect/Data"
import type * as Effect from "effect/Effect"
import type * as Option from "effect/Option"
import type * as Stream from "effect/Stream"
import type { InvalidOption } from "../../core/InvalidOption.ts"
import type { Delivered } from "../../pipeline/Batch.ts"
import type { CoordinatesError } from "../../seeding/Coordinates.ts"
import type { BackendError } from "../backends/BackendError.ts"
import type { DatasetChanged, StageError } from "../build/StageError.ts"
import type { DigestError } from "../plan/Digest.ts"
import type * as Cursor from "./Cursor.ts"
import type * as FailurePolicy from "./FailurePolicy.ts"
import type * as Profile from "./Profile.ts"
import type * as Verify from "./Verify.ts"

/**
 * A run was asked for batches after it was closed. What it counted (`stats`, `cursor`, `digest`, `profile`) can still be
 * read.
 *
 * @category errors
 * @since 0.1.0
 */
export class RunClosed extends Data.TaggedError("RunClosed")<{
  /** Where the run was closed: the first batch that was not delivered. `undefined` if it was closed before it began. */
  readonly at: { readonly epoch: number; readonly batch: number } | undefined
}> {
  override get message(): string {
    const { at } = this
    const stood = at === undefined ? "it had not begun" : `it stood at batch ${at.batch} of epoch ${at.epoch}`
    return (
      `this run is closed; ${stood}. Take its batches before it is closed, or open another run, which goes on from the ` +
      "cursor of this one with { from: cursor }"
    )
  }
}

/**
 * A value of a run, such as its cursor, was read before the run had begun.
 *
 * @category errors
 * @since 0.1.0
 */
export class RunNotOpen extends Data.TaggedError("RunNotOpen")<{
  /** What was read, such as `cursor`. */
  readonly read: string
  /** What opens the run. Default: taking a batch, or `run.open()`, which a run of a service does not have. */
  readonly way?: string
}> {
  override get message(): string {
    const { read, way = "take a batch first, or `await run.open()`" } = this
    return `${read} cannot be read before the run has begun: ${way}`
  }
}

/**
 * Something was to be taken from a run while its `forEach` is under way, whose steps are given all batches. The run goes on.
 *
 * @category errors
 * @since 0.1.0
 */
export class RunInUse extends Data.TaggedError("RunInUse")<{
  /** What was called, such as `take`. */
  readonly call: string
}> {
  override get message(): string {
    return `${this.call} was called while forEach is under way, whose steps are given all batches: call it once forEach has ended`
  }
}

/**
 * An epoch was asked for batches after the run had moved on to a later one. Batches of another epoch are never delivered
 * in its place.
 *
 * @category errors
 * @since 0.1.0
 */
export class EpochPassed extends Data.TaggedError("EpochPassed")<{
  /** The epoch that was asked. */
  readonly epoch: number
  /** The epoch that the run is in. */
  readonly current: number
}> {
  override get message(): string {
    return (
      `epoch ${this.epoch} is over: the run went on to epoch ${this.current}. Take an epoch's batches before asking for ` +
      `the next one; to deliver this epoch again, open a run with { epoch: ${this.epoch}, replay: true }`
    )
  }
}

/**
 * All errors of a run whose dataset and effectful stages fail with `E`.
 *
 * @category errors
 * @since 0.1.0
 */
export type LoaderError<E = never> =
  | StageError<E>
  | CoordinatesError
  | DatasetChanged
  | DigestError
  | BackendError
  | Cursor.CursorError
  | Cursor.CursorMismatch
  | FailurePolicy.SkipBudgetExceeded
  | InvalidOption
  | RunClosed

/** What a run has counted so far. @category models @since 0.1.0 */
export interface Stats {
  /** Batches handed to the consumer. */
  readonly batches: number
  /** Samples in them. */
  readonly samples: number
  /** Samples that the failure policy left out. */
  readonly skipped: number
  /**
   * Samples that the failure policy let be attempted again, in the batches that were taken. (The metric
   * `furrow_batches_retried_total` counts batches.)
   */
  readonly retried: number
  /**
   * How many times a thread was replaced that died or hung at one of the batches that were taken, which was then built again or
   * left out. (The metric `furrow_threads_replaced_total` counts each replacement when it happens.)
   */
  readonly replaced: number
  /** Batches that {@link Loader.verify} built again. */
  readonly verified: number
  /** Milliseconds that the consumer waited for batches. */
  readonly waited: number
}

/**
 * One epoch of a run, or what is left of it: its number and its batches, as a `Stream` and for `for await`. Both take
 * from the run, so each batch is delivered once, by whichever is asked first. Once the run has moved on to a later epoch,
 * they fail with {@link EpochPassed}.
 *
 * @category models
 * @since 0.1.0
 */
export interface Epoch<out C, out E = never> extends AsyncIterable<Delivered<C>> {
  /** Which epoch it is, from 0. */
  readonly number: number
  /** The next batch of the epoch, or none at its end. */
  readonly take: Effect.Effect<Option.Option<Delivered<C>>, LoaderError<E> | EpochPassed>
  /** Its batches from here on. If the stream is left early, the rest can still be taken. */
  readonly stream: Stream.Stream<Delivered<C>, LoaderError<E> | EpochPassed>
}

/**
 * The epochs of a run that are left, as a `Stream` and for `for await`. After a resume, the first is the rest of the epoch
 * in which the run stopped. An epoch without batches appears as well.
 *
 * Asking for the next epoch skips what is left of the current one: no more of its batches are built, those that were
 * built ahead are dropped, the cursor moves to the start of the next epoch, and the digest continues over what was
 * delivered. (Batches that a thread has already been asked for are built and dropped: at most `prefetch` per worker.)
 * Building ahead continues across epochs.
 *
 * @category models
 * @since 0.1.0
 */
export interface Epochs<out C, out E = never>
  extends Stream.Stream<Epoch<C, E>, LoaderError<E>>,
    AsyncIterable<Epoch<C, E>> {}

/**
 * An open run.
 *
 * @category models
 * @since 0.1.0
 */
export interface Loader<out C, out E = never> {
  /**
   * How many batches an epoch has by the plan; with several ranks, each of them delivers as many. `undefined` if that is known
   * only at an epoch's end.
   */
  readonly batches: number | undefined
  /**
   * The next batch, or none at the end. It is the caller's for good, and may be disposed: see `Batch.Delivered`. An interrupt
   * can come after a batch was taken and before it reaches the caller: if the cursor is read after an interrupt, use
   * `forEach`. Fails with {@link RunClosed} once the run's scope is closed.
   */
  readonly take: Effect.Effect<Option.Option<Delivered<C>>, LoaderError<E>>
  /**
   * Calls `step` with each batch from here on. The batch is lent for the step: its memory is used again for later batches, and
   * a tensor's `data` that is read after the step throws `StaleBatch`. `Batch.hold` and `Batch.copy` keep a batch; clone or send
   * (`structuredClone`, `postMessage`) only a `Batch.copy`, for a clone of a lent batch can be a view of that memory, without
   * the guard. An interrupt takes effect while waiting for a batch, or when a step is done,
   * so that the cursor counts exactly the batches whose steps are done. A step must not take from the run itself: it would
   * wait for its own end.
   */
  readonly forEach: <X, E2, R2>(
    step: (batch: Delivered<C>) => Effect.Effect<X, E2, R2>
  ) => Effect.Effect<void, LoaderError<E> | E2, R2>
  /** The batches from here on, as a stream. Pulling from it is `take`. */
  readonly stream: Stream.Stream<Delivered<C>, LoaderError<E>>
  /**
   * The epochs that are left, to do something between two of them.
   *
   * @example
   * import { Effect, Stream } from "effect"
   * import { Dataset, Pipeline, Sampler, Scheduler, SeedPolicy } from "furrow"
   *
   * const pipeline = Pipeline.from(Dataset.range(10)).pipe(Pipeline.sample(Sampler.shuffle), Pipeline.batch(4))
   * const seen: Array<string> = []
   * const run = Effect.gen(function* () {
   *   const loader = yield* Scheduler.open(pipeline, { epochs: 2 })
   *   yield* Stream.runForEach(loader.epochs, ({ number, stream }) =>
   *     Effect.gen(function* () {
   *       yield* Stream.runForEach(stream, (batch) => Effect.sync(() => seen.push(`${number}.${batch.index}`)))
   *       seen.push("validate")
   *     })
   *   )
   * }).pipe(Effect.scoped, Effect.provide(SeedPolicy.epochWorker({ seed: 42 })))
   * await Effect.runPromise(run)
   * console.assert(seen.join(" ") === "0.0 0.1 0.2 validate 1.0 1.1 1.2 validate")
   */
  readonly epochs: Epochs<C, E>
  readonly stats: Effect.Effect<Stats>
  /**
   * Builds the batches that `verify` has chosen so far again, and returns which they were. Fails with `ImpureBatch` if one
   * differs from what was delivered. Batches from which samples were skipped are not chosen.
   */
  readonly verify: Effect.Effect<ReadonlyArray<Verify.Verified>, LoaderError<E> | Verify.ImpureBatch>
  /** Where the time was spent so far; none without `profile: true`. */
  readonly profile: Effect.Effect<Option.Option<Profile.Profile>>
  /**
   * The digest of what was delivered: 64 hexadecimal digits. With order `"ready"` it covers the batches up to the first one
   * that was not taken. Fails with `InvalidOption` without `digest: true`.
   */
  readonly digest: Effect.Effect<string, InvalidOption>
  /**
   * The position of the run: after the last batch that was taken, whatever was built ahead. It can be read at any time, and
   * stored as JSON.
   */
  readonly cursor: Effect.Effect<Cursor.Cursor>
}
