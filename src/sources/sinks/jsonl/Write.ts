/**
 * Writes JSON Lines.
 *
 * @since 0.1.0
 */
import type { Effect } from "effect/Effect"
import { FIRST_ROWS, SHORT_LIST } from "../../../core/Beside.ts"
import { jsonOf, NotJson } from "../../../core/Json.ts"
import { rowFault, type SinkError } from "../SinkError.ts"
import type { Encoder, Piece, Rows } from "../SinkFormat.ts"

/** @since 0.1.0 */
export interface LineConfig {
  readonly blockBytes: number
  readonly pack: ((plain: Uint8Array) => Effect<Uint8Array, SinkError>) | undefined
}

const encoder = new TextEncoder()

/** What a character may take in UTF-8, of which a text has one or two units. */
const WIDEST = 3

/** What a block begins with at most: it grows if it has to. */
const FIRST = 2 ** 20

/**
 * Lines, each of which is written into its block at once: to keep them as texts, and to measure and join them later, takes two
 * to three times as long.
 *
 * @since 0.1.0
 */
export class LineEncoder implements Encoder {
  size = 0
  isFull = false
  readonly #config: LineConfig
  readonly #text: (row: unknown, number: number) => string
  #rows = 0
  #block: Uint8Array<ArrayBuffer>
  #length = 0

  /** `text` is told how many rows come before; `head` stands before the first one. */
  constructor(config: LineConfig, text: (row: unknown, number: number) => string, head = "") {
    this.#config = config
    this.#text = text
    this.#block = this.#fresh()
    if (head !== "") this.#append(head)
  }

  add(rows: Rows, from: number, to: number, most: number): number {
    const { blockBytes } = this.#config
    for (let place = from; place < to; place++) {
      const before = this.#length
      this.#append(this.#lineOf(rows, place))
      this.#block[this.#length++] = NEWLINE
      this.size += this.#length - before
      if (this.#length >= blockBytes) this.isFull = true
      if (this.isFull || this.size >= most) return place + 1
    }
    return to
  }

  #lineOf(rows: Rows, place: number): string {
    try {
      return this.#text(rows.row(place), this.#rows++)
    } catch (thrown) {
      throw rowFault(place, thrown, thrown instanceof NotJson)
    }
  }

  #fresh(): Uint8Array<ArrayBuffer> {
    return new Uint8Array(Math.min(FIRST, this.#config.blockBytes) + 4096)
  }

  /** Writes a text, with room for a newline after it. */
  #append(text: string): void {
    const most = this.#length + WIDEST * text.length + 1
    if (most > this.#block.length) {
      const larger = new Uint8Array(2 * most)
      larger.set(this.#block.subarray(0, this.#length))
      this.#block = larger
    }
    this.#length += encoder.encodeInto(text, this.#block.subarray(this.#length)).written
  }

  block(): Piece {
    const { pack } = this.#config
    // It is written, or compressed, while the next block is filled.
    const plain = this.#block.subarray(0, this.#length)
    this.#block = this.#fresh()
    this.#length = 0
    this.isFull = false
    // A member of no bytes would be a block without rows.
    return { plain, bytes: pack === undefined || plain.length === 0 ? plain : pack(plain) }
  }

  end(): Piece {
    return this.block()
  }
}

const NEWLINE = 10

/** @since 0.1.0 */
export const jsonlEncoder = (config: LineConfig): Encoder =>
  new LineEncoder(config, (row, number) => jsonOf(row, number < FIRST_ROWS ? undefined : SHORT_LIST))
