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

const rowsOf = ({ error, memory, spans: { count, ends, starts }, text, utf8 }: Lines): DecodedBlock<unknown> => {
  const parse = (line: string, row: number): unknown => {
    try {
      return JSON.parse(line)
    } catch (cause) {
      throw error(row, `it is not JSON: ${reasonOf(cause)}; correct it, or leave it out by a failure policy`, cause)
    }
  }
  const bytes = utf8()
  if (bytes === undefined) return { size: count, bytes: memory, row: (row) => parse(text(row), row) }
  const own = { bytes, starts, ends, parse }
  return { size: count, bytes: memory, row: inRuns(own, count), lines: own, release: () => giveBack(bytes) }
}

/** Lines that are read in order are decoded so many at a time. */
const RUN = 64

/** Reads rows one by one. */
const inRuns = (own: BlockLines<unknown>, count: number): ((row: number) => unknown) => {
  let first = 0
  let run: ReadonlyArray<string> = []
  return (row) => {
    const known = run[row - first]
    if (known !== undefined) return own.parse(known, row)
    // Behind the run before, or at the start of the block.
    const length = row === first + run.length ? Math.min(RUN, count - row) : 1
    const places = Array.from({ length }, (_, place) => row + place)
    const found = jointTexts(
      Array.from({ length }, () => own),
      places
    )
    if (length > 1) {
      first = row
      run = found
    }
    return own.parse(found[0] ?? "", row) // as many lines as places
  }
}

const reasonOf = (cause: unknown): string => (cause instanceof Error ? cause.message.slice(0, 200) : String(cause))
