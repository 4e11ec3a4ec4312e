/**
 * Records of cells, in bytes and in text.
 *
 * @since 0.1.0
 */
import type { Characters } from "../lines/Characters.ts"
import { Spans, type Split } from "../lines/Spans.ts"
import { shortDecimal } from "./ShortDecimal.ts"

const NEWLINE = 10
const RETURN = 13
const QUOTE = 34

/** Where the quoted cell that opens at `open` closes; -1 if it does not in these bytes. */
const closing = (characters: Characters, open: number): number => {
  let close = characters.indexOf(QUOTE, open + 1)
  while (close !== -1 && characters.code(close + 1) === QUOTE) close = characters.indexOf(QUOTE, close + 2)
  return close
}

/** Which empty lines are records of one empty cell. @since 0.1.0 */
export type EmptyLines = "none" | "all" | "behind the first record"

/** Records that the end of a line outside of quotes ends. @since 0.1.0 */
export const records =
  (delimiter: number, empty: EmptyLines): Split =>
  (characters, isLast) => {
    const spans = new Spans()
    const { length } = characters
    let at = 0
    let quote = characters.indexOf(QUOTE, 0)
    while (at < length) {
      let newline = characters.indexOf(NEWLINE, at)
      while (quote !== -1 && (newline === -1 || quote < newline)) {
        let next = quote + 1
        // A quote within a cell is a character like any other.
        if (quote === at || characters.code(quote - 1) === delimiter) {
          const close = closing(characters, quote)
          // The next byte may be a second quote.
          if (close === -1 || (close + 1 === length && !isLast)) {
            if (isLast) {
              const reason = "a quoted cell is not closed; close it, or leave the shard out"
              spans.unended = { start: at, reason }
            }
            spans.consumed = at
            return spans
          }
          next = close + 1
          if (newline !== -1 && newline < next) {
            spans.hasNewlines = true
            newline = characters.indexOf(NEWLINE, next)
          }
        }
        quote = characters.indexOf(QUOTE, next)
      }
      if (newline === -1) {
        if (!isLast) break
        newline = length
      }
      // Without its newline a carriage return is text, as elsewhere.
      const isPair = newline > at && newline < length && characters.code(newline - 1) === RETURN
      const end = isPair ? newline - 1 : newline
      if (end > at || empty === "all" || (empty !== "none" && spans.count > 0)) spans.add(at, end)
      at = newline + 1
    }
    spans.consumed = Math.min(at, length)
    return spans
  }

/** Why cells were not read. @since 0.1.0 */
export type NoCells = "behind a quote" | { readonly count: number }

/**
 * Reads the cells of records, of which each is to have as many.
 *
 * @since 0.1.0
 */
export class CellReader {
  /** How many cells a record is to have. */
  readonly #count: number
  readonly #delimiter: string
  /** The texts of quoted cells; `undefined` for others, which stand in the text from `starts` to `ends`. */
  readonly #quoted: Array<string | undefined>
  readonly #starts: Int32Array
  readonly #ends: Int32Array
  #text = ""
  /** Where the next delimiter is from a place on: asked once where there is none in a long text. */
  #from = 0
  #found = -1

  constructor(delimiter: string, count: number) {
    this.#count = count
    this.#delimiter = delimiter
    this.#quoted = new Array<string | undefined>(count).fill(undefined)
    // No text is longer, and engines are quick at characters whose places are 32 bits.
    this.#starts = new Int32Array(count)
    this.#ends = new Int32Array(count)
  }

  /** Finds the cells of the record between two places of a text, or returns why not. */
  read(text: string, start: number, end: number): NoCells | undefined {
    if (text !== this.#text) {
      this.#text = text
      this.#from = 0
      this.#found = -1
    }
    const last = this.#count - 1
    let at = start
    for (let own = 0; ; own++) {
      let next: number
      if (at < end && text.charCodeAt(at) === QUOTE) {
        const close = this.#unquote(text, at, end, own)
        if (close === undefined) return "behind a quote"
        next = close
      } else {
        next = this.#next(at)
        if (next > end) next = end
        if (own <= last) {
          this.#quoted[own] = undefined
          this.#starts[own] = at
          this.#ends[own] = next
        }
      }
      if (next >= end) return own === last ? undefined : this.#counted(text, start, end)
      if (own >= last) return this.#counted(text, start, end)
      at = next + 1
    }
  }

  /** Returns the text of a cell of the record that was read last. */
  cell(own: number): string {
    return this.#quoted[own] ?? this.#text.slice(this.#starts[own], this.#ends[own])
  }

  /** Returns the number in a cell, if it is one of few digits; see {@link shortDecimal}. */
  shortDecimal(own: number): number | undefined {
    if (this.#quoted[own] !== undefined) return undefined
    return shortDecimal(this.#text, this.#starts[own] as number, this.#ends[own] as number) // a cell of the record
  }

  #next(at: number): number {
    if (at < this.#from || at > this.#found) {
      const found = this.#text.indexOf(this.#delimiter, at)
      this.#from = at
      this.#found = found === -1 ? this.#text.length : found
    }
    return this.#found
  }

  /** Reads a quoted cell; returns where the delimiter behind it is, or the end; `undefined` if something else is there. */
  #unquote(text: string, at: number, end: number, own: number): number | undefined {
    let cell = ""
    let from = at + 1
    let close = text.indexOf('"', from)
    while (close !== -1 && close + 1 < end && text.charCodeAt(close + 1) === QUOTE) {
      cell += text.slice(from, close + 1)
      from = close + 2
      close = text.indexOf('"', from)
    }
    if (close === -1 || close >= end) return undefined
    if (own < this.#count) this.#quoted[own] = cell === "" ? text.slice(from, close) : cell + text.slice(from, close)
    return close + 1 === end || text[close + 1] === this.#delimiter ? close + 1 : undefined
  }

  /** How many cells there are. */
  #counted(text: string, start: number, end: number): NoCells {
    const cells = cellsOf(text.slice(start, end), this.#delimiter)
    return cells === undefined ? "behind a quote" : { count: cells.length }
  }
}

/** The cells of a record; `undefined` if characters follow a quoted cell. @since 0.1.0 */
export const cellsOf = (text: string, delimiter: string): ReadonlyArray<string> | undefined => {
  if (!text.includes('"')) return text.split(delimiter)
  const cells: Array<string> = []
  let at = 0
  for (;;) {
    if (text.charCodeAt(at) !== QUOTE) {
      const end = text.indexOf(delimiter, at)
      if (end === -1) {
        cells.push(text.slice(at))
        return cells
      }
      cells.push(text.slice(at, end))
      at = end + 1
      continue
    }
    let cell = ""
    let from = at + 1
    let close = text.indexOf('"', from)
    while (close !== -1 && text.charCodeAt(close + 1) === QUOTE) {
      cell += text.slice(from, close + 1)
      from = close + 2
      close = text.indexOf('"', from)
    }
    if (close === -1) return undefined
    cells.push(cell + text.slice(from, close))
    at = close + 1
    if (at >= text.length) return cells
    if (text[at] !== delimiter) return undefined
    at++
  }
}
