/**
 * The blocks of plain text.
 *
 * @since 0.1.0
 */
import type * as Effect from "effect/Effect"
import type { StoreError } from "../../store/Store.ts"
import type {
  Block,
  BlockPlace,
  Cutter,
  DecodedBlock,
  RowBytes,
  Shard,
  ShardError,
  ShardIndex,
  SharedDecode
} from "../Format.ts"
import { indexOf, rowBytes, sharedLines, withLines } from "./LineBlocks.ts"
import { cutter } from "./LineCutter.ts"
import type { LineKind } from "./LineKind.ts"
import type { LineSizes } from "./LineOptions.ts"
import type { Lines } from "./Lines.ts"
import { lines, paragraphs, type Split, windows } from "./Spans.ts"

/** What a row is: a line, where blank ones are kept or skipped, a paragraph, or so many bytes. @since 0.1.0 */
export type TextRows = "keep" | "skip" | "paragraphs" | number

const splitOf = (rows: TextRows): Split => {
  if (typeof rows === "number") return windows(rows)
  return rows === "paragraphs" ? paragraphs : lines(rows)
}

const kindOf = (rows: TextRows, sizes: LineSizes): LineKind => ({
  ...sizes,
  name: "text",
  split: splitOf(rows),
  windowBytes: typeof rows === "number" ? rows : undefined
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
): DecodedBlock<string | Uint8Array> | Effect.Effect<DecodedBlock<string | Uint8Array>, ShardError> =>
  withLines(kindOf(rows, sizes), packed, block, place, rowsOf(rows))

/** Finds the bytes of the rows of a block. Throws {@link ShardError}. @since 0.1.0 */
export const locate = (
  packed: Uint8Array,
  block: Block,
  place: BlockPlace,
  rows: TextRows,
  sizes: LineSizes
): RowBytes | Effect.Effect<RowBytes, ShardError> => rowBytes(kindOf(rows, sizes), packed, block, place)

/** Cuts a shard that is read in order. @since 0.1.0 */
export const inOrder =
  (rows: TextRows, sizes: LineSizes) =>
  (shard: Shard): Cutter =>
    cutter(kindOf(rows, sizes), shard)

/** @since 0.1.0 */
export const shared = (rows: TextRows, sizes: LineSizes): SharedDecode<string | Uint8Array> =>
  sharedLines(kindOf(rows, sizes), rowsOf(rows))

const rowsOf =
  (rows: TextRows) =>
  ({ bytes, memory, release, spanned, spans, text }: Lines): DecodedBlock<string | Uint8Array> => {
    const { count: size, ends, starts } = spans
    const own = { size, bytes: memory, release }
    // Rows own their values: whoever writes to a view would write to the block, whose memory is another one's later.
    if (typeof rows === "number") return { ...own, row: (row) => bytes(row).slice() }
    if (rows === "paragraphs") return { ...own, row: text }
    return { ...own, row: text, lines: { bytes: spanned, starts, ends, parse: (line) => line, alone: text } }
  }
