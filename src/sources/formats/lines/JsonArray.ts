/**
 * Tells a file of one JSON array, the usual content of a `.json`, from JSON Lines, whose rows may be arrays too.
 *
 * @since 0.1.0
 */
import type { Refused } from "./LineKind.ts"

const NEWLINE = 0x0a
const isSpace = (byte: number | undefined): boolean =>
  byte === 0x20 || byte === 0x09 || byte === NEWLINE || byte === 0x0d

const OPEN = "[".charCodeAt(0)
const CLOSE = "]".charCodeAt(0)
const RECORD = "{".charCodeAt(0)

/** A file of this name holds JSON; one named `.jsonl` may be a single row that is an array of records. */
const IS_JSON = /\.json(?:\.gz|\.zstd?)?(?:[?#].*)?$/i

const REASON =
  "it is one JSON array, and JSON Lines has a value on each line; write its items to lines (jq -c '.[]' FILE > FILE.jsonl)"

/** The first place from `at` on that is not white space. */
const pastSpace = (bytes: Uint8Array, at: number): number => {
  let own = at
  while (isSpace(bytes[own])) own++
  return own
}

/** The last byte before a place that is not white space. */
const endOf = (bytes: Uint8Array, place: number): number | undefined => {
  let own = place - 1
  while (isSpace(bytes[own])) own--
  return bytes[own]
}

/**
 * Returns why a shard that begins with these bytes is not JSON Lines but one array: over several lines, or, in a file named
 * `.json`, of records on its only line. Lines of which each is an array are rows. `"more"` if it depends on further bytes.
 *
 * @since 0.1.0
 */
export const jsonArray =
  (rowBytes: number): Refused =>
  (name, bytes, isLast) => {
    const open = pastSpace(bytes, 0)
    if (bytes[open] !== OPEN) return undefined
    const item = pastSpace(bytes, open + 1)
    const end = bytes.indexOf(NEWLINE, open)
    if (end >= 0 && end < item) return REASON
    if (bytes[item] !== RECORD) return item === bytes.length && !isLast ? "more" : undefined
    if (end >= 0) {
      const next = pastSpace(bytes, end)
      // A row that is an array as well: if the first one is not whole, that is the error of this row alone.
      if (bytes[next] === OPEN) return undefined
      if (next < bytes.length) return endOf(bytes, end) === CLOSE ? undefined : REASON
    }
    if (!IS_JSON.test(name)) return undefined
    return isLast || bytes.length > rowBytes ? REASON : "more"
  }
