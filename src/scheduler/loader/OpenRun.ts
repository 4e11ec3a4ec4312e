/**
 * Implements `Loader`: puts the delivery, the digest, the cursor, the profile and the verification of a run together.
 *
 * @since 0.1.0
 */
import type * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import type * as Runtime from "effect/Runtime"
import type { Delivered } from "../../pipeline/Batch.ts"
import type { BackendSettings, Failure } from "../backends/Backend.ts"
import type { Work } from "../build/Work.ts"
import * as Digest from "../plan/Digest.ts"
import type * as Cursor from "./Cursor.ts"
import * as CursorWrite from "./CursorWrite.ts"
import type * as Delivery from "./Delivery.ts"
import { noDigest } from "./DigestChain.ts"
import * as Epochs from "./Epochs.ts"
import type { Lending } from "./ForEach.ts"
import type { EpochPassed, Loader, LoaderError } from "./Loader.ts"
import type * as Profile from "./Profile.ts"
import * as Pull from "./Pull.ts"
import type { RunStart } from "./RunStart.ts"
import type * as Verify from "./Verify.ts"

/** What a run consists of once it is open. @since 0.1.0 */
export interface Parts<R> {
  readonly start: RunStart
  readonly delivery: Delivery.Delivery
  readonly chosen: Verify.Chosen
  readonly recorder: Profile.Recorder | undefined
  readonly settings: BackendSettings
  readonly context: Context.Context<R>
  readonly runtime: Runtime.Runtime<never>
}

/** @since 0.1.0 */
export class OpenRun<C, E, R> implements Loader<C, E> {
  readonly batches: number | undefined
  readonly take: Loader<C, E>["take"]
  /** As `take`, by plain code as far as that goes; `undefined` at the end. What is left to do must be run. */
  readonly next: () => Work<Delivered<C> | undefined, LoaderError<E>>
  readonly forEach: Loader<C, E>["forEach"]
  readonly stream: Loader<C, E>["stream"]
  readonly epochs: Loader<C, E>["epochs"]
  readonly stats: Loader<C, E>["stats"]
  readonly verify: Loader<C, E>["verify"]
  readonly profile: Loader<C, E>["profile"]
  readonly digest: Loader<C, E>["digest"]
  readonly cursor: Effect.Effect<Cursor.Cursor>
  readonly #parts: Parts<R>

  constructor(parts: Parts<R>) {
    this.#parts = parts
    const { delivery, recorder, runtime, settings, start } = parts
    // By Pipeline's types what comes out behind the last stage is a batch with columns C, and its effects fail with E;
    // a batch of no rows has the columns of one with rows, or, as `Batch` says, none where the rank has no rows.
    const typed = <Own>(taking: Effect.Effect<Option.Option<Delivered<unknown>>, Delivery.DeliveryError | Own>) =>
      taking as Effect.Effect<Option.Option<Delivered<C>>, LoaderError<E> | Own>
    this.batches = start.runPlan.plan.batches
    this.take = typed<never>(delivery.take)
    // As above.
    this.next = delivery.next as typeof this.next
    this.forEach = <X, E2, R2>(step: (batch: Delivered<C>) => Effect.Effect<X, E2, R2>) =>
      // As above.
      delivery.forEach(step as (batch: Delivered<unknown>) => Effect.Effect<X, E2, R2>) as Effect.Effect<
        void,
        LoaderError<E> | E2,
        R2
      >
    this.stream = Pull.stream(this.take)
    this.epochs = Epochs.make<C, E>(
      {
        // As above.
        enter: (behind) => delivery.enter(behind) as Effect.Effect<Option.Option<number>, LoaderError<E>>,
        takeOf: (epoch) => typed<EpochPassed>(delivery.takeOf(epoch))
      },
      runtime
    )
    this.stats = Effect.sync(() => ({ ...delivery.stats }))
    this.verify = this.#verify()
    this.profile = Effect.sync(() => Option.fromNullable(recorder?.profile(delivery.stats.waited)))
    this.digest = settings.digest ? Effect.sync(() => start.chain.value) : noDigest
    this.cursor = Effect.sync(() => this.#cursor())
  }

  /** As {@link next}, of an epoch. */
  nextOf(epoch: number): () => Work<Delivered<C> | undefined, LoaderError<E> | EpochPassed> {
    // As above.
    return this.#parts.delivery.nextOf(epoch) as () => Work<Delivered<C> | undefined, LoaderError<E> | EpochPassed>
  }

  /** As `forEach`, for steps that are called elsewhere. */
  lending(): Lending<Delivered<C>, LoaderError<E>> {
    // As above.
    return this.#parts.delivery.lending() as Lending<Delivered<C>, LoaderError<E>>
  }

  #verify(): Loader<C, E>["verify"] {
    const { chosen, context, delivery, settings, start } = this.#parts
    const { stats } = delivery
    const again = chosen.again(start.runPlan, settings, (count) => {
      stats.retried += count
    })
    const counted = Effect.tap(again, ({ length }) => {
      stats.verified += length
    })
    return fromPipeline<ReadonlyArray<Verify.Verified>, E, R, Verify.ImpureBatch>(counted, context)
  }

  #cursor(): Cursor.Cursor {
    const { delivery, settings, start } = this.#parts
    const { chain, countedFrom, delivered, from, range, runPlan, sequence } = start
    const { stats } = delivery
    return CursorWrite.make(runPlan, {
      // A run of no batches stays at its start.
      ...(sequence.room === 0 ? { epoch: from?.epoch ?? range.start, batch: 0 } : delivery.position),
      end: range.end,
      ...(countedFrom === 0 ? {} : { start: countedFrom }),
      ahead: delivered.early.map(([own, hash]) => [
        sequence.epochOf(own),
        sequence.batchOf(own),
        hash === undefined ? null : Digest.hex(hash)
      ]),
      batches: stats.batches + (from?.batches ?? 0),
      samples: stats.samples + (from?.samples ?? 0),
      skipped: stats.skipped + (from?.skipped ?? 0),
      digest: settings.digest ? chain.value : null
    })
  }
}

/**
 * An effect of a worker with what the pipeline's types say of it and a worker does not know: it requires R, which
 * `context` holds, and its stages fail with E.
 *
 * @since 0.1.0
 */
export const fromPipeline = <A, E, R, Own = never>(
  effect: Effect.Effect<unknown, Failure | Own, unknown>,
  context: Context.Context<R>
): Effect.Effect<A, LoaderError<E> | Own> =>
  Effect.provide(effect, context as Context.Context<unknown>) as Effect.Effect<A, LoaderError<E> | Own>
