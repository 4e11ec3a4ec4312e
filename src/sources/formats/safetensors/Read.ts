/**
 * Reads safetensors files: finds their blocks, and decodes them; see `Safetensors.ts`.
 *
 * @since 0.1.0
 */

import * as Effect from "effect/Effect"
import { plural } from "../../../core/Plural.ts"
import type { StoreError } from "../../store/Store.ts"
import type { ArrayConfig } from "../ArrayOptions.ts"
import {
  checkSome,
  chosenOf,
  type PlacedArray,
  rowBlocks,
  rowsOf,
  type SampleOf,
  sampleOf,
  schemaOf,
  storedRows,
  storedWhole,
  wholeBlock
} from "../Arrays.ts"
import { blockIn, blockOf, type StoredColumns } from "../Columns.ts"
import { attempt, type Fault, faultOf } from "../Fault.ts"
import type { Block, BlockPlace, DecodedBlock, Shard, ShardError, ShardIndex, SharedDecode } from "../Format.ts"
import { sharedColumns } from "../SharedColumns.ts"
import { headerLengthOf, tensorsOf } from "./Layout.ts"

/** What `decode` needs. */
interface Header {
  readonly sample: SampleOf
  readonly arrays: ReadonlyArray<PlacedArray>
}

/** What is read first: the header of most files. */
const FIRST = 2 ** 16

/** Finds the blocks of a shard. @since 0.1.0 */
export const index = (shard: Shard, config: ArrayConfig): Effect.Effect<ShardIndex, ShardError | StoreError> =>
  Effect.gen(function* () {
    const { location, size } = shard.info
    const fault = faultOf("safetensors", location)
    const start = size === 0 ? new Uint8Array(0) : yield* shard.read(0, Math.min(size, FIRST))
    const length = yield* attempt(() => headerLengthOf(start, size, fault))
    const header = 8 + length <= start.length ? start.subarray(8, 8 + length) : yield* shard.read(8, length)
    return yield* attempt(() => indexOf(tensorsOf(header, size, fault), config, fault))
  })

const indexOf = (
  tensors: ReadonlyArray<PlacedArray>,
  { blockBytes, columns, maxBlockBytes, sample: asked }: ArrayConfig,
  fault: Fault
): ShardIndex => {
  const arrays = chosenOf(tensors, columns, fault)
  checkSome(arrays, fault)
  const sample = asked ?? sampleOf(arrays)
  const header: Header = { sample, arrays }
  const schema = schemaOf(arrays, sample)
  if (sample === "row") return { header, ...schema, blocks: rowBlocks(arrays, rowsOf(arrays, fault), blockBytes) }
  const size = arrays.reduce((sum, { length }) => sum + length, 0)
  if (size <= maxBlockBytes) return { header, ...schema, blocks: [wholeBlock(arrays)] }
  const reason = `its tensors are one sample of ${plural(size, "byte")}, and a sample may have ${maxBlockBytes}`
  throw fault(`${reason}; name some in columns, or raise maxBlockBytes`)
}

const stored = (bytes: Uint8Array, { rows }: Block, { index }: BlockPlace): StoredColumns => {
  const { arrays, sample } = index.header as Header // by `index`
  return sample === "row" ? storedRows(bytes, rows, arrays) : storedWhole(bytes, arrays)
}

/** Decodes a block. @since 0.1.0 */
export const decode = <Row>(bytes: Uint8Array, block: Block, place: BlockPlace): DecodedBlock<Row> => {
  const { sample } = place.index.header as Header // by `index`
  // A file that is a sample is the consumer's as it is.
  const columns = stored(bytes, block, place)
  return sample === "row" ? blockIn(bytes, columns, block.rows) : blockOf(columns, block.rows)
}

/** @since 0.1.0 */
export const shared = <Row>(): SharedDecode<Row> => sharedColumns(stored)
