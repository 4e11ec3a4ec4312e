/**
 * JSON Lines.
 *
 * @since 0.1.0
 */
import { optionsOf } from "../../../core/Options.ts"
import { Made } from "../../../core/Parameters.ts"
import type { Format } from "../Format.ts"
import { indexOf, type LineKind, type LineOptions, linesOf, sizesOf } from "./LineFormat.ts"
import { lines } from "./Spans.ts"

/**
 * JSON Lines: a JSON value a line, in UTF-8, plain or compressed by gzip or zstd (told by the first bytes). Blank lines are
 * no rows; `\r\n`, a byte order mark, and a last line without an end are fine. A row is parsed each time that it is read,
 * and is the reader's own. `Row` is what the caller says that rows are; give `Dataset.open` a schema to have it checked.
 *
 * Of a compressed file, a block is as many members of gzip or frames of zstd as hold `blockBytes`; each is unpacked as a
 * whole, so one of more than `memberBytes` is refused. Throws `InvalidOption` for sizes that are not whole numbers of at
 * least 1.
 *
 * @example
 * import { Format } from "furrow"
 *
 * const reviews = Format.jsonl<{ readonly text: string; readonly stars: number }>({ blockBytes: 2 ** 18 })
 * console.assert(reviews.name === "jsonl" && reviews.scans)
 *
 * @category constructors
 * @since 0.1.0
 */
export const jsonl = <Row = unknown>(options: LineOptions = {}): Format<Row> => {
  const sizes = sizesOf(
    optionsOf("Format.jsonl", options, { blockBytes: true, rowBytes: true, memberBytes: true } as const)
  )
  const kind: LineKind = { ...sizes, name: "jsonl", split: lines("skip") }
  return {
    name: kind.name,
    made: new Made("jsonl", { blockBytes: sizes.blockBytes }),
    scans: true,
    index: (shard) => indexOf(kind, shard),
    decode: (packed, block, place) => {
      const { bytes, error, spans } = linesOf(kind, packed, block, place)
      const { ends, starts } = spans
      const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true })
      return {
        size: spans.count,
        bytes: bytes.byteLength + starts.byteLength + ends.byteLength,
        row: (row) => {
          let text: string
          try {
            text = decoder.decode(bytes.subarray(starts[row], ends[row]))
          } catch (cause) {
            throw error(row, "it is not valid UTF-8; convert it, or leave the row out by a failure policy", cause)
          }
          try {
            return JSON.parse(text)
          } catch (cause) {
            throw error(
              row,
              `it is not JSON: ${reasonOf(cause)}; correct it, or leave it out by a failure policy`,
              cause
            )
          }
        }
      }
    }
  }
}

const reasonOf = (cause: unknown): string => (cause instanceof Error ? cause.message.slice(0, 200) : String(cause))
