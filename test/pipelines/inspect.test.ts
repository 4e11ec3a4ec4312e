/**
 * `pipelines/inspect.ts`: what it shows of a dataset.
 */
import { expect, test } from "bun:test"
import { join } from "node:path"
import { Effect } from "effect"
import { checkedShards, inspected, shown } from "../../pipelines/inspect/Inspected.ts"
import { Dataset, Format, Store } from "../../src/index.ts"
import { bool, Physical, parquetOf, struct } from "../support/parquet.ts"
import { root } from "../support/process.ts"

const reference = join(root, "test", "sources", "formats", "reference")

const schemaOf = async (format: Format.Format<unknown>, location: string, objects = {}) => {
  const store = Store.memory(objects)
  const opened = Dataset.open(location, { format, index: false }).pipe(
    Effect.provide(location.startsWith("memory:") ? store : Store.file)
  )
  const own = inspected(await Effect.runPromise(opened), false)
  return shown(own).filter((line) => line.startsWith("schema: "))
}

const LEFT = "schema: id int64?, i8 int8?, u8 uint8?, i32 int32?, u32 uint32?, big int64?, f32 float32?, f64 float64?, "
const RIGHT = "when timestamp[ms, UTC]?, day date?, kind utf8?, nested struct<x int64?, y list<struct<s utf8?>?>?>?"
const TEXTS = "flag bool?, text utf8?, maybe utf8?, raw binary?, tokens list<int32?>?, "

test.each([
  ["all-none.parquet", Format.parquet(), `${LEFT}${TEXTS}vector list<float32?>?, ${RIGHT}`],
  ["all.arrow", Format.arrow(), `${LEFT}f16 float16?, ${TEXTS}vector list[4]<float32?>?, ${RIGHT}`],
  ["rows.csv", Format.csv(), "schema: id number, text string, maybe string, f64 number, flag boolean"],
  ["many.npz", Format.npz(), "schema: x int64[3], y float32"]
] as ReadonlyArray<[string, Format.Format<unknown>, string]>)(
  "the schema of %s is its columns and their types",
  async (name, format, expected) => {
    expect(await schemaOf(format, join(reference, name))).toEqual([expected])
  }
)

test("Parquet's types are told by their logical types, or else by the converted ones", async () => {
  const { bytes, fixed, int32, int64, int96 } = Physical
  const micros = { 2: struct({ 2: struct({}) }) }
  const file = parquetOf({
    schema: [
      { name: "a b", type: int64, logical: struct({ 8: struct({ 1: bool(true), ...micros }) }) },
      { name: "local", type: int64, logical: struct({ 8: struct({ 1: bool(false), ...micros }) }) },
      { name: "price", type: fixed, length: 5, converted: 5, precision: 10, scale: 2, repetition: 1 },
      { name: "u16", type: int32, converted: 12 },
      { name: "old", type: int96 },
      { name: "many", type: bytes, converted: 0, repetition: 2 },
      { name: "key", type: fixed, length: 16, logical: struct({ 14: struct({}) }) },
      { name: "raw", type: fixed, length: 3 },
      // Of no type that is known: as its bytes are.
      { name: "new", type: bytes, logical: struct({ 99: bool(true) }) }
    ],
    groups: []
  })
  expect(await schemaOf(Format.parquet(), "memory://a.parquet", { "a.parquet": file })).toEqual([
    'schema: "a b" timestamp[us, UTC], local timestamp[us], price decimal(10, 2)?, u16 uint16, old int96, many list<utf8>, key uuid, raw fixed[3], new binary'
  ])
})

test("of shards that no manifest has, it is said that only their first rows were read", async () => {
  const open = Dataset.open(join(reference, "rows.csv"), { format: Format.csv(), index: false })
  const { sharded } = await Effect.runPromise(Effect.provide(open, Store.file))
  expect(checkedShards(sharded.shards)).toEqual(["the first row of 1 shard can be read; no manifest has it"])
})
