/**
 * Frames of a service: how its batches travel. `FrameBytes.ts` says how they lie in bytes.
 *
 * @since 0.1.0
 */
import { isRecord } from "../core/Record.ts"
import { Tensor } from "../core/Tensor.ts"
import type { Batch } from "../pipeline/Batch.ts"
import type { Cursor } from "../scheduler/loader/Cursor.ts"
import type { Compression } from "./Compression.ts"
import {
  encodedIn,
  FrameBytesReader,
  joined,
  LONGEST_BODY,
  partsOf,
  pieces,
  type Received,
  withClamped
} from "./FrameBytes.ts"
import { FrameError } from "./FrameLead.ts"
import { Packing, pack, unpack } from "./WireValue.ts"

export { LONGEST_BODY } from "./FrameBytes.ts"
export { FrameError } from "./FrameLead.ts"

/**
 * What travels: first the cursor at which the stream begins, and the number of batches of an epoch, if it is known; then
 * batches, each with the cursor after it; last the run's end, or its error. In between, signs of life. `after` is the place that
 * a batch or the end follows, so that one that is missing or comes twice is noticed.
 *
 * @since 0.1.0
 */
export type Frame =
  | { readonly kind: "begin"; readonly cursor: Cursor; readonly batches: number | null }
  | { readonly kind: "batch"; readonly batch: Batch<unknown>; readonly cursor: Cursor; readonly after?: string }
  | { readonly kind: "end"; readonly cursor: Cursor; readonly after?: string }
  | { readonly kind: "error"; readonly tag: string; readonly message: string }
  | { readonly kind: "alive" }

/**
 * The place of a trainer, as a key. The checksum covers everything in a cursor: after equal cursors, all that follows is equal,
 * including counts and digests.
 *
 * @since 0.1.0
 */
export const placeOf = ({ batch, checksum, epoch }: Cursor): string => `${epoch}/${batch}/${checksum}`

/**
 * Encodes a frame, into what `memory` returns for its length; its bytes share no memory with the batch. Throws `NotSendable`.
 *
 * @since 0.1.0
 */
export const encode = (frame: Frame, memory?: (length: number) => Uint8Array<ArrayBuffer>): Uint8Array<ArrayBuffer> => {
  const packing = new Packing()
  const { parts } = packing
  const value = frame.kind === "batch" ? { ...frame, batch: pack({ ...frame.batch }, packing, "batch") } : frame
  return joined(pieces(withClamped(value, parts), parts), memory)
}

/** Makes a frame of its head and body. Throws what is not right about them. */
const decoded = (received: Received): Frame => {
  const { head } = received
  const { after, batch, batches, cursor, kind, message, parts, tag } = head
  if (kind === "alive") return { kind }
  if (kind === "error") return { kind, tag: String(tag), message: String(message) }
  if (!isRecord(cursor) || !isPlace(cursor)) throw new RangeError("its head has no cursor")
  const own = cursor as unknown as Cursor // whoever resumes from it checks the rest
  const follows = typeof after === "string" ? { after } : {}
  if (kind === "end") return { kind, cursor: own, ...follows }
  if (kind === "begin") return { kind, cursor: own, batches: typeof batches === "number" ? batches : null }
  if (kind !== "batch" || !Array.isArray(parts)) throw new RangeError("its head is not of a batch")
  const made = unpack(batch, {
    part: partsOf(received),
    tensor: ({ data, shape }) => new Tensor(data, shape),
    array: ({ data }) => data
  })
  if (!isBatch(made)) throw new RangeError("its batch lacks a field")
  return { kind, batch: made, cursor: own, ...follows }
}

/** Whether a cursor has what a client reads of it. */
const isPlace = ({ batch, digest, epoch }: Readonly<Record<string, unknown>>): boolean =>
  Number.isSafeInteger(epoch) &&
  Number.isSafeInteger(batch) &&
  (digest === null || (typeof digest === "string" && /^[0-9a-f]{64}$/.test(digest)))

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
  readonly #bytes: FrameBytesReader

  /** `longest`: the most bytes that a body may have; `compression`: how it may come. */
  constructor(longest = LONGEST_BODY, compression: Compression = "none") {
    this.#bytes = new FrameBytesReader({ longestBody: longest, compression })
  }

  /** Whether a frame has begun and not ended. */
  get isWithin(): boolean {
    return this.#bytes.isWithin
  }

  /** Takes a piece, and gives the frames that end in it. Throws {@link FrameError}. */
  *take(piece: Uint8Array): Generator<Frame, void> {
    for (const received of this.#bytes.take(piece)) yield frameOf(received)
  }
}

/** The frame of which {@link encode} made these bytes; its batch is read where it lies in them. @since 0.1.0 */
export const encodedFrame = (bytes: Uint8Array<ArrayBuffer>): Frame => frameOf(encodedIn(bytes))

const frameOf = (received: Received): Frame => {
  try {
    return decoded(received)
  } catch (thrown) {
    throw new FrameError({ reason: thrown instanceof Error ? thrown.message : "it cannot be read" })
  }
}
