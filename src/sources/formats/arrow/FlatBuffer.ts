/**
 * Reads FlatBuffers, the encoding of Arrow's metadata: tables whose fields may be absent, vectors, structs and strings. Reads
 * beyond the end throw `RangeError`, which `withinBytes` turns into an error of the shard.
 *
 * @since 0.1.0
 */
import { AGAIN, Malformed } from "../Malformed.ts"

/** Tables may share their parts, so that a small buffer stands for a large tree: no more than this many are visited. */
const MOST_TABLES = 1_000_000

/** One buffer. A table is the place where it begins. @since 0.1.0 */
export class FlatBuffer {
  readonly #view: DataView
  readonly #bytes: Uint8Array
  #visited = 0

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  }

  /** The table that the buffer begins with. */
  root(): number {
    return this.#visit(this.#view.getUint32(0, true))
  }

  /** The place of a field's value; 0 if the table does not have it. */
  field(table: number, index: number): number {
    const layout = table - this.#view.getInt32(table, true)
    const at = 4 + 2 * index
    if (at + 2 > this.#view.getUint16(layout, true)) return 0
    const offset = this.#view.getUint16(layout + at, true)
    return offset === 0 ? 0 : table + offset
  }

  uint8(table: number, index: number, otherwise = 0): number {
    const at = this.field(table, index)
    return at === 0 ? otherwise : this.#view.getUint8(at)
  }

  int16(table: number, index: number, otherwise = 0): number {
    const at = this.field(table, index)
    return at === 0 ? otherwise : this.#view.getInt16(at, true)
  }

  int32(table: number, index: number, otherwise = 0): number {
    const at = this.field(table, index)
    return at === 0 ? otherwise : this.#view.getInt32(at, true)
  }

  int64(table: number, index: number, otherwise = 0): number {
    const at = this.field(table, index)
    return at === 0 ? otherwise : this.int64At(at)
  }

  int32At(at: number): number {
    return this.#view.getInt32(at, true)
  }

  /** A length or an offset: a whole number from 0 to 2^53 − 1. */
  int64At(at: number): number {
    const value = Number(this.#view.getBigInt64(at, true))
    if (value < 0 || !Number.isSafeInteger(value)) {
      throw new Malformed(`its metadata has a length or an offset of ${value}; ${AGAIN}`)
    }
    return value
  }

  /** The table that a field refers to; 0 if there is none. */
  table(table: number, index: number): number {
    const at = this.field(table, index)
    return at === 0 ? 0 : this.#visit(at + this.#view.getUint32(at, true))
  }

  text(table: number, index: number): string {
    const at = this.field(table, index)
    if (at === 0) return ""
    const start = at + this.#view.getUint32(at, true)
    const length = this.#view.getUint32(start, true)
    if (start + 4 + length > this.#bytes.length) throw new RangeError("a text goes on beyond the end")
    return decoder.decode(this.#bytes.subarray(start + 4, start + 4 + length))
  }

  /** Where the elements of a vector begin, and how many there are, of so many bytes each. */
  vector(table: number, index: number, bytes: number): { readonly at: number; readonly length: number } {
    const at = this.field(table, index)
    if (at === 0) return { at: 0, length: 0 }
    const start = at + this.#view.getUint32(at, true)
    const length = this.#view.getUint32(start, true)
    if (start + 4 + length * bytes > this.#bytes.length) throw new RangeError("a vector goes on beyond the end")
    return { at: start + 4, length }
  }

  /** The tables that a vector refers to. */
  tables(table: number, index: number): ReadonlyArray<number> {
    const { at, length } = this.vector(table, index, 4)
    const found: Array<number> = []
    for (let place = 0; place < length; place++) {
      const own = at + 4 * place
      found.push(this.#visit(own + this.#view.getUint32(own, true)))
    }
    return found
  }

  #visit(table: number): number {
    this.#visited++
    if (this.#visited > MOST_TABLES) {
      throw new Malformed(`its metadata has more than ${MOST_TABLES} tables; ${AGAIN}`)
    }
    return table
  }
}

const decoder = new TextDecoder("utf-8", { ignoreBOM: true })
