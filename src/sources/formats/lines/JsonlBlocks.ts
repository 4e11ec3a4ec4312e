/**
 * The blocks of JSON Lines.
 *
 * @since 0.1.0
 */
import type * as Effect from "effect/Effect"
import type { StoreError } from "../../store/Store.ts"
import type { Block, BlockPlace, Cutter, DecodedBlock, Shard, ShardError, ShardIndex, SharedDecode } from "../Format.ts"
import { indexOf, sharedLines, withLines } from "./LineBlocks.ts"
import { cutter } from "./LineCutter.ts"
import type { LineKind } from "./LineKind.ts"
import type { LineSizes } from "./LineOptions.ts"
import type { Lines } from "./Lines.ts"
import { lines } from "./Spans.ts"

const kindOf = (sizes: LineSizes): LineKind => ({ ...sizes, name: "jsonl", isWhole: true, split: lines("skip") })

/** @since 0.1.0 */
export const index = (shard: Shard, sizes: LineSizes): Effect.Effect<ShardIndex, ShardError | StoreError> =>
  indexOf(kindOf(sizes), shard)

/** Finds the lines of a block; each is parsed when its row is read. Throws {@link ShardError}. @since 0.1.0 */
export const decode = (
  packed: Uint8Array,
  block: Block,
  place: BlockPlace,
  sizes: LineSizes
): DecodedBlock<unknown> | Effect.Effect<DecodedBlock<unknown>, ShardError> =>
  withLines(kindOf(sizes), packed, block, place, rowsOf)

/** Cuts a shard that is read in order. @since 0.1.0 */
export const inOrder =
  (sizes: LineSizes) =>
  (shard: Shard): Cutter =>
    cutter(kindOf(sizes), shard)

/** @since 0.1.0 */
export const shared = (sizes: LineSizes): SharedDecode<unknown> => sharedLines(kindOf(sizes), rowsOf)

const rowsOf = ({ error, memory, spans, text }: Lines): DecodedBlock<unknown> => ({
  size: spans.count,
  bytes: memory,
  row: (row): unknown => {
    const line = text(row)
    try {
      return JSON.parse(line)
    } catch (cause) {
      throw error(row, `it is not JSON: ${reasonOf(cause)}; correct it, or leave it out by a failure policy`, cause)
    }
  }
})

const reasonOf = (cause: unknown): string => (cause instanceof Error ? cause.message.slice(0, 200) : String(cause))
