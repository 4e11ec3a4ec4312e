/**
 * Reads NumPy's files of one array: finds their blocks, and decodes them; see `Npy.ts`.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import type { StoreError } from "../../store/Store.ts"
import { blockOf, columnOf } from "../Columns.ts"
import { decodedBytes } from "../Elements.ts"
import { attempt, type Fault, faultOf } from "../Fault.ts"
import type { Block, BlockPlace, DecodedBlock, Shard, ShardError, ShardIndex } from "../Format.ts"
import { type ArrayHeader, arrayHeaderOf, arrayOf, checkEnd, HEADER, schemaOf } from "./Layout.ts"

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
      const blocks = rowBlocks(header, blockBytes, maxBlockBytes, fault)
      return { header, blocks, schema: schemaOf([[field, header]]) }
    })
  })

/** Decodes a block. @since 0.1.0 */
export const decode = <Row>(
  bytes: Uint8Array,
  { rows }: Block,
  { index }: BlockPlace,
  { field }: NpyConfig
): DecodedBlock<Row> => {
  const { element, isFortran, shape } = index.header as ArrayHeader // by `index`
  const array = arrayOf(bytes, { element, isFortran, shape: [rows, ...shape.slice(1)] })
  return blockOf({ [field]: columnOf(array, element) }, rows)
}

/**
 * Cuts an array into ranges of rows.
 *
 * @param most the bytes of an array that can only be read whole
 * @since 0.1.0
 */
export const rowBlocks = (header: ArrayHeader, blockBytes: number, most: number, fault: Fault): Array<Block> => {
  const { element, isFortran, length, shape, start } = header
  const [rows] = shape
  if (rows === undefined) throw fault("its array has no axes, so no rows; save an array with one axis or more")
  if (rows === 0) return []
  if (isFortran && shape.length > 1) {
    if (length > most) {
      const reason = `its array is in Fortran order, so it can only be read whole, and has ${length} bytes, more than ${most}`
      throw fault(`${reason}; save np.ascontiguousarray(…), or raise maxBlockBytes`)
    }
    return [{ rows, offset: start, length, bytes: decodedBytes(element, length) }]
  }
  const width = length / rows
  // Rows without elements take no bytes, so one block has them all.
  const each = width === 0 ? rows : Math.max(1, Math.floor(blockBytes / width))
  const blocks: Array<Block> = []
  for (let row = 0; row < rows; row += each) {
    const own = Math.min(each, rows - row)
    const bytes = decodedBytes(element, own * width)
    blocks.push({ rows: own, offset: start + row * width, length: own * width, bytes })
  }
  return blocks
}
