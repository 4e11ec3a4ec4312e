/**
 * The values of many lines of JSON, parsed together, where the runtime has a parser of lines: that takes three quarters of the time
 * of a text, and a parse, for each.
 *
 * Such a parser tells nothing of one line alone: a value may go over several lines. But a newline, or the end, is behind each,
 * so no line holds parts of two; if there are as many values as lines that are not blank, each of these lines is one value.
 *
 * @since 0.1.0
 */
import { hasLongDigits, mayBeRounded } from "../../../core/ExactJson.ts"
import { parseJsonLines } from "../../../core/JsonLines.ts"
import { isAscii, isUtf8 } from "../../../core/Utf8.ts"
import { wideTextOf } from "../../../wasm/Text.ts"
import { REPLACED } from "./JointTexts.ts"

/**
 * Returns the values in some bytes; `undefined` if any part of them is none, or is not UTF-8, if nothing can parse them, or, unless
 * `rounds`, if a number in them may have been rounded.
 */
const values = (bytes: Uint8Array, rounds: boolean): Array<unknown> | undefined => {
  const text = textIn(bytes)
  const own = text === undefined ? undefined : parseJsonLines?.(text)
  return own === undefined || rounds || !hasLongDigits(bytes) || !mayBeRounded(own) ? own : undefined
}

/** @since 0.1.0 */
export const valuesOf = parseJsonLines && values

/** Returns what gives the value of each of `count` lines, of which none is blank; `undefined` as above. @since 0.1.0 */
export const valuesOfLines =
  parseJsonLines &&
  ((rounds: boolean) =>
    (bytes: Uint8Array, count: number): Array<unknown> | undefined => {
      const own = values(bytes, rounds)
      return own?.length === count ? own : undefined
    })

/** What bytes are to the parser: themselves if they are ASCII, else their text; `undefined` if they are not UTF-8. */
const textIn = (bytes: Uint8Array): string | Uint8Array | undefined => {
  if (isAscii(bytes)) return bytes
  const text = wideTextOf(bytes)
  return text.includes(REPLACED) && !isUtf8(bytes) ? undefined : text
}
