/**
 * Reads safetensors files: finds their blocks, and decodes them; see `Safetensors.ts`.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import type { StoreError } from "../../store/Store.ts"
import { chosenOf, decodeRows, type PlacedArray, rowBlocks, rowsOf, schemaOf } from "../Arrays.ts"
import { attempt, faultOf } from "../Fault.ts"
import type { Block, BlockPlace, DecodedBlock, Shard, ShardError, ShardIndex } from "../Format.ts"
import { headerLengthOf, tensorsOf } from "./Layout.ts"

/** The options of `Format.safetensors`, checked. @since 0.1.0 */
export interface SafetensorsConfig {
  readonly columns: ReadonlyArray<string> | undefined
  readonly blockBytes: number
}

/** What is read first: the header of most files. */
const FIRST = 2 ** 16

/** Finds the blocks of a shard. @since 0.1.0 */
export const index = (
  shard: Shard,
  { blockBytes, columns }: SafetensorsConfig
): Effect.Effect<ShardIndex, ShardError | StoreError> =>
  Effect.gen(function* () {
    const { location, size } = shard.info
    const fault = faultOf("safetensors", location)
    const start = size === 0 ? new Uint8Array(0) : yield* shard.read(0, Math.min(size, FIRST))
    const length = yield* attempt(() => headerLengthOf(start, size, fault))
    const header = 8 + length <= start.length ? start.subarray(8, 8 + length) : yield* shard.read(8, length)
    return yield* attempt(() => {
      const arrays = chosenOf(tensorsOf(header, size, fault), columns, fault)
      return {
        header: arrays,
        blocks: rowBlocks(arrays, rowsOf(arrays, fault), blockBytes),
        schema: schemaOf(arrays)
      }
    })
  })

/** Decodes a block. @since 0.1.0 */
export const decode = <Row>(bytes: Uint8Array, { rows }: Block, { index }: BlockPlace): DecodedBlock<Row> =>
  decodeRows(bytes, rows, index.header as ReadonlyArray<PlacedArray>) // by `index`
