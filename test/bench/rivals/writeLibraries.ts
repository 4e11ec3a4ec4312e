/**
 * The rivals for writing: `parquet-wasm` alone, which is given an Arrow stream in memory, and plain loops for JSON Lines. What they
 * write is on the disk when they are done, as ours is.
 */
import { closeSync, fsyncSync, openSync, writeSync } from "node:fs"
import { createRequire } from "node:module"
import { promisify } from "node:util"
import { zstdCompress, zstdCompressSync } from "node:zlib"
import type * as ParquetWasm from "parquet-wasm"

// Its types are those of its entry for bundlers; this one has the same functions.
const parquet = createRequire(import.meta.url)("parquet-wasm/node") as typeof ParquetWasm

const written = (path: string, parts: Iterable<Uint8Array>): void => {
  const file = openSync(path, "w")
  for (const part of parts) for (let done = 0; done < part.length; ) done += writeSync(file, part, done)
  fsyncSync(file)
  closeSync(file)
}

const properties = (rows?: number): ParquetWasm.WriterProperties => {
  const own = new parquet.WriterPropertiesBuilder().setCompression(parquet.Compression.ZSTD)
  return (rows === undefined ? own : own.setMaxRowGroupSize(rows)).build()
}

/** The whole file at once, with row groups as large as the library makes them. */
export const parquetWhole = (ipc: Uint8Array, path: string, rows: number) => (): number => {
  written(path, [parquet.writeParquet(parquet.Table.fromIPCStream(ipc), properties())])
  return rows
}

/** The whole file at once, with row groups as ours. */
export const parquetByGroups = (ipc: Uint8Array, path: string, rows: number) => (): number => {
  written(path, [parquet.writeParquet(parquet.Table.fromIPCStream(ipc), properties(2048))])
  return rows
}

const BLOCK = 2 ** 20

const pack = promisify(zstdCompress)

/** A line each, and a frame a megabyte: one after the other, or compressed by threads of the runtime. */
export const jsonlWriter =
  (rows: ReadonlyArray<unknown>, path: string, isAsync: boolean) => async (): Promise<number> => {
    const frames: Array<Promise<Uint8Array> | Uint8Array> = []
    let lines: Array<string> = []
    let length = 0
    const close = (): void => {
      const block = Buffer.from(lines.join(""))
      frames.push(isAsync ? pack(block) : zstdCompressSync(block))
      lines = []
      length = 0
    }
    for (const row of rows) {
      const line = `${JSON.stringify(row)}\n`
      lines.push(line)
      length += line.length
      if (length >= BLOCK) close()
    }
    if (lines.length > 0) close()
    written(path, await Promise.all(frames))
    return rows.length
  }
