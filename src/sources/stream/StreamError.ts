/**
 * How a stream source fails.
 *
 * @since 0.1.0
 */
import * as Data from "effect/Data"
import { shown } from "../../core/Show.ts"

/**
 * A stream source failed: it threw, or failed, or cannot be read once more. The run ends with it, and can be resumed from its
 * cursor, which stands before the first batch that was not delivered. A sample that cannot be decoded is another error,
 * the format's own, and can be skipped.
 *
 * @category errors
 * @since 0.1.0
 */
export class StreamError<out E = unknown> extends Data.TaggedError("StreamError")<{
  /** The name of the stream source. */
  readonly source: string
  /** The shard, if it has a name. */
  readonly shard: string | undefined
  /** The first row of the shard that could not be read, from 0. */
  readonly row: number
  /** How many bytes of the shard were read and made rows of, if it is one of bytes that are not compressed. */
  readonly byte?: number | undefined
  /** What was thrown, or what the source failed with. */
  readonly cause: E
}> {
  override get message(): string {
    const shard = this.shard === undefined ? "" : `, shard ${this.shard}`
    const byte = this.byte === undefined ? "" : `, byte ${this.byte}`
    return `stream ${this.source}${shard} failed at row ${this.row}${byte}: ${shown(this.cause)}`
  }
}
