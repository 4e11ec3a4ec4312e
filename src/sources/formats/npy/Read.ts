/**
 * Reads NumPy's files of one array: finds their blocks, and decodes them; see `Npy.ts`.
 *
 * @since 0.1.0
 */

import * as Effect from "effect/Effect"
import { plural } from "../../../core/Plural.ts"
import type { StoreError } from "../../store/Store.ts"
import { type PlacedArray, rowBlocks, rowsOf, schemaOf } from "../Arrays.ts"
import { blockIn, columnOf, type StoredColumns } from "../Columns.ts"
import { attempt, type Fault, faultOf } from "../Fault.ts"
import type { Block, BlockPlace, DecodedBlock, Shard, ShardError, ShardIndex, SharedDecode } from "../Format.ts"
import { sharedColumns } from "../SharedColumns.ts"
import { type ArrayHeader, arrayHeaderOf, arrayOf, checkEnd, HEADER, needsAll } from "./Layout.ts"

/** The options of `Format.npy`, checked. @since 0.1.0 */
export interface NpyConfig {
  readonly field: string
  readonly blockBytes: number
  readonly maxBlockBytes: number
}

/** Finds the blocks of a shard. @since 0.1.0 */
export const index = (
  shard: Shard,
  { blockBytes, field, maxBlockBytes }: NpyConfig
): Effect.Effect<ShardIndex, ShardError | StoreError> =>
  Effect.gen(function* () {
    const { location, size } = shard.info
    const fault = faultOf("npy", location)
    const start = size === 0 ? new Uint8Array(0) : yield* shard.read(0, Math.min(size, HEADER))
    return yield* attempt(() => {
      const header = arrayHeaderOf(start, size, fault)
      checkEnd(header, size, fault)
      const { element, length, shape, start: offset } = header
      const array: PlacedArray = { field, element, shape, offset, length }
      const rows = rowsOf([array], fault)
      const isWhole = needsAll(header)
      if (isWhole && length > maxBlockBytes) throw tooLarge(length, maxBlockBytes, fault)
      return {
        header,
        blocks: rowBlocks([array], rows, isWhole ? Number.POSITIVE_INFINITY : blockBytes),
        ...schemaOf([array], "row")
      }
    })
  })

const tooLarge = (length: number, most: number, fault: Fault): ShardError => {
  const reason = `its array is in Fortran order, so it can only be read whole, and has ${plural(length, "byte")}, more than ${most}`
  return fault(`${reason}; save np.ascontiguousarray(…), or raise maxBlockBytes`)
}

const stored =
  ({ field }: NpyConfig) =>
  (bytes: Uint8Array, { rows }: Block, { index }: BlockPlace): StoredColumns => {
    const { element, isFortran, shape } = index.header as ArrayHeader // by `index`
    const array = arrayOf(bytes, { element, isFortran, shape: [rows, ...shape.slice(1)] })
    return new Map([[field, columnOf(array, element)]])
  }

/** Decodes a block. @since 0.1.0 */
export const decode = <Row>(bytes: Uint8Array, block: Block, place: BlockPlace, config: NpyConfig): DecodedBlock<Row> =>
  blockIn(bytes, stored(config)(bytes, block, place), block.rows)

/** @since 0.1.0 */
export const shared = <Row>(config: NpyConfig): SharedDecode<Row> => sharedColumns(stored(config))
