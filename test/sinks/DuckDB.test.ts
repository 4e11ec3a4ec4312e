/**
 * What sinks write, read by DuckDB: it has readers of its own for Parquet, JSON Lines and CSV.
 */
import { afterAll, describe, expect, test } from "bun:test"
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { DuckDBInstance } from "@duckdb/node-api"
import { Effect, Stream } from "effect"
import { Sink, Tensor } from "../../src/index.ts"

const folder = mkdtempSync(join(tmpdir(), "furrow-duckdb-"))
const instance = await DuckDBInstance.create(":memory:")
const connection = await instance.connect()
afterAll(() => {
  connection.closeSync()
  instance.closeSync()
  rmSync(folder, { recursive: true, force: true })
})

/** What a query gives: the types of its columns, and its rows. */
const query = async (sql: string) => {
  const reader = await connection.runAndReadAll(sql)
  const types = reader.columnTypes().map((type, at) => [reader.columnName(at), String(type)])
  return { types: Object.fromEntries(types), rows: reader.getRowObjectsJS() }
}

let count = 0
/** Writes rows to shards; returns a pattern of their names. */
const written = async (rows: ReadonlyArray<unknown>, sink: (location: string) => Sink.Sink): Promise<string> => {
  const location = join(folder, String(count++))
  await Effect.runPromise(Sink.write(Stream.rechunk(Stream.fromIterable(rows), 7), sink(location)))
  return join(location, "shard-*")
}

const size = 50
const rows = Array.from({ length: size }, (_, at) => ({
  bool: at % 3 === 0,
  int8: (at % 256) - 128,
  int16: at - 2 ** 15,
  int32: at - 2 ** 31,
  int64: BigInt(at) - 2n ** 63n,
  uint8: 255 - at,
  uint16: 2 ** 16 - 1 - at,
  uint32: 2 ** 32 - 1 - at,
  uint64: 2n ** 64n - 1n - BigInt(at),
  float32: Math.fround(at / 7),
  float64: at === 9 ? Number.NaN : at === 8 ? Number.NEGATIVE_INFINITY : at / 7,
  string: at % 5 === 0 ? null : `täxt "${at}"\n😀`,
  binary: Uint8Array.from({ length: at % 4 }, (_, own) => own + at),
  timestamp: new Date(Date.UTC(1969, 11, 31) + at * 12_345_678),
  tokens: Int32Array.from({ length: at % 4 }, (_, own) => own - 1),
  tags: at % 7 === 0 ? null : [`a${at}`, null, ""],
  nested: [[at], [], [at, at + 1]],
  record: { x: at / 2, inner: at % 4 === 0 ? null : { y: `y${at}`, list: [at % 2 === 0] } },
  records: [{ n: at }, { n: null }],
  matrix: Tensor.make(Float32Array.of(at, 1, 2, 3), [2, 2])
}))

const types = {
  bool: "bool",
  int8: "int8",
  int16: "int16",
  int32: "int32",
  int64: "int64",
  uint8: "uint8",
  uint16: "uint16",
  uint32: "uint32",
  uint64: "uint64",
  float32: "float32",
  float64: "float64",
  string: "string",
  binary: "binary",
  timestamp: "timestamp",
  tokens: { list: "int32" },
  tags: { list: "string" },
  nested: { list: { list: "int16" } },
  record: { struct: { x: "float64", inner: { struct: { y: "string", list: { list: "bool" } } } } },
  records: { list: { struct: { n: "float64" } } },
  matrix: { list: { list: "float32" } }
} satisfies Readonly<Record<string, Sink.ColumnType>>

/** What DuckDB calls them. */
const called = {
  bool: "BOOLEAN",
  int8: "TINYINT",
  int16: "SMALLINT",
  int32: "INTEGER",
  int64: "BIGINT",
  uint8: "UTINYINT",
  uint16: "USMALLINT",
  uint32: "UINTEGER",
  uint64: "UBIGINT",
  float32: "FLOAT",
  float64: "DOUBLE",
  string: "VARCHAR",
  binary: "BLOB",
  timestamp: "TIMESTAMP WITH TIME ZONE",
  tokens: "INTEGER[]",
  tags: "VARCHAR[]",
  nested: "SMALLINT[][]",
  record: 'STRUCT("x" DOUBLE, "inner" STRUCT("y" VARCHAR, "list" BOOLEAN[]))',
  records: 'STRUCT("n" DOUBLE)[]',
  matrix: "FLOAT[][]"
}

/** With plain arrays in the place of typed ones. */
const plain = (value: unknown): unknown => {
  if (value instanceof Tensor.Tensor) return plain([value.data.subarray(0, 2), value.data.subarray(2)])
  if (value instanceof Date || typeof value !== "object" || value === null) return value
  if (Array.isArray(value)) return value.map(plain)
  if (ArrayBuffer.isView(value)) return Array.from(value as Uint8Array) // of numbers, as all of the rows
  return Object.fromEntries(Object.entries(value).map(([name, own]) => [name, plain(own)]))
}

describe("DuckDB reads", () => {
  for (const compression of ["none", "snappy", "gzip", "zstd", "lz4"] as const) {
    test(`Parquet of every type, ${compression}`, async () => {
      const shards = await written(rows, (location) =>
        Sink.parquet(location, { rows: 30, blockBytes: 2000, types, compression })
      )
      const found = await query(`SELECT * FROM read_parquet('${shards}') ORDER BY int32`)
      expect(found.types).toEqual(called)
      expect(found.rows.map(plain)).toEqual(rows.map(plain))
      const groups = await query(
        `SELECT count(DISTINCT file_name || row_group_id) AS groups FROM parquet_metadata('${shards}')`
      )
      expect(Number(groups.rows[0]?.["groups"])).toBeGreaterThan(2)
    })
  }

  test("nulls of every type", async () => {
    const some = rows.map(({ int32, ...row }, at) => ({
      int32,
      ...Object.fromEntries(
        Object.entries(row).map(([name, value], own) => [name, (at + own) % 3 === 0 ? null : value])
      )
    }))
    const shards = await written(some, (location) => Sink.parquet(location, { rows: 30, blockBytes: 2000, types }))
    const found = await query(`SELECT * FROM read_parquet('${shards}') ORDER BY int32`)
    expect(found.rows.map(plain)).toEqual(some.map(plain))
  })

  // What JSON can say.
  const texts = rows.map(({ bool, int32, string, tags, record }) => ({ bool, int32, string, tags, record }))

  for (const compression of ["none", "gzip", "zstd"] as const) {
    const packed = compression === "none" ? "uncompressed" : compression
    test(`JSON Lines, ${compression}, in several members or frames`, async () => {
      const shards = await written(texts, (location) =>
        Sink.jsonl(location, { rows: 30, blockBytes: 300, compression })
      )
      const found = await query(
        `SELECT * FROM read_json('${shards}', format = 'newline_delimited', compression = '${packed}') ORDER BY int32`
      )
      expect(found.rows.map((row) => ({ ...row, int32: Number(row["int32"]) }))).toEqual(texts)
    })

    test(`CSV and TSV, ${compression}`, async () => {
      const cells = texts.map(({ bool, int32, string }) => ({ bool, int32, string: string ?? "" }))
      for (const [sink, delimiter] of [
        [Sink.csv, ","],
        [Sink.tsv, "\t"]
      ] as const) {
        const shards = await written(cells, (location) => sink(location, { rows: 30, blockBytes: 300, compression }))
        const columns = "{'bool': 'BOOLEAN', 'int32': 'BIGINT', 'string': 'VARCHAR'}"
        const found = await query(
          `SELECT bool, int32, coalesce(string, '') AS string FROM read_csv('${shards}', header = true, delim = '${delimiter}', quote = '"', escape = '"', compression = '${packed}', columns = ${columns}) ORDER BY int32`
        )
        expect(found.rows.map((row) => ({ ...row, int32: Number(row["int32"]) }))).toEqual(cells)
      }
    })
  }
})
