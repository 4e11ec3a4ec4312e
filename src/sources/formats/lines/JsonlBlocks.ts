/**
 * The blocks of JSON Lines.
 *
 * @since 0.1.0
 */
import type * as Effect from "effect/Effect"
import { giveBack } from "../../../core/ReadBuffers.ts"
import type { StoreError } from "../../store/Store.ts"
import type {
  Block,
  BlockLines,
  BlockPlace,
  Cutter,
  DecodedBlock,
  Shard,
  ShardError,
  ShardIndex,
  SharedDecode
} from "../Format.ts"
import { jointTexts } from "./JointTexts.ts"
import { indexOf, sharedLines, withLines } from "./LineBlocks.ts"
import { cutter } from "./LineCutter.ts"
import type { LineKind } from "./LineKind.ts"
import type { LineSizes } from "./LineOptions.ts"
import type { Lines } from "./Lines.ts"
import { lines } from "./Spans.ts"

const kindOf = (sizes: LineSizes): LineKind => ({ ...sizes, name: "jsonl", isWhole: false, split: lines("skip") })

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
  const own = { bytes: spanned, starts, ends, parse, alone }
  return { size: count, bytes: memory, row: inRuns(own, count), lines: own, release: () => giveBack(spanned) }
}

/** Lines that are read in order are decoded so many at a time. */
const RUN = 64

/** Reads rows one by one. */
const inRuns = (own: BlockLines<unknown>, count: number): ((row: number) => unknown) => {
  let first = 0
  let run: ReadonlyArray<string | undefined> = []
  return (row) => {
    if (row < first || row >= first + run.length) {
      // Behind the run before, or at the start of the block.
      const length = row === first + run.length ? Math.min(RUN, count - row) : 1
      if (length === 1) return own.alone(row)
      first = row
      run = jointTexts(
        Array.from({ length }, () => own),
        Array.from({ length }, (_, place) => row + place)
      )
    }
    const line = run[row - first]
    return line === undefined ? own.alone(row) : own.parse(line, row)
  }
}

const reasonOf = (cause: unknown): string => (cause instanceof Error ? cause.message.slice(0, 200) : String(cause))
