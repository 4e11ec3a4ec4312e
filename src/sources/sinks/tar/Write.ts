/**
 * Writes WebDataset's tars: a row is a sample, each of its fields a file by the extension that is the field's name.
 *
 * @since 0.1.0
 */
import { besideFields } from "../../../core/Beside.ts"
import { isTypedArray } from "../../../core/DType.ts"
import { jsonOf, NotJson } from "../../../core/Json.ts"
import { isLost, LOST } from "../../../core/Lost.ts"
import { isRecord } from "../../../core/Record.ts"
import { show } from "../../../core/Show.ts"
import { Tensor } from "../../../core/Tensor.ts"
import { KEY } from "../../formats/tar/Decoder.ts"
import { npyOf } from "../npy/Array.ts"
import { rowFault } from "../SinkError.ts"
import type { Encoder, Piece, Rows } from "../SinkFormat.ts"
import { END, fillOf, headerOf } from "./Header.ts"

class NotSample extends Error {}

const encoder = new TextEncoder()

const TEXTS = ["txt", "text", "transcript"]
const WHOLES = ["cls", "cls2", "class", "count", "index", "inx", "id"]
const JSONS = ["json", "jsn"]

/** The bytes of a file: the inverse of how `Format.tar` reads it. */
const contentOf = (field: string, value: unknown): Uint8Array => {
  const kind = field.slice(field.lastIndexOf(".") + 1)
  const wrong = (wanted: string): NotSample => {
    const is = typeof value === "object" && value !== null ? "an object" : `${typeof value} ${String(value)}`
    return new NotSample(
      `field "${field}" must be ${wanted}, and is ${is.slice(0, 80)}; map it, or name it by another extension`
    )
  }
  if (JSONS.includes(kind)) return encoder.encode(jsonOf(value, undefined, `field ${JSON.stringify(field)}`))
  if ((value instanceof Tensor || isTypedArray(value)) && isLost(value)) throw new NotSample(`field "${field}" ${LOST}`)
  if (TEXTS.includes(kind)) {
    if (typeof value !== "string" || !value.isWellFormed()) throw wrong("a text that UTF-8 can hold")
    if (value.startsWith("\uFEFF")) throw wrong("a text that does not begin with U+FEFF, which readers leave out")
    return encoder.encode(value)
  }
  if (WHOLES.includes(kind)) {
    if (!Number.isSafeInteger(value)) throw wrong("a whole number")
    if (Object.is(value, -0)) throw wrong("a whole number other than -0, which would be read as 0")
    return encoder.encode(String(value))
  }
  if (kind === "npy") {
    if (value instanceof Tensor) return npyOf(value)
    if (isTypedArray(value)) return npyOf(new Tensor(value, [value.length]))
    throw wrong("a tensor or a typed array")
  }
  if (!(value instanceof Uint8Array)) throw wrong("bytes, as any file but json, txt, cls and npy is")
  return value
}

/** @since 0.1.0 */
export class TarEncoder implements Encoder {
  size = 0
  readonly #blockBytes: number
  readonly #keys = new Set<string>()
  #parts: Array<Uint8Array> = []
  #bytes = 0
  #row: number

  /** `firstRow` is the number of the shard's first row: the key of a row that has none is its number. */
  constructor(blockBytes: number, firstRow: number) {
    this.#blockBytes = blockBytes
    this.#row = firstRow
  }

  get isFull(): boolean {
    return this.#bytes >= this.#blockBytes
  }

  add(rows: Rows, from: number, to: number, most: number): number {
    for (let place = from; place < to; place++) {
      try {
        this.#sample(rows.row(place))
      } catch (thrown) {
        throw rowFault(place, thrown, thrown instanceof NotSample || thrown instanceof NotJson)
      }
      if (this.isFull || this.size >= most) return place + 1
    }
    return to
  }

  #sample(row: unknown): void {
    if (!isRecord(row)) throw new NotSample("a row must be a record of files by extension")
    const beside = besideFields(row)
    if (beside !== undefined) throw new NotSample(`the row ${beside}`)
    const key = this.#keyOf(row)
    const fields = Object.keys(row).filter((name) => name !== KEY && row[name] !== undefined)
    if (fields.length === 0) throw new NotSample(`sample "${key}" has no field: each is a file`)
    for (const field of fields) {
      if (!/^[^/.\s\0][^/\0]*$/.test(field) || field !== field.toLowerCase()) {
        throw new NotSample(`field "${field}" is no extension: those are in lower case, without a / or a dot in front`)
      }
      this.#file(`${key}.${field}`, contentOf(field, row[field]))
    }
    this.#row++
  }

  #keyOf(row: Readonly<Record<string, unknown>>): string {
    const key = row[KEY] === undefined ? String(this.#row).padStart(9, "0") : row[KEY]
    if (typeof key !== "string" || !key.isWellFormed() || !/^(?!\/)(?:(?!\.{1,2}\/)[^/\0]+\/)*[^/.\0]+$/.test(key)) {
      throw new NotSample(`${KEY} is ${show(key)}: it is a path within the archive, without a dot in its last part`)
    }
    if (this.#keys.has(key)) {
      throw new NotSample(
        `two samples of a shard have the key "${key}"; map ${KEY} to another, or leave it out, and samples are numbered (prepare: a --module whose map does so)`
      )
    }
    this.#keys.add(key)
    return key
  }

  #file(name: string, content: Uint8Array): void {
    // The content may lie in memory that is used again.
    for (const part of [...headerOf(name, content.length), content.slice(), new Uint8Array(fillOf(content.length))]) {
      this.#parts.push(part)
      this.#bytes += part.length
      this.size += part.length
    }
  }

  block(): Piece {
    const plain = Buffer.concat(this.#parts)
    this.#parts = []
    this.#bytes = 0
    return { plain, bytes: plain }
  }

  end(): Piece {
    this.#parts.push(new Uint8Array(END))
    return this.block()
  }
}
