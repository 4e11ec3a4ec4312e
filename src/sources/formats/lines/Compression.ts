/**
 * Members of gzip and frames of zstd: parts of a file that are unpacked on their own.
 *
 * gzip: RFC 1952. Where a member ends is known once it was inflated. zstd: RFC 8878. Where a frame ends is in the headers of
 * its blocks.
 *
 * @since 0.1.0
 */
import * as zlib from "node:zlib"
import type * as Effect from "effect/Effect"
import type { Malformed } from "../Malformed.ts"
import { frameEnd, zstd, zstdNow } from "../Zstd.ts"

/** @since 0.1.0 */
export type Compression = "gzip" | "zstd"

/** Returns how bytes are compressed, by their first four. @since 0.1.0 */
export const compressionOf = (start: Uint8Array): Compression | undefined => {
  if (start[0] === 0x1f && start[1] === 0x8b) return "gzip"
  const [a, b = 0, c, d] = start
  if (a === 0x28 && b === 0xb5 && c === 0x2f && d === 0xfd) return "zstd"
  // A skippable frame.
  return a !== undefined && a >= 0x50 && a < 0x60 && b === 0x2a && c === 0x4d && d === 0x18 ? "zstd" : undefined
}

/** A part that was unpacked. @since 0.1.0 */
export interface Member {
  /** How many bytes it takes in the file. */
  readonly length: number
  readonly data: Uint8Array
}

/** Why a member was not unpacked; `"cut"` if its bytes end too early, `"large"` if it holds more than it may. @since 0.1.0 */
export type NoMember = "cut" | "large" | { readonly corrupt: string; readonly cause?: unknown }

const codeOf = (error: unknown): string => (error instanceof Error && "code" in error ? String(error.code) : "")

const TEXT = { cut: "cut", large: "large" } as const

const failed = (cause: unknown): NoMember => {
  const code = codeOf(cause)
  if (code === "ERR_BUFFER_TOO_LARGE") return TEXT.large
  if (code === "Z_BUF_ERROR") return TEXT.cut
  return { corrupt: "its compressed bytes are corrupt", cause }
}

/** How long the header of a gzip member is; `undefined` if the bytes end before. */
const gzipHeader = (bytes: Uint8Array): number | undefined => {
  if (bytes.length < 10) return undefined
  const flags = bytes[3] as number // there are ten
  let at = 10
  if ((flags & 4) !== 0) {
    if (bytes.length < at + 2) return undefined
    at += 2 + (bytes[at] as number) + 256 * (bytes[at + 1] as number) // as checked
  }
  // A file name, and a comment.
  for (const flag of [8, 16]) {
    if ((flags & flag) === 0) continue
    const end = bytes.indexOf(0, at)
    if (end === -1) return undefined
    at = end + 1
  }
  return (flags & 2) === 0 ? at : at + 2
}

/** What `info` makes of what the function gives, which its types do not know. */
interface Inflated {
  readonly buffer: Uint8Array
  readonly engine: { readonly bytesWritten: number }
}

/** Such as zeros, to which `gzip -dc` gives no meaning. @since 0.1.0 */
export const NO_GZIP_MEMBER =
  "bytes that are no gzip member follow its gzip members (gzip -dc FILE | gzip packs it anew)"

const gzipMember = (bytes: Uint8Array, most: number): Member | NoMember => {
  const isOther = [0x1f, 0x8b, 8].some((byte, at) => at < bytes.length && bytes[at] !== byte)
  if (isOther) {
    return { corrupt: NO_GZIP_MEMBER }
  }
  const start = gzipHeader(bytes)
  if (start === undefined || start >= bytes.length) return TEXT.cut
  try {
    const options = { info: true, maxOutputLength: Math.max(1, most) }
    const own = zlib.inflateRawSync(bytes.subarray(start), options) as unknown as Inflated
    const end = start + own.engine.bytesWritten
    if (bytes.length < end + 8) return TEXT.cut
    const view = new DataView(bytes.buffer, bytes.byteOffset + end, 8)
    const data = plain(own.buffer)
    if (view.getUint32(4, true) !== data.length % 2 ** 32 || view.getUint32(0, true) !== zlib.crc32(data)) {
      return { corrupt: "a gzip member does not have the length or the checksum that it says" }
    }
    return { length: end + 8, data }
  } catch (cause) {
    return failed(cause)
  }
}

/** Without Node's own class. */
const plain = (data: Uint8Array): Uint8Array => new Uint8Array(data.buffer, data.byteOffset, data.length)

const zstdMember = (bytes: Uint8Array, most: number): Member | NoMember => {
  if (bytes.length < 8) return TEXT.cut
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
  const magic = view.getUint32(0, true)
  if ((magic & 0xfffffff0) >>> 0 === 0x184d2a50) {
    const length = 8 + view.getUint32(4, true)
    return length <= bytes.length ? { length, data: new Uint8Array(0) } : TEXT.cut
  }
  if (magic !== 0xfd2fb528) return { corrupt: "bytes that are no zstd frame follow its zstd frames" }
  const length = frameEnd(bytes)
  if (length === undefined) return TEXT.cut
  const decompress = zstdNow()
  if (decompress === undefined) throw new Error("zstd has not been loaded")
  try {
    const data = decompress.upTo(bytes.subarray(0, length), most)
    return data === "large" ? data : { length, data }
  } catch (cause) {
    return { corrupt: "a zstd frame is corrupt", cause }
  }
}

/** Loads what unpacks such members, if it is not there already. @since 0.1.0 */
export const loading = (compression: Compression | undefined): Effect.Effect<unknown, Malformed> | undefined =>
  compression === "zstd" && zstdNow() === undefined ? zstd : undefined

/**
 * Unpacks the member that bytes begin with, if it holds at most `most` bytes. What {@link loading} gives has been run.
 *
 * @since 0.1.0
 */
export const memberOf = (compression: Compression, bytes: Uint8Array, most: number): Member | NoMember =>
  compression === "gzip" ? gzipMember(bytes, most) : zstdMember(bytes, most)
