/**
 * A member of a pool: a thread, or a process, that builds batches outside of this thread.
 *
 * @since 0.1.0
 */
import type * as Effect from "effect/Effect"
import type { Draw } from "../../../seeding/Service.ts"
import type { Measured } from "../../build/StageTimes.ts"
import type { BuiltBatch } from "../Backend.ts"
import type { AttemptFailed, BatchRequest, StageSeeds, ToMember } from "./Protocol.ts"

/** A batch that a member has built. @since 0.1.0 */
export interface BuiltElsewhere {
  readonly _tag: "Built"
  readonly observed?: StageSeeds | undefined
  readonly draws?: ReadonlyArray<Draw>
  readonly times?: ReadonlyArray<Measured> | undefined
  readonly retried?: number | undefined
  /** The batch, for its reader. */
  readonly content: () => BuiltBatch
  /** Gives back its memory, which is no longer read. */
  readonly discard: () => void
}

/** What came of an attempt. @since 0.1.0 */
export type Outcome = BuiltElsewhere | AttemptFailed

/** Why a member could not be started; `died` if it ended by itself, so that another one may do better. @since 0.1.0 */
export interface NotStarted {
  readonly reason: string
  readonly died: boolean
}

/** What a pool hears of a member that is ready. @since 0.1.0 */
export interface MemberEvents {
  /** What came of the request of an id. */
  readonly outcome: (id: number, outcome: Outcome) => void
  /** It has ended by itself. If it was `refused`, no other one would do better. */
  readonly ended: (reason: string, refused: boolean) => void
}

/** @since 0.1.0 */
export interface Member {
  /** Starts it, and waits until it has built the pipeline. Ended if that is interrupted or fails. */
  readonly start: Effect.Effect<void, NotStarted>
  readonly send: (message: ToMember) => void
  /** The request that it is at, and since when, in milliseconds of {@link now}; if it can be told. */
  readonly current: { readonly id: number; readonly since: number } | undefined
  /** The stage that it was at last, if it can be told. */
  readonly stage: string | undefined
  /** Whether the process stays alive for it. It does from its start until it is ready. */
  readonly hold: (alive: boolean) => void
  /** Tells it to begin nothing that must not be cut off. */
  readonly close: () => void
  /** Ends it, whatever it is at. */
  readonly end: () => Promise<void>
}

/** Milliseconds, the same in all threads of a process. @since 0.1.0 */
export const now = (): number => performance.timeOrigin + performance.now()

/** Requests in memory that all members share, from which any free member takes the next. @since 0.1.0 */
export interface RequestQueue {
  /** Adds a request; returns `false` if it has no room for it, so that it has to be sent. */
  readonly put: (id: number, request: BatchRequest) => boolean
  /** Hands on the outcomes that are there to the events of their members. */
  readonly poll: () => void
  /** Whether batches take so much memory that only those that somebody waits for are to be begun. */
  readonly isFull: boolean
  /** Is called once that is over. */
  onRoom: () => void
  /** Whether somebody waits for outcomes: they are then handed on as they come, several at once where they come soon. */
  readonly watch: (waits: boolean) => void
  /** The outcome of a request is awaited: it comes before all requests that are not. */
  readonly want: (id: number) => void
  /** Takes out the requests that a member had taken, and has not answered. */
  readonly takeBack: (member: number) => ReadonlyArray<number>
  /** Has all members that wait look again. */
  readonly wake: () => void
  /** Nobody waits any more. */
  readonly close: () => void
}
