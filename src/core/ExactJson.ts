/**
 * Reads JSON without rounding: whole numbers beyond 2^53, which `JSON.parse` rounds to a double, are bigints.
 *
 * @since 0.1.0
 */
import { createHash } from "node:crypto"
import { behindString, type ParseJson, withEscapedNames } from "./EscapedNames.ts"

/** Whether a value that was parsed holds a number that its text may say otherwise: one beyond 2^53. @since 0.1.0 */
export const mayBeRounded = (value: unknown, depth = 0): boolean => {
  if (typeof value === "number") return !(value <= Number.MAX_SAFE_INTEGER && value >= Number.MIN_SAFE_INTEGER)
  if (typeof value !== "object" || value === null) return false
  // The text tells, whatever is deeper.
  if (depth === DEEPEST) return true
  if (Array.isArray(value)) {
    for (let at = 0; at < value.length; at++) if (mayBeRounded(value[at], depth + 1)) return true
    return false
  }
  // What is parsed is a record.
  const record = value as Readonly<Record<string, unknown>>
  for (const name in record) if (mayBeRounded(record[name], depth + 1)) return true
  return false
}

const DEEPEST = 256

/** No whole number of fewer digits is beyond 2^53. */
const SHORTEST = 16

/**
 * Whether a text in UTF-8 has so many digits in a row, and not behind a point, that `JSON.parse` may round them. One byte in 16 is
 * looked at: a row of reviews takes 25 ns, and a look at all of its values 130.
 *
 * @since 0.1.0
 */
export const hasLongDigits = (bytes: Uint8Array): boolean => {
  const { length } = bytes
  /** The last place that is known to be a digit behind a point: a long fraction is gone through once. */
  let fraction = -1
  for (let at = SHORTEST - 1; at < length; at += SHORTEST) {
    if (!isDigit(bytes[at] as number)) continue // below the length
    let start = at - 1
    while (start > fraction && isDigit(bytes[start] as number)) start-- // here and below: as checked
    if (start >= 0 && (start === fraction || bytes[start] === POINT)) {
      fraction = at
      continue
    }
    let end = at + 1
    while (end < length && end - start <= SHORTEST && isDigit(bytes[end] as number)) end++
    if (end - start > SHORTEST) return true
  }
  return false
}

/** The same of a text, in a loop of its own: one for both would call a function for each place. */
const hasLongDigitsIn = (text: string): boolean => {
  const { length } = text
  let fraction = -1
  for (let at = SHORTEST - 1; at < length; at += SHORTEST) {
    if (!isDigit(text.charCodeAt(at))) continue
    let start = at - 1
    while (start > fraction && isDigit(text.charCodeAt(start))) start--
    if (start >= 0 && (start === fraction || text.charCodeAt(start) === POINT)) {
      fraction = at
      continue
    }
    let end = at + 1
    while (end < length && end - start <= SHORTEST && isDigit(text.charCodeAt(end))) end++
    if (end - start > SHORTEST) return true
  }
  return false
}

const exact: ParseJson = (text) => {
  const value: unknown = JSON.parse(text)
  return hasLongDigitsIn(text) ? exactly(text, value) : value
}

/**
 * Returns what `JSON.parse` should, but with bigints for whole numbers beyond ±(2^53 − 1) that are written as digits alone.
 * Throws `SyntaxError` for anything but JSON.
 *
 * @since 0.1.0
 */
export const exactJson: ParseJson = withEscapedNames(exact)

const exactly = (text: string, value: unknown): unknown => {
  const found = largeWholes(text)
  if (found.length === 0) return value
  // Digits become texts with a mark, and these become bigints. No text can have it, however it is escaped: it hashes all of them.
  const mark = createHash("sha256").update(text).digest("hex")
  let marked = ""
  let from = 0
  for (const [start, end] of found) {
    marked += `${text.slice(from, start)}"${mark}${text.slice(start, end)}"`
    from = end
  }
  return JSON.parse(marked + text.slice(from), (_, own: unknown) =>
    typeof own === "string" && own.startsWith(mark) ? BigInt(own.slice(mark.length)) : own
  )
}

/** Whole numbers have no fraction and no exponent. */
const WHOLE = /^-?\d+$/

/** Where whole numbers beyond 2^53 stand in a text that is JSON. */
const largeWholes = (text: string): ReadonlyArray<readonly [start: number, end: number]> => {
  const found: Array<readonly [number, number]> = []
  for (let at = 0; at < text.length; ) {
    const code = text.charCodeAt(at)
    if (code === QUOTE) {
      at = behindString(text, at)
    } else if (isDigit(code) || code === MINUS) {
      const end = behindNumber(text, at)
      const own = text.slice(at, end)
      if (own.length >= SHORTEST && WHOLE.test(own) && !Number.isSafeInteger(Number(own))) found.push([at, end])
      at = end
    } else at++
  }
  return found
}

const QUOTE = 0x22
const MINUS = 0x2d
const POINT = 0x2e

/** With one comparison, which a processor predicts: most text is below the digits as often as above them. */
const isDigit = (code: number): boolean => (code - 0x30) >>> 0 < 10

/** The place behind a number: digits, and what stands between them. */
const behindNumber = (text: string, start: number): number => {
  let at = start + 1
  while (at < text.length && /[\d.eE+-]/.test(text[at] as string)) at++ // below the length
  return at
}
