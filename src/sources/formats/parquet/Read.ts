/**
 * Reads Parquet's footers, and hands its row groups to the decoder one by one, each as a file of its own that has the chosen
 * columns alone, decompressed where the runtime is quicker at it.
 *
 * @since 0.1.0
 */

import * as Effect from "effect/Effect"
import { plural } from "../../../core/Plural.ts"
import { giveBack } from "../../../core/ReadBuffers.ts"
import { cores } from "../../../core/runtime.ts"
import type { StoreError } from "../../store/Store.ts"
import { type ArrowArray, eachBuffer } from "../arrow/ArrowArray.ts"
import { blockOf, sharedTables } from "../arrow/ArrowBlock.ts"
import type { Block, BlockPlace, Shard, ShardError } from "../Format.ts"
import { headersOf, type Indexed } from "../Headers.ts"
import { attempt, located, whereOf } from "../Located.ts"
import { AGAIN, Malformed } from "../Malformed.ts"
import { placesOf, type Reader, type Table } from "../TableOptions.ts"
import {
  type Chunk,
  type Column,
  type Footer,
  footerOf,
  footerOfGroup,
  leavesOf,
  type PlacedChunk,
  type RowGroup
} from "./Footer.ts"
import { decodeFile } from "./Library.ts"
import { numberColumn, numberLayout } from "./NumberColumn.ts"
import { type Compressed, type Decompressed, decompressAhead, pagesOf, plainPages, releasePage } from "./Pages.ts"
import { ThriftReader } from "./Thrift.ts"
import { withTwelves } from "./Twelve.ts"

/**
 * How many row groups are decompressed and decoded at once, where there are so many cores: the pages of one while another is
 * decoded, which is one core's work. A window's all at once would take twice its memory, and no less time.
 */
const turnsOf = (cores: number): number => Math.min(4, Math.max(2, cores / 2))

/** Reads shards by the options of a format. @since 0.1.0 */
export const reader = (table: Table): Reader => {
  const headers = headersOf("parquet", (shard) => indexed(shard, table))
  const turns = Effect.unsafeMakeSemaphore(turnsOf(cores()))
  const arraysOf = (header: ParquetHeader, read: ReadGroup, ahead?: Decompressed): ReadonlyArray<ArrowArray> => {
    const arrays = decode(table, header, read, ahead)
    // All columns are copies.
    giveBack(read.bytes)
    return arrays
  }
  return {
    index: headers.index,
    decode: (bytes, block, place) =>
      headers.use(place, (header) => {
        const where = whereOf("parquet", block, place)
        const read = { bytes, block, place }
        const decoded = (ahead?: Decompressed) => {
          const arrays = arraysOf(header, read, ahead)
          return blockOf(arrays, block.rows, table, where, () => {
            for (const array of arrays) eachBuffer(array, giveBack)
          })
        }
        const begun = attempt(where, () => decompressAhead(compressedIn(header, read)))
        return turns.withPermits(1)(
          Effect.flatMap(begun, (soon) =>
            soon === undefined
              ? attempt(where, () => decoded())
              : Effect.flatMap(
                  Effect.promise(() => soon),
                  (ahead) => attempt(where, () => decoded(ahead))
                )
          )
        )
      }),
    // Threads that share blocks decompress side by side as it is.
    shared: sharedTables("parquet", table, (bytes, block, place, use) =>
      headers.use(place, (header) =>
        located(whereOf("parquet", block, place), () => use(arraysOf(header, { bytes, block, place })))
      )
    )
  }
}

/** A row group whose bytes have been read. */
interface ReadGroup {
  readonly bytes: Uint8Array
  readonly block: Block
  readonly place: BlockPlace
}

/** What decoding needs besides a row group's bytes. */
interface ParquetHeader {
  readonly footer: Footer
  /** The places of the columns in the schema, in the order of a row. */
  readonly chosen: ReadonlyArray<number>
  /** The first leaf of each column of the schema. */
  readonly firstLeaves: ReadonlyArray<number>
}

/** So many bytes of the end are read at first: the footers of most files. */
const TAIL = 65_536
const MOST_FOOTER = 256 * 2 ** 20

const magicOf = (bytes: Uint8Array, at: number): string => String.fromCharCode(...bytes.subarray(at, at + 4))

/** Returns the row groups of a shard as blocks: reads its footer. */
const indexed = (shard: Shard, table: Table): Effect.Effect<Indexed<ParquetHeader>, ShardError | StoreError> =>
  Effect.gen(function* () {
    const where = { shard, format: "parquet" }
    const { size } = shard.info
    const length = Math.min(size, TAIL)
    const tail = length === 0 ? new Uint8Array(0) : yield* shard.read(size - length, length)
    const footerLength = yield* attempt(where, () => footerLengthOf(tail, size))
    const start = size - 8 - footerLength
    const held = footerLength + 8 <= length
    const bytes = held ? tail.slice(length - 8 - footerLength, length - 8) : yield* shard.read(start, footerLength)
    return yield* attempt({ ...where, byte: start }, () => indexOf(footerOf(bytes, start), table))
  })

const footerLengthOf = (tail: Uint8Array, size: number): number => {
  if (size === 0) throw new Malformed("it is empty; fetch or write it again")
  const magic = magicOf(tail, tail.length - 4)
  if (magic === "PARE") throw new Malformed("it is encrypted, which is not supported; decrypt it before it is read")
  if (size < 12 || magic !== "PAR1") {
    const begins = tail.length === size && magicOf(tail, 0) === "PAR1"
    const what = begins ? `it is cut short: ${AGAIN}` : "is it of another format, or cut short?"
    throw new Malformed(`it does not end as a Parquet file; ${what}`)
  }
  const length = new DataView(tail.buffer, tail.byteOffset, tail.byteLength).getUint32(tail.length - 8, true)
  if (length > 0 && length <= size - 12 && length <= MOST_FOOTER) return length
  throw new Malformed(`its footer is to have ${plural(length, "byte")}, where the shard has ${size}; ${AGAIN}`)
}

const indexOf = (footer: Footer, table: Table): Indexed<ParquetHeader> => {
  const chosen = placesOf(footer.columns, table)
  const leaves = leavesOf(footer.columns, chosen)
  const firstLeaves: Array<number> = []
  let leaf = 0
  for (const column of footer.columns) {
    firstLeaves.push(leaf)
    leaf += column.leaves
  }
  const header: ParquetHeader = { footer, chosen, firstLeaves }
  const blocks = footer.groups.map((group) => blockAt(group, leaves, table, new ThriftReader(footer.bytes)))
  const schema = JSON.stringify(chosen.map((place) => [footer.columns[place]?.name, footer.columns[place]?.type]))
  // What is made of the bytes takes about as much.
  const columns = footer.columns.map(({ name, named }) => [name, named.type] as const)
  return {
    index: { blocks, schema, columns: chosen.map((place) => columns[place] ?? ["", ""]) },
    header,
    bytes: 2 * footer.bytes.length
  }
}

/** How many bytes values of physical types take, where all take as many; by the numbers of `Type` in `parquet.thrift`. */
const WIDTHS: Readonly<Record<number, number>> = { 0: 1 / 8, 1: 4, 2: 8, 3: 12, 4: 4, 5: 8 }

/** How many bytes a column takes once decoded: of texts at least what they take in pages, which may have each of them once. */
const decodedBytes = (reader: ThriftReader, { metadata, uncompressed, values }: Chunk, rows: number): number => {
  const type = metadata.get(1)
  const width = type === undefined ? undefined : WIDTHS[reader.int(type)]
  const offsets = values === rows ? 0 : 4 * (rows + 1)
  return offsets + (width === undefined ? Math.max(uncompressed, 4 * values) : Math.ceil(width * values))
}

const blockAt = (
  { chunks, rows }: RowGroup,
  leaves: ReadonlyArray<number>,
  { blockBytes }: Table,
  reader: ThriftReader
): Block => {
  const own = leaves.map((leaf) => chunks[leaf] as Chunk) // a chunk for each leaf
  const bytes = own.reduce((sum, chunk) => sum + chunk.uncompressed, 0)
  if (bytes > blockBytes)
    throw new Malformed(`a row group has ${plural(bytes, "byte")}, more than blockBytes, ${blockBytes}; ${SMALLER}`)
  // A row takes at least its place in a column; runs of one value have rows almost without bytes.
  const values = own.reduce((most, chunk) => Math.max(most, chunk.values), rows)
  if (values * 8 > Math.max(blockBytes, 64 * bytes)) {
    throw new Malformed(
      `a row group has ${plural(values, "value")} in ${plural(bytes, "byte")}, which would take more than blockBytes; ${SMALLER}`
    )
  }
  const decoded = own.reduce((sum, chunk) => sum + decodedBytes(reader, chunk, rows), 0)
  const ranges = rangesOf(own)
  const offset = ranges[0]?.[0] ?? 4
  const last = ranges.at(-1)
  return { rows, offset, length: last === undefined ? 0 : last[0] + last[1] - offset, ranges, bytes: decoded }
}

/** The ranges of columns in order, joined where they touch. */
const rangesOf = (chunks: ReadonlyArray<Chunk>): ReadonlyArray<readonly [offset: number, length: number]> => {
  const joined: Array<[offset: number, length: number]> = []
  for (const { length, start } of chunks.toSorted((a, b) => a.start - b.start)) {
    const last = joined.at(-1)
    if (last !== undefined && start <= last[0] + last[1]) last[1] = Math.max(last[1], start + length - last[0])
    else joined.push([start, length])
  }
  return joined
}

const groupOf = ({ footer }: ParquetHeader, { number }: BlockPlace): RowGroup => {
  const group = footer.groups[number]
  if (group === undefined) throw new Malformed(`it has no row group ${number}; ${AGAIN}`)
  return group
}

/** The chosen columns of a row group, compressed. Throws {@link Malformed}. */
const compressedIn = (header: ParquetHeader, { block, bytes, place }: ReadGroup): ReadonlyArray<Compressed> => {
  const { chosen, footer } = header
  if (block.rows === 0 || chosen.length === 0) return []
  const { chunks } = groupOf(header, place)
  return leavesOf(footer.columns, chosen).map((leaf) => {
    const chunk = chunks[leaf] as Chunk // a chunk for each leaf
    return { bytes: chunkIn(bytes, block, chunk), codec: chunk.codec }
  })
}

/** Returns the columns of a row group. Throws {@link Malformed}. */
const decode = (
  table: Table,
  header: ParquetHeader,
  { block, bytes, place }: ReadGroup,
  ahead: Decompressed = new Map()
): ReadonlyArray<ArrowArray> => {
  const { chosen, footer } = header
  if (block.rows === 0 || chosen.length === 0) return []
  const group = groupOf(header, place)
  const arrays = new Map<number, ArrowArray>()
  const others: Array<number> = []
  // They come in the order of the schema.
  for (const at of chosen.toSorted((a, b) => a - b)) {
    const array = numbersOf(header, group, at, bytes, block, table.blockBytes, ahead)
    if (array === undefined) others.push(at)
    else arrays.set(at, array)
  }
  if (others.length > 0) {
    const own = decodeFile(fileOf(footer, group, others, bytes, block, table.blockBytes, ahead), block.rows)
    for (const [place, at] of others.entries()) {
      // As many arrays as columns, unless the decoder has left one out.
      const array = own[place]
      if (array !== undefined) arrays.set(at, withTwelves(array, (footer.columns[at] as Column).twelves))
    }
  }
  const own = chosen.flatMap((at) => arrays.get(at) ?? [])
  within(table.blockBytes, own)
  if (own.length === chosen.length && own.every((array) => array.length === block.rows)) return own
  throw new Malformed(`a row group gives ${plural(own[0]?.length ?? 0, "row")}, not ${block.rows}; ${AGAIN}`)
}

/** Refuses columns that are larger than a block may be: of a dictionary's texts, pages do not say how long they are in all. */
const within = (most: number, arrays: ReadonlyArray<ArrowArray>): void => {
  let bytes = 0
  const each = (run: (buffer: Uint8Array) => void) => {
    for (const array of arrays) eachBuffer(array, run)
  }
  each((buffer) => {
    bytes += buffer.byteLength
  })
  if (bytes <= most) return
  each(giveBack)
  throw new Malformed(
    `a row group has ${plural(bytes, "byte")} once decoded, more than blockBytes, ${most}; ${SMALLER}`
  )
}

/** The array of a column of numbers, or of lists of numbers, if that can be decoded without the library. */
const numbersOf = (
  { firstLeaves, footer }: ParquetHeader,
  group: RowGroup,
  place: number,
  bytes: Uint8Array,
  block: Block,
  most: number,
  ahead: Decompressed
): ArrowArray | undefined => {
  const column = footer.columns[place]
  if (column === undefined || column.leaves > 1) return undefined
  const chunk = group.chunks[firstLeaves[place] as number] as Chunk // a chunk for each leaf
  const layout = numberLayout(footer, column, chunk)
  if (layout === undefined) return undefined
  return numberColumn(layout, chunkIn(bytes, block, chunk), chunk, block.rows, most, ahead)
}

const SMALLER = "choose columns, write smaller row groups, or raise blockBytes"

const MAGIC = Uint8Array.of(0x50, 0x41, 0x52, 0x31)

/** A Parquet file that holds one row group, and of that the chosen columns alone: what the decoder takes. */
const fileOf = (
  footer: Footer,
  group: RowGroup,
  order: ReadonlyArray<number>,
  bytes: Uint8Array,
  block: Block,
  most: number,
  ahead: Decompressed
): Uint8Array => {
  const parts: Array<Uint8Array> = [MAGIC]
  const placed: Array<PlacedChunk> = []
  const decompressed: Array<Uint8Array> = []
  let start = MAGIC.length
  for (const leaf of leavesOf(footer.columns, order)) {
    const chunk = group.chunks[leaf] as Chunk // a chunk for each leaf
    const own = chunkIn(bytes, block, chunk)
    const pages = plainPages(own, chunk.codec, most, ahead)
    const { data } = pages ?? chunk
    const { length } = pages ?? own
    placed.push({ chunk, start, length, data, isPlain: pages !== undefined })
    parts.push(...(pages?.parts ?? [own]))
    decompressed.push(...(pages?.values ?? []))
    start += length
  }
  const end = footerOfGroup(footer, block.rows, order, placed)
  const tail = new Uint8Array(8)
  new DataView(tail.buffer).setUint32(0, end.length, true)
  tail.set(MAGIC, 4)
  const file = joined([...parts, end, tail])
  for (const page of decompressed) releasePage(page, bytes)
  return file
}

/** The bytes of a chunk among those of the block. */
const chunkIn = (bytes: Uint8Array, block: Block, { isLonger, length, start, values }: Chunk): Uint8Array => {
  let before = 0
  for (const [offset, own] of block.ranges ?? [[block.offset, block.length] as const]) {
    if (start >= offset && start + length <= offset + own) {
      const own = bytes.subarray(before + start - offset, before + start - offset + length)
      return isLonger ? pagesOf(own, values) : own
    }
    before += own
  }
  throw new Malformed(`a column lies outside of its row group; ${AGAIN}`)
}

/** Kept for the next file: fresh memory costs more than the copy. The decoder copies what it is given. */
let scratch = new Uint8Array(0)
const MOST_SCRATCH = 64 * 2 ** 20

const joined = (parts: ReadonlyArray<Uint8Array>): Uint8Array => {
  const length = parts.reduce((sum, part) => sum + part.length, 0)
  let file = scratch
  if (file.length < length) {
    file = new Uint8Array(length)
    if (length <= MOST_SCRATCH) scratch = file
  }
  let at = 0
  for (const part of parts) {
    file.set(part, at)
    at += part.length
  }
  return file.subarray(0, length)
}
