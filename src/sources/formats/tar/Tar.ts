/**
 * WebDataset's shards: tars in which the files of a sample follow one another.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import { whole } from "../../../core/Check.ts"
import { optionsOf } from "../../../core/Options.ts"
import { Made, type Parameters, type ParametersOption, valid } from "../../../core/Parameters.ts"
import { gunzip } from "../../../core/runtime.ts"
import { shown } from "../../../core/Show.ts"
import { attempt, type Fault, faultOf } from "../Fault.ts"
import type { Block, DecodedBlock, Format, ShardIndex } from "../Format.ts"
import { chosenOf, type Decoded, type Decoder, type ReadRow, readAll, readChosen } from "./Fields.ts"
import { type Sample, Samples } from "./Samples.ts"
import { scan, scanBytes } from "./Scan.ts"
import { Walk } from "./Walk.ts"

/** How a tar's samples are read. @category options @since 0.1.0 */
export interface TarOptions<
  F extends Readonly<Record<string, Decoder>> = Readonly<Record<string, Decoder>>,
  O extends keyof F & string = never
> extends ParametersOption {
  /**
   * The files that a sample has, by extension (all behind the first dot, in lower case), and what becomes of each. A row has
   * these and no others; a sample that lacks one is a `ShardError`. Default: every file, by its extension.
   */
  readonly fields?: F
  /** Extensions of `fields` that a sample may lack. Default none. */
  readonly optional?: ReadonlyArray<O>
  /** About how many bytes of the archive are read and decoded in one go; a larger sample is a block of its own. Default 2^20. */
  readonly blockBytes?: number
  /** The most bytes that a block may have, or that a gzipped archive may unpack to. Default 2^28. */
  readonly maxBlockBytes?: number
}

/** A sample with all of its files, by extension. @category models @since 0.1.0 */
export interface TarRow {
  /** What the names of its files have in common. */
  readonly __key__: string
  readonly [extension: string]: unknown
}

/** A sample with the files that were chosen. @category models @since 0.1.0 */
export type TarFields<F, O> = { readonly __key__: string } & {
  readonly [K in keyof F as K extends O ? never : K]: Decoded<F[K]>
} & { readonly [K in keyof F as K extends O ? K : never]?: Decoded<F[K]> }

/**
 * WebDataset's tars: ustar, pax, GNU and V7, and gzipped ones. Files that follow one another and share all of their name up
 * to the first dot of its last part are a sample; the rest of the name, in lower case, is the field that the file's content
 * stands under. Folders, files without an extension and hidden files are left out, as WebDataset does.
 *
 * Without `fields` a row has all files of its sample, each decoded by the last part of its extension, as WebDataset's own
 * decoders do:
 *
 * | extension | value |
 * |---|---|
 * | `json`, `jsn` | the value of the JSON |
 * | `txt`, `text`, `transcript` | string, from UTF-8 |
 * | `cls`, `cls2`, `class`, `count`, `index`, `inx`, `id` | number, a whole one |
 * | `npy` | `Tensor`, as `Format.npy` reads it |
 * | any other | `Uint8Array`, a view of the block: not to be written to |
 *
 * Images stay bytes, for `Decode.image({ field: "png" })` and the other stages that decode: on threads of their own, and only
 * the part that a crop needs.
 *
 * A tar is indexed by one scan of its headers; files of 256 KB and more are skipped, not read. A gzipped one can only be read
 * from its start, so all of it is one block, which has to fit in `maxBlockBytes`; unpacked it would be read block by block.
 *
 * Throws `InvalidOption` if an option is invalid. Reading fails with `ShardError` for headers that are damaged or cut short,
 * an end that is missing or is followed by more, links, devices and sparse files, names that are absolute or climb (`..`),
 * a key that comes back after other samples, two files of one sample with one extension, and content that does not decode.
 *
 * @example
 * import { Format } from "furrow"
 *
 * const photos = Format.tar({ fields: { jpg: "bytes", cls: "integer" } }) // rows: { __key__, jpg, cls }
 * console.assert(photos.name === "tar")
 *
 * @category constructors
 * @since 0.1.0
 */
export function tar(options?: Omit<TarOptions, "fields" | "optional">): Format<TarRow>
export function tar<const F extends Readonly<Record<string, Decoder>>, const O extends keyof F & string = never>(
  options: TarOptions<F, O> & { readonly fields: F }
): Format<TarFields<F, O>>
export function tar(options: TarOptions<Readonly<Record<string, Decoder>>, string> = {}): Format<unknown> {
  const names = { fields: true, optional: true, blockBytes: true, maxBlockBytes: true, parameters: true } as const
  optionsOf("Format.tar", options, names)
  const limits = {
    blockBytes: whole("blockBytes", options.blockBytes ?? 2 ** 20, 1),
    maxBlockBytes: whole("maxBlockBytes", options.maxBlockBytes ?? 2 ** 28, 1)
  }
  const chosen =
    options.fields === undefined && options.optional === undefined
      ? undefined
      : chosenOf(options.fields, options.optional ?? [])
  const readRow = chosen === undefined ? readAll : readChosen(chosen)
  const parameters = valid("parameters of Format.tar", options.parameters)
  const hasCode = chosen?.fields.some(([, decoder]) => typeof decoder === "function") === true
  const made: Parameters = {
    fields: chosen?.fields.map(([extension, decoder]) => [
      extension,
      typeof decoder === "string" ? decoder : "a function"
    ]),
    optional: chosen?.optional,
    parameters
  }
  const unseen = hasCode && parameters === undefined ? "the decoders of Format.tar" : undefined
  return {
    name: "tar",
    made: new Made("tar", made, unseen),
    scans: true,
    index: (shard) =>
      Effect.gen(function* () {
        const { location, size } = shard.info
        const fault = faultOf("tar", location)
        const start = yield* shard.read(0, Math.min(size, FIRST))
        const compression = compressionOf(start)
        if (compression === undefined) {
          const blocks = yield* scan(shard, start, limits.blockBytes, fault)
          yield* attempt(() => checkBlocks(blocks, limits.maxBlockBytes, fault))
          return { blocks }
        }
        if (compression !== "gzip") {
          return yield* fault(`it is compressed by ${compression}; unpack it, or compress it by gzip`, { byte: 0 })
        }
        if (size > limits.maxBlockBytes) return yield* tooLarge(`has ${size} bytes`, limits.maxBlockBytes, fault)
        const packed = size === start.length ? start : yield* shard.read(0, size)
        return yield* attempt(() => indexPacked(packed, limits.maxBlockBytes, fault))
      }),
    decode: (bytes, block, { firstRow, index, shard }) => {
      const fault = faultOf("tar", shard.info.location)
      const packed = isPacked(index.header)
      const plain = packed === undefined ? bytes : unpacked(bytes, packed.unpacked, fault)
      return decodeBlock(plain, packed === undefined ? block.offset : 0, block.rows, firstRow, readRow, fault)
    }
  }
}

/** What is read of a shard first: enough to see what it is, and most shards' first headers. */
const FIRST = 2 ** 16

const MAGIC: ReadonlyArray<readonly [name: string, ...bytes: ReadonlyArray<number>]> = [
  ["gzip", 0x1f, 0x8b],
  ["zstd", 0x28, 0xb5, 0x2f, 0xfd],
  ["bzip2", 0x42, 0x5a, 0x68],
  ["xz", 0xfd, 0x37, 0x7a, 0x58, 0x5a],
  ["lz4", 0x04, 0x22, 0x4d, 0x18]
]

const compressionOf = (bytes: Uint8Array): string | undefined =>
  MAGIC.find(([, ...magic]) => magic.every((byte, place) => bytes[place] === byte))?.[0]

const checkBlocks = (blocks: ReadonlyArray<Block>, most: number, fault: Fault): void => {
  let row = 0
  for (const { length, offset, rows } of blocks) {
    if (length > most) {
      const reason = `a block of ${rows === 1 ? "one sample" : `${rows} samples`} has ${length} bytes, and may have ${most}`
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
  let plain: Uint8Array | "more"
  try {
    plain = gunzip(packed, most)
  } catch (cause) {
    throw fault(`its gzip stream is corrupt or cut short (${shown(cause)}); fetch it again`, { cause })
  }
  if (plain === "more") throw tooLarge("unpacks to more", most, fault)
  return plain
}

const decodeBlock = (
  bytes: Uint8Array,
  from: number,
  rows: number,
  firstRow: number,
  readRow: ReadRow,
  fault: Fault
): DecodedBlock<Record<string, unknown>> => {
  const end = from + bytes.length
  const walk = new Walk(from, end, fault)
  const window = { bytes, from }
  const samples = new Samples(fault)
  const found: Array<Sample> = []
  while (walk.at < end) {
    const member = walk.next(window)
    if (member === "end") break
    if (member === "more") {
      // A folder or a hidden file behind the last sample of a block needs no more than its header.
      throw fault("a header is cut short; the shard is damaged, or its index is not its own", { byte: walk.at })
    }
    const sample = samples.add(member)
    if (sample !== undefined) found.push(sample)
  }
  if (found.length !== rows) {
    const reason = `it has ${found.length} samples here, and ${rows} by its index; build the index again`
    throw fault(reason, { row: firstRow, byte: from })
  }
  return {
    size: rows,
    bytes: bytes.length,
    row: (index) => {
      const sample = found[index]
      const row = firstRow + index
      if (sample === undefined) throw fault(`there is no row ${row} in this block`, { row })
      return readRow(sample, bytes, from, (reason, spot) => fault(reason, { row, ...spot }))
    }
  }
}
