/**
 * What is known of a shard's bytes from the reads that its index took: their checksum, and whether they were all of them. So
 * a shard is told from another of the same name, size and rows.
 *
 * @since 0.1.0
 */
import { crc32 } from "node:zlib"
import * as Effect from "effect/Effect"
import type { Shard } from "../formats/Format.ts"

/** The bytes of a shard that were read for its index. JSON-able. @category models @since 0.1.0 */
export interface SeenBytes {
  /** The CRC-32 of the shard if all of it was read; else a sum over the reads. */
  readonly checksum: number
  /** Whether that was all of it. */
  readonly isAll: boolean
  /** The SHA-256 by a manifest, which tells what was not read. */
  readonly sha256?: string | undefined
}

/** Whether nothing of the bytes can differ unseen. @since 0.1.0 */
export const tellsAll = (seen: SeenBytes | undefined): boolean => seen?.isAll === true || seen?.sha256 !== undefined

/**
 * Returns a shard that reads as this one does, and what is then known of its bytes. One that is scanned is read in its order,
 * in pieces that depend on no option; of any other the order of reads does not matter.
 *
 * @since 0.1.0
 */
export const seeing = (
  shard: Shard,
  scans: boolean,
  sha256: string | undefined
): { readonly shard: Shard; readonly seen: () => SeenBytes } => {
  const { size } = shard.info
  /** The bytes before this one were read, in their order. */
  let end = 0
  let scanned = 0
  let others = 0
  let isAll = size === 0
  const take = (offset: number, bytes: Uint8Array): void => {
    if (scans && offset <= end) {
      const next = bytes.subarray(end - offset)
      if (next.length === 0) return
      scanned = crc32(next, scanned)
      end = offset + bytes.length
      isAll ||= end === size
      return
    }
    isAll ||= bytes.length === size
    others = (others + crc32(bytes, crc32(`${offset} ${bytes.length}`))) >>> 0
  }
  return {
    shard: {
      ...shard,
      read: (offset, length) => Effect.tap(shard.read(offset, length), (bytes) => take(offset, bytes))
    },
    // Where all was read in order, what was read besides tells nothing more, and may depend on how it is cut.
    seen: () => {
      const checksum = end === size && size > 0 ? scanned : (scanned + others) >>> 0
      return { checksum, isAll, ...(isAll || sha256 === undefined ? {} : { sha256 }) }
    }
  }
}
