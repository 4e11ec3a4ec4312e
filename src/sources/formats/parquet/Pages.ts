/**
 * The pages of a column, decompressed before its decoder sees them: by the runtime's own zstd, gzip and brotli, which are three
 * times as fast as those of the WebAssembly module (tokens of 512, zstd: 55 ms for 80 MB, there 180), and stop at the length that a
 * page says it has. The result is the same column, not compressed.
 *
 * @since 0.1.0
 */

import * as zlib from "node:zlib"
import { plural } from "../../../core/Plural.ts"
import { AGAIN, Malformed, withinBytes } from "../Malformed.ts"
import { runtimeZstd } from "../Zstd.ts"
import { type Struct, ThriftReader, ThriftWriter, Type, type Value } from "./Thrift.ts"

/** Returns the `length` bytes that were compressed. */
type Decompress = (bytes: Uint8Array, length: number) => Uint8Array

/** By the numbers of `CompressionCodec` in `parquet.thrift`. The others are quick in the module. */
const decompressorOf = (codec: number): Decompress | undefined => {
  if (codec === 0) return (bytes) => bytes
  if (codec === 2) return (bytes, length) => zlib.gunzipSync(bytes, { maxOutputLength: Math.max(1, length) })
  if (codec === 4) return (bytes, length) => zlib.brotliDecompressSync(bytes, { maxOutputLength: Math.max(1, length) })
  // On Node before 22.15 the module's is the fastest.
  return codec === 6 ? runtimeZstd?.exactly : undefined
}

/** @since 0.1.0 */
export interface PlainPages {
  /** Headers and values of the pages, one behind the other. */
  readonly parts: ReadonlyArray<Uint8Array>
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
export const plainPages = (bytes: Uint8Array, codec: number, most: number): PlainPages | undefined => {
  if (codec === 0 || !decompresses(codec)) {
    checkPages(bytes)
    return undefined
  }
  const parts: Array<Uint8Array> = []
  let length = 0
  let data: number | undefined
  const reader = new ThriftReader(bytes)
  walk(reader, codec, most, ({ bytes: values, header, kind }) => {
    if (data === undefined && kind !== Kind.dictionary) data = length
    const own = headerOf(reader, header, values.length)
    parts.push(own, values)
    length += own.length + values.length
  })
  return { parts, length, data: data ?? 0 }
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
 * Calls `seen` for each page of a column whose bytes `reader` has. All take at most `most` bytes. Throws {@link Malformed}.
 *
 * @since 0.1.0
 */
export const walk = (reader: ThriftReader, codec: number, most: number, seen: (page: Page) => void): void => {
  const decompress = decompressorOf(codec)
  if (decompress === undefined) throw new Malformed(`codec ${codec} is not decompressed here`)
  withinBytes("a page", () => {
    const { bytes } = reader
    let length = 0
    let at = 0
    while (at < bytes.length) {
      const header = reader.struct(at)
      const start = reader.end
      const kind = reader.int(needed(header, 1))
      const size = reader.int(needed(header, 2))
      const stored = reader.int(needed(header, 3))
      if (size < 0 || stored < 0 || start + stored > bytes.length || length + size > most) {
        const said = `a page is to have ${plural(stored, "byte")}, and ${size} once decompressed`
        throw new Malformed(`${said}, which is more than its column or blockBytes; ${AGAIN}`)
      }
      const page = bytes.subarray(start, start + stored)
      checkPage(reader, header, page)
      const values =
        kind === Kind.second ? secondVersion(reader, header, page, size, decompress) : plain(page, size, decompress)
      length += size
      seen({ kind, header, bytes: values })
      at = start + stored
    }
  })
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
