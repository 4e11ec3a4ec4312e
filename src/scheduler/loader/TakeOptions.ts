/**
 * How a consumer asks for the next batch, and what is known of the one that it waits for.
 *
 * @since 0.1.0
 */
import type * as Effect from "effect/Effect"

/** How the next batch is asked for. @since 0.1.0 */
export interface TakeOptions {
  /** The sequence number that it comes before. */
  readonly limit: number
  /** How something is waited for: so that an interrupt can end the wait, or not. */
  readonly wait: (waiting: Effect.Effect<void>) => Effect.Effect<void>
  /** Whether memory that is lent is lent on, until the next batch is asked for; else the batch is copied. */
  readonly lends: boolean
}

/** What is known of a batch that is asked for. @since 0.1.0 */
export interface AwaitedBatch {
  /** The sequence number of the batch that is due, how many its queue held, when it was asked for, and whether that is past. */
  readonly due: number
  readonly queued: number
  readonly started: number
  readonly isLate: boolean
}
