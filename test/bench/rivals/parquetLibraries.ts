/**
 * The rivals for Parquet: `parquet-wasm` alone, the decoder that Furrow uses, by each of its ways to read a file, and `hyparquet`,
 * in plain JavaScript. They decode all columns and make no batches.
 */
import { readFileSync } from "node:fs"
import { open } from "node:fs/promises"
import { createRequire } from "node:module"
import { parquetRead } from "hyparquet"
import { compressors } from "hyparquet-compressors"
import type * as ParquetWasm from "parquet-wasm"

// Its types are those of its entry for bundlers; this one has the same functions.
const parquet = createRequire(import.meta.url)("parquet-wasm/node") as typeof ParquetWasm

/** Rows of a batch of the library: as many as a row group has, so that it makes as few as it can. */
const ROWS = 1_000_000

/** Exports the columns, as views of the module's memory; gives `rows` back. */
const exported = (table: ParquetWasm.Table, rows: number): number => {
  const views = table.intoFFI()
  if (views.arrayAddrs().length === 0) throw new Error("there are no rows")
  views.free()
  return rows
}

/** The whole file at once. */
export const wholeFile = (path: string, rows: number) => (): number =>
  exported(parquet.readParquet(readFileSync(path), { batchSize: ROWS }), rows)

/** A row group at a time, by range reads. */
export const rowGroups = (path: string, rows: number) => async (): Promise<number> => {
  const handle = await open(path)
  const { size } = await handle.stat()
  const slice = (from: number, to: number) => ({
    arrayBuffer: async () => {
      const bytes = new Uint8Array(to - from)
      await handle.read(bytes, 0, bytes.length, from)
      return bytes.buffer
    }
  })
  // It takes what has a size and slices, as a Blob has.
  const file = await parquet.ParquetFile.fromFile({ size, slice } as unknown as Blob)
  const groups = file.metadata().numRowGroups()
  for (let group = 0; group < groups; group++) {
    exported(await file.read({ rowGroups: [group], batchSize: ROWS }), rows)
  }
  file.free()
  await handle.close()
  return rows
}

/** Columns as arrays, by `hyparquet`. */
export const hyparquet = (path: string, rows: number) => async (): Promise<number> => {
  const bytes = readFileSync(path)
  const file = bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength)
  let chunks = 0
  await parquetRead({ file, compressors, onChunk: () => chunks++ })
  if (chunks === 0) throw new Error("there are no rows")
  return rows
}
