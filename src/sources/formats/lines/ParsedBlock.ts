/**
 * The rows of a block of JSON Lines, all parsed at once, where the runtime has a parser of lines.
 *
 * @since 0.1.0
 */
import { valuesOf } from "./JsonValues.ts"
import { pieceEnd } from "./Pieces.ts"

/** Larger blocks would keep too many rows in memory that nobody has asked for yet. */
const MOST = 2 ** 22

/** @since 0.1.0 */
export class ParsedBlock {
  /** The rows that have not been given, at their places. */
  readonly #rows: Array<unknown>
  #left: number

  private constructor(rows: Array<unknown>) {
    this.#rows = rows
    this.#left = rows.length
  }

  /**
   * Parses a block of `count` rows. `undefined` if it has another number of rows, if any is bad, if nothing can parse it, or,
   * unless `rounds`, if a number in it may have been rounded.
   */
  static of(bytes: Uint8Array, count: number, rounds: boolean): ParsedBlock | undefined {
    if (valuesOf === undefined || bytes.length > MOST) return undefined
    const parts: Array<Array<unknown>> = []
    let found = 0
    for (let at = 0; at < bytes.length; ) {
      const end = pieceEnd(bytes, at)
      const part = valuesOf(bytes.subarray(at, end), rounds)
      if (part === undefined) return undefined
      parts.push(part)
      found += part.length
      at = end + 1
    }
    return found === count ? new ParsedBlock(parts.flat()) : undefined
  }

  /** The rows from `first` on, each of which is given once; `undefined` if one of them has been. */
  run(first: number, count: number): Array<unknown> | undefined {
    if (this.#left === 0) return undefined
    const own = this.#rows.slice(first, first + count)
    // No JSON is `undefined`.
    if (own.includes(undefined)) return undefined
    this.#left -= count
    if (this.#left === 0) this.#rows.length = 0
    else this.#rows.fill(undefined, first, first + count)
    return own
  }
}
