/**
 * What makes the batches of one worker: the worker itself on a fiber, or a thread that it owns.
 *
 * @since 0.1.0
 */
import { Effect, type Scope } from "effect"
import { type InvalidOption, shown } from "../InvalidOption.ts"
import type { Batch } from "../stages/Batch.ts"
import * as Digest from "./Digest.ts"
import type { Job } from "./Job.ts"
import type { ThreadError } from "./threads/ThreadError.ts"
import * as Worker from "./Worker.ts"

/** A batch as it comes from its worker. @since 0.1.0 */
export interface Content {
  /** `undefined` when nothing was left of it. */
  readonly batch: Batch<unknown> | undefined
  /** The hash of its columns, where the run keeps a digest. */
  readonly hash: Uint8Array | undefined
  /** Gives back the memory that the columns lie in, where they lie in borrowed memory. */
  readonly release?: () => void
}

/** @since 0.1.0 */
export type Failure = Worker.BatchError | Digest.DigestError | ThreadError | InvalidOption

/** @since 0.1.0 */
export interface Maker {
  readonly make: (epoch: number, batch: number) => Effect.Effect<Content, Failure, unknown>
}

/** How a run wants its batches made. @since 0.1.0 */
export interface Settings {
  readonly digest: boolean
  /** How many batches may wait at a worker. */
  readonly prefetch: number
}

/** Starts what makes the batches of a worker; it ends with the scope. @since 0.1.0 */
export type Start = (job: Job, worker: number, settings: Settings) => Effect.Effect<Maker, ThreadError, Scope.Scope>

/** Makes batches on the fiber that asks for them. @since 0.1.0 */
export const onFiber: Start = (job, worker, { digest }) =>
  Effect.sync(() => {
    const own = Worker.make(job, worker)
    let begun = false
    return {
      make: (epoch, number) =>
        Effect.gen(function* () {
          // Of a run that goes on from somewhere the streams may have gone on, too.
          if (!begun) yield* own.advance(epoch, number)
          begun = true
          return yield* hashed(yield* own.batch(epoch, number), digest)
        })
    }
  })

/** A batch with its hash, where one is wanted. @since 0.1.0 */
export const hashed = (
  batch: Batch<unknown> | undefined,
  digest: boolean
): Effect.Effect<Content, Digest.DigestError> =>
  Effect.try({
    try: () => ({ batch, hash: digest && batch !== undefined ? Digest.ofColumns(batch.columns) : undefined }),
    // Columns of a caller's own making can have fields that throw.
    catch: (error) =>
      error instanceof Digest.DigestError ? error : new Digest.DigestError({ column: "", found: shown(error) })
  })
