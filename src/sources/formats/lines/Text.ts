/**
 * Plain text.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import { whole } from "../../../core/Check.ts"
import { InvalidOption } from "../../../core/InvalidOption.ts"
import { Made } from "../../../core/Parameters.ts"
import type { Format } from "../Format.ts"
import { formatOptions } from "../FormatOptions.ts"
import { lazy } from "../Lazy.ts"
import { type LineOptions, sizesOf } from "./LineOptions.ts"
import type { TextRows } from "./TextBlocks.ts"

/** @category options @since 0.1.0 */
export interface TextOptions extends LineOptions {
  /** What a row is: a line, or the lines between blank ones. Default `"lines"`. */
  readonly rows?: "lines" | "paragraphs"
  /** What becomes of lines of nothing but white space, where a row is a line. Default `"keep"`. */
  readonly blank?: "keep" | "skip"
}

/** @category options @since 0.1.0 */
export interface TextWindowOptions extends LineOptions {
  /** A row is a window of bytes, whatever they are. */
  readonly rows: "windows"
  /** How many bytes a window has: a whole number from 1 to `rowBytes`. */
  readonly windowBytes: number
}

interface TextConstructor {
  (options: TextWindowOptions): Format<Uint8Array>
  (options?: TextOptions): Format<string>
}

const NAMES = {
  blockBytes: true,
  rowBytes: true,
  memberBytes: true,
  rows: true,
  blank: true,
  windowBytes: true
} as const

/** What the options say that a row is. */
const rowsOf = (options: TextOptions | TextWindowOptions, most: number): TextRows => {
  const { rows = "lines" } = options
  const { blank = "keep", windowBytes }: { readonly blank?: unknown; readonly windowBytes?: number } = options
  if (rows !== "lines" && rows !== "paragraphs" && rows !== "windows") {
    throw new InvalidOption({ option: "rows", value: rows, expected: '"lines", "paragraphs" or "windows"' })
  }
  if (blank !== "keep" && blank !== "skip") {
    throw new InvalidOption({ option: "blank", value: blank, expected: '"keep" or "skip"' })
  }
  if (rows === "windows") return whole("windowBytes", windowBytes ?? Number.NaN, 1, most)
  if (windowBytes !== undefined) {
    throw new InvalidOption({ option: "windowBytes", value: windowBytes, expected: 'left out, or rows: "windows"' })
  }
  return rows === "paragraphs" ? "paragraphs" : blank
}

const format = (options: TextOptions | TextWindowOptions): Format<string | Uint8Array> => {
  const sizes = sizesOf(formatOptions("Format.text", options, NAMES))
  const rows = rowsOf(options, sizes.rowBytes)
  return {
    name: "text",
    made: new Made("text", { blockBytes: sizes.blockBytes, rows }),
    endings: [".txt", ".text"],
    scans: true,
    index: (shard) => Effect.flatMap(code.get, ({ index }) => index(shard, rows, sizes)),
    decode: (bytes, block, place) => code.use(({ decode }) => decode(bytes, block, place, rows, sizes)),
    shared: Effect.map(code.get, ({ shared }) => shared(rows, sizes)),
    locate: (bytes, block, place) => code.use(({ locate }) => locate(bytes, block, place, rows, sizes)),
    inOrder: Effect.map(code.get, ({ inOrder }) => inOrder(rows, sizes))
  }
}

/**
 * Text in UTF-8, a string a row, without what ends a line. Compressed files as `Format.jsonl` has them. A paragraph keeps
 * the line ends within it.
 *
 * With `rows: "windows"` a row is a `Uint8Array` of `windowBytes` bytes, and the last one of a shard may have fewer: the text
 * is not decoded, so windows may begin in the middle of a character. Plain files are then not read to be opened. The bytes are
 * views of their block: do not write to them.
 *
 * Throws `InvalidOption` for options that are not as said.
 *
 * @example
 * import { Format } from "furrow"
 *
 * const lines = Format.text({ blank: "skip" })
 * const windows = Format.text({ rows: "windows", windowBytes: 1024 })
 * console.assert(lines.name === "text" && windows.name === "text")
 *
 * @category constructors
 * @since 0.1.0
 */
export const text = ((options: TextOptions | TextWindowOptions = {}) => format(options)) as TextConstructor // as `rows` says

/** The code that reads text, which is loaded with the first shard. */
const code = lazy(() => import("./TextBlocks.ts"))
