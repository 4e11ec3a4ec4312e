/** Tables: rows of 512 tokens, and four columns of numbers, as Parquet (zstd) and as Arrow files. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { createRequire } from "node:module"
import { tmpdir } from "node:os"
import { join } from "node:path"
import {
  columnFromArray,
  float32,
  float64,
  int32,
  list,
  type Table,
  tableFromColumns,
  tableToIPC
} from "@uwdata/flechette"
import { Effect } from "effect"
import type * as ParquetWasm from "parquet-wasm"
import { Dataset, Format, Pipeline } from "../../../src/index.ts"
import { Xoshiro128 } from "../../../src/random/generators/Xoshiro128.ts"

export const WIDTH = 512
export const TOKEN_ROWS = 20_000
export const NUMBER_ROWS = 500_000
const TOKEN_GROUP = 1000
const NUMBER_GROUP = 50_000
export const TOKEN_BATCH = 250
export const NUMBER_BATCH = 1000

// Its types are those of its entry for bundlers; this one has the same functions.
const parquet = createRequire(import.meta.url)("parquet-wasm/node") as typeof ParquetWasm

/** The files. */
export interface Files {
  readonly tokens: string
  readonly numbers: string
  readonly arrow: string
  readonly remove: () => void
}

const ipc = (table: Table, format: "file" | "stream"): Uint8Array => {
  const bytes = tableToIPC(table, { format })
  if (bytes === null) throw new Error("flechette has encoded nothing")
  return bytes
}

/** Writes them into a folder of their own. */
export const files = (): Files => {
  const folder = mkdtempSync(join(tmpdir(), "furrow-bench-tables-"))
  const rng = new Xoshiro128()
  rng.reseed(Uint32Array.of(1, 2, 3, 4), 0)
  // Few tokens are frequent, as in text.
  const row = () => Int32Array.from({ length: WIDTH }, () => Math.floor(50_000 * (rng.integer(2 ** 24) / 2 ** 24) ** 3))
  const column = <A>(rows: number, make: (row: number) => A) => Array.from({ length: rows }, (_, place) => make(place))
  const tokens = tableFromColumns({
    id: columnFromArray(
      column(TOKEN_ROWS, (place) => place),
      int32(),
      { maxBatchRows: TOKEN_GROUP }
    ),
    tokens: columnFromArray(column(TOKEN_ROWS, row), list(int32()), { maxBatchRows: TOKEN_GROUP })
  })
  const numbers = tableFromColumns({
    a: columnFromArray(
      column(NUMBER_ROWS, () => rng.integer(2 ** 24) / 2 ** 24),
      float64()
    ),
    b: columnFromArray(
      column(NUMBER_ROWS, () => rng.integer(2 ** 24) / 2 ** 24),
      float32()
    ),
    c: columnFromArray(
      column(NUMBER_ROWS, () => rng.integer(1_000_000)),
      int32()
    ),
    d: columnFromArray(
      column(NUMBER_ROWS, (place) => place % 10),
      int32()
    )
  })
  const written = (name: string, table: Table, group: number): string => {
    const path = join(folder, name)
    const properties = new parquet.WriterPropertiesBuilder()
      .setCompression(parquet.Compression.ZSTD)
      .setMaxRowGroupSize(group)
      .build()
    writeFileSync(path, parquet.writeParquet(parquet.Table.fromIPCStream(ipc(table, "stream")), properties))
    return path
  }
  const arrow = join(folder, "tokens.arrow")
  writeFileSync(arrow, ipc(tokens, "file"))
  return {
    tokens: written("tokens.parquet", tokens, TOKEN_GROUP),
    numbers: written("numbers.parquet", numbers, NUMBER_GROUP),
    arrow,
    remove: () => rmSync(folder, { recursive: true, force: true })
  }
}

/** All of a file in order. The cache is smaller than the file, so that every epoch reads it. */
export const open = (path: string, format: Format.Format<Format.TableRow>, size: number) =>
  Effect.runPromise(
    Effect.map(Dataset.open(path, { format, index: false, cacheBytes: 2 ** 23 }), (dataset) =>
      Pipeline.from(dataset).pipe(Pipeline.batch(size))
    )
  )

export const formats = { parquet: Format.parquet(), arrow: Format.arrow() }
