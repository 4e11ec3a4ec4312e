/**
 * Records in the bytes of a block.
 *
 * @since 0.1.0
 */
import { giveBack } from "../../../core/ReadBuffers.ts"
import type { Shard, ShardError } from "../Format.ts"
import { ofBytes } from "./Characters.ts"
import { error, type LineKind, tooLong } from "./LineKind.ts"
import type { Spans } from "./Spans.ts"

/** The bytes of a block, unpacked, and the records in them. @since 0.1.0 */
export interface Lines {
  /** How many there are, and where. */
  readonly spans: Spans
  /** How many bytes it all takes. */
  readonly memory: number
  /** A record as text. Throws {@link ShardError} if it is not UTF-8. */
  readonly text: (row: number) => string
  /** The bytes that they are in. */
  readonly spanned: Uint8Array
  /** The bytes of a record: a view. */
  readonly bytes: (row: number) => Uint8Array
  /** An error at one of its rows. */
  readonly error: (row: number, reason: string, cause?: unknown) => ShardError
  /** Gives back the memory of all this. Texts stay as they are, nothing else does. */
  readonly release: () => void
}

/**
 * The records in bytes; `row` is the number of the first one, `byteAt` the place of a byte in the shard. Throws {@link ShardError}
 * for a record that is too long, or for a last one that is not whole.
 *
 * @since 0.1.0
 */
export const spansOf = (
  kind: LineKind,
  shard: Shard,
  bytes: Uint8Array,
  isLast: boolean,
  row: number,
  byteAt: (place: number) => number
): Spans => {
  const spans = kind.split(ofBytes(bytes), isLast)
  const { count, ends, starts, unended } = spans
  for (let own = 0; own < count; own++) {
    const start = starts[own] as number // below the count
    if ((ends[own] as number) - start > kind.rowBytes) throw tooLong(kind, shard, byteAt(start), row + own)
  }
  if (unended !== undefined) throw error(kind, shard, byteAt(unended.start), unended.reason, row + count)
  return spans
}

/** Records in bytes that are unpacked. @since 0.1.0 */
export const linesIn = (
  kind: LineKind,
  shard: Shard,
  bytes: Uint8Array,
  spans: Spans,
  firstRow: number,
  byteAt: (place: number) => number
): Lines => {
  const { starts } = spans
  const errorAt: Lines["error"] = (row, reason, cause) =>
    error(kind, shard, byteAt(row < spans.count ? (starts[row] as number) : 0), reason, firstRow + row, cause)
  const bytesAt: Lines["bytes"] = (row) => bytes.subarray(starts[row], spans.ends[row])
  return {
    spans,
    memory: bytes.byteLength + 2 * starts.byteLength,
    text: (row) => {
      try {
        return decoder.decode(bytesAt(row))
      } catch (cause) {
        throw errorAt(row, "it is not valid UTF-8; convert it, or leave the row out by a failure policy", cause)
      }
    },
    spanned: bytes,
    bytes: bytesAt,
    error: errorAt,
    release: () => {
      giveBack(bytes)
      spans.release()
    }
  }
}

// A byte order mark within a shard is text.
const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true })
