/**
 * Bytes by location and range: files, HTTP, S3, memory.
 *
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import * as Data from "effect/Data"
import type * as Effect from "effect/Effect"
import type * as Stream from "effect/Stream"

/** An object of a store as it was when it was looked at. @category models @since 0.1.0 */
export interface ObjectInfo {
  /** Its path or URL. */
  readonly location: string
  /** In bytes. */
  readonly size: number
  /** Its ETag, or its size and time of modification: another text once the object has changed. */
  readonly version: string
}

/**
 * A store could not do what it was asked for.
 *
 * @category errors
 * @since 0.1.0
 */
export class StoreError extends Data.TaggedError("StoreError")<{
  /** The location of the object. */
  readonly location: string
  /** What went wrong, and the way out. */
  readonly reason: string
  readonly cause?: unknown
}> {
  override get message(): string {
    return `${this.location}: ${this.reason}`
  }
}

/** What a store can do. @category models @since 0.1.0 */
export interface StoreService {
  /** The objects whose location begins with a prefix, in the order of their locations. */
  readonly list: (prefix: string) => Effect.Effect<ReadonlyArray<ObjectInfo>, StoreError>
  readonly stat: (location: string) => Effect.Effect<ObjectInfo, StoreError>
  /** Exactly `length` bytes from `offset` on. Fails if the object is no longer the one that `info` describes, or shorter. */
  readonly read: (info: ObjectInfo, offset: number, length: number) => Effect.Effect<Uint8Array, StoreError>
  /** All bytes from `offset` (default 0) on, in order, in chunks. */
  readonly stream: (info: ObjectInfo, offset?: number) => Stream.Stream<Uint8Array, StoreError>
  /** Writes an object that appears whole or not at all. */
  readonly write: (
    location: string,
    bytes: Stream.Stream<Uint8Array, StoreError>
  ) => Effect.Effect<ObjectInfo, StoreError>
}

/** The service. @category services @since 0.1.0 */
export class Store extends Context.Tag("furrow/Store")<Store, StoreService>() {}
