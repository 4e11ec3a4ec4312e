/**
 * The blocks of plain text.
 *
 * @since 0.1.0
 */
import type * as Effect from "effect/Effect"
import type { StoreError } from "../../store/Store.ts"
import type { Block, BlockPlace, DecodedBlock, Shard, ShardError, ShardIndex } from "../Format.ts"
import { indexOf, type LineKind, linesOf } from "./LineBlocks.ts"
import type { LineSizes } from "./LineOptions.ts"
import { lines, paragraphs } from "./Spans.ts"

/** What a row is: a line, where blank ones are kept or skipped, or a paragraph. @since 0.1.0 */
export type TextRows = "keep" | "skip" | "paragraphs"

const kindOf = (rows: TextRows, sizes: LineSizes): LineKind => ({
  ...sizes,
  name: "text",
  isWhole: false,
  split: rows === "paragraphs" ? paragraphs : lines(rows)
})

/** @since 0.1.0 */
export const index = (
  shard: Shard,
  rows: TextRows,
  sizes: LineSizes
): Effect.Effect<ShardIndex, ShardError | StoreError> => indexOf(kindOf(rows, sizes), shard)

/** Throws {@link ShardError}. @since 0.1.0 */
export const decode = (
  packed: Uint8Array,
  block: Block,
  place: BlockPlace,
  rows: TextRows,
  sizes: LineSizes
): DecodedBlock<string> => {
  const { memory, spans, text } = linesOf(kindOf(rows, sizes), packed, block, place)
  return { size: spans.count, bytes: memory, row: text }
}
