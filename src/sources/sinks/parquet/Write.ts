/**
 * Writes Parquet files by `parquet-wasm`, a row group a block. Each block is written as a file of its own, so that no more than
 * one is in memory; its pages are copied, and the footers become one.
 *
 * @since 0.1.0
 */
import { createRequire } from "node:module"
import { missing } from "../../formats/LibraryMissing.ts"
import { withinBytes } from "../../formats/Malformed.ts"
import { type Struct, ThriftReader, ThriftWriter, Type, type Value } from "../../formats/parquet/Thrift.ts"
import { batchMessage, schemaMessage, streamEnd } from "../arrow/Messages.ts"
import type { TableConfig } from "../arrow/Write.ts"
import type { BuiltColumn } from "../columns/ColumnBuilder.ts"
import { Table, type TableSchema } from "../columns/Table.ts"
import { RowFault } from "../SinkError.ts"
import type { Encoder, Piece, Rows } from "../SinkFormat.ts"
import { emptyRecord } from "./EmptyRecords.ts"

/** What is used of the package. */
interface Library {
  readonly Table: { readonly fromIPCStream: (bytes: Uint8Array) => object }
  readonly WriterPropertiesBuilder: new () => Builder
  readonly Compression: Readonly<Record<"UNCOMPRESSED" | "SNAPPY" | "GZIP" | "ZSTD" | "LZ4_RAW", number>>
  readonly EnabledStatistics: { readonly Chunk: number }
  readonly writeParquet: (table: object, properties: object) => Uint8Array
}

interface Builder {
  readonly setCompression: (codec: number) => Builder
  readonly setStatisticsEnabled: (kind: number) => Builder
  readonly setMaxRowGroupSize: (rows: number) => Builder
  readonly setCreatedBy: (name: string) => Builder
  readonly build: () => object
}

/** The module's name, put together so that bundlers do not look for it: it may not be installed. */
const NAME = ["parquet", "wasm"].join("-")

let library: Library | undefined

/** Loads the package. Throws `Malformed` if it is not installed. @since 0.1.0 */
export const load = (): void => {
  try {
    // As the package's types say.
    library ??= createRequire(import.meta.url)(`${NAME}/node`) as Library
  } catch (cause) {
    throw missing(NAME, "writes Parquet", cause)
  }
}

/** How pages are compressed. @category models @since 0.1.0 */
export type ParquetCompression = "none" | "snappy" | "gzip" | "zstd" | "lz4"

const CODECS = { none: "UNCOMPRESSED", snappy: "SNAPPY", gzip: "GZIP", zstd: "ZSTD", lz4: "LZ4_RAW" } as const

const MAGIC = new TextEncoder().encode("PAR1")

/** A row group of the shard: its part of the footer. */
interface Group {
  readonly footer: Uint8Array
  readonly group: Struct
  /** By how much its places in the shard are behind those in the file that it was written as. */
  readonly shift: number
}

/** @since 0.1.0 */
export class ParquetEncoder implements Encoder {
  size = 0
  readonly #table: Table
  readonly #config: TableConfig & { readonly compression: ParquetCompression }
  readonly #groups: Array<Group> = []
  #first: { readonly footer: Uint8Array; readonly fields: Struct } | undefined
  /** The place behind the last row of the block, among the rows that were given last. */
  #place = 0
  #rows = 0
  #offset = 0

  constructor(config: TableConfig & { readonly compression: ParquetCompression }, schema: TableSchema | undefined) {
    this.#config = config
    this.#table = new Table(config.types, schema)
  }

  get schema(): TableSchema {
    return this.#table.schema
  }

  get isFull(): boolean {
    return this.#table.bytes >= this.#config.blockBytes
  }

  add(rows: Rows, from: number, to: number, most: number): number {
    const before = this.#table.bytes
    const place = this.#table.add(rows, from, to, Math.min(this.#config.blockBytes, most - this.size + before))
    this.size += this.#table.bytes - before
    this.#place = place
    return place
  }

  block(): Piece {
    return this.#group([])
  }

  end(): Piece {
    return this.#group([() => this.#footer()])
  }

  #group(behind: ReadonlyArray<() => Uint8Array>): Piece {
    const { rows } = this.#table
    const isFirst = this.#first === undefined
    const parts: Array<Uint8Array> = isFirst ? [MAGIC] : []
    let plain: Uint8Array = MAGIC
    if (rows > 0 || isFirst) {
      const columns = this.#table.take()
      this.#refuseEmpty(columns, rows)
      const stream = Buffer.concat([schemaMessage(columns), batchMessage(rows, columns).bytes, streamEnd()])
      plain = stream
      parts.push(...this.#pages(this.#written(stream, rows), rows))
    }
    for (const part of behind) parts.push(part())
    const bytes = Buffer.concat(parts)
    this.#offset += bytes.length
    return { plain, bytes }
  }

  /** Throws {@link RowFault} for records without fields, which are known as such once the block is whole. */
  #refuseEmpty(columns: ReadonlyArray<BuiltColumn>, rows: number): void {
    if (this.#first !== undefined) return // all blocks have the columns of the first one
    for (const column of columns) {
      const found = emptyRecord(column)
      if (found === undefined) continue
      const reason = `column "${found.name}" holds records that have no field in any row of the block, which Parquet cannot hold; map it to null, declare its fields by types, or write another format`
      throw new RowFault({ place: this.#place - rows + (found.row ?? 0), reason })
    }
  }

  #written(stream: Uint8Array, rows: number): Uint8Array {
    if (library === undefined) throw new Error("the library is loaded before there is an encoder")
    const { Compression, EnabledStatistics, Table: WasmTable, WriterPropertiesBuilder, writeParquet } = library
    const properties = new WriterPropertiesBuilder()
      .setCompression(Compression[CODECS[this.#config.compression]])
      // Statistics of pages lie behind the pages, with places of their own.
      .setStatisticsEnabled(EnabledStatistics.Chunk)
      .setMaxRowGroupSize(Math.max(1, rows))
      .setCreatedBy("furrow")
      .build()
    return writeParquet(WasmTable.fromIPCStream(stream), properties)
  }

  /** The pages of a file of one row group, whose footer is kept. */
  #pages(file: Uint8Array, rows: number): ReadonlyArray<Uint8Array> {
    const view = new DataView(file.buffer, file.byteOffset, file.length)
    const length = view.getUint32(file.length - 8, true)
    const footer = file.slice(file.length - 8 - length, file.length - 8)
    return withinBytes("a footer", () => {
      const reader = new ThriftReader(footer)
      const fields = reader.struct(0)
      this.#first ??= { footer, fields }
      this.#rows += rows
      const [group] = reader.structs(needed(fields, 4))
      if (rows === 0 || group === undefined) return []
      const ends = reader.structs(needed(group, 1)).map((chunk) => {
        const metadata = reader.struct(needed(chunk, 3).start)
        const start = reader.int(metadata.get(11) ?? needed(metadata, 9))
        return start + reader.int(needed(metadata, 7))
      })
      const shift = this.#offset + (this.#groups.length === 0 ? MAGIC.length : 0) - MAGIC.length
      this.#groups.push({ footer, group, shift })
      return [file.subarray(MAGIC.length, Math.max(...ends))]
    })
  }

  #footer(): Uint8Array {
    const first = this.#first
    if (first === undefined) throw new Error("a shard has a first block")
    const writer = new ThriftWriter()
    const { fields, footer } = first
    writer.copy(1, footer, needed(fields, 1))
    writer.copy(2, footer, needed(fields, 2))
    writer.int(3, Type.i64, this.#rows)
    writer.list(4, this.#groups.length)
    for (const group of this.#groups) copyGroup(writer, group)
    for (const id of [5, 6, 7]) {
      const value = fields.get(id)
      if (value !== undefined) writer.copy(id, footer, value)
    }
    writer.end()
    const bytes = writer.bytes()
    const end = new Uint8Array(bytes.length + 8)
    end.set(bytes)
    new DataView(end.buffer).setUint32(bytes.length, bytes.length, true)
    end.set(MAGIC, bytes.length + 4)
    return end
  }
}

const needed = (fields: Struct, id: number): Value => {
  const value = fields.get(id)
  if (value === undefined) throw new Error(`parquet-wasm wrote a footer that lacks field ${id}`)
  return value
}

/** A row group, whose places are those of the shard. Places of indexes of pages, which are not copied, are left out. */
const copyGroup = (writer: ThriftWriter, { footer, group, shift }: Group): void => {
  const reader = new ThriftReader(footer)
  const chunks = reader.structs(needed(group, 1))
  writer.item()
  writer.list(1, chunks.length)
  for (const chunk of chunks) {
    const metadata = reader.struct(needed(chunk, 3).start)
    writer.item()
    writer.int(2, Type.i64, 0)
    writer.struct(3)
    for (const [id, value] of Array.from(metadata).toSorted(([one], [other]) => one - other)) {
      if (id === 9 || id === 10 || id === 11) writer.int(id, Type.i64, reader.int(value) + shift)
      else if (id < 14) writer.copy(id, footer, value)
    }
    writer.end()
    writer.end()
  }
  writer.copy(2, footer, needed(group, 2))
  writer.copy(3, footer, needed(group, 3))
  writer.end()
}
