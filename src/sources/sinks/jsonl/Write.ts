/**
 * Writes JSON Lines.
 *
 * @since 0.1.0
 */
import { Buffer } from "node:buffer"
import type { Effect } from "effect/Effect"
import { jsonOf, NotJson } from "../Json.ts"
import { RowFault, type SinkError } from "../SinkError.ts"
import type { Encoder, Piece, Rows } from "../SinkFormat.ts"

/** @since 0.1.0 */
export interface LineConfig {
  readonly blockBytes: number
  readonly pack: ((plain: Uint8Array) => Effect<Uint8Array, SinkError>) | undefined
}

/** Text that becomes bytes block by block. @since 0.1.0 */
export class LineEncoder implements Encoder {
  size = 0
  isFull = false
  readonly #config: LineConfig
  readonly #text: (row: unknown) => string
  #lines: Array<string>
  #bytes: number

  /** `head` stands before the first row. */
  constructor(config: LineConfig, text: (row: unknown) => string, head = "") {
    this.#config = config
    this.#text = text
    this.#lines = head === "" ? [] : [head]
    this.#bytes = Buffer.byteLength(head)
  }

  add(rows: Rows, from: number, to: number, most: number): number {
    const { blockBytes } = this.#config
    for (let place = from; place < to; place++) {
      const line = this.#lineOf(rows.row(place), place)
      const length = Buffer.byteLength(line)
      this.#lines.push(line)
      this.#bytes += length
      this.size += length
      if (this.#bytes >= blockBytes) this.isFull = true
      if (this.isFull || this.size >= most) return place + 1
    }
    return to
  }

  #lineOf(row: unknown, place: number): string {
    try {
      return `${this.#text(row)}\n`
    } catch (thrown) {
      if (thrown instanceof NotJson) throw new RowFault({ place, reason: thrown.message })
      throw thrown
    }
  }

  block(): Piece {
    const { pack } = this.#config
    const plain = Buffer.from(this.#lines.join(""))
    this.#lines = []
    this.#bytes = 0
    this.isFull = false
    // A member of no bytes would be a block without rows.
    return { plain, bytes: pack === undefined || plain.length === 0 ? plain : pack(plain) }
  }

  end(): Piece {
    return this.block()
  }
}

/** @since 0.1.0 */
export const jsonlEncoder = (config: LineConfig): Encoder => new LineEncoder(config, jsonOf)
