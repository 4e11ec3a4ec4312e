/**
 * The one seam to `parquet-wasm`, Arrow's Rust decoder for Parquet as a WebAssembly module, which is loaded when the first
 * Parquet shard is decoded.
 *
 * Why this one: of `parquet-wasm`, `hyparquet` and DuckDB it alone reads all types, codecs and encodings of the reference
 * files on Bun, Deno and Node, gives columns as typed memory, and needs no binary for each platform. `docs/formats.md` has the
 * figures.
 *
 * The module is instantiated by code of ours, in two ways unlike the package's own. Its memory has a bound, so that a
 * decompression bomb is an error and not the end of the process. And there can be another instance: after a trap, an instance is
 * in an unknown state; after a large block it keeps its memory. Either is dropped, and the next block gets a fresh one.
 *
 * @since 0.1.0
 */
import { readFileSync } from "node:fs"
import { createRequire } from "node:module"
import { dirname, join } from "node:path"
import { compileFunction } from "node:vm"
import type { ArrowArray } from "../arrow/ArrowArray.ts"
import { missing } from "../LibraryMissing.ts"
import { AGAIN, Malformed } from "../Malformed.ts"
import { columnsAt } from "./CData.ts"

/** What is used of the package. */
interface Decoder {
  readonly readParquet: (bytes: Uint8Array, options: { readonly batchSize: number }) => Table
  readonly wasmMemory: () => WebAssembly.Memory
}

interface Table {
  readonly numBatches: number
  readonly intoFFI: () => Exported
}

/** Arrays of the module's memory, by the C data interface. */
interface Exported {
  readonly arrayAddr: (batch: number) => number
  readonly schemaAddr: () => number
  readonly free: () => void
}

const PAGE = 65_536
/** The memory that decoding may take: 3 GiB of the 4 that a module can have. */
const MOST_PAGES = (3 * 2 ** 30) / PAGE
/** An instance that has grown beyond this is dropped after the block. */
const KEPT_BYTES = 512 * 2 ** 20

/** The module's name, put together so that bundlers do not look for it: it may not be installed. */
const NAME = ["parquet", "wasm"].join("-")

let decoder: Decoder | undefined

/** The package's code and its module, read once. */
let files: { readonly path: string; readonly code: string; readonly module: Uint8Array } | undefined

const load = (): Decoder => {
  const require = createRequire(import.meta.url)
  try {
    if (files === undefined) {
      const path = require.resolve(`${NAME}/node`)
      const module = bounded(readFileSync(join(dirname(path), "parquet_wasm_bg.wasm")), MOST_PAGES)
      files = { path, code: readFileSync(path, "utf8"), module }
    }
  } catch (cause) {
    throw missing(NAME, "decodes Parquet", cause)
  }
  // The package's own entry for Node, run as Node runs it: its functions belong to the instance that it makes.
  const { code, module, path } = files
  const own: { exports: unknown } = { exports: {} }
  const names = ["exports", "require", "module", "__filename", "__dirname"]
  const run = compileFunction(code, names, { filename: path })
  const requiring = (name: string): unknown => (name === "fs" ? { readFileSync: () => module } : require(name))
  run(own.exports, requiring, own, path, dirname(path))
  // As the package's types say.
  return own.exports as Decoder
}

/** Returns a module whose memory may have so many pages, from one that says how many it begins with. @since 0.1.0 */
export const bounded = (module: Uint8Array, pages: number): Uint8Array => {
  let at = 8
  const number = (): number => {
    let value = 0
    for (let shift = 0; ; shift += 7) {
      const byte = module[at++] ?? 0
      value += (byte & 127) * 2 ** shift
      if (byte < 128) return value
    }
  }
  while (at < module.length) {
    const start = at
    const section = module[at++]
    const length = number()
    const end = at + length
    if (section !== MEMORY) {
      at = end
      continue
    }
    // How many memories there are, whether the first has a bound, and its first size.
    at += 2
    const body = [1, 1, ...leb(number()), ...leb(pages)]
    const own = [MEMORY, ...leb(body.length), ...body]
    const result = new Uint8Array(start + own.length + module.length - end)
    result.set(module.subarray(0, start))
    result.set(own, start)
    result.set(module.subarray(end), start + own.length)
    return result
  }
  throw new Malformed(`the module of ${NAME} has no memory; install ${NAME} 0.8`)
}

/** The number of the section of memories. */
const MEMORY = 5

const leb = (value: number): ReadonlyArray<number> =>
  value < 128 ? [value] : [(value & 127) | 128, ...leb(Math.floor(value / 128))]

/**
 * Returns the columns of a Parquet file of one row group of `rows` rows, all that it has: the decoder's own choice of columns
 * works in its asynchronous reader alone. Throws {@link Malformed}.
 *
 * @since 0.1.0
 */
export const decodeFile = (file: Uint8Array, rows: number): ReadonlyArray<ArrowArray> => {
  decoder ??= load()
  const { readParquet, wasmMemory } = decoder
  let exported: Exported | undefined
  try {
    const table = readParquet(file, { batchSize: rows })
    const { numBatches } = table
    exported = table.intoFFI()
    if (numBatches !== 1) throw new Malformed(`a row group has rows in ${numBatches} parts; ${AGAIN}`)
    const arrays = columnsAt(wasmMemory().buffer, exported.schemaAddr(), exported.arrayAddr(0))
    exported.free()
    if (wasmMemory().buffer.byteLength > KEPT_BYTES) decoder = undefined
    return arrays
  } catch (thrown) {
    // The package throws an Error of this very class for what its decoder refuses; all else leaves it as it was in the middle.
    if (Object.getPrototypeOf(thrown) !== Error.prototype) decoder = undefined
    exported?.free()
    throw thrown instanceof Malformed ? thrown : refused(thrown)
  }
}

/**
 * DuckDB writes unsigned integers of 32 bits by DELTA_BINARY_PACKED with first values and differences of 64, which the format
 * does not have.
 */
const UNSIGNED = /^(?:first value|'?min_delta'?) too large/

const refused = (thrown: unknown): Malformed => {
  if (!(thrown instanceof Error)) return new Malformed(`it cannot be decoded; ${AGAIN}`, { cause: thrown })
  const reason = thrown.message.replaceAll(/(?:Parquet argument error|Parquet error|External|Arrow): /g, "")
  if (Object.getPrototypeOf(thrown) === Error.prototype) {
    const way = /NYI|not (?:yet )?(?:supported|implemented)|unsupported/i.test(reason)
      ? "write it again without that"
      : UNSIGNED.test(reason)
        ? `if DuckDB wrote it, write its unsigned columns as BIGINT, or without PARQUET_VERSION V2; else ${AGAIN}`
        : AGAIN
    return new Malformed(`its decoder says: ${reason}; ${way}`, { cause: thrown })
  }
  // What the engine says of a trap tells nothing to those who have the shard.
  const limit = `${(MOST_PAGES * PAGE) / 2 ** 30} GiB`
  return new Malformed(`its decoder gave up: it is damaged, or a row group needs more than ${limit}`, { cause: thrown })
}
