/**
 * The sinks of each format.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import { whole } from "../core/Check.ts"
import { InvalidOption } from "../core/InvalidOption.ts"
import { optionsOf } from "../core/Options.ts"
import { Made } from "../core/Parameters.ts"
import { ArrowEncoder } from "../sources/sinks/arrow/Write.ts"
import { compress, endings, type SinkCompression } from "../sources/sinks/Compress.ts"
import type { ArraysSchema } from "../sources/sinks/columns/Arrays.ts"
import { type ColumnType, typesOf } from "../sources/sinks/columns/ColumnType.ts"
import type { TableSchema } from "../sources/sinks/columns/Table.ts"
import { CsvEncoder } from "../sources/sinks/csv/Write.ts"
import { jsonlEncoder } from "../sources/sinks/jsonl/Write.ts"
import { npyEncoder } from "../sources/sinks/npy/Write.ts"
import { load, type ParquetCompression, ParquetEncoder } from "../sources/sinks/parquet/Write.ts"
import { SinkError } from "../sources/sinks/SinkError.ts"
import { safetensorsEncoder } from "../sources/sinks/safetensors/Write.ts"
import { TarEncoder } from "../sources/sinks/tar/Write.ts"
import { make, NAMES, type Sink, type SinkOptions } from "./SinkValue.ts"

/** @category options @since 0.1.0 */
export interface CompressedSinkOptions extends SinkOptions {
  /** Default `"none"`. Each block is a member of gzip, or a frame of zstd, of its own. */
  readonly compression?: SinkCompression
  /** The level of compression: 0 to 9 for gzip, 1 to 22 for zstd. Default: 6 for gzip, 3 for zstd. */
  readonly level?: number
  /** The size of a block in bytes, before compression: what a reader decompresses to read one row. Default 2^20. */
  readonly blockBytes?: number
}

/** @category options @since 0.1.0 */
export interface JsonlSinkOptions extends CompressedSinkOptions {}

const COMPRESSED = { ...NAMES, compression: true, level: true, blockBytes: true } as const

const compressionOf = (
  location: string,
  { blockBytes = 2 ** 20, compression = "none", level }: CompressedSinkOptions
) => {
  if (!Object.hasOwn(endings, compression)) {
    const expected = '"none", "gzip" or "zstd"'
    throw new InvalidOption({ option: "compression", value: compression, expected })
  }
  const own =
    level === undefined
      ? undefined
      : whole("level", level, compression === "zstd" ? 1 : 0, compression === "zstd" ? 22 : 9)
  return {
    ending: endings[compression],
    compression: compression === "none" ? undefined : compression,
    parameters: { compression, level: own, blockBytes },
    config: {
      blockBytes: whole("blockBytes", blockBytes, 1, 2 ** 28),
      pack: compression === "none" ? undefined : compress(compression, own, location)
    }
  }
}

/**
 * Writes JSON Lines, `shard-00000.jsonl`, a row a line. Typed arrays and tensors become lists, bytes `{"$bytes": base64}`,
 * bigints their digits, times ISO 8601. What JSON would read back as something else (NaN, infinities,
 * objects of classes) is a {@link SinkError} of its row. Throws `InvalidOption`.
 *
 * @category constructors
 * @since 0.1.0
 */
export const jsonl = (location: string, options: JsonlSinkOptions = {}): Sink => {
  optionsOf("Sink.jsonl", options, COMPRESSED)
  const { compression, config, ending, parameters } = compressionOf(location, options)
  const encoder = Effect.sync(() => jsonlEncoder(config))
  const format = {
    name: "jsonl",
    made: new Made("jsonl", parameters),
    ending: `.jsonl${ending}`,
    compression,
    encoder: () => encoder
  }
  return make("Sink.jsonl", location, format, options)
}

/** @category options @since 0.1.0 */
export interface CsvSinkOptions extends CompressedSinkOptions {
  /** The columns, in their order. Default: those of the first row. */
  readonly columns?: ReadonlyArray<string>
}

const delimited = (of: "csv" | "tsv", location: string, options: CsvSinkOptions): Sink => {
  optionsOf(`Sink.${of}`, options, { ...COMPRESSED, columns: true })
  const { compression, config, ending, parameters } = compressionOf(location, options)
  const { columns } = options
  if (
    columns !== undefined &&
    !(Array.isArray(columns) && columns.every((name) => typeof name === "string" && name.isWellFormed()))
  ) {
    throw new InvalidOption({ option: "columns", value: columns, expected: "a list of names that UTF-8 can hold" })
  }
  const format = {
    name: of,
    made: new Made(of, { ...parameters, columns }),
    ending: `.${of}${ending}`,
    compression,
    encoder: (schema: unknown) =>
      // The schema of the encoder before this one, or `undefined`.
      Effect.sync(
        () =>
          new CsvEncoder(config, of === "csv" ? "," : "\t", (schema as ReadonlyArray<string> | undefined) ?? columns)
      )
  }
  return make(`Sink.${of}`, location, format, options)
}

/**
 * Writes CSV (RFC 4180) with a header, `shard-00000.csv`. A text is quoted where it must be, `null` is an empty cell. An object
 * in a cell, or a column that the header lacks, is a {@link SinkError} of its row. Throws `InvalidOption`.
 *
 * @category constructors
 * @since 0.1.0
 */
export const csv = (location: string, options: CsvSinkOptions = {}): Sink => delimited("csv", location, options)

/**
 * As {@link csv}, with tabs between cells, `shard-00000.tsv`.
 *
 * @category constructors
 * @since 0.1.0
 */
export const tsv = (location: string, options: CsvSinkOptions = {}): Sink => delimited("tsv", location, options)

/** @category options @since 0.1.0 */
export interface TableSinkOptions extends SinkOptions {
  /** The types of columns, by name. Default: the types in the first block; numbers are float64. */
  readonly types?: Readonly<Record<string, ColumnType>>
  /** The bytes of values in a block: a record batch, or a row group. Default 2^22. */
  readonly blockBytes?: number
}

const tableOf = ({ blockBytes, types }: TableSinkOptions) => ({
  blockBytes: whole("blockBytes", blockBytes ?? 2 ** 22, 1, 2 ** 30),
  types: typesOf(types ?? {})
})

const TABLE = { ...NAMES, types: true, blockBytes: true } as const

/**
 * Writes Arrow files, `shard-00000.arrow`, a record batch a block. Columns of batches keep their types; of rows numbers become
 * float64, bigints int64, texts utf8, bytes binary, dates timestamps in ms, typed arrays and lists lists, records structs. All
 * can be null. A value that does not fit its column is a {@link SinkError} of its row. Throws `InvalidOption`.
 *
 * @category constructors
 * @since 0.1.0
 */
export const arrow = (location: string, options: TableSinkOptions = {}): Sink => {
  optionsOf("Sink.arrow", options, TABLE)
  const config = tableOf(options)
  const format = {
    name: "arrow",
    made: new Made("arrow", { ...config }),
    ending: ".arrow",
    // The schema of the encoder before this one, or `undefined`.
    encoder: (schema: unknown) => Effect.sync(() => new ArrowEncoder(config, schema as TableSchema | undefined))
  }
  return make("Sink.arrow", location, format, options)
}

/** @category options @since 0.1.0 */
export interface ParquetSinkOptions extends TableSinkOptions {
  /** Default `"zstd"`. */
  readonly compression?: ParquetCompression
}

const CODECS = { none: true, snappy: true, gzip: true, zstd: true, lz4: true }

/**
 * Writes Parquet files, `shard-00000.parquet`, a row group a block, with columns as {@link arrow} has them. It needs the package
 * `parquet-wasm`. Throws `InvalidOption`.
 *
 * @category constructors
 * @since 0.1.0
 */
export const parquet = (location: string, options: ParquetSinkOptions = {}): Sink => {
  optionsOf("Sink.parquet", options, { ...TABLE, compression: true })
  const { compression = "zstd" } = options
  if (!Object.hasOwn(CODECS, compression)) {
    const expected = '"none", "snappy", "gzip", "zstd" or "lz4"'
    throw new InvalidOption({ option: "compression", value: compression, expected })
  }
  const config = { ...tableOf(options), compression }
  const loaded = Effect.try({
    try: load,
    catch: (cause) =>
      new SinkError({
        location,
        kind: "library",
        reason: cause instanceof Error ? cause.message : String(cause),
        cause
      })
  })
  const format = {
    name: "parquet",
    made: new Made("parquet", { ...config }),
    ending: ".parquet",
    // As above.
    encoder: (schema: unknown) =>
      Effect.map(loaded, () => new ParquetEncoder(config, schema as TableSchema | undefined))
  }
  return make("Sink.parquet", location, format, options)
}

/** @category options @since 0.1.0 */
export interface TarSinkOptions extends SinkOptions {
  /** How many bytes are written in one go. Default 2^22. */
  readonly blockBytes?: number
}

/**
 * Writes WebDataset's tars, `shard-00000.tar`. A row is a sample: `{ __key__: "0001", jpg: bytes, cls: 7 }`. Each field is a file,
 * and becomes what `Format.tar` makes the value of: `json`, `txt`, `cls` and `npy` by their extension, any other is bytes.
 * Without `__key__` the key is the row's number. Throws `InvalidOption`.
 *
 * @category constructors
 * @since 0.1.0
 */
export const tar = (location: string, options: TarSinkOptions = {}): Sink => {
  optionsOf("Sink.tar", options, { ...NAMES, blockBytes: true })
  const blockBytes = whole("blockBytes", options.blockBytes ?? 2 ** 22, 1, 2 ** 30)
  const format = {
    name: "tar",
    made: new Made("tar", {}),
    ending: ".tar",
    encoder: (_: unknown, firstRow: number) => Effect.sync(() => new TarEncoder(blockBytes, firstRow))
  }
  return make("Sink.tar", location, format, options)
}

/**
 * Writes NumPy's files of one array, `shard-00000.npy`. Each row has one field: a number, bigint, boolean, typed array or
 * tensor, all of one type and shape. A shard is in memory until it ends. Throws `InvalidOption`.
 *
 * @category constructors
 * @since 0.1.0
 */
export const npy = (location: string, options: SinkOptions = {}): Sink => {
  optionsOf("Sink.npy", options, NAMES)
  // As above.
  const encoder = (schema: unknown) => Effect.sync(() => npyEncoder(schema as ArraysSchema | undefined))
  return make("Sink.npy", location, { name: "npy", made: new Made("npy", {}), ending: ".npy", encoder }, options)
}

/**
 * Writes safetensors files, `shard-00000.safetensors`, with a tensor for each field: numbers, bigints, booleans, typed arrays and
 * tensors, of one type and shape in all rows. A shard is in memory until it ends. Throws `InvalidOption`.
 *
 * @category constructors
 * @since 0.1.0
 */
export const safetensors = (location: string, options: SinkOptions = {}): Sink => {
  optionsOf("Sink.safetensors", options, NAMES)
  // As above.
  const encoder = (schema: unknown) => Effect.sync(() => safetensorsEncoder(schema as ArraysSchema | undefined))
  const format = { name: "safetensors", made: new Made("safetensors", {}), ending: ".safetensors", encoder }
  return make("Sink.safetensors", location, format, options)
}
