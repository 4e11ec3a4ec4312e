/**
 * Formats of shards, for `Dataset.open`. Each is a small value; what reads a format is loaded with its first shard.
 *
 * @since 0.1.0
 */

export type { SampleOf } from "./Arrays.ts"
export { arrow } from "./arrow/Arrow.ts"
export type { TableRow } from "./arrow/ArrowBlock.ts"
export type { CsvRow, CsvType, CsvValue } from "./csv/Columns.ts"
export { csv, tsv } from "./csv/Csv.ts"
export type { CsvOptions } from "./csv/Options.ts"
export {
  type Block,
  type BlockColumn,
  type BlockLines,
  type BlockPlace,
  type CutBlock,
  type Cutter,
  type DecodedBlock,
  type Format,
  type Shard,
  ShardError,
  type ShardIndex,
  type SharedDecode
} from "./Format.ts"
export { jsonl } from "./lines/Jsonl.ts"
export type { JsonlOptions } from "./lines/JsonlOptions.ts"
export type { LineOptions } from "./lines/LineOptions.ts"
export { type TextOptions, type TextWindowOptions, text } from "./lines/Text.ts"
export { type Cell, type NpyOptions, npy } from "./npy/Npy.ts"
export { type NpzOptions, npz } from "./npz/Npz.ts"
export { parquet } from "./parquet/Parquet.ts"
export { type SafetensorsOptions, safetensors } from "./safetensors/Safetensors.ts"
export type { TableOptions } from "./TableOptions.ts"
export type { Decoded, Decoder } from "./tar/Decoder.ts"
export { type TarFields, type TarOptions, type TarRow, tar } from "./tar/Tar.ts"
