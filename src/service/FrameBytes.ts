/**
 * The bytes of frames: how a head and the raw bytes of arrays travel, whoever sends them. Nothing is converted, and what is
 * received is read where it was written.
 *
 * `FrameLead.ts` says what stands in front of a head. The head is JSON, filled up with spaces to a multiple of 8 bytes; the body
 * is its parts (tensors, typed arrays), each from a multiple of 8 on.
 *
 * A body comes as zstd only to who asks for that; length and checksum are those of the bytes that it is made of.
 *
 * @since 0.1.0
 */

import { crc32 } from "node:zlib"
import { arrays, dtypeOf } from "../core/DType.ts"
import { parseJson } from "../core/EscapedNames.ts"
import { plural } from "../core/Plural.ts"
import { isRecord } from "../core/Record.ts"
import { runtimeZstd } from "../sources/formats/Zstd.ts"
import type { Compression } from "./Compression.ts"
import { damaged, FrameError, headLengthIn, LEAD, leadIn, malformed, setPacked, writeLead } from "./FrameLead.ts"
import { aligned, laidOut, NotSendable, PART_KEYS, type Part, type PartHead, partsIn } from "./WireValue.ts"

/** Heads hold names, shapes, and what is neither a tensor nor long. */
const LONGEST_HEAD = 2 ** 26

/** Default limit of a body's length: 2 GiB. @since 0.1.0 */
export const LONGEST_BODY = 2 ** 31

const SPACE = 32

const encoder = new TextEncoder()

const ZEROS = new Uint8Array(8)

const bytesOf = ({ data }: Part): Uint8Array => new Uint8Array(data.buffer, data.byteOffset, data.byteLength)

/** Bodies of at most so many bytes are copied behind their heads: a piece of its own costs more. */
const SHORT_BODY = 1000

/**
 * The pieces of a frame, in their order: lead and head, then the parts and what fills them up. Parts are not copied, unless
 * they are short: then the frame is one piece. Throws
 * `NotSendable` if the head or the body is longer than is read.
 *
 * @since 0.1.0
 */
export const pieces = (
  value: Readonly<Record<string, unknown>>,
  parts: ReadonlyArray<Part>,
  longestHead = LONGEST_HEAD
): readonly [Uint8Array, ...ReadonlyArray<Uint8Array>] => {
  const { heads, length } = laidOut(parts)
  if (length > LONGEST_BODY) {
    throw new NotSendable({
      path: longestColumn(value, parts),
      found: `most of ${length} bytes, more than ${LONGEST_BODY},`
    })
  }
  const head = headOf({ ...value, parts: heads }, longestHead)
  const headLength = aligned(head.length)
  const isShort = length <= SHORT_BODY
  // Not of a length: to find the memory of such an array takes engines longer than the rest.
  const bytes = new Uint8Array(new ArrayBuffer(LEAD + headLength + (isShort ? length : 0)))
  bytes.fill(SPACE, LEAD + head.length, LEAD + headLength)
  bytes.set(head, LEAD)
  const all: [Uint8Array, ...Array<Uint8Array>] = [bytes]
  if (isShort) {
    for (let at = 0; at < parts.length; at++) {
      const [, , offset] = heads[at] as PartHead // one for each part
      copyPart(parts[at] as Part, bytes, LEAD + headLength + offset) // below the length
    }
  }
  for (const part of isShort ? [] : parts) {
    const own = bytesOf(part)
    if (own.length > 0) all.push(own)
    const rest = aligned(own.length) - own.length
    if (rest > 0) all.push(ZEROS.subarray(0, rest))
  }
  let crc = crc32(bytes.subarray(LEAD))
  for (let at = 1; at < all.length; at++) crc = crc32(all[at] as Uint8Array, crc) // below the length
  writeLead(bytes, { head: headLength, body: length, packed: 0, crc })
  return all
}

/** Copies a part to a place in memory whose other bytes are 0. */
const copyPart = ({ data }: Part, { buffer }: Uint8Array<ArrayBuffer>, at: number): void => {
  if (data instanceof BigInt64Array || data instanceof BigUint64Array) {
    new BigUint64Array(buffer, at, data.length).set(data)
    return
  }
  const target = new arrays[dtypeOf(data)](buffer, at, data.length)
  if (target instanceof BigInt64Array || target instanceof BigUint64Array) return // no part with numbers is of these
  target.set(data)
}

/** The bytes of a head. Throws `NotSendable`, which names the longest column, if there are too many. */
const headOf = (value: Readonly<Record<string, unknown>>, longest: number): Uint8Array => {
  const text = jsonOf(value)
  const head = text === undefined ? undefined : encoder.encode(text)
  if (head !== undefined && head.length <= longest) return head
  const found = `most of more than ${longest} bytes of keys, short texts and other values outside of arrays and lists`
  throw new NotSendable({ path: longestColumn(value, []), found })
}

/** The path of the column that takes most of a frame's head, and of its parts. */
const longestColumn = (value: Readonly<Record<string, unknown>>, parts: ReadonlyArray<Part>): string => {
  const { batch } = value
  const columns = isRecord(batch) && isRecord(batch["columns"]) ? batch["columns"] : {}
  const lengths = Object.entries(columns).map(([name, own]) => {
    const text = jsonOf(own)
    return [name, text === undefined ? Infinity : text.length + bytesIn(own, parts)] as const
  })
  const [most] = lengths.toSorted(([, one], [, other]) => other - one)
  return most === undefined ? "" : `columns.${most[0]}`
}

/** How many bytes the parts have that a packed value names. */
const bytesIn = (value: unknown, parts: ReadonlyArray<Part>): number => {
  if (typeof value !== "object" || value === null) return 0
  const inner = Object.entries(value).map(([key, own]: [string, unknown]) => {
    const numbers: ReadonlyArray<unknown> = PART_KEYS.has(key) ? (Array.isArray(own) ? own : [own]) : []
    return numbers.reduce<number>((sum, at) => sum + (parts[Number(at)]?.data.byteLength ?? 0), bytesIn(own, parts))
  })
  return inner.reduce((sum, own) => sum + own, 0)
}

/** As JSON; `undefined` if that is longer than any text. */
const jsonOf = (value: unknown): string | undefined => {
  try {
    return JSON.stringify(value)
  } catch {
    return undefined
  }
}

/** The pieces of the frame whose first piece is `first`, with its body as zstd. @since 0.1.0 */
export const withPacked = (first: Uint8Array, packed: Uint8Array): readonly [Uint8Array, Uint8Array] => {
  const own = first.slice()
  setPacked(own, packed.length)
  return [own, packed]
}

/** Lead and head of a frame, and its body. @since 0.1.0 */
export const halves = (frame: Uint8Array): readonly [Uint8Array, Uint8Array] => {
  const at = LEAD + headLengthIn(frame)
  return [frame.subarray(0, at), frame.subarray(at)]
}

/** Pieces as one, in what `memory` returns for their length. @since 0.1.0 */
export const joined = (
  all: ReadonlyArray<Uint8Array>,
  memory: (length: number) => Uint8Array<ArrayBuffer> = (length) => new Uint8Array(length)
): Uint8Array<ArrayBuffer> => {
  const bytes = memory(all.reduce((sum, { length }) => sum + length, 0))
  let at = 0
  for (const piece of all) {
    bytes.set(piece, at)
    at += piece.length
  }
  return bytes
}

const decoder = new TextDecoder("utf-8", { fatal: true })

/** Head and body of a frame, as they were received. @since 0.1.0 */
export interface Received {
  readonly head: Readonly<Record<string, unknown>>
  readonly body: Uint8Array<ArrayBuffer>
}

/** Head and body of a frame that this process has encoded; the body is read where it lies. @since 0.1.0 */
export const encodedIn = (frame: Uint8Array<ArrayBuffer>): Received => {
  const at = LEAD + headLengthIn(frame)
  return { head: recordOf(frame.subarray(LEAD, at)), body: frame.subarray(at) }
}

/** The head of a frame, and which of its parts are clamped: their bytes are those of `uint8`. @since 0.1.0 */
export const withClamped = (
  head: Readonly<Record<string, unknown>>,
  parts: ReadonlyArray<Part>
): Readonly<Record<string, unknown>> => {
  const clamped: Array<number> = []
  for (let at = 0; at < parts.length; at++) if (parts[at]?.data instanceof Uint8ClampedArray) clamped.push(at)
  return clamped.length === 0 ? head : { ...head, clamped }
}

/** The parts of frames that were asked for them: several fields of a frame are read, one after the other. */
const known = new WeakMap<Received, (index: number) => Part>()

/** Gives the parts of a frame; typed arrays as they lie in its body. Throws a `RangeError`. @since 0.1.0 */
export const partsOf = (frame: Received): ((index: number) => Part) => {
  const before = known.get(frame)
  if (before !== undefined) return before
  const parts = partsWithin(frame)
  known.set(frame, parts)
  return parts
}

const partsWithin = ({ body, head }: Received): ((index: number) => Part) => {
  const part = partsIn(body, head["parts"])
  const clamped: unknown = head["clamped"]
  if (!Array.isArray(clamped)) return part
  return (index) => {
    const own = part(index)
    if (!clamped.includes(index)) return own
    const { buffer, byteLength, byteOffset } = own.data
    return { ...own, data: new Uint8ClampedArray(buffer, byteOffset, byteLength) }
  }
}

/** How long heads and bodies may be, and where bodies are written. @since 0.1.0 */
export interface ReaderOptions {
  /** The most bytes that a body may have. Default {@link LONGEST_BODY}. */
  readonly longestBody?: number
  readonly longestHead?: number
  /** Whether bodies may come as zstd, too. Default `"none"`: they may not. */
  readonly compression?: Compression
  /** Gives the memory of a body, for good or until whoever reads it gives it back. */
  readonly memory?: (bytes: number) => Uint8Array<ArrayBuffer>
}

/**
 * Puts frames together from the pieces in which they arrive. A body is written once, into memory of its own.
 *
 * @since 0.1.0
 */
export class FrameBytesReader {
  /** May be changed between frames. */
  options: ReaderOptions
  readonly #lead = new Uint8Array(LEAD)
  #leadFilled = 0
  #head: Uint8Array<ArrayBuffer> | undefined
  /** Where the body is written as it comes. */
  #body: Uint8Array<ArrayBuffer> = new Uint8Array(0)
  /** How many bytes the body is made of, if it comes as zstd. */
  #plain: number | undefined
  /** Of head and body. */
  #filled = 0
  #expected = 0
  #crc = 0
  readonly #isNumbered: boolean
  /** The number of the next frame. */
  #number = 0

  /** `isNumbered`: whether frames are numbered, so that one that is lost or comes twice is noticed. */
  constructor(options: ReaderOptions = {}, isNumbered = false) {
    this.options = options
    this.#isNumbered = isNumbered
  }

  /** Whether a frame has begun and not ended. */
  get isWithin(): boolean {
    return this.#leadFilled > 0
  }

  /** Takes a piece, and gives the frames that end in it. Throws {@link FrameError}. */
  *take(piece: Uint8Array): Generator<Received, void> {
    let at = 0
    while (at < piece.length) {
      if (this.#head === undefined) {
        const count = Math.min(LEAD - this.#leadFilled, piece.length - at)
        this.#lead.set(piece.subarray(at, at + count), this.#leadFilled)
        this.#leadFilled += count
        at += count
        if (this.#leadFilled < LEAD) return
        this.#begin()
      }
      const head = this.#head as unknown as Uint8Array<ArrayBuffer> // #begin has set it
      const within = this.#filled < head.length
      const target = within ? head : this.#body
      const from = within ? this.#filled : this.#filled - head.length
      const own = piece.subarray(at, at + target.length - from)
      target.set(own, from)
      if (within || this.#plain === undefined) this.#crc = crc32(own, this.#crc)
      this.#filled += own.length
      at += own.length
      if (this.#filled === head.length + this.#body.length) yield this.#end(head, this.#body)
    }
  }

  #begin(): void {
    const { compression = "none", longestBody = LONGEST_BODY, longestHead = LONGEST_HEAD } = this.options
    const { body, crc, head, packed } = leadIn(this.#lead, this.#isNumbered ? this.#number++ : undefined)
    // Never 0: what is no longer than its lead would not end.
    if (head > longestHead || head % 8 !== 0 || head === 0) {
      throw malformed(`its head is ${plural(head, "byte")} long`)
    }
    if (body > longestBody) {
      throw malformed(`its body is ${plural(body, "byte")} long; at most ${longestBody} are taken`)
    }
    if (packed > 0 && compression === "none") throw malformed("its body is compressed, which nobody asked for")
    if (packed > 0 && packed >= body) {
      throw malformed(`its body of ${plural(body, "byte")} is compressed to ${plural(packed, "byte")}`)
    }
    this.#expected = crc
    this.#crc = 0
    this.#filled = 0
    this.#plain = packed > 0 ? body : undefined
    this.#head = new Uint8Array(head)
    this.#body = packed > 0 ? room(packed, undefined) : room(body, this.options.memory)
  }

  /** The body that has come as zstd. No more memory is taken for it than the lead says. */
  #unpacked(packed: Uint8Array, length: number): Uint8Array<ArrayBuffer> {
    const plain = plainOf(packed, length)
    if (plain.length !== length) {
      throw malformed(`its body is ${plural(plain.length, "byte")} of zstd, and not ${length}`)
    }
    const body = room(length, this.options.memory)
    body.set(plain)
    this.#crc = crc32(plain, this.#crc)
    return body
  }

  #end(head: Uint8Array<ArrayBuffer>, came: Uint8Array<ArrayBuffer>): Received {
    this.#head = undefined
    this.#body = new Uint8Array(0)
    this.#leadFilled = 0
    const body = this.#plain === undefined ? came : this.#unpacked(came, this.#plain)
    if (this.#crc !== this.#expected) throw damaged("its checksum does not fit: it was changed or cut")
    return { head: recordOf(head), body }
  }
}

/** Memory of a body. */
const room = (length: number, memory: ReaderOptions["memory"]): Uint8Array<ArrayBuffer> => {
  try {
    return memory === undefined || length === 0 ? new Uint8Array(new ArrayBuffer(length)) : memory(length)
  } catch {
    throw new FrameError({ reason: `there is no memory for its ${plural(length, "byte")}` })
  }
}

/** What zstd holds, if that is at most `most` bytes. */
const plainOf = (packed: Uint8Array, most: number): Uint8Array => {
  if (runtimeZstd === undefined) throw malformed("its body is compressed, which this runtime cannot read")
  let plain: Uint8Array | "large"
  try {
    plain = runtimeZstd.upTo(packed, most)
  } catch {
    throw damaged("its compressed body is corrupt: it was changed or cut")
  }
  if (plain === "large") throw malformed(`its body is zstd of more than ${plural(most, "byte")}`)
  return plain
}

const recordOf = (head: Uint8Array): Readonly<Record<string, unknown>> => {
  const value = parsed(head)
  if (!isRecord(value)) throw new FrameError({ reason: "its head is no record" })
  return value
}

const parsed = (head: Uint8Array): unknown => {
  try {
    return parseJson(decoder.decode(head))
  } catch (thrown) {
    throw new FrameError({ reason: thrown instanceof Error ? thrown.message : "its head cannot be read" })
  }
}
