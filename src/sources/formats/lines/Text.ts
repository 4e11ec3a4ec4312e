/**
 * Plain text.
 *
 * @since 0.1.0
 */
import { InvalidOption } from "../../../core/InvalidOption.ts"
import { optionsOf } from "../../../core/Options.ts"
import { Made } from "../../../core/Parameters.ts"
import type { Format } from "../Format.ts"
import { indexOf, type LineKind, type LineOptions, linesOf, sizesOf } from "./LineFormat.ts"
import { lines, paragraphs } from "./Spans.ts"

/** @category options @since 0.1.0 */
export interface TextOptions extends LineOptions {
  /** What a row is: a line, or the lines between blank ones. Default `"lines"`. */
  readonly rows?: "lines" | "paragraphs"
  /** What becomes of lines of nothing but white space, where a row is a line. Default `"keep"`. */
  readonly blank?: "keep" | "skip"
}

const NAMES = { blockBytes: true, rowBytes: true, memberBytes: true, rows: true, blank: true } as const

/**
 * Text in UTF-8, a string a row, without what ends a line. Compressed files as `Format.jsonl` has them. A paragraph keeps
 * the line ends within it. Throws `InvalidOption` for options that are not as said.
 *
 * @category constructors
 * @since 0.1.0
 */
export const text = (options: TextOptions = {}): Format<string> => {
  const { blank = "keep", rows = "lines" } = optionsOf("Format.text", options, NAMES)
  if (rows !== "lines" && rows !== "paragraphs") {
    throw new InvalidOption({ option: "rows", value: rows, expected: '"lines" or "paragraphs"' })
  }
  if (blank !== "keep" && blank !== "skip") {
    throw new InvalidOption({ option: "blank", value: blank, expected: '"keep" or "skip"' })
  }
  const sizes = sizesOf(options)
  const kind: LineKind = { ...sizes, name: "text", split: rows === "lines" ? lines(blank) : paragraphs }
  return {
    name: kind.name,
    made: new Made("text", { blockBytes: sizes.blockBytes, rows, blank: rows === "lines" ? blank : "skip" }),
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
          try {
            return decoder.decode(bytes.subarray(starts[row], ends[row]))
          } catch (cause) {
            throw error(row, "it is not valid UTF-8; convert it, or leave the row out by a failure policy", cause)
          }
        }
      }
    }
  }
}
