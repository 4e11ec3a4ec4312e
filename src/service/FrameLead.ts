/**
 * What stands in front of each frame: how long it is, and checksums.
 *
 * ```text
 * byte   0  "FRW2"
 *        4  length of the head, 32 bits, little-endian as all numbers
 *        8  length of the body
 *       12  0, or how many bytes the body takes here as zstd, fewer than its own
 *       16  CRC-32 of head and body
 *       20  CRC-32 of the 20 bytes before, since a corrupted length would make the reader wait forever; its initial value is
 *           the frame's number on the connection if frames are numbered, else 0
 *       24  the head, then the body
 * ```
 *
 * @since 0.1.0
 */

import { crc32 } from "node:zlib"
import * as Data from "effect/Data"

/**
 * Received bytes are not a frame: cut, changed on the way, longer than allowed, or something else altogether.
 *
 * @category errors
 * @since 0.1.0
 */
export class FrameError extends Data.TaggedError("FrameError")<{
  readonly reason: string
  /** Whether it would be so again if the same was sent again, unless it was changed on its way. */
  readonly isLasting?: boolean
  /** Whether its bytes are not those that were sent. */
  readonly isDamage?: boolean
}> {
  override get message(): string {
    return `this is no frame of furrow's: ${this.reason}`
  }
}

/** "FRW2". */
const MAGIC = 0x32575246

/** "FRW" alone, without the digit of the layout. */
const FURROW = 0x575246

/** How long it is. @since 0.1.0 */
export const LEAD = 24

/** How much of it is in front of its own checksum. */
const UNSEALED = 20

/** @since 0.1.0 */
export interface Lead {
  /** Lengths of head and body, and of the body as zstd, if it comes so. */
  readonly head: number
  readonly body: number
  readonly packed: number
  /** Of head and body. */
  readonly crc: number
}

const viewOf = ({ buffer, byteOffset }: Uint8Array): DataView => new DataView(buffer, byteOffset)

/** Writes a lead at the start of `bytes`. @since 0.1.0 */
export const writeLead = (bytes: Uint8Array, { body, crc, head, packed }: Lead): void => {
  const view = viewOf(bytes)
  view.setUint32(0, MAGIC, true)
  view.setUint32(4, head, true)
  view.setUint32(8, body, true)
  view.setUint32(12, packed, true)
  view.setUint32(16, crc, true)
  seal(bytes)
}

/** Writes the checksum of the lead at the start of `bytes` into it: that of the frame of a number, from 0. @since 0.1.0 */
export const seal = (bytes: Uint8Array, number = 0): void =>
  viewOf(bytes).setUint32(UNSEALED, crc32(bytes.subarray(0, UNSEALED), number % 2 ** 32), true)

/** Says of a frame that its body comes as so many bytes of zstd. @since 0.1.0 */
export const setPacked = (bytes: Uint8Array, packed: number): void => {
  viewOf(bytes).setUint32(12, packed, true)
  seal(bytes)
}

/** @since 0.1.0 */
export const headLengthIn = (bytes: Uint8Array): number => viewOf(bytes).getUint32(4, true)

/** Reads the lead of the frame of a number, or of frames without one. Throws {@link FrameError}. @since 0.1.0 */
export const leadIn = (lead: Uint8Array, number: number | undefined): Lead => {
  const view = viewOf(lead)
  const magic = view.getUint32(0, true)
  if (magic !== MAGIC) {
    const isOther = (magic & 0xffffff) === FURROW
    throw malformed(isOther ? "it is of another version of furrow" : "it does not begin with FRW2")
  }
  if (crc32(lead.subarray(0, UNSEALED), (number ?? 0) % 2 ** 32) !== view.getUint32(UNSEALED, true)) {
    const what = number === undefined ? "was changed" : "was changed, or one before it was lost or came twice"
    throw damaged(`the checksum of its lengths does not fit: it ${what} on the way`)
  }
  return {
    head: headLengthIn(lead),
    body: view.getUint32(8, true),
    packed: view.getUint32(12, true),
    crc: view.getUint32(16, true)
  }
}

/** The error of what would be no frame the next time, either. @since 0.1.0 */
export const malformed = (reason: string): FrameError => new FrameError({ reason, isLasting: true })

/** The error of what was changed on its way. @since 0.1.0 */
export const damaged = (reason: string): FrameError => new FrameError({ reason, isDamage: true })
