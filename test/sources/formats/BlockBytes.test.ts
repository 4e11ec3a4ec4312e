/**
 * How many bytes a block is said to take, by its index and once it is decoded: what caches and windows are bounded by.
 */
import { expect, test } from "bun:test"
import { createRequire } from "node:module"
import { columnFromArray, float64, int32, list, tableFromColumns, tableToIPC, utf8 } from "@uwdata/flechette"
import { Effect } from "effect"
import type * as ParquetWasm from "parquet-wasm"
import type { DecodedBlock, Format } from "../../../src/sources/formats/Format.ts"
import * as Formats from "../../../src/sources/formats/Formats.ts"
import { readBlocks, referenceFile, shardOf } from "./tables.ts"

// Its types are those of its entry for bundlers; this one has the same functions.
const library = createRequire(import.meta.url)("parquet-wasm/node") as typeof ParquetWasm

/** What the index says, and what blocks say, of all blocks of a shard; and what `bytesOf` finds in them. */
const saidOf = async (
  format: Format<unknown>,
  bytes: Uint8Array,
  found: (block: DecodedBlock<unknown>) => number = () => 0
) => {
  const shard = shardOf(bytes)
  const { blocks } = await Effect.runPromise(format.index(shard))
  const index = blocks.reduce((sum, { bytes, length }) => sum + (bytes ?? length), 0)
  const decoded = await Effect.runPromise(readBlocks(format, shard, (block) => [block.bytes, found(block)] as const))
  const sum = (at: 0 | 1): number => decoded.reduce((all, own) => all + own[at], 0)
  return { index, decoded: sum(0), found: sum(1) }
}

/** The bytes of typed arrays in columns. */
const inColumns = ({ columns }: DecodedBlock<unknown>): number =>
  Array.from(columns?.values() ?? [], (column) => (column._tag === "Cells" ? 0 : column.data.byteLength)).reduce(
    (all, own) => all + own,
    0
  )

test.each([
  ["a.npy", Formats.npy()],
  ["e-f16.npy", Formats.npy()],
  ["c-bigendian.npy", Formats.npy({ blockBytes: 64 })]
])("%s: the bytes of its array, to the byte", async (name, format) => {
  const { decoded, found, index } = await saidOf(format, referenceFile(name), inColumns)
  expect(found).toBeGreaterThan(0)
  expect([decoded, index]).toEqual([found, found])
})

test("Parquet: numbers and lists of numbers to the byte, though pages have each value of a dictionary once", async () => {
  const ROWS = 3_000
  const column = <A>(make: (row: number) => A) => Array.from({ length: ROWS }, (_, row) => make(row))
  const ipc = tableToIPC(
    tableFromColumns({
      few: columnFromArray(
        column((row) => row % 3),
        float64()
      ),
      tokens: columnFromArray(
        column((row) => Int32Array.from({ length: 16 }, (_, at) => (row * at) % 7)),
        list(int32())
      )
    }),
    { format: "stream" }
  )
  if (ipc === null) throw new Error("nothing was encoded")
  const properties = new library.WriterPropertiesBuilder().setMaxRowGroupSize(1_000).build()
  const bytes = library.writeParquet(library.Table.fromIPCStream(ipc), properties)
  const { decoded, found, index } = await saidOf(Formats.parquet(), bytes, inColumns)
  // The offsets of the lists, too.
  const offsets = 3 * 4 * 1_001
  expect(found).toBe(ROWS * (8 + 16 * 4))
  expect([decoded, index]).toEqual([found + offsets, found + offsets])
})

test.each([
  [20, 2],
  [500, 1]
])("Arrow: texts of %d bytes count %d times: short ones are parts of a text of all", async (length, times) => {
  const ROWS = 400
  const texts = Array.from({ length: ROWS }, (_, row) => "x".repeat(length - 1) + (row % 10))
  const ipc = tableToIPC(tableFromColumns({ text: columnFromArray(texts, utf8()) }), { format: "file" })
  if (ipc === null) throw new Error("nothing was encoded")
  const { decoded } = await saidOf(Formats.arrow(), ipc)
  const offsets = 4 * (ROWS + 1)
  expect(decoded - offsets).toBeGreaterThanOrEqual(times * ROWS * length)
  expect(decoded - offsets).toBeLessThan(times * ROWS * length + 200)
})

test.each([
  ["all-zstd.parquet", 1.25, Formats.parquet()],
  ["train-00000-of-00004.parquet", 1.25, Formats.parquet()],
  ["all.arrow", 1.25, Formats.arrow()],
  // Buffers say how long they are once decompressed only where they begin.
  ["all-zstd.arrow", 2, Formats.arrow()],
  ["rows.jsonl", 1.25, Formats.jsonl()],
  // Where short records are, too.
  ["rows.csv", 1.5, Formats.csv()],
  ["shard-000000.tar", 1.25, Formats.tar()],
  ["shard-000003.tar.gz", 1.25, Formats.tar()]
] as const)("%s: its index says what its blocks take, within a factor of %d", async (name, factor, format) => {
  const { decoded, index } = await saidOf(format, referenceFile(name))
  expect(decoded / index).toBeGreaterThan(1 / factor)
  expect(decoded / index).toBeLessThan(factor)
})
