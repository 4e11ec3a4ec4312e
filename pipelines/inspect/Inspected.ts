/**
 * What is shown of an opened dataset of shards.
 */
import { plural } from "../../src/core/Plural.ts"
import { type Dataset, type Format, Sampler } from "../../src/index.ts"
import { columnsIn } from "../../src/sources/formats/csv/Columns.ts"
import { sha256ByManifest } from "../../src/sources/shards/Checksums.ts"

interface Block {
  readonly rows: number
  readonly offset: number
  readonly length: number
}

interface Shard {
  readonly location: string
  readonly bytes: number
  readonly version: string
  readonly rows: number
  /** How many blocks it has, or each of them. */
  readonly blocks: number | ReadonlyArray<Block>
}

export interface Inspected {
  readonly shards: ReadonlyArray<Shard>
  readonly rows: number
  readonly blocks: number
  readonly bytes: number
  /** Of a block: its rows, and its bytes once it is decoded, about. */
  readonly block: { readonly rows: Spread; readonly bytes: Spread }
  /** Equal texts, equal types. */
  readonly schema: string | null
  /** The names of the columns and their types, if the format has columns. */
  readonly columns: ReadonlyArray<readonly [name: string, type: string]> | null
  /** The file of the index, if it is kept, and how many shards were indexed just now. */
  readonly index: { readonly file: string | null; readonly scanned: number }
  /** What `Sampler.shuffleBlocks` costs with a window of so many blocks, and how well it mixes. */
  readonly windows: ReadonlyArray<{ readonly window: number } & Sampler.OrderReport>
}

interface Spread {
  readonly least: number
  readonly mean: number
  readonly most: number
}

const spreadOf = (values: ReadonlyArray<number>): Spread => {
  const sum = values.reduce((total, own) => total + own, 0)
  const least = values.reduce((one, own) => Math.min(one, own), values[0] ?? 0)
  const most = values.reduce((one, own) => Math.max(one, own), 0)
  return { least, mean: values.length === 0 ? 0 : Math.round(sum / values.length), most }
}

const WINDOWS = [8, 64, 512]

/** Positions of the order that are looked at. */
const POSITIONS = 2 ** 16

/** Looks at a dataset; `isWhole` says whether each block is listed. */
export const inspected = (dataset: Dataset.ShardedDataset<unknown>, isWhole: boolean): Inspected => {
  const { sharded, size } = dataset
  const { index, scanned, shards } = sharded
  const blocks = shards.flatMap((shard) => shard.index.blocks)
  return {
    shards: shards.map((shard) => ({
      location: shard.info.location,
      bytes: shard.info.size,
      version: shard.info.version,
      rows: shard.index.blocks.reduce((sum, block) => sum + block.rows, 0),
      blocks: isWhole
        ? shard.index.blocks.map(({ length, offset, rows }) => ({ rows, offset, length }))
        : shard.index.blocks.length
    })),
    rows: size,
    blocks: blocks.length,
    bytes: shards.reduce((sum, { info }) => sum + info.size, 0),
    block: {
      rows: spreadOf(blocks.map(({ rows }) => rows)),
      bytes: spreadOf(blocks.map((block) => block.bytes ?? block.length))
    },
    schema: shards.find((shard) => shard.index.schema !== undefined)?.index.schema ?? null,
    columns: columnsOf(shards.find((shard) => shard.index.schema !== undefined)?.index),
    index: { file: index ?? null, scanned },
    windows: WINDOWS.filter((window, at) => size > 0 && (at === 0 || window < blocks.length)).map((window) => ({
      window,
      ...Sampler.report(Sampler.shuffleBlocks({ window }), dataset, { positions: POSITIONS })
    }))
  }
}

const columnsOf = (index: Format.ShardIndex | undefined): Inspected["columns"] =>
  index?.columns ?? columnsIn(index?.header)?.map(({ name, type }) => [name, type] as const) ?? null

/** A name as it is, or in quotes if it would not end where it ends. */
const nameOf = (name: string): string => (/^[^\s,"]+$/.test(name) ? name : JSON.stringify(name))

/** Bytes in the unit in which they have one to four digits. */
const bytesOf = (count: number): string => {
  const units = ["B", "KB", "MB", "GB", "TB"]
  let [own, unit] = [count, 0]
  while (own >= 9999.5 && unit < units.length - 1) [own, unit] = [own / 1000, unit + 1]
  return `${own < 100 && unit > 0 ? own.toFixed(1) : Math.round(own)} ${units[unit]}`
}

/** Columns of texts, the first to the left and the others to the right. */
const table = (rows: ReadonlyArray<ReadonlyArray<string>>): ReadonlyArray<string> => {
  const widths = (rows[0] ?? []).map((_, at) => Math.max(...rows.map((row) => row[at]?.length ?? 0)))
  return rows.map((row) =>
    row
      .map((cell, at) => (at === 0 ? cell.padEnd(widths[at] ?? 0) : cell.padStart(widths[at] ?? 0)))
      .join("  ")
      .trimEnd()
  )
}

/** More shards are not listed for people. */
const LISTED = 50

/** What is known of shards of which each was read. */
export const checkedShards = (shards: Dataset.Sharded["shards"]): ReadonlyArray<string> => {
  const named = shards.filter(({ info }) => sha256ByManifest(info) !== undefined).length
  const others = shards.length - named
  return [
    ...(named === 0 ? [] : [`${plural(named, "shard")} ${named === 1 ? "matches" : "match"} manifest.json`]),
    ...(others === 0
      ? []
      : [`the first row of ${plural(others, "shard")} can be read; no manifest has ${others === 1 ? "it" : "them"}`])
  ]
}

/** Lines for people. */
export const shown = (own: Inspected): ReadonlyArray<string> => {
  const { block, blocks, bytes, columns, index, rows, shards, windows } = own
  const listed = shards.slice(0, LISTED)
  const count = (all: Shard["blocks"]): number => (typeof all === "number" ? all : all.length)
  const kept = index.file === null ? "in the files" : index.file
  return [
    ...table([
      ["shard", "rows", "blocks", "bytes"],
      ...listed.flatMap((shard) => [
        [shard.location, String(shard.rows), String(count(shard.blocks)), bytesOf(shard.bytes)],
        ...(typeof shard.blocks === "number"
          ? []
          : shard.blocks.map((part) => [`  byte ${part.offset}`, String(part.rows), "", bytesOf(part.length)]))
      ])
    ]),
    ...(shards.length > LISTED ? [`… and ${shards.length - LISTED} more (--json lists all)`] : []),
    "",
    `${plural(shards.length, "shard")}, ${plural(rows, "row")}, ${plural(blocks, "block")}, ${bytesOf(bytes)}`,
    `a block: ${block.rows.least} to ${plural(block.rows.most, "row")}, ${bytesOf(block.bytes.least)} to ${bytesOf(block.bytes.most)} decoded`,
    ...(columns === null ? [] : [`schema: ${columns.map(([name, type]) => `${nameOf(name)} ${type}`).join(", ")}`]),
    `index: ${kept}${index.scanned > 0 ? `, ${plural(index.scanned, "shard")} indexed now` : ""}`,
    ...windows.map(({ bytes: memory = 0, neighbors, positions, reads = 0, window }) => {
      const cost = `${bytesOf(memory)} in memory, ${reads.toFixed(2)} bytes read for each delivered`
      const mixed = `${(100 * neighbors).toFixed(1)} % of neighbors stay together`
      const part = positions < rows ? ` (of the first ${plural(positions, "row")} of an epoch)` : ""
      return `shuffleBlocks({ window: ${window} }): ${cost}, ${mixed}${part}`
    })
  ]
}
