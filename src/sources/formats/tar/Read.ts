/**
 * Reads WebDataset's tars: finds their blocks, and decodes them; see `Tar.ts`.
 *
 * @since 0.1.0
 */

import * as Effect from "effect/Effect"
import { plural } from "../../../core/Plural.ts"
import { giveBack } from "../../../core/ReadBuffers.ts"
import { shown } from "../../../core/Show.ts"
import type { StoreError } from "../../store/Store.ts"
import { attempt, type Fault, faultOf } from "../Fault.ts"
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
import { compressionOf, memberOf, NO_GZIP_MEMBER } from "../lines/Compression.ts"
import { packedReason } from "../Packing.ts"
import { cutter } from "./Cutter.ts"
import type { Chosen } from "./Decoder.ts"
import { readAll, readChosen } from "./Fields.ts"
import { windowOf } from "./Header.ts"
import { type Sample, Samples } from "./Samples.ts"
import { cutShort, scan, scanBytes } from "./Scan.ts"
import { Walk } from "./Walk.ts"

/** The options of `Format.tar`, checked. @since 0.1.0 */
export interface TarConfig {
  readonly blockBytes: number
  readonly maxBlockBytes: number
  readonly chosen: Chosen | undefined
}

/** Finds the blocks of a shard. @since 0.1.0 */
export const index = (
  shard: Shard,
  { blockBytes, maxBlockBytes }: TarConfig
): Effect.Effect<ShardIndex, ShardError | StoreError> =>
  Effect.gen(function* () {
    const { location, size } = shard.info
    const fault = faultOf("tar", location)
    if (size === 0) return yield* cutShort(0, 0, fault)
    const start = yield* shard.read(0, Math.min(size, FIRST))
    const compression = compressionOf(start)
    const reason =
      compression === "zstd"
        ? "it is compressed by zstd; unpack it, or compress it by gzip"
        : packedReason(start, "gzip")
    if (reason !== undefined) return yield* fault(reason, { byte: 0 })
    if (compression === undefined) {
      const blocks = yield* scan(shard, start, blockBytes, fault)
      yield* attempt(() => checkBlocks(blocks, maxBlockBytes, fault))
      return { blocks }
    }
    if (size > maxBlockBytes) return yield* tooLarge(`has ${plural(size, "byte")}`, maxBlockBytes, fault)
    const packed = size === start.length ? start : yield* shard.read(0, size)
    return yield* attempt(() => indexPacked(packed, maxBlockBytes, fault))
  })

/** Cuts a shard that is read in order. @since 0.1.0 */
export const inOrder =
  ({ maxBlockBytes }: TarConfig) =>
  (shard: Shard, offset: number): Cutter =>
    cutter(maxBlockBytes, offset, faultOf("tar", shard.info.location))

/** Decodes a block. Throws `ShardError`. @since 0.1.0 */
export const decode = (
  bytes: Uint8Array,
  block: Block,
  place: BlockPlace,
  config: TarConfig
): DecodedBlock<unknown> => {
  const plain = plainOf(bytes, place)
  return { ...decodeBlock(plain, block, place, config), release: () => giveBack(plain) }
}

/**
 * Finds the bytes of the samples of a block: from the header of a sample's first file to the end of its last one's content.
 * Throws `ShardError`.
 *
 * @since 0.1.0
 */
export const locate = (bytes: Uint8Array, block: Block, place: BlockPlace): RowBytes => {
  const { samples } = samplesIn(plainOf(bytes, place), block, place)
  return {
    from: 0,
    starts: samples.map(({ start }) => start),
    ends: samples.map(({ offsets, sizes }) =>
      offsets.reduce((end, offset, file) => Math.max(end, offset + (sizes[file] ?? 0)), 0)
    )
  }
}

/** How threads share blocks: the bytes, unpacked, in which each of them finds its samples. @since 0.1.0 */
export const shared = (config: TarConfig): SharedDecode<unknown> => ({
  unpack: (bytes, _, place) => [plainOf(bytes, place)],
  view: ([bytes = new Uint8Array(0)], block, place) => decodeBlock(bytes, block, place, config)
})

/** The bytes of a block, unpacked. */
const plainOf = (bytes: Uint8Array, { index, shard }: BlockPlace): Uint8Array => {
  const packed = isPacked(index.header)
  if (packed === undefined) return bytes
  const plain = unpacked(bytes, packed.unpacked, faultOf("tar", shard.info.location))
  giveBack(bytes)
  return plain
}

/** About so many bytes are kept to know where the files of a sample are. */
const SAMPLE = 256

/** What is read of a shard first: enough to see what it is, and most shards' first headers. */
const FIRST = 2 ** 16

const checkBlocks = (blocks: ReadonlyArray<Block>, most: number, fault: Fault): void => {
  let row = 0
  for (const { length, offset, rows } of blocks) {
    if (length > most) {
      const reason = `a block of ${plural(rows, "sample")} has ${plural(length, "byte")}, and may have ${most}`
      throw fault(`${reason}; raise maxBlockBytes, or write smaller samples`, { row, byte: offset })
    }
    row += rows
  }
}

/** What the index of a gzipped archive holds besides its block. */
interface Packed {
  readonly unpacked: number
}

const isPacked = (header: unknown): Packed | undefined =>
  typeof header === "object" && header !== null && "unpacked" in header && typeof header.unpacked === "number"
    ? { unpacked: header.unpacked }
    : undefined

const tooLarge = (what: string, most: number, fault: Fault) =>
  fault(
    `it is gzipped, so it can only be read whole, and ${what}, more than ${most}; unpack it, or raise maxBlockBytes`
  )

const indexPacked = (packed: Uint8Array, most: number, fault: Fault): ShardIndex => {
  const plain = unpacked(packed, most, fault)
  const rows = scanBytes(plain, Number.POSITIVE_INFINITY, fault).reduce((sum, block) => sum + block.rows, 0)
  const blocks = rows === 0 ? [] : [{ rows, offset: 0, length: packed.length, bytes: plain.length }]
  const header: Packed = { unpacked: plain.length }
  return { blocks, header }
}

const unpacked = (packed: Uint8Array, most: number, fault: Fault): Uint8Array => {
  const parts: Array<Uint8Array> = []
  let length = 0
  for (let at = 0; at < packed.length; ) {
    const member = memberOf("gzip", packed.subarray(at), most - length)
    if (member === "large") throw tooLarge("unpacks to more", most, fault)
    if (member === "cut") throw fault("its gzip stream is cut short; fetch it again")
    if ("corrupt" in member) {
      const { cause, corrupt } = member
      const why = cause === undefined ? "" : ` (${shown(cause)})`
      throw fault(corrupt === NO_GZIP_MEMBER ? corrupt : `${corrupt}${why}; fetch it again`, { cause })
    }
    at += member.length
    length += member.data.length
    if (length > most) throw tooLarge("unpacks to more", most, fault)
    parts.push(member.data)
  }
  const [only] = parts
  return only !== undefined && parts.length === 1 ? only : new Uint8Array(Buffer.concat(parts))
}

/** The samples of an unpacked block, and the offset of its first byte in the archive. */
const samplesIn = (
  bytes: Uint8Array,
  { offset, rows }: Block,
  { firstRow, index, shard }: BlockPlace
): { readonly samples: ReadonlyArray<Sample>; readonly from: number } => {
  const fault = faultOf("tar", shard.info.location)
  const from = isPacked(index.header) === undefined ? offset : 0
  const end = from + bytes.length
  const walk = new Walk(from, end, fault)
  const window = windowOf(bytes, from)
  const samples = new Samples(fault)
  const found: Array<Sample> = []
  while (walk.at < end) {
    const member = walk.next(window)
    if (member === "end") break
    if (member === "more") {
      // The entry of a folder was the last of the block: the next header is that of the next block's first sample.
      if (walk.at === end) break
      throw fault("a header is cut short; the shard is damaged, or its index is not its own", { byte: walk.at })
    }
    const sample = samples.add(member)
    if (sample !== undefined) found.push(sample)
  }
  if (found.length !== rows) {
    const reason = `it has ${plural(found.length, "sample")} here, and ${rows} by its index; build the index again`
    throw fault(reason, { row: firstRow, byte: from })
  }
  return { samples: found, from }
}

const decodeBlock = (
  bytes: Uint8Array,
  block: Block,
  place: BlockPlace,
  { chosen }: TarConfig
): DecodedBlock<unknown> => {
  const { rows } = block
  const { firstRow, shard } = place
  const fault = faultOf("tar", shard.info.location)
  const readRow = chosen === undefined ? readAll : readChosen(chosen)
  const { from, samples: found } = samplesIn(bytes, block, place)
  return {
    size: rows,
    bytes: bytes.length + SAMPLE * rows,
    row: (index) => {
      const sample = found[index]
      const row = firstRow + index
      if (sample === undefined) throw fault(`there is no row ${row} in this block`, { row })
      return readRow(sample, bytes, from, (reason, spot) => fault(reason, { row, ...spot }))
    }
  }
}
