/**
 * Columns of numbers and of lists of numbers, as another implementation writes them, come out as they went in: with nulls,
 * empty lists, dictionaries, and pages that end anywhere.
 */
import { describe, expect, test } from "bun:test"
import { createRequire } from "node:module"
import {
  columnFromArray,
  type DataType,
  float32,
  float64,
  int32,
  int64,
  list,
  tableFromColumns,
  tableToIPC
} from "@uwdata/flechette"
import fc from "fast-check"
import type * as ParquetWasm from "parquet-wasm"
import * as Format from "../../../../src/sources/formats/Formats.ts"
import { lookUp } from "../../../../src/sources/formats/parquet/Dictionary.ts"
import { Hybrid } from "../../../../src/sources/formats/parquet/Hybrid.ts"
import { refusal, rowsOf } from "../../../support/shard.ts"

// Its types are those of its entry for bundlers; this one has the same functions.
const library = createRequire(import.meta.url)("parquet-wasm/node") as typeof ParquetWasm
const { Compression, WriterVersion } = library

const types: Readonly<Record<string, () => DataType>> = { int32, int64, float32, float64 }

type Number = number | bigint | null
type Cell = Number | ReadonlyArray<Number>

interface Written {
  readonly type: string
  readonly isList: boolean
  readonly cells: ReadonlyArray<Cell>
  readonly group: number
  readonly page: number
  readonly version: 1 | 2
  readonly hasDictionary: boolean
  readonly codec: number
}

const written = ({ cells, codec, group, hasDictionary, isList, page, type, version }: Written): Uint8Array => {
  const own = (types[type] ?? int32)()
  const column = columnFromArray(cells as Array<unknown>, isList ? list(own) : own, { useBigInt: true })
  const ipc = tableToIPC(tableFromColumns({ a: column }), { format: "stream" })
  if (ipc === null) throw new Error("nothing was encoded")
  const properties = new library.WriterPropertiesBuilder()
    .setCompression(codec)
    .setMaxRowGroupSize(group)
    .setDataPageSizeLimit(page)
    .setDictionaryEnabled(hasDictionary)
    .setWriterVersion(version === 1 ? WriterVersion.V1 : WriterVersion.V2)
    .setWriteBatchSize(4)
    .build()
  return library.writeParquet(library.Table.fromIPCStream(ipc), properties)
}

const numbers = (type: string): fc.Arbitrary<Number> => {
  if (type === "int64") return fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n })
  if (type === "int32") return fc.integer()
  return type === "float32" ? fc.float() : fc.double()
}

const recipe = fc
  .record({
    type: fc.constantFrom("int32", "int64", "float32", "float64"),
    isList: fc.boolean(),
    few: fc.boolean(),
    nulls: fc.boolean()
  })
  .chain(({ few, isList, nulls, type }) =>
    fc.array(numbers(type), { minLength: 1, maxLength: few ? 3 : 40 }).chain((pool) => {
      const own = fc.oneof(
        { weight: 9, arbitrary: fc.constantFrom(...pool) },
        { weight: nulls ? 2 : 0, arbitrary: fc.constant(null) }
      )
      const lists = fc.oneof(
        { weight: 6, arbitrary: fc.array(own, { maxLength: 40, ...(nulls ? {} : { minLength: 1 }) }) },
        { weight: nulls ? 1 : 0, arbitrary: fc.constant(null) }
      )
      return fc.record({
        type: fc.constant(type),
        isList: fc.constant(isList),
        cells: fc.array<Cell>(isList ? lists : own, { minLength: 1, maxLength: 60 }),
        group: fc.constantFrom(3, 17, 1000),
        page: fc.constantFrom(1, 64, 100_000),
        version: fc.constantFrom<1 | 2>(1, 2),
        // The library's second version packs differences where there is no dictionary, which is left to it.
        hasDictionary: fc.boolean(),
        codec: fc.constantFrom<number>(Compression.UNCOMPRESSED, Compression.ZSTD, Compression.GZIP, Compression.SNAPPY)
      })
    })
  )

const listed = (cell: unknown): unknown => (ArrayBuffer.isView(cell) ? Array.from(cell as Float64Array) : cell)

test("numbers come out as they went in", async () => {
  await fc.assert(
    fc.asyncProperty(recipe, async (own) => {
      const rows = await rowsOf(Format.parquet(), written(own))
      expect(rows.map(({ a }) => listed(a))).toEqual(own.cells.map(listed))
    }),
    { numRuns: 250 }
  )
}, 60_000)

describe("run lengths and packed bits", () => {
  test("of every width", () => {
    for (let width = 1; width <= 32; width++) {
      const values = Array.from({ length: 20 }, (_, at) => (at * 2654435761) % 2 ** width)
      const bits = values.flatMap((value) =>
        Array.from({ length: width }, (_, bit) => Math.floor(value / 2 ** bit) % 2)
      )
      const packed = Uint8Array.from({ length: 3 * width }, (_, byte) =>
        Array.from({ length: 8 }, (_, bit) => (bits[8 * byte + bit] ?? 0) << bit).reduce((sum, own) => sum + own, 0)
      )
      // Three groups of eight, of which the last has four; before them a run of five.
      const run = Uint8Array.from({ length: Math.ceil(width / 8) }, (_, byte) => (byte === 0 ? 1 : 0))
      const bytes = Uint8Array.of(10, ...run, 7, ...packed)
      const into = new Uint32Array(25)
      new Hybrid(bytes, 0, bytes.length, width, 25).fill(into, 0)
      expect(Array.from(into)).toEqual([1, 1, 1, 1, 1, ...values])
    }
  })

  test("are looked up in a dictionary, in runs of any length", () => {
    const size = 600
    for (const width of [10, 11, 16, 24, 25, 26]) {
      for (const words of [1, 2]) {
        for (const count of [1, 2, 3, 5, 8, 63, 504]) {
          const indices = Array.from({ length: count }, (_, at) => (at * 97) % size)
          const groups = Math.ceil(count / 8)
          const bytes = new Uint8Array(2 + groups * width)
          bytes.set([(((groups << 1) | 1) & 127) | (groups > 63 ? 128 : 0), groups >> 6])
          const from = groups > 63 ? 2 : 1
          for (const [at, index] of indices.entries()) {
            for (let bit = 0; bit < width; bit++) {
              const place = at * width + bit
              if ((index >> bit) & 1)
                bytes[from + (place >> 3)] = (bytes[from + (place >> 3)] as number) | (1 << (place & 7))
            }
          }
          const own = bytes.subarray(0, from + groups * width)
          const dictionary = { size, words: Int32Array.from({ length: size * words }, (_, at) => at * 7) }
          const into = new Int32Array((count + 1) * words)
          const most = lookUp(dictionary, new Hybrid(own, 0, own.length, width, count), into, words, words)
          expect(most).toBe(Math.max(...indices))
          const found = indices.flatMap((index) =>
            Array.from({ length: words }, (_, word) => (index * words + word) * 7)
          )
          expect(Array.from(into)).toEqual([...new Array(words).fill(0), ...found])
        }
      }
    }
  })

  test("that end too early are refused", () => {
    const into = new Uint32Array(9)
    for (const bytes of [[], [3, 255], [18], [0], [255, 255, 255, 255, 255, 1]]) {
      const own = Uint8Array.from(bytes)
      expect(() => new Hybrid(own, 0, own.length, 8, 9).fill(into, 0)).toThrow(/ends before|begins within/)
    }
  })
})

test("each changed byte is an error of the shard, or leaves a sound column", async () => {
  const cells = Array.from({ length: 30 }, (_, row) => (row % 7 === 0 ? null : [row, 5, row % 3]))
  const own = {
    type: "int32",
    isList: true,
    cells,
    group: 10,
    page: 64,
    hasDictionary: true,
    codec: Compression.UNCOMPRESSED
  }
  const file = written({ ...own, version: 1 })
  // The footer stands behind the pages.
  const end = file.length - 8 - new DataView(file.buffer, file.byteOffset).getUint32(file.length - 8, true)
  let refused = 0
  for (let at = 4; at < end; at += 3) {
    const damaged = file.slice()
    damaged[at] = (damaged[at] as number) ^ 0x55 // a byte of the pages
    try {
      expect(await rowsOf(Format.parquet(), damaged)).toHaveLength(30)
    } catch (error) {
      expect(String(error)).toContain("ShardError: some.shard")
      refused++
    }
  }
  expect(refused).toBeGreaterThan(20)
  expect((await refusal(Format.parquet(), file.subarray(0, file.length - 1)))._tag).toBe("ShardError")
})
