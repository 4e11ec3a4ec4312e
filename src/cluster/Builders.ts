/**
 * What builds the batches of one run at a runner: fibers of its own thread, or a pool of threads.
 *
 * @since 0.1.0
 */
import type { Batch } from "../pipeline/Batch.ts"
import type { BuiltElsewhere } from "../scheduler/backends/remote/Member.ts"
import type { AttemptFailed, BatchRequest } from "../scheduler/backends/remote/Protocol.ts"

/** A batch that was built; it stays where it lies until `release` is called. @since 0.1.0 */
export interface Built extends Pick<BuiltElsewhere, "observed" | "draws" | "times" | "retried"> {
  readonly _tag: "Built"
  readonly batch: Batch<unknown> | undefined
  readonly hash: Uint8Array | undefined
  readonly release: () => void
}

/** What came of a request; `Lost` if whatever built it died at it. @since 0.1.0 */
export type Answer =
  | Built
  | AttemptFailed
  | { readonly _tag: "Lost"; readonly reason: string; readonly stage: string | undefined }

/** A request that a loader sent. @since 0.1.0 */
export interface Ordered {
  readonly id: number
  readonly request: BatchRequest
}

/** @since 0.1.0 */
export interface Builders {
  /** Adds a request, behind those that are there. */
  readonly add: (ordered: Ordered) => void
  /** Nobody wants a batch any more: it is not begun if it has not been, and its answer is not given. */
  readonly cancel: (id: number) => void
  /** The same, and ends whatever is building it, if that can be ended. */
  readonly kill: (id: number) => void
  /** Drops what is kept of a batch of which an attempt has failed, by its `batchKey`. */
  readonly drop: (key: string) => void
  /** There may be room for answers again. */
  readonly wake: () => void
}

/** What builders tell the run that they build for. @since 0.1.0 */
export interface BuilderEvents {
  readonly answered: (id: number, answer: Answer) => void
  /** Nothing can be built any more. */
  readonly failed: (reason: string) => void
  /** Whether there is room for another answer; if not, nothing is begun until {@link Builders.wake}. */
  readonly hasRoom: () => boolean
}
