/**
 * Indexes of shards as a file, so that what has been scanned is not scanned again: JSON, one list a shard. A
 * checksum over all of it tells a file of which a bit has changed: such a one would give other rows.
 *
 * @since 0.1.0
 */
import { encodeHex } from "effect/Encoding"
import { sha256 } from "../../core/runtime.ts"
import type { Block } from "../formats/Format.ts"
import type { SeenBytes } from "./SeenBytes.ts"
import type { IndexedShard } from "./Snapshot.ts"

/**
 * Raised when the file is laid out anew, and when a format that scans finds other rows, or refuses a shard that it took: an
 * index of a lower version is made again. 6: a file of one JSON array is no row. 7: the types of CSV are
 * those of its first MiB, and pointers of Git LFS are refused.
 */
const VERSION = 7

type BlockLine = readonly [
  rows: number,
  offset: number,
  length: number,
  bytes: number | null,
  extra: ReadonlyArray<number> | null,
  ranges: ReadonlyArray<readonly [offset: number, length: number]> | null
]

/** Returns the text of an index file. `format` is the format with its options, as text. @since 0.1.0 */
export const encode = (format: string, shards: ReadonlyArray<IndexedShard>): string => {
  const lines = shards.map(({ index, info: { location, size, version }, seen }) =>
    JSON.stringify([
      location,
      size,
      version,
      index.blocks.map(
        ({ bytes, extra, length, offset, ranges, rows }): BlockLine => [
          rows,
          offset,
          length,
          bytes ?? null,
          extra ?? null,
          ranges ?? null
        ]
      ),
      index.schema ?? null,
      index.header ?? null,
      seen === undefined ? null : [seen.checksum, seen.isAll ? 1 : 0, seen.sha256 ?? null]
    ])
  )
  const body = lines.map((line) => `${line}\n`).join("")
  const check = checkOf(format, shards.length, body)
  const head = JSON.stringify({ furrow: "index", version: VERSION, check, format, shards: shards.length })
  return `${head}\n${body}`
}

const checkOf = (format: string, shards: number, body: string): string =>
  encodeHex(sha256(`${JSON.stringify([format, shards])}\n${body}`))

/** Whether a file begins as an index does, of whatever format and version, or was cut off there. @since 0.1.0 */
export const isIndex = (bytes: Uint8Array): boolean =>
  BEGINNING.startsWith(new TextDecoder().decode(bytes.subarray(0, BEGINNING.length)))

const BEGINNING = '{"furrow":"index",'

/**
 * Returns the shards in an index file; `undefined` if it is of another format or version, `"damaged"` if it is not as it was
 * written, and `"other"` if it does not begin as one.
 *
 * @since 0.1.0
 */
export const decode = (text: string, format: string): ReadonlyArray<IndexedShard> | "damaged" | "other" | undefined => {
  if (!text.startsWith(BEGINNING)) return BEGINNING.startsWith(text) ? "damaged" : "other"
  try {
    const end = text.indexOf("\n") + 1
    const { check, format: own, shards, version }: Record<string, unknown> = JSON.parse(text.slice(0, end))
    if (version !== VERSION || own !== format) return undefined
    const body = text.slice(end)
    if (typeof shards !== "number" || check !== checkOf(format, shards, body)) return "damaged"
    // One call for all lines, of which there may be 100,000. A line holds no newline of its own.
    const lines: unknown = JSON.parse(`[${body.slice(0, -1).replaceAll("\n", ",")}]`)
    if (!Array.isArray(lines) || lines.length !== shards) return "damaged"
    const decoded = lines.map(shardFrom)
    return decoded.every((shard) => shard !== undefined) ? decoded : "damaged"
  } catch {
    return "damaged"
  }
}

const isCount = (value: unknown): value is number => Number.isSafeInteger(value) && Number(value) >= 0

const shardFrom = (line: unknown): IndexedShard | undefined => {
  if (!Array.isArray(line)) return undefined
  const [location, size, version, blocks, schema, header, seen]: Array<unknown> = line
  if (typeof location !== "string" || !isCount(size) || typeof version !== "string" || !Array.isArray(blocks)) {
    return undefined
  }
  const own = blocks.map((block) => blockFrom(block, size))
  if (!own.every((block) => block !== undefined)) return undefined
  return {
    info: { location, size, version },
    index: { blocks: own, schema: typeof schema === "string" ? schema : undefined, header: header ?? undefined },
    seen: seenFrom(seen)
  }
}

const seenFrom = (seen: unknown): SeenBytes | undefined => {
  if (!Array.isArray(seen)) return undefined
  const [checksum, isAll, sha256]: Array<unknown> = seen
  if (!isCount(checksum)) return undefined
  return { checksum, isAll: isAll === 1, ...(typeof sha256 === "string" ? { sha256 } : {}) }
}

const blockFrom = (line: unknown, size: number): Block | undefined => {
  if (!Array.isArray(line)) return undefined
  const [rows, offset, length, bytes, extra, ranges]: Array<unknown> = line
  if (!isCount(rows) || !isCount(offset) || !isCount(length) || offset + length > size) return undefined
  if (extra !== null && !(Array.isArray(extra) && extra.every(isCount))) return undefined
  const isRange = (own: unknown): own is readonly [number, number] =>
    Array.isArray(own) && isCount(own[0]) && isCount(own[1]) && own[0] + own[1] <= size
  if (ranges !== null && !(Array.isArray(ranges) && ranges.every(isRange))) return undefined
  return {
    rows,
    offset,
    length,
    ...(isCount(bytes) ? { bytes } : {}),
    ...(Array.isArray(extra) ? { extra: extra.filter(isCount) } : {}),
    ...(Array.isArray(ranges) ? { ranges: ranges.filter(isRange) } : {})
  }
}
