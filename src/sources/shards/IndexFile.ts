/**
 * Indexes of shards as a file, so that what has been scanned is not scanned again: JSON, one list a shard.
 *
 * @since 0.1.0
 */
import type { Block } from "../formats/Format.ts"
import type { IndexedShard } from "./Snapshot.ts"

const VERSION = 3

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
  const lines = shards.map(({ index, info: { location, size, version } }) =>
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
      index.header ?? null
    ])
  )
  const head = JSON.stringify({ furrow: "index", version: VERSION, format, shards: shards.length })
  return `${[head, ...lines].join("\n")}\n`
}

/** Whether a file begins as an index does, of whatever format and version. @since 0.1.0 */
export const isIndex = (bytes: Uint8Array): boolean =>
  new TextDecoder().decode(bytes.subarray(0, BEGINNING.length)) === BEGINNING

const BEGINNING = '{"furrow":"index",'

/** Returns the shards in an index file; `undefined` if it is of another format, another version, or not whole. @since 0.1.0 */
export const decode = (text: string, format: string): ReadonlyArray<IndexedShard> | undefined => {
  try {
    const end = text.indexOf("\n")
    const { furrow, format: own, shards, version }: Record<string, unknown> = JSON.parse(text.slice(0, end))
    if (furrow !== "index" || version !== VERSION || own !== format || !text.endsWith("\n")) return undefined
    // One call for all lines, of which there may be 100,000. A line holds no newline of its own.
    const lines: unknown = JSON.parse(`[${text.slice(end + 1, -1).replaceAll("\n", ",")}]`)
    if (!Array.isArray(lines) || lines.length !== shards) return undefined
    const decoded = lines.map(shardFrom)
    return decoded.every((shard) => shard !== undefined) ? decoded : undefined
  } catch {
    return undefined
  }
}

const isCount = (value: unknown): value is number => Number.isSafeInteger(value) && Number(value) >= 0

const shardFrom = (line: unknown): IndexedShard | undefined => {
  if (!Array.isArray(line)) return undefined
  const [location, size, version, blocks, schema, header]: Array<unknown> = line
  if (typeof location !== "string" || !isCount(size) || typeof version !== "string" || !Array.isArray(blocks)) {
    return undefined
  }
  const own = blocks.map((block) => blockFrom(block, size))
  if (!own.every((block) => block !== undefined)) return undefined
  return {
    info: { location, size, version },
    index: { blocks: own, schema: typeof schema === "string" ? schema : undefined, header: header ?? undefined }
  }
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
