/**
 * Writes CSV and TSV by RFC 4180, with a header.
 *
 * @since 0.1.0
 */

import { besideFields } from "../../../core/Beside.ts"
import { NotJson } from "../../../core/Json.ts"
import { isRecord } from "../../../core/Record.ts"
import { type LineConfig, LineEncoder } from "../jsonl/Write.ts"
import { rowFault } from "../SinkError.ts"
import type { Encoder, Piece, Rows } from "../SinkFormat.ts"

const cellOf = (name: string, value: unknown, delimiter: string): string => {
  switch (typeof value) {
    case "undefined":
      return ""
    case "number":
      return Number.isNaN(value) ? "nan" : Number.isFinite(value) ? numeral(value) : value > 0 ? "inf" : "-inf"
    case "bigint":
    case "boolean":
      return String(value)
    case "string": {
      if (!value.isWellFormed())
        throw new NotJson(`column ${JSON.stringify(name)} has half of a surrogate pair, which UTF-8 cannot hold`)
      // Readers take U+FEFF at the start of a file for its byte order mark.
      const isPlain =
        value !== "" &&
        !value.startsWith("\uFEFF") &&
        !value.includes('"') &&
        !value.includes(delimiter) &&
        !/[\r\n]/.test(value)
      return isPlain ? value : `"${value.replaceAll('"', '""')}"`
    }
    default:
      if (value === null) return ""
      throw new NotJson(`column "${name}" is an object, which a cell cannot hold; map it to a text or a number`)
  }
}

/** Whole numbers beyond 2^53 are written as the floats that they are: readers take their digits for exact ones. */
const numeral = (value: number): string => {
  if (Object.is(value, -0)) return "-0"
  return Number.isInteger(value) && !Number.isSafeInteger(value) ? value.toExponential() : String(value)
}

/** Rows of the columns that the first row has. @since 0.1.0 */
export class CsvEncoder implements Encoder {
  readonly #config: LineConfig
  readonly #delimiter: string
  #columns: ReadonlyArray<string> | undefined
  #lines: LineEncoder | undefined

  constructor(config: LineConfig, delimiter: string, columns: ReadonlyArray<string> | undefined) {
    this.#config = config
    this.#delimiter = delimiter
    this.#columns = columns
  }

  get schema(): ReadonlyArray<string> | undefined {
    return this.#columns
  }

  get size(): number {
    return this.#lines?.size ?? 0
  }

  get isFull(): boolean {
    return this.#lines?.isFull ?? false
  }

  add(rows: Rows, from: number, to: number, most: number): number {
    try {
      const first = this.#columns === undefined ? rows.row(from) : undefined
      this.#columns ??= isRecord(first) ? Object.keys(first) : []
      this.#opened(this.#columns)
    } catch (thrown) {
      throw rowFault(from, thrown, thrown instanceof NotJson)
    }
    return this.#opened(this.#columns).add(rows, from, to, most)
  }

  block(): Piece {
    return this.#opened(this.#columns ?? []).block()
  }

  end(): Piece {
    return this.#opened(this.#columns ?? []).end()
  }

  #opened(columns: ReadonlyArray<string>): LineEncoder {
    const delimiter = this.#delimiter
    this.#lines ??= new LineEncoder(
      this.#config,
      (row) => {
        if (!isRecord(row))
          throw new NotJson("a row must be a record of values by column; map it, or leave it out by a filter")
        const beside = besideFields(row)
        if (beside !== undefined) throw new NotJson(`the row ${beside}`)
        if (columns.length === 0) {
          throw new NotJson("the first row has no fields, which the header is made of; leave it out, or set columns")
        }
        const stranger = Object.keys(row).find((name) => !columns.includes(name))
        if (stranger !== undefined) {
          throw new NotJson(
            `column "${stranger}" is not in the header, which the first row gave: ${columns.join(", ")}`
          )
        }
        const cells = columns
          .map((name) => cellOf(name, Object.hasOwn(row, name) ? row[name] : undefined, delimiter))
          .join(delimiter)
        // Readers leave empty lines out.
        return cells === "" ? '""' : cells
      },
      columns.length === 0 ? "" : `${columns.map((name) => cellOf(name, name, delimiter)).join(delimiter)}\n`
    )
    return this.#lines
  }
}
