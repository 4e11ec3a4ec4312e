/**
 * Rows of a block of JSON Lines that are read one after the other, from its first row on: a stretch of the block is decoded and
 * split, and its lines are parsed. That takes half the time that it takes to find the ends of all lines in the bytes first.
 *
 * @since 0.1.0
 */
import { ofText } from "./Characters.ts"
import { linesOf } from "./JointTexts.ts"
import { pieceEnd } from "./Pieces.ts"
import { isBlank } from "./Spans.ts"

/** @since 0.1.0 */
export class RowsInOrder {
  readonly #bytes: Uint8Array
  readonly #parse: (line: string) => unknown
  /** How many rows the block has by its index. */
  readonly #count: number
  /** The first byte that has not been decoded. */
  #at = 0
  /** The lines of the last piece; the first one is that of row `#first`. */
  #lines: ReadonlyArray<string> = []
  #first = 0
  /** So many of these lines have been read: none of them is blank. */
  #read = 0
  /** Whether blank lines have been found, which are no rows. */
  #hasBlanks = false
  /** Whether the block is one whose rows must be found in its bytes. */
  #isUnfit = false

  /** `parse` throws for what is not JSON. */
  constructor(bytes: Uint8Array, count: number, parse: (line: string) => unknown) {
    this.#bytes = bytes
    this.#count = count
    this.#parse = parse
  }

  /**
   * Parses the line of a row. `undefined`, which no JSON is, if the row is not the next one, or if there is anything wrong
   * with it or the block: whoever looks for the ends of all lines finds out what.
   */
  row(row: number): unknown {
    if (this.#isUnfit) return undefined
    const place = row - this.#first
    if (place < 0 || place > this.#read) return undefined
    if (place === this.#lines.length) return this.#decode() ? this.row(row) : undefined
    const line = this.#lines[place] as string // below the length
    let own: unknown
    try {
      own = this.#parse(line)
    } catch {
      if (place < this.#read || !blank(line)) {
        // The rows behind a bad one are where they are.
        if (place === this.#read) this.#read++
        return undefined
      }
      this.#hasBlanks = true
      this.#lines = this.#lines.filter((other, at) => at < place || !blank(other))
      return this.row(row)
    }
    if (place < this.#read) return own
    this.#read++
    return row < this.#count - 1 || this.#ends() ? own : undefined
  }

  /** Goes on to the next piece; returns whether there is one, of UTF-8. */
  #decode(): boolean {
    const bytes = this.#bytes
    const from = this.#at
    const end = pieceEnd(bytes, from)
    const lines = from < bytes.length ? linesOf(bytes.subarray(from, end)) : undefined
    if (lines === undefined) return this.#unfit()
    this.#at = end + 1
    this.#first += this.#lines.length
    this.#read = 0
    this.#lines = this.#hasBlanks ? lines.filter((line) => !blank(line)) : lines
    return true
  }

  /** Whether the block ends behind the row that was read. */
  #ends(): boolean {
    if (this.#at < this.#bytes.length || this.#read < this.#lines.length) return this.#unfit()
    // Nobody asks for them again but by chance.
    this.#first = this.#count
    this.#lines = []
    this.#read = 0
    return true
  }

  #unfit(): false {
    this.#isUnfit = true
    this.#lines = []
    return false
  }
}

const blank = (line: string): boolean => isBlank(ofText(line), 0, line.length)
