/**
 * Shards in memory, read by a format as `Dataset.open` reads them, and what the reference files hold.
 */
import { readFileSync } from "node:fs"
import { dirname, join } from "node:path"
import { fileURLToPath } from "node:url"
import { Effect, Stream } from "effect"
import { isTypedArray, Tensor } from "../../../src/core/Tensor.ts"
import { attempt } from "../../../src/sources/formats/Fault.ts"
import type { DecodedBlock, Format, Shard, ShardError } from "../../../src/sources/formats/Format.ts"
import type { StoreError } from "../../../src/sources/store/Store.ts"

const folder = join(dirname(fileURLToPath(import.meta.url)), "reference")

export const referenceFile = (name: string): Uint8Array => new Uint8Array(readFileSync(join(folder, name)))

interface Reference {
  readonly rows: ReadonlyArray<Readonly<Record<string, unknown>>>
  readonly files: Readonly<
    Record<string, { readonly rows: readonly [from: number, to: number]; readonly rowGroups?: number }>
  >
}

const reference: Reference = JSON.parse(readFileSync(join(folder, "formats.json"), "utf8"))

/** The tables among the reference files, and the rows that each holds. */
export const tables: ReadonlyArray<{
  readonly name: string
  readonly blocks: number | undefined
  readonly rows: ReadonlyArray<Readonly<Record<string, unknown>>>
}> = Object.entries(reference.files).map(([name, { rowGroups, rows }]) => ({
  name,
  blocks: rowGroups,
  rows: reference.rows.slice(...rows)
}))

/** A shard in memory, and how many bytes of it were read. */
export const shardOf = (bytes: Uint8Array, location = "memory"): Shard & { readonly bytesRead: () => number } => {
  let read = 0
  const part = (offset: number, length: number): Uint8Array => {
    read += length
    return bytes.slice(offset, offset + length)
  }
  return {
    info: { location, size: bytes.length, version: "1" },
    read: (offset, length) => Effect.sync(() => part(offset, length)),
    stream: (offset = 0) => Stream.sync(() => part(offset, bytes.length)),
    bytesRead: () => read
  }
}

/** Reads the bytes of each block, decodes it, and gives what `seen` makes of it. */
export const readBlocks = <Row, A>(
  format: Format<Row>,
  shard: Shard,
  seen: (block: DecodedBlock<Row>, rows: number) => A
): Effect.Effect<Array<A>, ShardError | StoreError> =>
  Effect.gen(function* () {
    const index = yield* format.index(shard)
    const results: Array<A> = []
    let firstRow = 0
    for (const [number, block] of index.blocks.entries()) {
      const parts = yield* Effect.forEach(block.ranges ?? [[block.offset, block.length] as const], ([offset, length]) =>
        shard.read(offset, length)
      )
      const bytes = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0))
      let at = 0
      for (const part of parts) {
        bytes.set(part, at)
        at += part.length
      }
      const own = yield* Effect.suspend(() => {
        try {
          const decoded = format.decode(bytes, block, { shard, index, number, firstRow })
          return Effect.isEffect(decoded) ? decoded : Effect.succeed(decoded)
        } catch (error) {
          // Plain `decode` throws a ShardError; anything else is a defect.
          return isShardError(error) ? Effect.fail(error) : Effect.die(error)
        }
      })
      results.push(seen(own, block.rows))
      firstRow += block.rows
    }
    return results
  })

const isShardError = (error: unknown): error is ShardError =>
  error instanceof Error && "_tag" in error && error._tag === "ShardError"

/** All rows of a shard. */
export const readRows = <Row>(format: Format<Row>, shard: Shard): Effect.Effect<Array<Row>, ShardError | StoreError> =>
  Effect.flatMap(
    readBlocks(format, shard, (block) =>
      attempt(() => Array.from({ length: block.size }, (_, place) => block.row(place)))
    ),
    (blocks) => Effect.map(Effect.all(blocks), (rows) => rows.flat())
  )

/** Values as `formats.json` writes them. */
export const asJson = (value: unknown): unknown => {
  if (typeof value === "bigint") {
    return Number.isSafeInteger(Number(value)) ? Number(value) : { $bigint: String(value) }
  }
  if (value instanceof Tensor) return Array.from<number | bigint, unknown>(value.data, asJson)
  if (value instanceof Uint8Array) return { $bytes: Buffer.from(value).toString("base64") }
  if (value instanceof Date) return value.toISOString()
  if (isTypedArray(value)) return Array.from<number | bigint, unknown>(value, asJson)
  if (Array.isArray(value)) return value.map(asJson)
  if (typeof value !== "object" || value === null) return value
  return Object.fromEntries(Object.entries(value).map(([key, own]) => [key, asJson(own)]))
}

/** A row of the reference, with times as `Date` prints them; the Parquet files have no column `f16`. */
export const expectedRow = (row: Readonly<Record<string, unknown>>, without: ReadonlyArray<string> = []): unknown => {
  const { when, ...rest } = row
  const own = { ...rest, when: when === null ? null : new Date(String(when)).toISOString() }
  return Object.fromEntries(Object.entries(own).filter(([name]) => !without.includes(name)))
}
