/**
 * The blocks of JSON Lines.
 *
 * @since 0.1.0
 */
import type * as Effect from "effect/Effect"
import { type ParseJson, parseJson } from "../../../core/EscapedNames.ts"
import { exactJson } from "../../../core/ExactJson.ts"
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
import { isPage, pageReason } from "../HtmlPage.ts"
import { jsonArray } from "./JsonArray.ts"
import type { JsonlConfig } from "./JsonlOptions.ts"
import { valuesOfLines } from "./JsonValues.ts"
import { indexOf, linesOfBlock, rowBytes, sharedLines, withBytes } from "./LineBlocks.ts"
import { cutter } from "./LineCutter.ts"
import type { LineKind } from "./LineKind.ts"
import type { Lines } from "./Lines.ts"
import { ParsedBlock } from "./ParsedBlock.ts"
import { RowsInOrder } from "./RowsInOrder.ts"
import { lines } from "./Spans.ts"

const kindOf = (config: JsonlConfig): LineKind => ({
  ...config,
  name: "jsonl",
  split: lines("skip"),
  refused: jsonArray(config.rowBytes)
})

/** @since 0.1.0 */
export const index = (shard: Shard, config: JsonlConfig): Effect.Effect<ShardIndex, ShardError | StoreError> =>
  indexOf(kindOf(config), shard)

/** Lines are found, and parsed, when their rows are read. Throws {@link ShardError}. @since 0.1.0 */
export const decode = (
  packed: Uint8Array,
  block: Block,
  place: BlockPlace,
  config: JsonlConfig
): DecodedBlock<unknown> | Effect.Effect<DecodedBlock<unknown>, ShardError> => {
  const kind = kindOf(config)
  return withBytes(kind, packed, block, place, (bytes) => {
    const find = (): DecodedBlock<unknown> => rowsOf(linesOfBlock(kind, bytes, block, place), config)
    // Where a row may be too long, all of them are looked at first.
    return bytes.length > kind.rowBytes ? find() : rowsInOrder(bytes, block, place, find, config)
  })
}

/** Finds the bytes of the rows of a block. Throws {@link ShardError}. @since 0.1.0 */
export const locate = (
  packed: Uint8Array,
  block: Block,
  place: BlockPlace,
  config: JsonlConfig
): RowBytes | Effect.Effect<RowBytes, ShardError> => rowBytes(kindOf(config), packed, block, place)

/** Cuts a shard that is read in order. @since 0.1.0 */
export const inOrder =
  (config: JsonlConfig) =>
  (shard: Shard): Cutter =>
    cutter(kindOf(config), shard)

/** @since 0.1.0 */
export const shared = (config: JsonlConfig): SharedDecode<unknown> =>
  sharedLines(kindOf(config), (lines) => rowsOf(lines, config))

/** The rows of a block whose lines have been found. */
const rowsOf = (
  { error, memory, release, spanned, spans, text }: Lines,
  { integers }: JsonlConfig
): DecodedBlock<unknown> => {
  const { count, ends, starts } = spans
  const read = parseOf(integers)
  const parse = (line: string, row: number): unknown => {
    try {
      return read(line)
    } catch (cause) {
      if (isPage(line)) throw error(row, pageReason, cause)
      if (cause instanceof RangeError) throw error(row, TOO_DEEP, cause)
      throw error(row, `it is not JSON: ${reasonOf(cause)}; correct it, or leave it out by a failure policy`, cause)
    }
  }
  const alone = (row: number): unknown => parse(text(row), row)
  const lines = { bytes: spanned, starts, ends, parse, alone, together: valuesOfLines?.(integers === "number") }
  return { size: count, bytes: memory, row: alone, lines, release }
}

/** The same of one whose lines are found once rows are read in another order than theirs, or one of them is bad. */
const rowsInOrder = (
  bytes: Uint8Array,
  block: Block,
  place: BlockPlace,
  find: () => DecodedBlock<unknown>,
  { integers }: JsonlConfig
): DecodedBlock<unknown> => {
  const inOrder = new RowsInOrder(bytes, block.rows, parseOf(integers))
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
        parsed = ParsedBlock.of(bytes, block.rows, integers === "number")
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
    release: () => {
      found?.release?.()
      giveBack(bytes)
    }
  }
}

/** `JSON.parse` has no bound of its own, but what looks for whole numbers goes as deep as the stack. */
const TOO_DEEP =
  'it is nested too deep for whole numbers beyond 2^53 to be kept; give the option integers: "number", which rounds them, or leave it out by a failure policy'

const parseOf = (integers: JsonlConfig["integers"]): ParseJson => (integers === "number" ? parseJson : exactJson)

/** Runs of fewer rows may be by chance. */
const TOGETHER = 8

/** What it takes to know where a row lies. */
const SPAN_BYTES = 8

const reasonOf = (cause: unknown): string => (cause instanceof Error ? cause.message.slice(0, 200) : String(cause))
