/**
 * Frames: how batches travel. The columns' own bytes, behind a short head and a checksum; nothing is converted, and what is
 * received is read where it was written.
 *
 * ```text
 * byte   0  "FRW1"
 *        4  length of the head, 32 bits, little-endian as all numbers
 *        8  length of the body, 64 bits
 *       16  CRC-32 of head and body
 *       20  0
 *       24  head: JSON, filled up with spaces to a multiple of 8 bytes
 *           body: the parts (tensors, typed arrays), each from a multiple of 8 on
 * ```
 *
 * @since 0.1.0
 */
import { crc32 } from "node:zlib"
import * as Data from "effect/Data"
import { isRecord } from "../core/Record.ts"
import type { Batch } from "../pipeline/Batch.ts"
import type { Cursor } from "../scheduler/loader/Cursor.ts"
import { aligned, laidOut, type Part, pack, partIn, unpack } from "./WireValue.ts"

/**
 * What travels: where the run stands when it begins to be sent and how many batches an epoch has, where that is known; then
 * batches, each with the cursor behind it; the run's end, or its error. Between them signs of life.
 *
 * @since 0.1.0
 */
export type Frame =
  | { readonly kind: "begin"; readonly cursor: Cursor; readonly batches: number | null }
  | { readonly kind: "batch"; readonly batch: Batch<unknown>; readonly cursor: Cursor }
  | { readonly kind: "end"; readonly cursor: Cursor }
  | { readonly kind: "error"; readonly tag: string; readonly message: string }
  | { readonly kind: "alive" }

/**
 * What was received is no frame: cut, changed on its way, longer than allowed, or something else altogether.
 *
 * @category errors
 * @since 0.1.0
 */
export class FrameError extends Data.TaggedError("FrameError")<{ readonly reason: string }> {
  override get message(): string {
    return `this is no frame of a furrow service: ${this.reason}`
  }
}

/** "FRW1". */
const MAGIC = 0x31575246

/** How long the part in front of the head is. */
const LEAD = 24

/** Heads hold names, shapes and what is no tensor; one of 64 MiB has a million strings. */
const LONGEST_HEAD = 2 ** 26

/** The longest body that is taken if nothing else is said: 2 GiB. @since 0.1.0 */
export const LONGEST_BODY = 2 ** 31

const encoder = new TextEncoder()

/** Encodes a frame; its bytes share no memory with the batch. Throws `NotSendable`. @since 0.1.0 */
export const encode = (frame: Frame): Uint8Array<ArrayBuffer> => {
  const parts: Array<Part> = []
  const value = frame.kind === "batch" ? { ...frame, batch: pack({ ...frame.batch }, parts, "batch") } : frame
  const { heads, length } = laidOut(parts)
  const head = encoder.encode(JSON.stringify({ ...value, parts: heads }))
  const headLength = aligned(head.length)
  const bytes = new Uint8Array(LEAD + headLength + length)
  const view = new DataView(bytes.buffer)
  view.setUint32(0, MAGIC, true)
  view.setUint32(4, headLength, true)
  view.setBigUint64(8, BigInt(length), true)
  bytes.fill(SPACE, LEAD, LEAD + headLength)
  bytes.set(head, LEAD)
  heads.forEach(([, , offset], at) => {
    const { data } = parts[at] as Part // as many as heads
    bytes.set(new Uint8Array(data.buffer, data.byteOffset, data.byteLength), LEAD + headLength + offset)
  })
  view.setUint32(16, crc32(bytes.subarray(LEAD)), true)
  return bytes
}

const SPACE = 32

const decoder = new TextDecoder("utf-8", { fatal: true })

/** Makes a frame of its head and body. Throws what is not right about them. */
const decoded = (head: Uint8Array, body: Uint8Array<ArrayBuffer>): Frame => {
  const value: unknown = JSON.parse(decoder.decode(head))
  if (!isRecord(value)) throw new RangeError("its head is no record")
  const { batch, batches, cursor, kind, message, parts, tag } = value
  if (kind === "alive") return { kind }
  if (kind === "error") return { kind, tag: String(tag), message: String(message) }
  if (!isRecord(cursor)) throw new RangeError("its head has no cursor")
  const own = cursor as unknown as Cursor // whoever resumes from it checks it
  if (kind === "end") return { kind, cursor: own }
  if (kind === "begin") return { kind, cursor: own, batches: typeof batches === "number" ? batches : null }
  if (kind !== "batch" || !Array.isArray(parts)) throw new RangeError("its head is not of a batch")
  const laid = parts.map((one: unknown) => partIn(body, one))
  const made = unpack(batch, (index) => {
    const part = laid[index]
    if (part === undefined) throw new RangeError("a part is missing")
    return part
  })
  if (!isBatch(made)) throw new RangeError("its batch lacks a field")
  return { kind, batch: made, cursor: own }
}

const isBatch = (value: unknown): value is Batch<unknown> =>
  isRecord(value) &&
  "columns" in value &&
  value["indices"] instanceof Float64Array &&
  ["epoch", "index", "rank", "worker", "size"].every((field) => typeof value[field] === "number")

/**
 * Puts frames together from the pieces in which they arrive. A body is written once, into memory of its own, where the
 * batch's tensors then lie.
 *
 * @since 0.1.0
 */
export class FrameReader {
  readonly #longest: number
  readonly #lead = new Uint8Array(LEAD)
  #leadFilled = 0
  /** Head and body, once their lengths are known. */
  #rest: Uint8Array<ArrayBuffer> | undefined
  #filled = 0
  #headLength = 0
  #expected = 0
  #crc = 0

  /** `longest`: the most bytes that a body may have. */
  constructor(longest = LONGEST_BODY) {
    this.#longest = longest
  }

  /** Whether a frame has begun and not ended. */
  get isWithin(): boolean {
    return this.#leadFilled > 0
  }

  /** Takes a piece, and gives the frames that end in it. Throws {@link FrameError}. */
  *take(piece: Uint8Array): Generator<Frame, void> {
    let at = 0
    while (at < piece.length) {
      if (this.#rest === undefined) {
        const count = Math.min(LEAD - this.#leadFilled, piece.length - at)
        this.#lead.set(piece.subarray(at, at + count), this.#leadFilled)
        this.#leadFilled += count
        at += count
        if (this.#leadFilled < LEAD) return
        this.#begin()
      }
      const rest = this.#rest as unknown as Uint8Array<ArrayBuffer> // #begin has set it
      const own = piece.subarray(at, at + rest.length - this.#filled)
      rest.set(own, this.#filled)
      this.#crc = crc32(own, this.#crc)
      this.#filled += own.length
      at += own.length
      if (this.#filled === rest.length) yield this.#end(rest)
    }
  }

  #begin(): void {
    const view = new DataView(this.#lead.buffer)
    if (view.getUint32(0, true) !== MAGIC) throw new FrameError({ reason: "it does not begin with FRW1" })
    const head = view.getUint32(4, true)
    const body = view.getBigUint64(8, true)
    if (head > LONGEST_HEAD || head % 8 !== 0) throw new FrameError({ reason: `its head is ${head} bytes long` })
    if (body > BigInt(this.#longest)) {
      throw new FrameError({ reason: `its body is ${body} bytes long; at most ${this.#longest} are taken` })
    }
    this.#expected = view.getUint32(16, true)
    this.#headLength = head
    this.#crc = 0
    this.#filled = 0
    try {
      this.#rest = new Uint8Array(head + Number(body))
    } catch {
      throw new FrameError({ reason: `there is no memory for its ${body} bytes` })
    }
  }

  #end(rest: Uint8Array<ArrayBuffer>): Frame {
    this.#rest = undefined
    this.#leadFilled = 0
    if (this.#crc !== this.#expected)
      throw new FrameError({ reason: "its checksum does not fit: it was changed or cut" })
    try {
      return decoded(rest.subarray(0, this.#headLength), rest.subarray(this.#headLength))
    } catch (thrown) {
      throw new FrameError({ reason: thrown instanceof Error ? thrown.message : "it cannot be read" })
    }
  }
}
