/**
 * The interface of a backend: where the batches of a run are built, whether on fibers of this thread, on a pool of
 * threads, or in processes elsewhere.
 *
 * @since 0.1.0
 */
import type * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import type { InvalidOption } from "../../core/InvalidOption.ts"
import type { Batch } from "../../pipeline/Batch.ts"
import type { Lease } from "../../pipeline/Lease.ts"
import type { FailureRules } from "../build/FailureRules.ts"
import type { Observer } from "../build/Observer.ts"
import type { Skipped } from "../build/Retry.ts"
import type { BatchError } from "../build/StageError.ts"
import type { StageTimes } from "../build/StageTimes.ts"
import type { BatchStart } from "../build/StreamRows.ts"
import type { DigestError } from "../plan/Digest.ts"
import type { RunPlan } from "../plan/RunPlan.ts"
import type { BackendError } from "./BackendError.ts"
import type { Choice } from "./Choice.ts"

/** A batch as it comes from a backend. @category models @since 0.1.0 */
export interface BuiltBatch {
  /** `undefined` if nothing is left of it. */
  readonly batch: Batch<unknown> | undefined
  /** Whether the epoch ended before the batch, so that there is no such batch. */
  readonly ended?: true
  /** The hash of its columns, if the run keeps a digest. */
  readonly hash: Uint8Array | undefined
  /** Samples that were left out since every attempt at them failed. */
  readonly skipped?: ReadonlyArray<Skipped>
  /** How many samples were attempted again, as the failure policy granted it. */
  readonly retried?: number
  /** How many times compute was replaced that died or hung at it, before it was built or left out. */
  readonly replaced?: number
  /** Lent memory that columns lie in, which whoever takes the batch releases. */
  readonly lease?: Lease | undefined
}

/** @since 0.1.0 */
export type Failure = BatchError | DigestError | BackendError | InvalidOption

/** Which batch: its number within its epoch, and the worker that owns it. @since 0.1.0 */
export interface BatchCoordinates {
  readonly epoch: number
  readonly batch: number
  readonly worker: number
}

/**
 * A batch that was requested. Its functions need no `this`, so that `{ ...requested, build: undefined, content }` wraps it.
 *
 * @category models
 * @since 0.1.0
 */
export interface RequestedBatch {
  /**
   * Builds the batch by plain code, if it is lazy: returns it, or `undefined` if it takes an effect, which is `content` from
   * then on. Called at most once, and not after `content` has been run. Without it, `content` builds the batch; who wraps
   * `content` takes it out: `{ ...requested, build: undefined, content }`.
   */
  readonly build?: (() => BuiltBatch | undefined) | undefined
  /** Whether nothing of it is built before `build` or `content` runs, so that it may be dropped instead. */
  readonly isLazy: boolean
  /** Whether it is being built elsewhere, so that there is nothing to do but to poll, or to `want` it. */
  readonly isPending: () => boolean
  /** Has `arrived` of the request called as soon as the batch is no longer pending, without anybody polling. */
  readonly want: () => void
  /** The batch, or `undefined` if it takes an effect, which is `content`. Called once it is no longer pending. */
  readonly take: () => BuiltBatch | undefined
  /** Builds the batch, or waits until it is built. Run once, and only if `take` has not returned the batch. */
  readonly content: Effect.Effect<BuiltBatch, Failure, unknown>
}

/** A backend that is open for one run. Its functions need no `this`. @category models @since 0.1.0 */
export interface OpenBackend {
  /**
   * Requests a batch, without waiting for those requested before. The batches of one worker are requested in the order of
   * the plan, and their content is taken in that order. `arrived` is called when it is no longer pending.
   */
  readonly request: (coordinates: BatchCoordinates, arrived: () => void) => RequestedBatch
  /** Looks which of the requested batches are there, and calls their `arrived`. */
  readonly poll: () => void
  /**
   * Is run once a worker has no more batches to request, and all that it requested are built or left out. Who wraps a backend
   * hands it on: workers of a stream wait for one that is behind and not over.
   */
  readonly over?: ((worker: number) => Effect.Effect<void> | undefined) | undefined
}

/** What the consumer of a run has taken so far, read at any time. @since 0.1.0 */
export interface Consumer {
  readonly batches: number
  /** Milliseconds that it waited for them. */
  readonly waited: number
}

/** What a run tells its backend beside the plan. @since 0.1.0 */
export interface BackendSettings {
  readonly digest: boolean
  /** How many batches each worker may build ahead. */
  readonly prefetch: number
  /** How many batches all workers are to build. */
  readonly batches: number
  /** The first of them, in the plan's order; `undefined` if batches are built on their own, one after another. */
  readonly start?: BatchStart | undefined
  readonly failures: FailureRules
  /** Whom the batches are built for; `undefined` if they are not taken one after the other. */
  readonly consumer?: Consumer | undefined
  /** Is told where batches are built, and why, by a backend that chooses: when it opens, and each time that it changes. */
  readonly chosen?: (choice: Choice) => void
  /** Is called when a thread, or other compute, that died or hung is replaced. */
  readonly replaced?: () => void
  readonly observer?: Observer | undefined
  /** Where times that are measured elsewhere are added; they are part of `observer` here. */
  readonly times?: StageTimes | undefined
  /** The span of the run, if it is traced, as W3C's `traceparent`: for spans of other hosts. */
  readonly traceparent?: string | undefined
}

/** Where batches are built. @category models @since 0.1.0 */
export interface Backend {
  /** Its name in spans and logs: `"fibers"`, `"threads"`, `"auto"`, or your own. */
  readonly name: string
  /** How many batches each worker may build ahead, if the run does not say. Default 2. */
  readonly prefetch?: number
  /** Opens it for a run; it closes with the scope. */
  readonly open: (runPlan: RunPlan, settings: BackendSettings) => Effect.Effect<OpenBackend, BackendError, Scope.Scope>
}
