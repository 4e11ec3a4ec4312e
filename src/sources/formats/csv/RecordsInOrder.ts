/**
 * Records of a block that are read in their order: a stretch of the block at a time is decoded, and records are found in its text.
 * The text of a whole block would be kept from the time that it is read ahead, and be garbage of a megabyte or two.
 *
 * @since 0.1.0
 */
import { Buffer } from "node:buffer"
import { isUtf8 } from "../../../core/Utf8.ts"
import { textOf } from "../../../wasm/Text.ts"
import { ofText } from "../lines/Characters.ts"
import { REPLACED } from "../lines/JointTexts.ts"
import { pieceEnd } from "../lines/Pieces.ts"
import { Spans, type Split } from "../lines/Spans.ts"

/** @since 0.1.0 */
export class RecordsInOrder {
  readonly #bytes: Uint8Array
  readonly #split: Split
  /** How many records the block has by its index. */
  readonly #count: number
  /** The first byte that is not of the stretch, nor before it. */
  #at = 0
  /** The records of the stretch, of which the first one is that of row `#first`. */
  #spans = new Spans(0)
  #first = 0
  /** Whether the block is one whose records must be found in all of it. */
  #isUnfit = false
  /** The text of the stretch. */
  text = ""

  constructor(bytes: Uint8Array, count: number, split: Split) {
    this.#bytes = bytes
    this.#count = count
    this.#split = split
  }

  /**
   * Returns which record of the stretch a row is; -1 if it is not of this stretch or of the next, or if anything is wrong with the
   * block: whoever looks for all records finds out what.
   */
  find(row: number): number {
    if (row === this.#first + this.#spans.count && !this.#isUnfit && !this.#decode()) this.#isUnfit = true
    const own = row - this.#first
    if (this.#isUnfit || own < 0 || own >= this.#spans.count) return -1
    if (row < this.#count - 1 || this.#ends()) return own
    this.#isUnfit = true
    return -1
  }

  /** Where a record of the stretch begins in its text. */
  start(own: number): number {
    return this.#spans.starts[own] as number // one of them
  }

  /** Where it ends. */
  end(own: number): number {
    return this.#spans.ends[own] as number // as above
  }

  /** Goes on to the next stretch; returns whether there is one, of UTF-8, with a record. */
  #decode(): boolean {
    const bytes = this.#bytes
    const from = this.#at
    if (from >= bytes.length) return false
    const to = Math.min(pieceEnd(bytes, from) + 1, bytes.length)
    const stretch = bytes.subarray(from, to)
    const text = textOf(stretch)
    if (text.includes(REPLACED) && !isUtf8(stretch)) return false
    const spans = this.#split(ofText(text), to === bytes.length)
    if (spans.unended !== undefined || spans.consumed === 0) return false
    this.#first += this.#spans.count
    this.#spans = spans
    this.text = text
    // A record that goes on behind the stretch, as a line may end within its quotes, begins the next one.
    this.#at = spans.consumed === text.length ? to : to - Buffer.byteLength(text.slice(spans.consumed))
    return true
  }

  /** Whether the block ends where its records do. */
  #ends(): boolean {
    return this.#at >= this.#bytes.length && this.#first + this.#spans.count === this.#count
  }
}
