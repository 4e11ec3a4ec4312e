/**
 * The lines of a batch as text: bytes of many lines are decoded in one go, which takes half the time of a text for each.
 * Blocks stay bytes, so that no text of a whole block is kept, or becomes garbage.
 *
 * @since 0.1.0
 */
import { copyBytes } from "../../../core/runtime.ts"
import { isUtf8 } from "../../../core/Utf8.ts"
import { memoryForText, textOf } from "../../../wasm/Text.ts"
import type { BlockLines } from "../Format.ts"
import { PIECE } from "./Pieces.ts"

const NEWLINE = 10

/** Where lines that lie apart are brought together. */
let gathered: Uint8Array | undefined

/** So many lines that lie apart are fetched at once: they fit into the processor's nearest cache. */
const FETCHED = 64
/** Bytes that a processor fetches from memory in one go. */
const CACHE_LINE = 64

/** What stands for bytes that are not UTF-8; it may also stand in a text itself. @since 0.1.0 */
export const REPLACED = "\uFFFD"

/**
 * Returns the line at each of `places`, of the block at the same place in `blocks`; `undefined` for lines that must be
 * decoded one by one, since some near them are not UTF-8.
 *
 * @since 0.1.0
 */
export const jointTexts = (
  blocks: ArrayLike<BlockLines<unknown>>,
  places: ArrayLike<number>
): ReadonlyArray<string | undefined> => joint(blocks, places, linesOf)

/**
 * The same of what `of` makes of lines, with a newline between each two; it returns as many values as there are lines, or
 * `undefined` if it cannot.
 *
 * @since 0.1.0
 */
export const joint = <A>(
  blocks: ArrayLike<BlockLines<unknown>>,
  places: ArrayLike<number>,
  of: (lines: Uint8Array, count: number) => Array<A> | undefined
): Array<A | undefined> => {
  gathered ??= memoryForText(2 * PIECE)
  const scratch = gathered
  const count = places.length
  let texts: Array<A | undefined> | undefined
  const put = (lines: Array<A> | undefined, rows: number): void => {
    if (lines !== undefined && texts === undefined) texts = lines
    else {
      texts ??= []
      for (let row = 0; row < rows; row++) texts.push(lines?.[row])
    }
  }
  /** Lines that were copied, and not yet decoded. */
  let rows = 0
  let length = 0
  /** Lines before this one have been fetched. */
  let fetched = 0
  const flush = (): void => {
    // Without the newline behind the last one.
    if (rows > 0) put(of(scratch.subarray(0, length - 1), rows), rows)
    rows = 0
    length = 0
  }
  for (let row = 0; row < count; ) {
    const block = blocks[row] as BlockLines<unknown> // here and below: row is below the length, and places are of the block
    const { bytes, ends, starts } = block
    const place = places[row] as number
    const start = starts[place] as number
    let end = ends[place] as number
    let next = 1
    // Lines that follow one another with a newline between them are taken in one go.
    while (
      row + next < count &&
      blocks[row + next] === block &&
      places[row + next] === place + next &&
      starts[place + next] === end + 1 &&
      (ends[place + next] as number) - start < PIECE
    ) {
      end = ends[place + next] as number
      next++
    }
    if (next === count || end - start >= PIECE / 2) {
      // All that is asked for, or so much that a copy would not pay.
      flush()
      put(of(bytes.subarray(start, end), next), next)
    } else {
      if (length + end - start >= scratch.length) flush()
      if (row >= fetched) {
        fetched = Math.min(row + FETCHED, count)
        fetch(blocks, places, row, fetched)
      }
      copyBytes(bytes, start, end, scratch, length)
      length += end - start
      scratch[length++] = NEWLINE
      rows += next
      if (length >= PIECE) flush()
    }
    row += next
  }
  flush()
  return texts ?? []
}

/** The sum of all that was fetched: an engine does not read what is not used. */
let sum = 0

/**
 * Reads a byte of each stretch of memory that some lines lie in. A copy waits for the memory of its line, which takes longer
 * than the copy where lines are in no order; the processor waits for all of these reads at once.
 */
const fetch = (blocks: ArrayLike<BlockLines<unknown>>, places: ArrayLike<number>, from: number, to: number): void => {
  let own = 0
  for (let row = from; row < to; row++) {
    const { bytes, ends, starts } = blocks[row] as BlockLines<unknown> // here and below: as above
    const place = places[row] as number
    const start = starts[place] as number
    const end = Math.min(ends[place] as number, start + PIECE / 2)
    for (let at = start; at < end; at += CACHE_LINE) own += bytes[at] as number
  }
  sum = (sum + own) | 0
}

/** The lines in bytes; `undefined` if not all of the bytes are UTF-8. @since 0.1.0 */
export const linesOf = (bytes: Uint8Array): Array<string> | undefined => {
  const text = textOf(bytes)
  // To look for what was replaced takes a fraction of the time that a look at all bytes takes.
  return text.includes(REPLACED) && !isUtf8(bytes) ? undefined : text.split("\n")
}
