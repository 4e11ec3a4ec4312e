/**
 * The pages of a column, decompressed before its decoder sees them: by the runtime's own zstd, gzip and brotli, which are three
 * times as fast as those of the WebAssembly module (tokens of 512, zstd: 55 ms for 80 MB, there 180), and stop at the length that a
 * page says it has. The result is the same column, not compressed.
 *
 * @since 0.1.0
 */

import * as zlib from "node:zlib"
import { plural } from "../../../core/Plural.ts"
import { free } from "../../../core/ReadBuffers.ts"
import { AGAIN, Malformed, withinBytes } from "../Malformed.ts"
import { exactlySoon, runtimeZstd } from "../Zstd.ts"
import { type Struct, ThriftReader, ThriftWriter, Type, type Value } from "./Thrift.ts"

/** Returns the `length` bytes that were compressed. */
type Decompress = (bytes: Uint8Array, length: number) => Uint8Array

/** What was decompressed beforehand, by where the compressed bytes begin in their buffer. @since 0.1.0 */
export type Decompressed = ReadonlyMap<number, Uint8Array>

const NONE: Decompressed = new Map()

/** By the numbers of `CompressionCodec` in `parquet.thrift`. The others are quick in the module. */
const decompressorOf = (codec: number): Decompress | undefined => {
  if (codec === 0) return (bytes) => bytes
  if (codec === 2) return (bytes, length) => zlib.gunzipSync(bytes, { maxOutputLength: Math.max(1, length) })
  if (codec === 4) return (bytes, length) => zlib.brotliDecompressSync(bytes, { maxOutputLength: Math.max(1, length) })
  // On Node before 22.15 the module's is the fastest.
  return codec === ZSTD ? runtimeZstd?.exactly : undefined
}

const ZSTD = 6

/** @since 0.1.0 */
export interface PlainPages {
  /** Headers and values of the pages, one behind the other. */
  readonly parts: ReadonlyArray<Uint8Array>
  /** Those of the parts that are values. */
  readonly values: ReadonlyArray<Uint8Array>
  readonly length: number
  /** Where the first page with values begins; a dictionary stands before it. */
  readonly data: number
}

/** A page, decompressed. @since 0.1.0 */
export interface Page {
  /** A number of `PageType`: see {@link Kind}. */
  readonly kind: number
  readonly header: Struct
  /** Levels and values, or the values of a dictionary. */
  readonly bytes: Uint8Array
}

/** The kinds of pages by their numbers. @since 0.1.0 */
export const Kind = { data: 0, dictionary: 2, second: 3 } as const

/** Whether the pages of a codec can be decompressed here. @since 0.1.0 */
export const decompresses = (codec: number): boolean => decompressorOf(codec) !== undefined

/**
 * Returns the pages of a column that is compressed by `codec`, one behind the other, or `undefined` if it is to be left as it is.
 * They take at most `most` bytes. Throws {@link Malformed}, also where a page has a checksum and other bytes.
 *
 * @since 0.1.0
 */
export const plainPages = (
  bytes: Uint8Array,
  codec: number,
  most: number,
  ahead: Decompressed = NONE
): PlainPages | undefined => {
  if (codec === 0 || !decompresses(codec)) {
    checkPages(bytes)
    return undefined
  }
  const parts: Array<Uint8Array> = []
  const all: Array<Uint8Array> = []
  let length = 0
  let data: number | undefined
  const reader = new ThriftReader(bytes)
  const seen = ({ bytes: values, header, kind }: Page): void => {
    if (data === undefined && kind !== Kind.dictionary) data = length
    const own = headerOf(reader, header, values.length)
    parts.push(own, values)
    all.push(values)
    length += own.length + values.length
  }
  walk(reader, codec, most, seen, ahead)
  return { parts, values: all, length, data: data ?? 0 }
}

/** Checks what the decoder does not: the checksum that a header may have, and how many values a dictionary is to have. */
const checkPage = (reader: ThriftReader, header: Struct, page: Uint8Array): void => {
  const stated = header.get(4)
  if (stated !== undefined && reader.int(stated) >>> 0 !== zlib.crc32(page)) {
    throw new Malformed(`a page does not have the checksum that it says; ${AGAIN}`)
  }
  const dictionary = header.get(7)
  if (dictionary === undefined) return
  // The decoder allocates so many before it reads one. Each takes a byte at least.
  const values = reader.int(needed(reader.struct(dictionary.start), 1))
  const size = reader.int(needed(header, 2))
  if (values >= 0 && values <= size) return
  throw new Malformed(`a dictionary is to have ${plural(values, "value")} in ${plural(size, "byte")}; ${AGAIN}`)
}

/** Checks the pages that are left as they are. One that cannot be read is for the decoder to refuse. */
const checkPages = (bytes: Uint8Array): void => {
  const reader = new ThriftReader(bytes)
  for (let at = 0; at < bytes.length; ) {
    let header: Struct
    let start: number
    let stored: number
    try {
      header = reader.struct(at)
      start = reader.end
      stored = reader.int(needed(header, 3))
    } catch (thrown) {
      if (thrown instanceof RangeError || thrown instanceof Malformed) return
      throw thrown
    }
    if (stored < 0 || start + stored > bytes.length) return
    checkPage(reader, header, bytes.subarray(start, start + stored))
    at = start + stored
  }
}

/**
 * Returns the bytes of the pages that hold so many values: what follows is not of their column. Throws {@link Malformed}.
 *
 * @since 0.1.0
 */
export const pagesOf = (bytes: Uint8Array, values: number): Uint8Array =>
  withinBytes("a page", () => {
    const reader = new ThriftReader(bytes)
    let left = values
    let at = 0
    while (left > 0 && at < bytes.length) {
      const header = reader.struct(at)
      const start = reader.end
      const own = header.get(5) ?? header.get(8)
      if (own !== undefined) left -= numberIn(reader, reader.struct(own.start), 1)
      const stored = numberIn(reader, header, 3)
      if (stored < 0) throw new Malformed(`a page is to have ${plural(stored, "byte")}; ${AGAIN}`)
      at = start + stored
    }
    return bytes.subarray(0, at)
  })

/** A page as it stands in its column. */
interface StoredPage {
  readonly kind: number
  readonly header: Struct
  /** How many bytes it has once it is decompressed. */
  readonly size: number
  readonly bytes: Uint8Array
}

/** The pages of a column, one after the other. Decompressed, all take at most `most` bytes. Throws {@link Malformed}. */
function* storedPages(reader: ThriftReader, most: number): Generator<StoredPage> {
  const { bytes } = reader
  let length = 0
  for (let at = 0; at < bytes.length; ) {
    const header = reader.struct(at)
    const start = reader.end
    const kind = reader.int(needed(header, 1))
    const size = reader.int(needed(header, 2))
    const stored = reader.int(needed(header, 3))
    if (size < 0 || stored < 0 || start + stored > bytes.length || length + size > most) {
      const said = `a page is to have ${plural(stored, "byte")}, and ${size} once decompressed`
      throw new Malformed(`${said}, which is more than its column or blockBytes; ${AGAIN}`)
    }
    yield { kind, header, size, bytes: bytes.subarray(start, start + stored) }
    length += size
    at = start + stored
  }
}

/**
 * Calls `seen` for each page of a column whose bytes `reader` has. All take at most `most` bytes. Pages that are in `ahead` are
 * decompressed already. Throws {@link Malformed}.
 *
 * @since 0.1.0
 */
export const walk = (
  reader: ThriftReader,
  codec: number,
  most: number,
  seen: (page: Page) => void,
  ahead: Decompressed = NONE
): void => {
  const own = decompressorOf(codec)
  if (own === undefined) throw new Malformed(`codec ${codec} is not decompressed here`)
  const decompress: Decompress = (bytes, length) => ahead.get(bytes.byteOffset) ?? own(bytes, length)
  withinBytes("a page", () => {
    for (const { bytes, header, kind, size } of storedPages(reader, most)) {
      checkPage(reader, header, bytes)
      const values =
        kind === Kind.second ? secondVersion(reader, header, bytes, size, decompress) : plain(bytes, size, decompress)
      seen({ kind, header, bytes: values })
    }
  })
}

/**
 * Frees a page that was decompressed from other bytes: its memory is used again for the next one, while it is in the processor's
 * caches; as garbage it would wait for a full collection. Memory of which a page has less than half may be a pool of the runtime's.
 *
 * @since 0.1.0
 */
export const releasePage = (page: Uint8Array, from: Uint8Array): void => {
  const { buffer, byteLength } = page
  if (buffer !== from.buffer && buffer.byteLength < 2 * byteLength) free(page)
}

/** So many bytes of a block are decompressed beside the program at most, since all of them are there at once. */
const MOST_AHEAD = 2 ** 24

/** Smaller pages are decompressed in less time than a thread takes to begin. */
const LEAST_AHEAD = 2 ** 14

/** A column's bytes, and how they are compressed. @since 0.1.0 */
export interface Compressed {
  readonly bytes: Uint8Array
  readonly codec: number
}

/**
 * Decompresses pages of columns that lie in one buffer on the runtime's threads, beside the program; `undefined` if there is
 * nothing to gain. What is wrong with a page is for {@link walk} to find.
 *
 * @since 0.1.0
 */
export const decompressAhead = (columns: ReadonlyArray<Compressed>): Promise<Decompressed> | undefined => {
  const found = new Map<number, Uint8Array>()
  const begun: Array<Promise<void>> = []
  let left = MOST_AHEAD
  const begin = (bytes: Uint8Array, size: number): void => {
    // What is not smaller than its content is copied, which takes less time than a thread takes to begin.
    if (bytes.length < LEAST_AHEAD || bytes.length >= size || size > left) return
    const soon = exactlySoon(bytes, size)
    if (soon === undefined) return
    left -= size
    const keep = (plain: Uint8Array | undefined): void => {
      if (plain !== undefined) found.set(bytes.byteOffset, plain)
    }
    begun.push(soon.then(keep))
  }
  for (const { bytes, codec } of columns) {
    if (codec !== ZSTD) continue
    try {
      // The values of a page of version 2 stand behind its levels, which are not compressed, and are small.
      for (const page of storedPages(new ThriftReader(bytes), MOST_AHEAD)) {
        if (page.kind !== Kind.second) begin(page.bytes, page.size)
      }
    } catch (thrown) {
      // Found again, and told, when the column is decoded.
      if (!(thrown instanceof RangeError || thrown instanceof Malformed)) throw thrown
    }
  }
  return begun.length === 0 ? undefined : Promise.all(begun).then(() => found)
}

/** Returns the number in a field of a header. Throws {@link Malformed}. @since 0.1.0 */
export const numberIn = (reader: ThriftReader, fields: Struct, id: number): number => reader.int(needed(fields, id))

/** Returns the header of a kind of pages in that of a page. Throws {@link Malformed}. @since 0.1.0 */
export const headerIn = (reader: ThriftReader, fields: Struct, id: number): Struct =>
  reader.struct(needed(fields, id).start)

const needed = (fields: Struct, id: number): Value => {
  const value = fields.get(id)
  if (value === undefined) throw new Malformed(`the header of a page lacks field ${id}; ${AGAIN}`)
  return value
}

const plain = (bytes: Uint8Array, length: number, decompress: Decompress): Uint8Array => {
  let own: Uint8Array
  try {
    own = decompress(bytes, length)
  } catch (cause) {
    throw new Malformed(`a page is corrupt, or more than the ${plural(length, "byte")} that it says; ${AGAIN}`, {
      cause
    })
  }
  if (own.length === length) return own
  throw new Malformed(`a page has ${plural(own.length, "byte")} once decompressed, not ${length}; ${AGAIN}`)
}

/** A page of version 2, whose levels stand before its values and are never compressed. */
const secondVersion = (
  reader: ThriftReader,
  header: Struct,
  page: Uint8Array,
  size: number,
  decompress: Decompress
): Uint8Array => {
  const own = reader.struct(needed(header, 8).start)
  if (own.get(7)?.type === Type.false) {
    if (page.length === size) return page
    throw new Malformed(`a page has ${plural(page.length, "byte")}, not ${size}; ${AGAIN}`)
  }
  const levels = reader.int(needed(own, 5)) + reader.int(needed(own, 6))
  if (levels < 0 || levels > page.length || levels > size) {
    throw new Malformed(`a page of ${plural(size, "byte")} is to have levels of ${levels}; ${AGAIN}`)
  }
  const result = new Uint8Array(size)
  result.set(page.subarray(0, levels))
  if (size > levels) result.set(plain(page.subarray(levels), size - levels, decompress), levels)
  return result
}

/** The header of a page that is not compressed; without its checksum, which was that of the compressed bytes. */
const headerOf = (reader: ThriftReader, header: Struct, size: number): Uint8Array => {
  const { bytes } = reader
  const writer = new ThriftWriter()
  for (const id of [1, 2]) writer.copy(id, bytes, needed(header, id))
  writer.int(3, Type.i32, size)
  for (const id of [5, 6, 7]) {
    const value = header.get(id)
    if (value !== undefined) writer.copy(id, bytes, value)
  }
  const second = header.get(8)
  if (second !== undefined) {
    const own = reader.struct(second.start)
    writer.struct(8)
    for (const id of [1, 2, 3, 4, 5, 6]) {
      const value = own.get(id)
      if (value !== undefined) writer.copy(id, bytes, value)
    }
    writer.false(7)
    writer.end()
  }
  writer.end()
  return writer.bytes()
}
