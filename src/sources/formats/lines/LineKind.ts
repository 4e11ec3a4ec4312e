/**
 * What tells the formats of lines from each other, and their errors.
 *
 * @since 0.1.0
 */
import { type Shard, ShardError } from "../Format.ts"
import { packedReason } from "../Packing.ts"
import type { LineSizes } from "./LineOptions.ts"
import type { Split } from "./Spans.ts"

/**
 * Returns why a shard of this name that begins with these bytes, of which the last one may be that of the shard, is not of a
 * format; `"more"` if that depends on further bytes.
 *
 * @since 0.1.0
 */
export type Refused = (name: string, bytes: Uint8Array, isLast: boolean) => string | undefined

/** A format of lines, as what reads them needs it. @since 0.1.0 */
export interface LineKind extends LineSizes {
  readonly name: string
  readonly split: Split
  /** How many bytes each row has, if they have as many: blocks of plain shards are then known without reading them. */
  readonly windowBytes?: number | undefined
  /** What refuses shards of another format, by their beginning. Default: none is refused. */
  readonly refused?: Refused | undefined
}

/**
 * Throws for the beginning of a shard of another format. Returns whether further bytes are needed to tell.
 *
 * @since 0.1.0
 */
export const checkBeginning = (kind: LineKind, shard: Shard, bytes: Uint8Array, isLast: boolean): boolean => {
  checkPacking(kind, shard, bytes)
  const reason = kind.refused?.(shard.info.location, bytes, isLast)
  if (reason !== undefined && reason !== "more") throw error(kind, shard, 0, reason)
  return reason === "more"
}

/** Throws for the beginning of a shard that is packed in a way that is not read. @since 0.1.0 */
export const checkPacking = (kind: LineKind, shard: Shard, bytes: Uint8Array): void => {
  // Windows of bytes are of any bytes.
  const reason = kind.windowBytes === undefined ? packedReason(bytes, "gzip or zstd") : undefined
  if (reason !== undefined) throw error(kind, shard, 0, reason)
}

/** An error of a shard of lines. @since 0.1.0 */
export const error = (
  kind: LineKind,
  shard: Shard,
  byte: number,
  reason: string,
  row?: number,
  cause?: unknown
): ShardError => new ShardError({ shard: shard.info.location, format: kind.name, row, byte, reason, cause })

/** @since 0.1.0 */
export const tooLong = (kind: LineKind, shard: Shard, byte: number, row: number): ShardError =>
  error(kind, shard, byte, `a row is longer than rowBytes, ${kind.rowBytes}; raise that, or leave the shard out`, row)
