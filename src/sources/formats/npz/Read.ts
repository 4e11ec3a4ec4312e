/**
 * Reads NumPy's archives of arrays: finds their blocks, and decodes them; see `Npz.ts`.
 *
 * @since 0.1.0
 */

import * as Effect from "effect/Effect"
import { crc32 } from "../../../core/Crc32.ts"
import { plural } from "../../../core/Plural.ts"
import { inflateRaw, inflateRawStart } from "../../../core/runtime.ts"
import { shown } from "../../../core/Show.ts"
import type { StoreError } from "../../store/Store.ts"
import type { ArrayConfig } from "../ArrayOptions.ts"
import {
  checkSome,
  chosenOf,
  type PlacedArray,
  rowBlocks,
  rowsOf,
  type SampleOf,
  sampleColumns,
  sampleOf,
  schemaOf,
  storedRows
} from "../Arrays.ts"
import { blockIn, blockOf, columnOf, type StoredColumns } from "../Columns.ts"
import { attempt, type Fault, faultOf } from "../Fault.ts"
import type { Block, BlockPlace, DecodedBlock, Shard, ShardError, ShardIndex, SharedDecode } from "../Format.ts"
import { type ArrayHeader, arrayHeaderOf, arrayOf, checkEnd, HEADER, needsAll } from "../npy/Layout.ts"
import { sharedColumns } from "../SharedColumns.ts"
import { dataOffsetOf, readDirectory, type ZipDirectory, type ZipEntry } from "./Zip.ts"

/** An array in its archive. */
interface ArchivedArray extends ArrayHeader {
  readonly field: string
  readonly entry: ZipEntry
  /** Where the member's bytes begin. */
  readonly offset: number
}

/** What `decode` needs: the arrays by rows; or each as a whole, which gives rows or one sample. */
type Header =
  | { readonly _tag: "Rows"; readonly arrays: ReadonlyArray<PlacedArray> }
  | { readonly _tag: "Whole"; readonly sample: SampleOf; readonly arrays: ReadonlyArray<ArchivedArray> }

/** Finds the blocks of a shard. @since 0.1.0 */
export const index = (shard: Shard, config: ArrayConfig): Effect.Effect<ShardIndex, ShardError | StoreError> =>
  Effect.gen(function* () {
    const { columns } = config
    const fault = faultOf("npz", shard.info.location)
    const directory = yield* readDirectory(shard, fault)
    const chosen = yield* attempt(() => chosenOf(membersOf(directory, columns === undefined, fault), columns, fault))
    const arrays = yield* Effect.forEach(chosen, (member) => readHeader(shard, member, directory, fault))
    return yield* attempt(() => indexOf(arrays, config, fault))
  })

const indexOf = (
  arrays: ReadonlyArray<ArchivedArray>,
  { blockBytes, maxBlockBytes, sample: asked }: ArrayConfig,
  fault: Fault
): ShardIndex => {
  checkSome(arrays, fault)
  const sample = asked ?? sampleOf(arrays)
  const schema = schemaOf(arrays, sample)
  const rows = sample === "row" ? rowsOf(arrays, fault) : 1
  const size = arrays.reduce((sum, { entry }) => sum + entry.size, 0)
  const why = sample === "file" ? "the archive is one sample" : whyWhole(arrays)
  if (why === undefined && size > blockBytes) {
    const placed = arrays.map(
      ({ element, field, length, offset, shape, start }): PlacedArray => ({
        field,
        element,
        shape,
        offset: offset + start,
        length
      })
    )
    const header: Header = { _tag: "Rows", arrays: placed }
    return { header, ...schema, blocks: rowBlocks(placed, rows, blockBytes) }
  }
  if (why !== undefined && size > maxBlockBytes) {
    const reason = `${why}, so its arrays are read as a whole, and have ${plural(size, "byte")}, more than ${maxBlockBytes}`
    throw fault(
      `${reason}; name some in columns, save with np.savez and np.ascontiguousarray(…), or raise maxBlockBytes`
    )
  }
  const header: Header = { _tag: "Whole", sample, arrays }
  return { header, ...schema, blocks: rows === 0 ? [] : [wholeBlock(arrays, rows)] }
}

/** Why arrays cannot be read by rows; `undefined` if they can. */
const whyWhole = (arrays: ReadonlyArray<ArchivedArray>): string | undefined => {
  for (const array of arrays) {
    const { entry, field } = array
    if (entry.method !== 0) return `array ${JSON.stringify(field)} is deflated`
    if (needsAll(array)) return `array ${JSON.stringify(field)} is in Fortran order`
  }
  return undefined
}

/** The arrays of an archive; with `isAll` it may have nothing else. */
const membersOf = ({ entries }: ZipDirectory, isAll: boolean, fault: Fault) =>
  entries.flatMap((entry) => {
    if (entry.name.endsWith(".npy")) return [{ field: entry.name.slice(0, -4), entry }]
    if (!isAll) return []
    const reason = `member ${JSON.stringify(entry.name)} is not named as an array is (.npy)`
    throw fault(`${reason}; name those to read in columns, or check the format`, { byte: entry.offset })
  })

/** All of these arrays, each with its own header, so that their checksums can be seen to. */
const wholeBlock = (arrays: ReadonlyArray<ArchivedArray>, rows: number): Block => {
  const ranges = arrays.map(({ entry, offset }) => [offset, entry.packed] as const)
  const start = Math.min(...ranges.map(([offset]) => offset))
  const length = Math.max(...ranges.map(([offset, own]) => offset + own)) - start
  return { rows, offset: start, length, ranges, bytes: arrays.reduce((sum, array) => sum + array.entry.size, 0) }
}

/** Reads what an array says of itself, which stands at its beginning. */
const readHeader = (
  shard: Shard,
  { entry, field }: { readonly entry: ZipEntry; readonly field: string },
  directory: ZipDirectory,
  fault: Fault
): Effect.Effect<ArchivedArray, ShardError | StoreError> =>
  Effect.gen(function* () {
    const { method, name, packed, size } = entry
    if (method !== 0 && method !== 8) {
      return yield* fault(
        `member ${JSON.stringify(name)} is packed by method ${method}; stored and deflated are known`,
        {
          byte: entry.offset
        }
      )
    }
    // Rows are read by the array's own length, which its size is compared with: beyond its bytes are those of another member.
    if (method === 0 && packed !== size) {
      const reason = `member ${JSON.stringify(name)} is stored in ${plural(packed, "byte")}, and should have ${size}; the file is damaged`
      return yield* fault(reason, { byte: entry.offset })
    }
    const first = yield* shard.read(entry.offset, Math.min(HEADER, directory.offset - entry.offset))
    const offset = yield* attempt(() => dataOffsetOf(first, entry, directory.offset, fault))
    const place = offset - entry.offset
    const length = Math.min(packed, HEADER)
    // Names and extra fields may be long.
    const start =
      place + Math.min(length, 4096) <= first.length
        ? first.subarray(place, place + length)
        : yield* shard.read(offset, length)
    const own = within(name, offset, fault)
    return yield* attempt(() => {
      const plain = method === 0 ? start : inflateStart(start, own)
      const header = arrayHeaderOf(plain.subarray(0, HEADER), size, own)
      checkEnd(header, size, own)
      return { ...header, field, entry, offset }
    })
  })

/** Errors of a member, whose bytes begin at `offset`. */
const within =
  (name: string, offset: number, fault: Fault): Fault =>
  (reason, { byte, cause, row } = {}) =>
    fault(`member ${JSON.stringify(name)}: ${reason}`, {
      row,
      cause,
      ...(byte === undefined ? {} : { byte: offset + byte })
    })

const inflateStart = (bytes: Uint8Array, fault: Fault): Uint8Array => {
  try {
    return inflateRawStart(bytes)
  } catch (cause) {
    throw fault(`its deflate stream is corrupt (${shown(cause)}); fetch the file again`, { byte: 0, cause })
  }
}

const stored = (bytes: Uint8Array, { rows }: Block, { index, shard }: BlockPlace): StoredColumns => {
  const header = index.header as Header // by `index`
  if (header._tag === "Rows") return storedRows(bytes, rows, header.arrays)
  const fault = faultOf("npz", shard.info.location)
  let at = 0
  const tensors = header.arrays.map((array) => {
    const { entry, offset, start } = array
    const plain = unpacked(bytes.subarray(at, at + entry.packed), entry, within(entry.name, offset, fault))
    at += entry.packed
    return { array, tensor: arrayOf(plain.subarray(start), array) }
  })
  if (header.sample === "file") return sampleColumns(tensors.map(({ array, tensor }) => [array.field, tensor]))
  return new Map(tensors.map(({ array, tensor }) => [array.field, columnOf(tensor, array.element)]))
}

/** Decodes a block. Throws `ShardError`. @since 0.1.0 */
export const decode = <Row>(bytes: Uint8Array, block: Block, place: BlockPlace): DecodedBlock<Row> => {
  const header = place.index.header as Header // by `index`
  // An archive that is a sample is the consumer's as it is.
  const isFile = header._tag === "Whole" && header.sample === "file"
  const columns = stored(bytes, block, place)
  return isFile ? blockOf(columns, block.rows) : blockIn(bytes, columns, block.rows)
}

/** @since 0.1.0 */
export const shared = <Row>(): SharedDecode<Row> => sharedColumns(stored)

const unpacked = (bytes: Uint8Array, { crc, method, size }: ZipEntry, fault: Fault): Uint8Array => {
  let plain: Uint8Array | "more"
  try {
    plain = method === 0 ? bytes : inflateRaw(bytes, size)
  } catch (cause) {
    throw fault(`its deflate stream is corrupt (${shown(cause)}); fetch the file again`, { byte: 0, cause })
  }
  if (plain === "more" || plain.length !== size) {
    throw fault(`it should unpack to ${plural(size, "byte")}, and does not; the file is damaged`, { byte: 0 })
  }
  if (crc32(plain) !== crc) throw fault("its checksum does not fit; fetch the file again", { byte: 0 })
  return plain
}
