/**
 * The header block of a tar member: 512 bytes, in the layouts of POSIX (ustar), GNU, star and Unix V7.
 *
 * ```text
 * 0 name · 100 mode · 124 size · 148 checksum · 156 type · 157 link · 257 magic · 345 prefix (ustar 155 bytes, star 131)
 * ```
 *
 * @since 0.1.0
 */
import type { Fault } from "../Fault.ts"

/** The length of a header, and the unit that payloads are padded to. @since 0.1.0 */
export const BLOCK = 512

/** Bytes of an archive, and where the first of them stands. @since 0.1.0 */
export interface Window {
  readonly bytes: Uint8Array
  readonly from: number
  /** The bytes four by four, if they are aligned so: a header's checksum takes a third of the time by these. */
  readonly words: Uint32Array | undefined
}

/** @since 0.1.0 */
export const windowOf = (bytes: Uint8Array, from: number): Window => {
  const isAligned = bytes.byteOffset % 4 === 0
  return {
    bytes,
    from,
    words: isAligned ? new Uint32Array(bytes.buffer, bytes.byteOffset, bytes.length >>> 2) : undefined
  }
}

/** What a header says. @since 0.1.0 */
export interface Header {
  /**
   * Returns the member's name, which holds unless a pax or GNU header before it gives another one: that one was too long for
   * the header, which may have cut it within a character. Throws what `fault` makes if it is not UTF-8.
   */
  readonly name: () => string
  /** Bytes of the payload, without the padding behind it. */
  readonly size: number
  /** The type flag's character code. */
  readonly type: number
}

const NAME = 100
const SIZE = 124
const CHECKSUM = 148
const TYPE = 156
const MAGIC = 257
const PREFIX = 345

/** `ustar\0`, and `tar\0`, as numbers of 16 bits. */
const MARK = { ustar: [0x7573, 0x7461, 0x7200], star: [0x7461, 0x7200] } as const

/** Whether all bytes of a stretch are 0. @since 0.1.0 */
export const isZero = (bytes: Uint8Array, from: number, to: number): boolean => {
  for (let at = from; at < to; at++) if (bytes[at] !== 0) return false
  return true
}

/**
 * Returns what the header at a place of the archive says; `undefined` for a block of zeros, which ends an archive. Throws
 * what `fault` makes if it is not a header. The window has all of it.
 *
 * @since 0.1.0
 */
export const headerAt = ({ bytes, from: first, words }: Window, at: number, fault: Fault): Header | undefined => {
  const from = at - first
  if (bytes[from] === 0 && isZero(bytes, from, from + BLOCK)) return undefined
  const stated = numberAt(bytes, from + CHECKSUM, 8, at, "checksum", fault)
  const sum = unsignedSum(bytes, words, from)
  if (stated !== sum && stated !== signedSum(bytes, from)) {
    const reason = `there is no tar header: its checksum should be ${sum}, and is ${stated}`
    throw fault(`${reason}; the shard is damaged or is not a tar, fetch it again`, { byte: at })
  }
  return {
    name: () => nameAt(bytes, from, at, fault),
    size: numberAt(bytes, from + SIZE, 12, at, "size", fault),
    type: bytes[from + TYPE] as number // in the block
  }
}

/** The number in a field: octal digits among spaces and zeros, or, from GNU and star, 256-based behind a set bit. */
const numberAt = (bytes: Uint8Array, from: number, length: number, at: number, what: string, fault: Fault): number => {
  const first = bytes[from] as number // fields lie in the block
  const end = from + length
  let value = 0
  if (first & 0x80) {
    value = first & 0x7f
    if (first & 0x40) throw fault(`the ${what} in its header is negative; the shard is damaged`, { byte: at })
    for (let place = from + 1; place < end; place++) value = value * 256 + (bytes[place] as number) // as above
  } else {
    let place = from
    while (place < end && (bytes[place] === 0x20 || bytes[place] === 0)) place++
    for (; place < end; place++) {
      const digit = (bytes[place] as number) - 0x30 // as above
      if (digit < 0 || digit > 7) break
      value = value * 8 + digit
    }
    for (; place < end; place++) {
      if (bytes[place] === 0x20 || bytes[place] === 0) continue
      throw fault(`the ${what} in its header is not a number; the shard is damaged or is not a tar`, { byte: at })
    }
  }
  if (Number.isSafeInteger(value)) return value
  throw fault(`the ${what} in its header is beyond 2^53; the shard is damaged`, { byte: at })
}

/** The eight spaces that stand for the checksum itself. */
const OWN = 8 * 0x20

/** The sum of the header's bytes, as POSIX has it. */
const unsignedSum = (bytes: Uint8Array, words: Uint32Array | undefined, from: number): number => {
  let sum = OWN
  if (words !== undefined && from % 4 === 0) {
    // Two sums in one word: 64 words of two bytes each stay below 2^16.
    for (let start = from >>> 2; start < (from + BLOCK) >>> 2; start += 64) {
      let pair = 0
      for (let at = start; at < start + 64; at++) {
        const word = words[at] as number // in the block
        pair += (word & 0x00ff00ff) + ((word >>> 8) & 0x00ff00ff)
      }
      sum += (pair & 0xffff) + (pair >>> 16)
    }
  } else for (let at = from; at < from + BLOCK; at++) sum += bytes[at] as number // as above
  for (let at = from + CHECKSUM; at < from + CHECKSUM + 8; at++) sum -= bytes[at] as number // as above
  return sum
}

/** The same over signed bytes, as some old programs of Sun and GNU wrote it. */
const signedSum = (bytes: Uint8Array, from: number): number => {
  let sum = OWN
  for (let at = 0; at < BLOCK; at++) {
    if (at < CHECKSUM || at >= CHECKSUM + 8) sum += ((bytes[from + at] as number) << 24) >> 24 // in the block
  }
  return sum
}

const nameAt = (bytes: Uint8Array, from: number, at: number, fault: Fault): string => {
  const own = textAt(bytes, from, NAME, at, fault)
  // GNU's magic goes on with spaces, and has times where POSIX has the prefix.
  if (!has(bytes, from + MAGIC, MARK.ustar)) return own
  const length = has(bytes, from + 508, MARK.star) ? 131 : 155
  if (bytes[from + PREFIX] === 0) return own
  return `${textAt(bytes, from + PREFIX, length, at, fault)}/${own}`
}

/** Whether these numbers of 16 bits stand at `from`. */
const has = (bytes: Uint8Array, from: number, mark: ReadonlyArray<number>): boolean => {
  for (let place = 0; place < mark.length; place++) {
    const at = from + 2 * place
    if ((((bytes[at] as number) << 8) | (bytes[at + 1] as number)) !== mark[place]) return false // in the block
  }
  return true
}

const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true })

/** The text of a field, up to its first 0. */
const textAt = (bytes: Uint8Array, from: number, length: number, at: number, fault: Fault): string => {
  let text = ""
  for (let place = from; place < from + length; place++) {
    const byte = bytes[place] as number // fields lie in the block
    if (byte === 0) return text
    if (byte >= 0x80) return nameOf(bytes, from, from + length, at, fault)
    text += String.fromCharCode(byte)
  }
  return text
}

/** The name that stands in these bytes as UTF-8, up to its first 0. @since 0.1.0 */
export const nameOf = (bytes: Uint8Array, from: number, end: number, at: number, fault: Fault): string => {
  const zero = bytes.indexOf(0, from)
  try {
    return utf8.decode(bytes.subarray(from, zero < 0 || zero > end ? end : zero))
  } catch (cause) {
    throw fault("the name of a member is not UTF-8; write the tar again with names in UTF-8", { byte: at, cause })
  }
}
