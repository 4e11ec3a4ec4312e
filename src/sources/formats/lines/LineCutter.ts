/**
 * Cuts lines that come in order into blocks: all records that are whole.
 *
 * @since 0.1.0
 */
import type { Cutter, Shard } from "../Format.ts"
import { MARK, markOf } from "./LineBlocks.ts"
import { checkBeginning, type LineKind, tooLong } from "./LineKind.ts"
import { spansOf } from "./Lines.ts"

/** Cuts a shard from an offset on. @since 0.1.0 */
export const cutter = (kind: LineKind, shard: Shard): Cutter => {
  /** So many bytes are needed before a record that has no end yet is looked for again. */
  let least = 0
  return {
    seeks: true,
    next: (bytes, offset, row, isLast) => {
      if (bytes.length < (offset === 0 ? Math.max(least, MARK) : least) && !isLast) return undefined
      const mark = offset === 0 ? markOf(kind, shard, bytes) : 0
      if (mark > 0) return { block: { rows: 0, offset: 0, length: mark } }
      if (bytes.length === 0) return undefined
      if (row === 0 && checkBeginning(kind, shard, bytes, isLast)) {
        least = bytes.length + 1
        return undefined
      }
      const { consumed, count } = spansOf(kind, shard, bytes, isLast, row, (place) => offset + place)
      if (consumed === 0) {
        if (bytes.length > kind.rowBytes) throw tooLong(kind, shard, offset, row)
        least = 2 * bytes.length
        return undefined
      }
      least = 0
      return { block: { rows: count, offset, length: consumed } }
    }
  }
}
