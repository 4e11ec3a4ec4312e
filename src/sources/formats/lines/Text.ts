/**
 * Plain text.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import { InvalidOption } from "../../../core/InvalidOption.ts"
import { optionsOf } from "../../../core/Options.ts"
import { Made } from "../../../core/Parameters.ts"
import type { Format } from "../Format.ts"
import { lazy } from "../Lazy.ts"
import { type LineOptions, sizesOf } from "./LineOptions.ts"

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
  const split = rows === "paragraphs" ? "paragraphs" : blank
  return {
    name: "text",
    made: new Made("text", { blockBytes: sizes.blockBytes, rows: split }),
    scans: true,
    index: (shard) => Effect.flatMap(code.get, ({ index }) => index(shard, split, sizes)),
    decode: (bytes, block, place) => code.use(({ decode }) => decode(bytes, block, place, split, sizes))
  }
}

/** The code that reads text, which is loaded with the first shard. */
const code = lazy(() => import("./TextBlocks.ts"))
