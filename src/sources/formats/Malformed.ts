/**
 * What plain code throws at bytes that are not what they should be; the format makes a `ShardError` of it, which names the
 * shard.
 *
 * @since 0.1.0
 */

/** Where in the shard, as far as it is known. @since 0.1.0 */
export interface Place {
  /** The row within the block. */
  readonly row?: number
  readonly byte?: number
  readonly cause?: unknown
}

/** The bytes are not what they should be: `message` says what is wrong, and the way out. @since 0.1.0 */
export class Malformed extends Error {
  readonly place: Place

  constructor(reason: string, place: Place = {}) {
    super(reason)
    this.place = place
  }
}

/** What to do about a shard that is damaged. @since 0.1.0 */
export const AGAIN = "the shard is damaged; fetch or write it again"

/**
 * Runs plain code that reads metadata. A view of bytes throws `RangeError` where code reads beyond its end, so an offset
 * that points outside is found without a check of each read.
 *
 * @since 0.1.0
 */
export const withinBytes = <A>(what: string, read: () => A): A => {
  try {
    return read()
  } catch (cause) {
    if (cause instanceof RangeError) throw new Malformed(`${what} points outside of itself; ${AGAIN}`, { cause })
    throw cause
  }
}
