/**
 * What a store does: bytes by location and range.
 *
 * @since 0.1.0
 */
import type * as Effect from "effect/Effect"
import type * as Stream from "effect/Stream"
import type { StoreError } from "./StoreError.ts"

/** The field of an object's whole address, where its location leaves out what is secret. @since 0.1.0 */
export const ADDRESS: unique symbol = Symbol.for("furrow/Store/address")

/** The field that tells two openings of an object apart whose store knows no version. @since 0.1.0 */
export const OPENING: unique symbol = Symbol.for("furrow/Store/opening")

/** The field of a listed file's real path: two paths with the same one lead to one file. @since 0.1.0 */
export const REAL: unique symbol = Symbol.for("furrow/Store/real")

/** The field of a listed link that leads nowhere, with what may have been behind it. @since 0.1.0 */
export const NOWHERE: unique symbol = Symbol.for("furrow/Store/nowhere")

/**
 * An object by its location, as far as a listing says what it is.
 *
 * @category models
 * @since 0.1.0
 */
export interface Listed {
  /** Where it is, without what is secret in its address. */
  readonly location: string
  /** The whole address, if the location leaves something out. JSON and messages do not have it. */
  readonly [ADDRESS]?: string
  /** The number of its opening, if it has no version: what was read for one opening is not given to another. */
  readonly [OPENING]?: number
  /** The real path of a file. JSON and messages do not have it. */
  readonly [REAL]?: string
  /** Set for a link that leads nowhere: what it led to may have been a file, or a folder within the depth of the listing. */
  readonly [NOWHERE]?: "file" | "file or folder"
  /** In bytes. `undefined` if the listing does not say; then `stat` does. */
  readonly size?: number | undefined
  /** See {@link ObjectInfo}. */
  readonly version?: string | undefined
}

/**
 * An object as it was when it was looked at: what a later read is checked against.
 *
 * @category models
 * @since 0.1.0
 */
export interface ObjectInfo extends Listed {
  /** In bytes. */
  readonly size: number
  /** Changes when the object does: its ETag, or its time of modification. Empty if the store knows neither. */
  readonly version: string
}

/**
 * Bytes by location and range. The bytes that it returns are the caller's own.
 *
 * @category models
 * @since 0.1.0
 */
export interface StoreService {
  /**
   * The objects below a folder, which ends in `/`, in any order. With `depth`, those that lie so many names below it
   * at most; the store may add deeper ones. A local file to which links lead, too, may be listed by each of its paths.
   */
  readonly list: (folder: string, depth?: number) => Stream.Stream<Listed, StoreError>
  /** Looks at an object. */
  readonly stat: (object: Listed) => Effect.Effect<ObjectInfo, StoreError>
  /**
   * Exactly `length` bytes from `offset` of the object that `info` describes. Fails with kind `changed` if the object is
   * another one by now.
   */
  readonly read: (
    info: ObjectInfo,
    offset: number,
    length: number
  ) => Effect.Effect<Uint8Array<ArrayBuffer>, StoreError>
  /** All bytes from `offset` on, in order, in chunks. Default offset: 0. */
  readonly stream: (info: ObjectInfo, offset?: number) => Stream.Stream<Uint8Array, StoreError>
  /** Writes an object, which appears whole or not at all. An object of that location is replaced. */
  readonly write: <E, R>(
    location: string,
    bytes: Stream.Stream<Uint8Array, E, R>
  ) => Effect.Effect<ObjectInfo, StoreError | E, R>
  /** Removes an object; one that is not there is no error. Not every store can. */
  readonly remove?: ((object: Listed) => Effect.Effect<void, StoreError>) | undefined
}

/**
 * What a store of one's own has to do; `stream` is made of `read`.
 *
 * @category models
 * @since 0.1.0
 */
export interface Driver extends Omit<StoreService, "stream"> {
  /** Bytes in order, where that is more than one `read` after the other. */
  readonly stream?: StoreService["stream"]
}
