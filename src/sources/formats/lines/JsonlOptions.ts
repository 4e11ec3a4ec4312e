/**
 * The options of JSON Lines.
 *
 * @since 0.1.0
 */
import { oneOf } from "../../../core/Check.ts"
import { formatOptions } from "../FormatOptions.ts"
import { type LineOptions, type LineSizes, sizesOf } from "./LineOptions.ts"

/** How JSON Lines are read. @category options @since 0.1.0 */
export interface JsonlOptions extends LineOptions {
  /**
   * What whole numbers beyond ±(2^53 − 1) are, if they are written as digits alone: `"bigint"`, or `"number"`, rounded as
   * `JSON.parse` rounds them. Default `"bigint"`. All other numbers are doubles.
   */
  readonly integers?: "bigint" | "number"
}

/** The options, with their defaults. @since 0.1.0 */
export interface JsonlConfig extends LineSizes {
  readonly integers: "bigint" | "number"
}

const NAMES = { blockBytes: true, rowBytes: true, memberBytes: true, integers: true } as const

/** Checks options. Throws `InvalidOption`. @since 0.1.0 */
export const configOf = (options: JsonlOptions): JsonlConfig => {
  const { integers = "bigint" } = formatOptions("Format.jsonl", options, NAMES)
  return { ...sizesOf(options), integers: oneOf("integers", integers, ["bigint", "number"]) }
}
