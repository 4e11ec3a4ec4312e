/**
 * An open run, as its consumer sees it.
 *
 * @since 0.1.0
 */
import * as Data from "effect/Data"
import type * as Effect from "effect/Effect"
import type * as Option from "effect/Option"
import type * as Stream from "effect/Stream"
import type { InvalidOption } from "../InvalidOption.ts"
import type { CoordinatesError } from "../seeding/Coordinates.ts"
import type { Batch } from "../stages/Batch.ts"
import type * as Cursor from "./Cursor.ts"
import type { DigestError } from "./Digest.ts"
import type * as FailurePolicy from "./FailurePolicy.ts"
import type * as Profile from "./Profile.ts"
import type { DatasetChanged, StageError } from "./StageError.ts"
import type { ThreadError } from "./threads/ThreadError.ts"
import type * as Verify from "./Verify.ts"

/**
 * A run was asked for batches after it was closed. What it counted (`stats`, `cursor`, `digest`, `profile`) can still be
 * read.
 *
 * @since 0.1.0
 */
export class RunClosed extends Data.TaggedError("RunClosed")<{
  /** Where the run stood: the first batch that was not delivered. None where it was closed before it began. */
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
 * Something of a run was read before the run had begun.
 *
 * @since 0.1.0
 */
export class RunNotOpen extends Data.TaggedError("RunNotOpen")<{
  /** What was read, such as `cursor`. */
  readonly read: string
}> {
  override get message(): string {
    return `${this.read} cannot be read before the run has begun: take a batch first, or \`await run.open()\``
  }
}

/**
 * An epoch was asked for batches after the run had gone on to a later one. Batches of another epoch are never handed
 * out in its name.
 *
 * @since 0.1.0
 */
export class EpochPassed extends Data.TaggedError("EpochPassed")<{
  /** The epoch that was asked. */
  readonly epoch: number
  /** The epoch at which the run stands. */
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
 * All that can go wrong with a run whose dataset and effectful stages fail with `E`.
 *
 * @since 0.1.0
 */
export type LoaderError<E = never> =
  | StageError<E>
  | CoordinatesError
  | DatasetChanged
  | DigestError
  | ThreadError
  | Cursor.CursorError
  | Cursor.CursorMismatch
  | FailurePolicy.SkipBudgetExceeded
  | InvalidOption
  | RunClosed

/** What a run did so far. @since 0.1.0 */
export interface Stats {
  /** Batches handed to the consumer. */
  readonly batches: number
  /** Samples in them. */
  readonly samples: number
  /** Samples that were left out, as the failure policy has it. */
  readonly skipped: number
  /** Samples that were attempted again, as the failure policy granted it; of the batches that were taken. */
  readonly retried: number
  /** Times that compute which died or hung was replaced, and a batch built anew. */
  readonly replaced: number
  /** Batches that {@link Loader.verify} built again. */
  readonly verified: number
  /** Milliseconds for which the consumer waited for a batch. */
  readonly waited: number
}

/**
 * One epoch of a run, or what is left of it: its number and its batches, as a `Stream` and for `for await`. Both take
 * from the run, so a batch comes once, whichever is asked for it. Once the run has gone on to a later epoch they fail
 * with {@link EpochPassed}.
 *
 * @since 0.1.0
 */
export interface Epoch<out C, out E = never> extends AsyncIterable<Batch<C>> {
  /** Which epoch it is, from 0. */
  readonly number: number
  /** The next of its batches, or none at its end. */
  readonly take: Effect.Effect<Option.Option<Batch<C>>, LoaderError<E> | EpochPassed>
  /** Its batches from here on. Leaving it leaves the rest for whoever asks next. */
  readonly stream: Stream.Stream<Batch<C>, LoaderError<E> | EpochPassed>
}

/**
 * The epochs of a run that are left, as a `Stream` and for `for await`. After a resume the first is the rest of the one
 * at hand. An epoch of which no batch is delivered appears as well.
 *
 * To ask for the next epoch is to be done with this one: what is left of it is skipped. No batch of it is built any
 * more, what was built ahead is dropped, the cursor stands at the start of the next epoch, and the digest goes on over what
 * was delivered. (Batches that a thread was asked for already are built and dropped: at most `prefetch` a worker.)
 * Building ahead goes on across epochs.
 *
 * @since 0.1.0
 */
export interface Epochs<out C, out E = never>
  extends Stream.Stream<Epoch<C, E>, LoaderError<E>>,
    AsyncIterable<Epoch<C, E>> {}

/**
 * An open run.
 *
 * @since 0.1.0
 */
export interface Loader<out C, out E = never> {
  /** How many batches an epoch has by the plan: with several ranks, how many each of them delivers. */
  readonly batches: number
  /**
   * The next batch, or none at the end. An interrupt can fall between a batch that is taken and who takes it: where the
   * cursor is to be read after an interrupt, use `forEach`. Fails with {@link RunClosed} once the run's scope is closed.
   */
  readonly take: Effect.Effect<Option.Option<Batch<C>>, LoaderError<E>>
  /**
   * Hands each batch from here on to `step`. An interrupt ends the wait for a batch, or comes when a step is done, so that
   * the cursor counts what steps have done, no more and no less.
   */
  readonly forEach: <X, E2, R2>(
    step: (batch: Batch<C>) => Effect.Effect<X, E2, R2>
  ) => Effect.Effect<void, LoaderError<E> | E2, R2>
  /** The batches from here on, as a stream. Pulling from it is `take`. */
  readonly stream: Stream.Stream<Batch<C>, LoaderError<E>>
  /**
   * The epochs that are left, so that something can be done between two of them.
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
   * Builds the batches that `verify` has chosen so far again, here and now, and gives which they were; fails with
   * `ImpureBatch` where one is not what was delivered. Batches of which samples were left out are not chosen.
   */
  readonly verify: Effect.Effect<ReadonlyArray<Verify.Verified>, LoaderError<E> | Verify.ImpureBatch>
  /** Where the time went so far; none without `profile: true`. */
  readonly profile: Effect.Effect<Option.Option<Profile.Profile>>
  /**
   * The digest of what was delivered: 64 hexadecimal digits. Under order `"ready"` it goes as far as the plan's row of
   * batches has no gap. Without `digest: true` it is that of nothing.
   */
  readonly digest: Effect.Effect<string>
  /**
   * Where the run stands: behind the last batch that was taken, whatever was built ahead. It can be read at any time, and
   * stored as JSON.
   */
  readonly cursor: Effect.Effect<Cursor.Cursor>
}
