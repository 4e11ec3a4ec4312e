/**
 * Blocks as threads share them, of all formats: the rows and columns that each decodes alone. And rows own what they hold, so
 * that the memory of a block can be used again.
 */

import { describe, expect, test } from "bun:test"
import { readdirSync } from "node:fs"
import { dirname, join } from "node:path"
import { fileURLToPath } from "node:url"
import { columnFromArray, float16, int64, list, tableFromColumns, tableToIPC } from "@uwdata/flechette"
import { Effect } from "effect"
import { isTypedArray, Tensor } from "../../../src/core/Tensor.ts"
import type { BlockColumn, BlockPlace, DecodedBlock, Format } from "../../../src/sources/formats/Format.ts"
import * as Formats from "../../../src/sources/formats/Formats.ts"
import { allRows } from "../../../src/sources/shards/RowsAt.ts"
import { referenceFile, shardOf } from "./tables.ts"

const formats: Readonly<Record<string, ReadonlyArray<Format<unknown>>>> = {
  parquet: [Formats.parquet(), Formats.parquet({ timestamps: "bigint" })],
  arrow: [Formats.arrow(), Formats.arrow({ timestamps: "date" })],
  arrows: [Formats.arrow()],
  npy: [Formats.npy()],
  npz: [Formats.npz(), Formats.npz({ sample: "file" })],
  safetensors: [Formats.safetensors({ sample: "file" })],
  tar: [Formats.tar({ blockBytes: 2 ** 14 }), Formats.tar({ fields: { json: (bytes: Uint8Array) => bytes } })],
  jsonl: [Formats.jsonl({ blockBytes: 2 ** 14 })],
  csv: [Formats.csv({ blockBytes: 2 ** 14 })],
  tsv: [Formats.tsv({ blockBytes: 2 ** 14 })]
}

const folder = join(dirname(fileURLToPath(import.meta.url)), "reference")

const kindOf = (name: string): string =>
  name
    .replace(/\.(?:gz|zst)$/, "")
    .split(".")
    .at(-1) ?? ""

const files = readdirSync(folder).filter((name) => kindOf(name) in formats)

/** Parts as they lie in memory that threads share. */
const inSharedMemory = (parts: ReadonlyArray<Uint8Array>): ReadonlyArray<Uint8Array> =>
  parts.map((part) => {
    const own = new Uint8Array(new SharedArrayBuffer(part.length, { maxByteLength: 2 * part.length + 8 }))
    own.set(part)
    return own
  })

const rowsOf = ({ row, size }: DecodedBlock<unknown>): ReadonlyArray<unknown> =>
  Array.from({ length: size }, (_, place) => row(place))

/** What a column holds, in memory of the test. */
const heldBy = (column: BlockColumn, rows: number): unknown =>
  column._tag === "Cells"
    ? Array.from({ length: rows }, (_, place) => column.cell(place))
    : { tag: column._tag, dtype: column.data.constructor.name, data: Array.from<unknown>(column.data) }

/** All rows, read together, the last one first. */
const backwards = (block: DecodedBlock<unknown>): ReadonlyArray<unknown> =>
  allRows(
    [block],
    new Uint32Array(block.size),
    Array.from({ length: block.size }, (_, row) => block.size - 1 - row)
  )

const columnsOf = ({ columns, size }: DecodedBlock<unknown>): unknown =>
  columns === undefined ? undefined : Array.from(columns, ([name, column]) => [name, heldBy(column, size)])

/** The typed arrays in a value. */
const arraysIn = (value: unknown): ReadonlyArray<ArrayBufferView> => {
  if (isTypedArray(value)) return [value]
  if (value instanceof Tensor) return [value.data]
  if (typeof value !== "object" || value === null || value instanceof Date) return []
  return Object.values(value).flatMap(arraysIn)
}

/** Whether an array is no view of a block: an array of a file in a tar has that file's bytes. */
const owns =
  (kind: string, bytes: Uint8Array) =>
  ({ buffer, byteLength }: ArrayBufferView): boolean =>
    !(buffer instanceof SharedArrayBuffer) &&
    (kind === "tar" ? buffer !== bytes.buffer : byteLength === buffer.byteLength)

const done = <A>(own: A | Effect.Effect<A, unknown>): Promise<A> =>
  Effect.runPromise(Effect.isEffect(own) ? own : Effect.succeed(own))

/** Numbers that rows have in another form than they lie in a file, nulls among them. */
const converted = (): Uint8Array => {
  const bigs = Array.from({ length: 30 }, (_, row) => (row % 7 === 3 ? null : BigInt(row) * 2n ** 40n))
  const bytes = tableToIPC(
    tableFromColumns({
      big: columnFromArray(bigs, int64(), { useBigInt: true, maxBatchRows: 11 }),
      bigs: columnFromArray(
        bigs.map((own, row) => (own === null ? null : [BigInt(row), own])),
        list(int64()),
        { useBigInt: true, maxBatchRows: 11 }
      ),
      half: columnFromArray(
        bigs.map((_, row) => row / 8),
        float16(),
        { maxBatchRows: 11 }
      )
    }),
    { format: "file" }
  )
  if (bytes === null) throw new Error("nothing was encoded")
  return bytes
}

const encoder = new TextEncoder()
const TEXT = Array.from({ length: 60 }, (_, row) => `naïve ${row}${row % 7 === 0 ? "\r\n\n" : "\n"}`).join("")
/** Some blocks have a cell of several lines, and some have none. */
const CELLS = `id,text\n${Array.from({ length: 90 }, (_, row) => `${row},${row % 29 === 0 ? '"naïve\n\nñ"' : "日本"}\n`).join("")}`

const cases: ReadonlyArray<readonly [name: string, bytes: () => Uint8Array, format: Format<unknown>]> = [
  ...files.flatMap((name) =>
    (formats[kindOf(name)] ?? []).map((format) => [name, () => referenceFile(name), format] as const)
  ),
  ["converted.arrow", converted, Formats.arrow({ int64: "number" })],
  ["lines.txt", () => encoder.encode(TEXT), Formats.text({ blockBytes: 300 })],
  ["paragraphs.txt", () => encoder.encode(TEXT), Formats.text({ rows: "paragraphs", blockBytes: 300 })],
  ["lines.csv", () => encoder.encode(CELLS), Formats.csv({ blockBytes: 300 })]
]

describe("blocks that threads share", () => {
  test.each(cases)(
    "%s: the rows and columns of a block of one's own, which rows own",
    async (name, content, format) => {
      const shard = shardOf(content(), name)
      const kind = kindOf(name)
      const index = await Effect.runPromise(format.index(shard))
      const shared = await Effect.runPromise(format.shared ?? Effect.die("it is not shared"))
      let firstRow = 0
      for (const [number, block] of index.blocks.entries()) {
        const place: BlockPlace = { shard, index, number, firstRow }
        const ranges = block.ranges ?? [[block.offset, block.length] as const]
        const read = (): Uint8Array =>
          new Uint8Array(Buffer.concat(ranges.map(([offset, length]) => Effect.runSync(shard.read(offset, length)))))
        const bytes = read()
        const alone = await done(format.decode(bytes, block, place))
        const parts = await done(shared.unpack(read(), block, place))
        const view = shared.view(inSharedMemory(parts), block, place)
        // What is not read from shared memory is missed.
        for (const part of parts) part.fill(0)
        expect(view.size).toBe(block.rows)
        expect(columnsOf(view)).toEqual(columnsOf(alone))
        const rows = rowsOf(view)
        const others = rowsOf(alone)
        expect(rows).toEqual(others)
        expect(backwards(view)).toEqual(others.toReversed())
        expect(backwards(alone)).toEqual(others.toReversed())
        expect(arraysIn(rows).every(owns(kind, bytes))).toBe(true)
        if (alone.release !== undefined) expect(arraysIn(others).every(owns(kind, bytes))).toBe(true)
        firstRow += block.rows
      }
      expect(firstRow).toBeGreaterThan(0)
    }
  )
})
