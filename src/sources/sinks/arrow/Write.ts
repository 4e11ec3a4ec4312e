/**
 * Writes Arrow files, a record batch a block.
 *
 * @since 0.1.0
 */
import type { ColumnType } from "../columns/ColumnType.ts"
import { Table, type TableSchema } from "../columns/Table.ts"
import type { Encoder, Piece, Rows } from "../SinkFormat.ts"
import { type BatchPlace, batchMessage, type Column, fileEnd, fileStart, schemaMessage } from "./Messages.ts"

/** How rows become columns. @since 0.1.0 */
export interface TableConfig {
  readonly types: Readonly<Record<string, ColumnType>>
  readonly blockBytes: number
}

/** @since 0.1.0 */
export class ArrowEncoder implements Encoder {
  size = 0
  readonly #table: Table
  readonly #blockBytes: number
  readonly #batches: Array<BatchPlace> = []
  #columns: ReadonlyArray<Column> | undefined
  #offset = 0

  constructor({ blockBytes, types }: TableConfig, schema: TableSchema | undefined) {
    this.#table = new Table(types, schema)
    this.#blockBytes = blockBytes
  }

  get schema(): TableSchema {
    return this.#table.schema
  }

  get isFull(): boolean {
    return this.#table.bytes >= this.#blockBytes
  }

  add(rows: Rows, from: number, to: number, most: number): number {
    const before = this.#table.bytes
    const place = this.#table.add(rows, from, to, Math.min(this.#blockBytes, most - this.size + before))
    this.size += this.#table.bytes - before
    return place
  }

  block(): Piece {
    const { rows } = this.#table
    const columns = this.#table.take()
    const parts: Array<Uint8Array> = []
    if (this.#columns === undefined) parts.push(fileStart(), schemaMessage(columns))
    this.#columns = columns.map(named)
    if (rows > 0) {
      const { bytes, metadata } = batchMessage(rows, columns)
      const offset = this.#offset + parts.reduce((sum, own) => sum + own.length, 0)
      this.#batches.push({ offset, metadata, body: bytes.length - metadata })
      parts.push(bytes)
    }
    return this.#piece(parts)
  }

  end(): Piece {
    const { plain } = this.block()
    return this.#piece([plain, fileEnd(this.#columns ?? [], this.#batches)], plain.length)
  }

  /** Parts as one piece, of which so many bytes were counted before. */
  #piece(parts: ReadonlyArray<Uint8Array>, counted = 0): Piece {
    const plain = parts.length === 1 && parts[0] !== undefined ? parts[0] : new Uint8Array(Buffer.concat(parts))
    this.#offset += plain.length - counted
    return { plain, bytes: plain }
  }
}

/** The names and types of a column, without its values. */
const named = ({ children, name, type }: Column): Column => ({ name, type, children: children.map(named) })
