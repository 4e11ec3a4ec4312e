/**
 * Formats: how the rows of shards are found and decoded. `Dataset.open` takes one.
 *
 * @since 0.1.0
 */
export {
  type Block,
  type BlockPlace,
  type DecodedBlock,
  type Format,
  type Shard,
  ShardError,
  type ShardIndex
} from "./formats/Format.ts"
export { jsonl } from "./formats/lines/Jsonl.ts"
export type { LineOptions } from "./formats/lines/LineFormat.ts"
export { type TextOptions, text } from "./formats/lines/Text.ts"
