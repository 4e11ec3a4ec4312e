/**
 * How reading from a store, or writing to it, can fail.
 *
 * @since 0.1.0
 */
import * as Data from "effect/Data"

/**
 * Why a store failed.
 *
 * | kind | what happened |
 * |---|---|
 * | `missing` | there is no such object, folder or bucket |
 * | `denied` | credentials are missing, wrong or expired, or do not allow it |
 * | `changed` | the object is not the one that was opened: its version or size is another |
 * | `short` | fewer bytes came than the object has there |
 * | `unavailable` | the connection failed, or the server is overloaded (408, 425, 429, 5xx) |
 * | `timeout` | no answer, or too slow a one, within the limit |
 * | `limit` | more would be read, listed or kept than a stated limit allows |
 * | `invalid` | the server's answer, or what lies on disk, is not what the protocol says |
 * | `unsupported` | no store serves this location, or the store cannot do this |
 * | `failed` | the system reports another error, such as a full disk |
 *
 * @category errors
 * @since 0.1.0
 */
export type StoreErrorKind =
  | "missing"
  | "denied"
  | "changed"
  | "short"
  | "unavailable"
  | "timeout"
  | "limit"
  | "invalid"
  | "unsupported"
  | "failed"

/**
 * An object could not be listed, read or written. The message holds no credentials.
 *
 * @category errors
 * @since 0.1.0
 */
export class StoreError extends Data.TaggedError("StoreError")<{
  /** The object or folder, without what is secret in its address. */
  readonly location: string
  readonly kind: StoreErrorKind
  /** What happened, and the way out. */
  readonly reason: string
  /** The status of an HTTP answer. */
  readonly status?: number | undefined
  /** How long the server asks to wait before the next attempt, in ms. */
  readonly retryAfter?: number | undefined
  /** How many attempts were made, where there was more than one. */
  readonly attempts?: number | undefined
  readonly cause?: unknown
}> {
  override get message(): string {
    const tries = this.attempts === undefined ? "" : ` (after ${this.attempts} attempts)`
    return `${this.location}: ${this.reason}${tries}`
  }
}

/** Whether another attempt may go better. @since 0.1.0 */
export const isTransient = ({ kind }: StoreError): boolean =>
  kind === "unavailable" || kind === "timeout" || kind === "short"
