/**
 * Batches that are made of the columns of blocks are those of the same rows one by one: the same values, errors and lineage,
 * whatever the format, its blocks, the order and what is kept.
 */
import { describe, expect, test } from "bun:test"
import { createRequire } from "node:module"
import {
  bool,
  columnFromArray,
  float32,
  float64,
  int32,
  int64,
  list,
  tableFromColumns,
  tableToIPC,
  uint8,
  utf8
} from "@uwdata/flechette"
import { Effect } from "effect"
import fc from "fast-check"
import type * as ParquetWasm from "parquet-wasm"
import {
  type Batch,
  furrow,
  Image,
  Lineage,
  Pipeline,
  Sampler,
  type SeedPolicy,
  type Tensor
} from "../../../src/index.ts"
import type { DTypes } from "../../../src/pipeline/Columns.ts"
import * as Dataset from "../../../src/sources/Dataset.ts"
import * as Format from "../../../src/sources/formats/Formats.ts"
import { type MemoryStore, memoryStore } from "../../support/shards/MemoryStore.ts"

// Its types are those of its entry for bundlers; this one has the same functions.
const library = createRequire(import.meta.url)("parquet-wasm/node") as typeof ParquetWasm

const each = <A>(rows: number, make: (row: number) => A): Array<A> =>
  Array.from({ length: rows }, (_, row) => make(row))

/** Columns of each kind that a table has, and some that do not become a batch. */
const columns = {
  id: (rows: number, group: number) =>
    columnFromArray(
      each(rows, (row) => row),
      int32(),
      { maxBatchRows: group }
    ),
  "7": (rows: number, group: number) =>
    columnFromArray(
      each(rows, (row) => row / 8),
      float32(),
      { maxBatchRows: group }
    ),
  score: (rows: number, group: number) =>
    columnFromArray(
      each(rows, (row) => row / 3),
      float64(),
      { maxBatchRows: group }
    ),
  big: (rows: number, group: number) => columnFromArray(each(rows, BigInt), int64(), { maxBatchRows: group }),
  name: (rows: number, group: number) =>
    columnFromArray(
      each(rows, (row) => `row ${row}`),
      utf8(),
      { maxBatchRows: group }
    ),
  flag: (rows: number, group: number) =>
    columnFromArray(
      each(rows, (row) => row % 3 === 0),
      bool(),
      { maxBatchRows: group }
    ),
  tokens: (rows: number, group: number) =>
    columnFromArray(
      each(rows, (row) => Int32Array.of(row, -row, 7)),
      list(int32()),
      { maxBatchRows: group }
    ),
  bytes: (rows: number, group: number) =>
    columnFromArray(
      each(rows, (row) => Uint8Array.of(row, 1)),
      list(uint8()),
      { maxBatchRows: group }
    ),
  ragged: (rows: number, group: number) =>
    columnFromArray(
      each(rows, (row) => Int32Array.from({ length: row < 9 ? 2 : 3 })),
      list(int32()),
      { maxBatchRows: group }
    ),
  gaps: (rows: number, group: number) =>
    columnFromArray(
      each(rows, (row) => (row === 5 ? null : row)),
      int32(),
      { maxBatchRows: group }
    )
}
type Name = keyof typeof columns
const names = Object.keys(columns) as Array<Name>

interface Table {
  readonly format: "arrow" | "parquet"
  readonly chosen: ReadonlyArray<Name>
  readonly rows: number
  readonly group: number
}

const encoded = ({ chosen, format, group, rows }: Table): Uint8Array => {
  const table = tableFromColumns(Object.fromEntries(chosen.map((name) => [name, columns[name](rows, group)])))
  const ipc = tableToIPC(table, { format: format === "arrow" ? "file" : "stream" })
  if (ipc === null) throw new Error("nothing was encoded")
  if (format === "arrow") return ipc
  const properties = new library.WriterPropertiesBuilder().setMaxRowGroupSize(group).build()
  return library.writeParquet(library.Table.fromIPCStream(ipc), properties)
}

type Rows = Dataset.Dataset<Format.TableRow, Dataset.ReadError>

const opened = (store: MemoryStore, format: Format.Format<Format.TableRow>, cacheBytes: number) =>
  Effect.runPromise(
    Dataset.open("d/", { format, name: "d", index: false, cacheBytes }).pipe(Effect.provide(store.layer))
  )

/** The same dataset, read row by row. */
const byRows = <A, E>(dataset: Dataset.Dataset<A, E>): Dataset.Dataset<A, E> => {
  const { batched, blocks, get, getMany, lineage, name, pipe, size } = dataset
  return { batched, blocks, get, getMany, lineage, name, pipe, size }
}

type Pipe = Pipeline.Pipeline<Batch.Batch<unknown>, unknown, SeedPolicy.SeedPolicy>

/** The batches of an epoch up to an error, its message, and where the rows came from. */
const outcome = async (pipeline: Pipe, options: { readonly failures?: "skip" } = {}) => {
  const batches: Array<unknown> = []
  const run = furrow(pipeline, {
    epochs: 1,
    seed: 5,
    digest: true,
    ...(options.failures === undefined ? {} : { failures: { skip: { budget: { samples: 9 } } } })
  })
  try {
    for await (const batch of run) batches.push([batch.columns, batch.indices, Lineage.ofBatch(pipeline, batch)])
  } catch (error) {
    return { batches, error: error instanceof Error ? error.message : error }
  }
  return { batches, digest: String(run.digest) }
}

const samplers = {
  sequential: () => Sampler.sequential,
  shuffle: () => Sampler.shuffle,
  blocks: () => Sampler.shuffleBlocks({ window: 3 })
}

const views = {
  all: (own: Rows) => own,
  slice: (own: Rows) => Dataset.slice(own, 1),
  subset: (own: Rows) => Dataset.subset(own, [own.size - 1, 0, 2, 3, 4])
}

const recipe = fc.record({
  format: fc.constantFrom<Table["format"]>("arrow", "parquet"),
  chosen: fc.oneof(
    { weight: 3, arbitrary: fc.subarray(names.slice(0, 8), { minLength: 1 }) },
    { weight: 1, arbitrary: fc.subarray(names, { minLength: 1 }) }
  ),
  rows: fc.integer({ min: 5, max: 14 }),
  group: fc.integer({ min: 1, max: 9 }),
  batch: fc.integer({ min: 1, max: 7 }),
  sampler: fc.constantFrom<keyof typeof samplers>("sequential", "shuffle", "blocks"),
  view: fc.constantFrom<keyof typeof views>("all", "slice", "subset"),
  isKept: fc.boolean(),
  dtypes: fc.constantFrom<DTypes>({}, {}, { id: "int16" }, { score: "float32" }, { none: "int8" })
})

/** Batches that cross blocks; of `gaps` one is not as the others. */
const example = {
  format: "arrow",
  chosen: ["id", "tokens"] as Array<Name>,
  rows: 8,
  group: 3,
  batch: 7,
  sampler: "sequential",
  view: "all",
  isKept: true,
  dtypes: {}
} as const

test("batches of columns are those of rows, and so are their errors and their lineage", async () => {
  let ended = 0
  let failed = 0
  await fc.assert(
    fc.asyncProperty(recipe, async ({ batch, dtypes, isKept, sampler, view, ...table }) => {
      const other: Table = { ...table, rows: 3, group: 2 }
      const store = memoryStore({ "d/a": encoded(table), "d/b": encoded(other) })
      const format = table.format === "arrow" ? Format.arrow() : Format.parquet()
      const own = await opened(store, format, isKept ? 2 ** 20 : 0)
      const pipelineOf = (dataset: Rows): Pipe =>
        Pipeline.from(views[view](dataset)).pipe(
          Pipeline.sample(samplers[sampler]()),
          Pipeline.batch(batch, { dtypes })
        )
      expect(own.gather).toBeDefined()
      const whole = await outcome(pipelineOf(own))
      expect(whole).toEqual(await outcome(pipelineOf(byRows(own))))
      if ("digest" in whole) ended++
      else failed++
    }),
    { numRuns: 40, examples: [[{ ...example, chosen: ["gaps"] }], [{ ...example, sampler: "shuffle" }]] }
  )
  expect(Math.min(ended, failed)).toBeGreaterThan(2)
}, 60_000)

interface Picture {
  readonly image: Tensor.Tensor<Uint8Array>
  readonly label: number
}

/** A safetensors file of images and labels. */
const pictures = (rows: number, first: number): Uint8Array => {
  const header = new TextEncoder().encode(
    JSON.stringify({
      image: { dtype: "U8", shape: [rows, 6, 6, 1], data_offsets: [0, 36 * rows] },
      label: { dtype: "U8", shape: [rows], data_offsets: [36 * rows, 37 * rows] }
    })
  )
  const file = new Uint8Array(8 + header.length + 37 * rows)
  new DataView(file.buffer).setBigUint64(0, BigInt(header.length), true)
  file.set(header, 8)
  for (let at = 0; at < 37 * rows; at++) file[8 + header.length + at] = (first + at) * 31
  return file
}

describe("stages on whole columns", () => {
  test("work on the columns of blocks", async () => {
    const store = memoryStore({ "d/a": pictures(9, 0), "d/b": pictures(4, 9) })
    const format = Format.safetensors({ columns: ["image", "label"], blockBytes: 150 })
    const dataset = await Effect.runPromise(
      Dataset.open("d/", { format, name: "d", index: false }).pipe(Effect.provide(store.layer))
    )
    const digests: Array<unknown> = []
    for (const own of [dataset, byRows(dataset)]) {
      const stages = Pipeline.from(own as Dataset.Dataset<Picture, Dataset.ReadError>).pipe(
        Pipeline.sample(Sampler.shuffle),
        Pipeline.augment("crop", Image.on("image", Image.randomCrop({ size: 5, padding: 1 }))),
        Pipeline.augment("flip", Image.on("image", Image.randomHorizontalFlip())),
        Pipeline.batch(5)
      )
      const run = furrow(stages, { seed: 1, epochs: 2, digest: true, policy: "elastic" })
      for await (const _ of run);
      digests.push(String(run.digest))
    }
    expect(digests[0]).toBe(digests[1] as string)
  })
})

describe("reads that fail", () => {
  const table: Table = { format: "arrow", chosen: ["id"], rows: 8, group: 2 }

  test("are the same errors, and the same samples are left out", async () => {
    const outcomes: Array<unknown> = []
    for (const isGathered of [true, false]) {
      for (const failures of [undefined, "skip"] as const) {
        const store = memoryStore({ "d/a": encoded(table), "d/b": encoded(table) })
        const dataset = await opened(store, Format.arrow(), 0)
        store.objects.set("d/b", new Uint8Array(3))
        const pipeline = Pipeline.from(isGathered ? dataset : byRows(dataset)).pipe(Pipeline.batch(3))
        outcomes.push(await outcome(pipeline, failures === undefined ? {} : { failures }))
      }
    }
    expect(outcomes.slice(0, 2)).toEqual(outcomes.slice(2))
    expect(JSON.stringify(outcomes[0])).toContain("d/b")
  })

  test("no row is made", async () => {
    const store = memoryStore({ "d/a": encoded(table) })
    const arrow = Format.arrow()
    let made = 0
    const counting: Format.Format<Format.TableRow> = {
      ...arrow,
      decode: (bytes, block, place) => {
        const decoded = arrow.decode(bytes, block, place)
        const counted = (own: Format.DecodedBlock<Format.TableRow>): Format.DecodedBlock<Format.TableRow> => ({
          ...own,
          row: (at) => {
            made++
            return own.row(at)
          }
        })
        return Effect.isEffect(decoded) ? Effect.map(decoded, counted) : counted(decoded)
      }
    }
    const dataset = await opened(store, counting, 2 ** 20)
    const seen: Array<number> = []
    const rows = dataset as unknown as Dataset.Dataset<{ readonly id: number }> // the column that the table has
    for await (const { columns } of furrow(Pipeline.from(rows).pipe(Pipeline.batch(3)), { epochs: 2 })) {
      seen.push(...columns.id.data)
    }
    expect(seen).toEqual([...each(8, (row) => row), ...each(8, (row) => row)])
    expect([made, dataset.sharded.stats().decoded]).toEqual([0, 4])
  })
})
