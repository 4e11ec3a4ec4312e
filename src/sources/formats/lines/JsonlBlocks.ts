/**
 * The blocks of JSON Lines.
 *
 * @since 0.1.0
 */
import type * as Effect from "effect/Effect"
import { giveBack } from "../../../core/ReadBuffers.ts"
import type { StoreError } from "../../store/Store.ts"
import { miscounted } from "../Fault.ts"
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
import { jsonArray } from "./JsonArray.ts"
import { valuesOfLines } from "./JsonValues.ts"
import { indexOf, linesOfBlock, rowBytes, sharedLines, withBytes } from "./LineBlocks.ts"
import { cutter } from "./LineCutter.ts"
import type { LineKind } from "./LineKind.ts"
import type { LineSizes } from "./LineOptions.ts"
import type { Lines } from "./Lines.ts"
import { ParsedBlock } from "./ParsedBlock.ts"
import { RowsInOrder } from "./RowsInOrder.ts"
import { lines } from "./Spans.ts"

const kindOf = (sizes: LineSizes): LineKind => ({
  ...sizes,
  name: "jsonl",
  isWhole: false,
  split: lines("skip"),
  refused: jsonArray(sizes.rowBytes)
})

/** @since 0.1.0 */
export const index = (shard: Shard, sizes: LineSizes): Effect.Effect<ShardIndex, ShardError | StoreError> =>
  indexOf(kindOf(sizes), shard)

/** Lines are found, and parsed, when their rows are read. Throws {@link ShardError}. @since 0.1.0 */
export const decode = (
  packed: Uint8Array,
  block: Block,
  place: BlockPlace,
  sizes: LineSizes
): DecodedBlock<unknown> | Effect.Effect<DecodedBlock<unknown>, ShardError> => {
  const kind = kindOf(sizes)
  return withBytes(kind, packed, block, place, (bytes) => {
    const find = (): DecodedBlock<unknown> => rowsOf(linesOfBlock(kind, bytes, block, place))
    // Where a row may be too long, all of them are looked at first.
    return bytes.length > kind.rowBytes ? find() : rowsInOrder(bytes, block, place, find)
  })
}

/** Finds the bytes of the rows of a block. Throws {@link ShardError}. @since 0.1.0 */
export const locate = (
  packed: Uint8Array,
  block: Block,
  place: BlockPlace,
  sizes: LineSizes
): RowBytes | Effect.Effect<RowBytes, ShardError> => rowBytes(kindOf(sizes), packed, block, place)

/** Cuts a shard that is read in order. @since 0.1.0 */
export const inOrder =
  (sizes: LineSizes) =>
  (shard: Shard): Cutter =>
    cutter(kindOf(sizes), shard)

/** @since 0.1.0 */
export const shared = (sizes: LineSizes): SharedDecode<unknown> => sharedLines(kindOf(sizes), rowsOf)

/** The rows of a block whose lines have been found. */
const rowsOf = ({ error, memory, spanned, spans: { count, ends, starts }, text }: Lines): DecodedBlock<unknown> => {
  const parse = (line: string, row: number): unknown => {
    try {
      return JSON.parse(line)
    } catch (cause) {
      throw error(row, `it is not JSON: ${reasonOf(cause)}; correct it, or leave it out by a failure policy`, cause)
    }
  }
  const alone = (row: number): unknown => parse(text(row), row)
  if (spanned === undefined) return { size: count, bytes: memory, row: alone }
  const lines = { bytes: spanned, starts, ends, parse, alone, together: valuesOfLines }
  return { size: count, bytes: memory, row: alone, lines, release: () => giveBack(spanned) }
}

/** The same of one whose lines are found once rows are read in another order than theirs, or one of them is bad. */
const rowsInOrder = (
  bytes: Uint8Array,
  block: Block,
  place: BlockPlace,
  find: () => DecodedBlock<unknown>
): DecodedBlock<unknown> => {
  const inOrder = new RowsInOrder(bytes, block.rows)
  let found: DecodedBlock<unknown> | undefined
  let isFit = true
  let parsed: ParsedBlock | undefined
  const all = (): DecodedBlock<unknown> => {
    if (found !== undefined) return found
    const own = find()
    if (own.size !== block.rows) throw miscounted("jsonl", block, place, own.size)
    found = own
    return own
  }
  return {
    size: block.rows,
    bytes: bytes.byteLength + SPAN_BYTES * block.rows,
    row: (row) => inOrder.row(row) ?? all().row(row),
    run: (first, count) => {
      // A run that begins a block tells that its rows are read in order, in another epoch once more.
      if (first === 0 && count >= TOGETHER && isFit) {
        parsed = ParsedBlock.of(bytes, block.rows)
        isFit = parsed !== undefined
      }
      const own = parsed?.run(first, count)
      if (own !== undefined) return own
      const rows = new Array<unknown>(count)
      for (let at = 0; at < count; at++) {
        const own = inOrder.row(first + at)
        if (own === undefined) return undefined
        rows[at] = own
      }
      return rows
    },
    get lines() {
      return all().lines
    },
    release: () => giveBack(bytes)
  }
}

/** Runs of fewer rows may be by chance. */
const TOGETHER = 8

/** What it takes to know where a row lies. */
const SPAN_BYTES = 8

const reasonOf = (cause: unknown): string => (cause instanceof Error ? cause.message.slice(0, 200) : String(cause))
