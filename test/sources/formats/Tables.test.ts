/**
 * The tables of `reference/`, written by pyarrow, read exactly; and what becomes of tables that say what is not so.
 */
import { describe, expect, test } from "bun:test"
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { columnFromArray, tableFromColumns, tableToIPC } from "@uwdata/flechette"
import { Effect } from "effect"
import * as Dataset from "../../../src/sources/Dataset.ts"
import * as Format from "../../../src/sources/formats/Formats.ts"
import { type MemoryStore, memoryStore } from "../../support/shards/MemoryStore.ts"
import { asJson, expectedRow, readBlocks, readRows, referenceFile, shardOf, tables } from "./tables.ts"

const { arrow, parquet } = Format
type TableOptions = Format.TableOptions
type TableRow = Format.TableRow

/** An Arrow file of one column. */
const encodedColumn = (name: string): Uint8Array => {
  const bytes = tableToIPC(tableFromColumns({ [name]: columnFromArray([1, 2, 3]) }), { format: "file" })
  if (bytes === null) throw new Error("nothing was encoded")
  return bytes
}

const formatOf = (name: string, options: TableOptions = {}): Format.Format<TableRow> =>
  name.endsWith(".parquet") ? parquet(options) : arrow(options)

/** What pyarrow's Parquet does not write. */
const without = (name: string): ReadonlyArray<string> => (name.endsWith(".parquet") ? ["f16"] : [])

const rowsOf = (name: string, options: TableOptions = {}, bytes = referenceFile(name)) =>
  Effect.runPromise(readRows(formatOf(name, options), shardOf(bytes, name)))

const failure = (format: Format.Format<TableRow>, bytes: Uint8Array, location = "shard") =>
  Effect.runPromise(Effect.flip(readRows(format, shardOf(bytes, location))))

describe("the reference file", () => {
  for (const { blocks, name, rows } of tables) {
    test(`${name} reads exactly`, async () => {
      const found = await rowsOf(name)
      expect(found.map(asJson)).toEqual(rows.map((row) => expectedRow(row, without(name))))
      const index = await Effect.runPromise(formatOf(name).index(shardOf(referenceFile(name))))
      expect(index.blocks.reduce((sum, block) => sum + block.rows, 0)).toBe(rows.length)
      if (blocks !== undefined) expect(index.blocks.length).toBe(blocks)
    })
  }
})

describe("chosen columns", () => {
  const files = ["all-zstd.parquet", "all.arrow", "all.arrows", "all-lz4.arrow"]
  // In the order of the schema, and in another one.
  const orders = [
    ["kind", "i32", "nested"],
    ["nested", "i32", "kind"]
  ]
  for (const [name, columns] of files.flatMap((file) => orders.map((order) => [file, order] as const))) {
    test(`${columns.join(", ")} of ${name} are read alone, in their order`, async () => {
      const all = shardOf(referenceFile(name))
      await Effect.runPromise(readRows(formatOf(name), all))
      const some = shardOf(referenceFile(name))
      const format = formatOf(name, { columns })
      const found = await Effect.runPromise(readRows(format, some))
      const expected = tables.find((table) => table.name === name)?.rows ?? []
      expect(found.map((row) => Object.keys(row))).toEqual(found.map(() => columns))
      expect(found.map(asJson)).toEqual(expected.map(({ i32, kind, nested }) => ({ kind, i32, nested })))
      const index = await Effect.runPromise(format.index(some))
      const bytesOf = (ranges: ReadonlyArray<readonly [number, number]>) =>
        ranges.reduce((sum, [, own]) => sum + own, 0)
      const chosen = index.blocks.reduce((sum, block) => sum + bytesOf(block.ranges ?? []), 0)
      const whole = (await Effect.runPromise(formatOf(name).index(all))).blocks.reduce(
        (sum, own) => sum + own.length,
        0
      )
      expect(chosen).toBeGreaterThan(0)
      expect(chosen).toBeLessThan(whole * 0.35)
    })
  }

  test("that are not there are named with those that are", async () => {
    for (const name of ["all-zstd.parquet", "all.arrow"]) {
      const error = await failure(formatOf(name, { columns: ["id", "labels"] }), referenceFile(name))
      expect(error._tag).toBe("ShardError")
      expect(error.message).toContain('it has no column "labels"; its columns are id, i8,')
    }
  })
})

describe("columns", () => {
  for (const name of ["all-zstd.parquet", "all-zstd.arrow"]) {
    test(`of ${name} are typed memory where they are numbers, and agree with the rows`, async () => {
      const seen = await Effect.runPromise(
        readBlocks(
          formatOf(name),
          shardOf(referenceFile(name)),
          ({ columns = new Map<string, Format.BlockColumn>(), row, size }) => ({
            columns,
            row,
            size
          })
        )
      )
      for (const { columns, row, size } of seen) {
        const [big, f64, flag, maybe, vector] = ["big", "f64", "flag", "maybe", "vector"].map((own) => columns.get(own))
        expect(f64?._tag === "Numbers" && f64.data instanceof Float64Array && f64.data.length).toBe(size)
        expect(big?._tag === "Numbers" && big.data instanceof BigInt64Array && big.data.length).toBe(size)
        expect(vector?._tag === "Tensors" && vector.data instanceof Float32Array && vector.shape).toEqual([4])
        expect([flag?._tag, maybe?._tag]).toEqual(["Cells", "Cells"])
        for (let place = 0; place < size; place++) {
          const own = row(place)
          const four = vector?._tag === "Tensors" ? vector.data.subarray(4 * place, 4 * place + 4) : undefined
          expect<unknown>(four).toEqual(own["vector"])
          expect<unknown>(f64?._tag === "Numbers" && f64.data[place]).toBe(own["f64"])
          expect(maybe?._tag === "Cells" && maybe.cell(place)).toBe(own["maybe"])
        }
      }
    })
  }
})

describe("options", () => {
  for (const name of ["all-snappy.parquet", "all.arrow"]) {
    test(`int64 and timestamps of ${name}`, async () => {
      const error = await failure(formatOf(name, { int64: "number" }), referenceFile(name))
      expect(error.message).toMatch(
        /row 0, byte \d+: .*field "big" holds 3204471616702505541, which is no exact number/
      )
      const [row] = await rowsOf(name, { columns: ["id", "when"], int64: "number", timestamps: "bigint" })
      expect(row?.["id"]).toBe(0)
      expect(typeof row?.["when"]).toBe("bigint")
      const [date] = await rowsOf(name, { columns: ["when"], timestamps: "date" })
      expect(date?.["when"]).toEqual(new Date("1990-03-03T21:59:08.738Z"))
    })
  }

  test("blockBytes bounds a block before it is read", async () => {
    for (const name of ["all-zstd.parquet", "all.arrow", "all.arrows"]) {
      const shard = shardOf(referenceFile(name))
      const error = await Effect.runPromise(Effect.flip(formatOf(name, { blockBytes: 4000 }).index(shard)))
      expect(error.message).toContain("blockBytes")
    }
  })
})

describe("a shard that is not sound", () => {
  const whole = referenceFile("all-zstd.parquet")
  const file = referenceFile("all.arrow")
  const text = (own: string) => new TextEncoder().encode(own)
  const cases: ReadonlyArray<
    readonly [what: string, format: Format.Format<TableRow>, bytes: Uint8Array, says: string]
  > = [
    ["empty Parquet", parquet(), new Uint8Array(0), "it is empty"],
    ["empty Arrow", arrow(), new Uint8Array(0), "it is empty"],
    [
      "text as Parquet",
      parquet(),
      text("a,b\n1,2\n3,4\n5,6\n"),
      "it does not end as a Parquet file; is it of another format"
    ],
    ["text as Arrow", arrow(), text("a,b\n1,2\n3,4\n5,6\n"), "neither as an Arrow file nor as an Arrow stream"],
    ["Parquet cut short", parquet(), whole.slice(0, 5000), "it does not end as a Parquet file; it is cut short"],
    ["Arrow cut short", arrow(), file.slice(0, 5000), "it is cut short"],
    ["Feather 1", arrow(), text("FEA1 and more bytes behind it"), "Feather version 1"],
    ["encrypted Parquet", parquet(), text("PARE and more bytes PARE"), "it is encrypted"],
    ["a stream cut in a body", arrow(), referenceFile("all.arrows").slice(0, 9000), "it is cut short"]
  ]
  for (const [what, format, bytes, says] of cases) {
    test(`${what} says so`, async () => {
      const error = await failure(format, bytes)
      expect(error._tag).toBe("ShardError")
      expect(error.message).toContain("shard")
      expect(error.message).toContain(says)
    })
  }

  test("a footer's length that lies is refused before it is read", async () => {
    const lying = whole.slice()
    new DataView(lying.buffer).setUint32(lying.length - 8, 0x7fffffff, true)
    const error = await failure(parquet(), lying)
    expect(error.message).toContain("its footer is to have 2147483647 bytes")
    const arrows = file.slice()
    new DataView(arrows.buffer).setInt32(arrows.length - 10, 0x7fffffff, true)
    expect((await failure(arrow(), arrows)).message).toContain("its footer is to have 2147483647 bytes")
  })

  test("a schema differs as text between shards of other columns", async () => {
    const schemaOf = (name: string, options: TableOptions = {}) =>
      Effect.runPromise(Effect.map(formatOf(name, options).index(shardOf(referenceFile(name))), ({ schema }) => schema))
    expect(await schemaOf("all-zstd.parquet")).toBe(await schemaOf("all-brotli.parquet"))
    expect(await schemaOf("all-zstd.arrow")).toBe(await schemaOf("all.arrows"))
    expect(await schemaOf("all.arrow", { columns: ["id"] })).not.toBe(await schemaOf("all.arrow"))
  })
})

describe("a dataset of tables", () => {
  const shards = Object.fromEntries(
    [0, 1, 2, 3].map((n) => [`d/${n}.parquet`, referenceFile(`train-0000${n}-of-00004.parquet`)])
  )
  const ids = (rows: ReadonlyArray<TableRow>) => rows.map((row) => Number(row["id"]))
  const all = Array.from({ length: 300 }, (_, row) => row)
  const open = (store: MemoryStore, options: TableOptions = {}, index: string | false = false) =>
    Effect.runPromise(
      Dataset.open("d/", { format: Format.parquet(options), index, name: "d" }).pipe(Effect.provide(store.layer))
    )

  test("has the rows of all shards, by any order", async () => {
    const dataset = await open(memoryStore(shards))
    expect(dataset.size).toBe(300)
    expect(ids(await Effect.runPromise(dataset.getMany(all)))).toEqual(all)
    expect(ids(await Effect.runPromise(dataset.getMany([299, 0, 150])))).toEqual([299, 0, 150])
  })

  test("opens by a kept index, reads footers when shards are first read", async () => {
    const folder = mkdtempSync(join(tmpdir(), "furrow-tables-"))
    try {
      const index = join(folder, "index.json")
      const columns = ["id", "tokens"]
      await open(memoryStore(shards), { columns }, index)
      const store = memoryStore(shards)
      const kept = await open(store, { columns }, index)
      expect(store.reads.size).toBe(0)
      expect(kept.size).toBe(300)
      expect(ids(await Effect.runPromise(kept.getMany(all)))).toEqual(all)
      const other = memoryStore({ ...shards, "d/0.parquet": referenceFile("all-zstd.parquet") })
      const changed = await open(other, { columns }, index)
      expect(await Effect.runPromise(Effect.flip(changed.get(0)))).toMatchObject({ _tag: "StoreError" })
    } finally {
      rmSync(folder, { recursive: true })
    }
  })

  for (const name of ["all-zstd.parquet", "all.arrow"]) {
    test(`${name} is held against an index that was kept`, async () => {
      const shard = shardOf(referenceFile(name))
      const index = await Effect.runPromise(formatOf(name).index(shard))
      const [block] = index.blocks
      if (block === undefined) throw new Error("there is no block")
      const bytes = await Effect.runPromise(shard.read(block.offset, block.length))
      const decoded = (blocks: typeof index.blocks) => {
        const result = formatOf(name).decode(bytes, block, { shard, index: { blocks }, number: 0, firstRow: 0 })
        return Effect.isEffect(result) ? result : Effect.succeed(result)
      }
      // As a kept index has it: without a header, and here without ranges.
      expect(asJson((await Effect.runPromise(decoded(index.blocks))).row(0))).toHaveProperty("id", 0)
      const others = index.blocks.map((own) => ({ ...own, rows: own.rows + 1 }))
      const error = await Effect.runPromise(Effect.flip(decoded(others)))
      expect(error.message).toContain("its blocks are not those of its index")
    })
  }

  test("refuses shards whose columns differ", async () => {
    const mixed = memoryStore({ ...shards, "d/4.parquet": referenceFile("all-zstd.parquet") })
    expect((await open(mixed)).size).toBe(600)
    const store = memoryStore({ "d/a": referenceFile("all.arrow"), "d/b": encodedColumn("other") })
    const error = await Effect.runPromise(
      Effect.flip(Dataset.open("d/", { format: Format.arrow(), index: false }).pipe(Effect.provide(store.layer)))
    )
    expect(error).toMatchObject({ _tag: "ShardError", shard: "d/b" })
    expect(error.message).toContain("where those of d/a have")
  })
})

test("a decoder that trapped is thrown away, and the next block gets a fresh one", async () => {
  const sound = referenceFile("all-snappy.parquet")
  const before = (await rowsOf("all-snappy.parquet")).map(asJson)
  const damaged = sound.slice()
  for (const [at, bit] of [
    [2689, 2],
    [81632, 6],
    [80999, 7]
  ] as const) {
    damaged[at] = (damaged[at] ?? 0) ^ (1 << bit)
  }
  const { Instance } = WebAssembly
  let made = 0
  WebAssembly.Instance = class extends Instance {
    constructor(module: WebAssembly.Module, imports?: WebAssembly.Imports) {
      super(module, imports)
      made++
    }
  }
  try {
    const error = await failure(parquet(), damaged)
    expect(error).toMatchObject({ _tag: "ShardError", shard: "shard" })
    expect(error.message).toContain("its decoder gave up")
    expect(made).toBe(0)
    expect((await rowsOf("all-snappy.parquet")).map(asJson)).toEqual(before)
    expect(made).toBe(1)
    // An error that the decoder reports leaves it as it was.
    const cut = sound.slice()
    cut.fill(0, 4, 400)
    expect((await failure(parquet(), cut)).message).toContain("its decoder says")
    expect((await rowsOf("all-snappy.parquet")).map(asJson)).toEqual(before)
    expect(made).toBe(1)
  } finally {
    WebAssembly.Instance = Instance
  }
})
