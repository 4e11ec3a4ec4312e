/**
 * The manifest of written shards: which there are, with their rows, bytes and checksums. It is written when all of them are
 * there. While a run writes, the same is kept as its progress, in a hidden file.
 *
 * @since 0.1.0
 */

/** The name of a manifest in the folder of its shards. @since 0.1.0 */
export const MANIFEST = "manifest.json"

/** The name of what is kept while a run writes. @since 0.1.0 */
export const PROGRESS = ".progress.json"

const VERSION = 1

/** A shard that was written. @category models @since 0.1.0 */
export interface WrittenShard {
  /** Its name in the folder. */
  readonly name: string
  readonly rows: number
  readonly bytes: number
  /** SHA-256 of its bytes. */
  readonly sha256: string
  /** SHA-256 of its content before compression: the same on every runtime. */
  readonly content: string
}

/** What was written. @category models @since 0.1.0 */
export interface Manifest {
  /** The format and its options, and how rows are dealt into shards, as text. */
  readonly sink: string
  readonly rows: number
  readonly bytes: number
  readonly shards: ReadonlyArray<WrittenShard>
  /** A hash over the content of all shards. */
  readonly content: string
  /** The types of the columns, where the format has some. */
  readonly schema?: unknown
  /** Where the source stood when all was written: a cursor. */
  readonly source: unknown
}

/** How far a run has come. @since 0.1.0 */
export interface Progress {
  /** A text that no other run has. */
  readonly run: string
  readonly sink: string
  readonly shards: ReadonlyArray<WrittenShard>
  readonly schema?: unknown
  /** Where the source stood before the rows of which the next shard has the first ones. */
  readonly source: unknown
  /** How many of these rows are in shards that were written. */
  readonly skip: number
}

const lines = (head: object, shards: ReadonlyArray<WrittenShard>): string => {
  const own = shards.map(({ bytes, content, name, rows, sha256 }) =>
    JSON.stringify({ name, rows, bytes, sha256, content })
  )
  const list = own.length === 0 ? "[]" : `[\n    ${own.join(",\n    ")}\n  ]`
  const fields = Object.entries(head)
    .filter(([, value]) => value !== undefined)
    .map(([name, value]) => `  ${JSON.stringify(name)}: ${JSON.stringify(value)}`)
  return `{\n${[...fields, `  "shards": ${list}`].join(",\n")}\n}\n`
}

/** Returns a manifest as text. @since 0.1.0 */
export const encode = ({ shards, ...rest }: Manifest): string =>
  lines({ furrow: "manifest", version: VERSION, ...rest }, shards)

/** Returns the progress of a run as text. @since 0.1.0 */
export const encodeProgress = ({ shards, ...rest }: Progress): string =>
  lines({ furrow: "progress", version: VERSION, ...rest }, shards)

const isCount = (value: unknown): value is number => Number.isSafeInteger(value) && Number(value) >= 0

const isHash = (value: unknown): value is string => typeof value === "string" && /^[0-9a-f]{64}$/.test(value)

const shardOf = (value: unknown): WrittenShard | undefined => {
  if (typeof value !== "object" || value === null) return undefined
  const { bytes, content, name, rows, sha256 }: Partial<Record<keyof WrittenShard, unknown>> = value
  if (typeof name !== "string" || name === "" || /[/\\]/.test(name)) return undefined
  return isCount(rows) && isCount(bytes) && isHash(sha256) && isHash(content)
    ? { name, rows, bytes, sha256, content }
    : undefined
}

const parsed = (text: string, kind: "manifest" | "progress") => {
  try {
    const value: unknown = JSON.parse(text)
    if (typeof value !== "object" || value === null) return undefined
    const own: Record<string, unknown> = { ...value }
    const { furrow, shards, sink, version } = own
    if (furrow !== kind || version !== VERSION || typeof sink !== "string" || !Array.isArray(shards)) return undefined
    const all = shards.map(shardOf)
    return all.every((shard) => shard !== undefined) ? { own, sink, shards: all } : undefined
  } catch {
    return undefined
  }
}

/** Parses a manifest; returns `undefined` if the text is not a manifest, or one of another version. @since 0.1.0 */
export const decode = (text: string): Manifest | undefined => {
  const found = parsed(text, "manifest")
  if (found === undefined) return undefined
  const { own, shards, sink } = found
  const { bytes, content, rows, schema, source } = own
  const sum = (of: "rows" | "bytes"): number => shards.reduce((total, shard) => total + shard[of], 0)
  if (rows !== sum("rows") || bytes !== sum("bytes") || !isHash(content)) return undefined
  return { sink, rows, bytes, shards, content, source, ...(schema === undefined ? {} : { schema }) }
}

/** Parses a progress file; returns `undefined` if the text is not one, or one of another version. @since 0.1.0 */
export const decodeProgress = (text: string): Progress | undefined => {
  const found = parsed(text, "progress")
  if (found === undefined) return undefined
  const { own, shards, sink } = found
  const { run, schema, skip, source } = own
  if (typeof run !== "string" || !isCount(skip)) return undefined
  return { run, sink, shards, source, skip, ...(schema === undefined ? {} : { schema }) }
}
