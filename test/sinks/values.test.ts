/** What a format cannot hold, or would read back as something else, is refused with the row's number, and never changed. */
import { describe, expect, test } from "bun:test"
import { Effect, Stream } from "effect"
import { arrays, dtypeOf, type TypedArray } from "../../src/core/DType.ts"
import { Tensor } from "../../src/core/Tensor.ts"
import { Dataset, Format, Pipeline, Sink, Store } from "../../src/index.ts"

const refusal = (rows: ReadonlyArray<unknown>, sink: Sink.Sink) =>
  Sink.write(Stream.fromIterable(rows), sink).pipe(Effect.flip, Effect.provide(Store.memory()), Effect.runPromise)

const back = <A>(rows: ReadonlyArray<unknown>, sink: Sink.Sink, format: Format.Format<A>) =>
  Sink.write(Stream.fromIterable(rows), sink).pipe(
    Effect.zipRight(Dataset.open(sink.location, { format, index: false })),
    Effect.flatMap((dataset) => dataset.getMany(Array.from({ length: dataset.size }, (_, at) => at))),
    Effect.provide(Store.memory()),
    Effect.runPromise
  )

const OUT = "memory://out"
const tables = [
  ["parquet", Sink.parquet],
  ["arrow", Sink.arrow]
] as const
const HALF = "a\ud800"
const BOM = "\ufeff"

describe("a sink refuses what would be changed", () => {
  test("bigints that 64 bits cannot hold", async () => {
    for (const sink of [Sink.npy(OUT), Sink.safetensors(OUT), Sink.arrow(OUT), Sink.parquet(OUT)]) {
      for (const x of [2n ** 64n, -(2n ** 63n) - 1n, 10n ** 90n]) {
        expect(await refusal([{ x: x > 2n ** 63n ? 2n ** 63n - 1n : 0n }, { x }], sink)).toMatchObject({
          _tag: "SinkError",
          kind: "row",
          row: 1,
          reason: expect.stringContaining(`"x"`)
        })
      }
    }
    for (const x of [2n ** 64n - 1n, 2n ** 63n, 2n ** 63n - 1n, -(2n ** 63n)]) {
      const rows = await back([{ x }], Sink.safetensors(OUT), Format.safetensors())
      expect(JSON.stringify(rows, (_, own) => (typeof own === "bigint" ? String(own) : own))).toContain(String(x))
    }
  })

  test("numbers in a column of booleans of batches, which are 0 and 1", async () => {
    const written = (values: ReadonlyArray<number | boolean>, sink: Sink.Sink) =>
      Sink.run(
        Pipeline.from(Dataset.fromArray(values.map((ok) => ({ ok })))).pipe(
          Pipeline.batch(4, { dtypes: typeof values[0] === "number" ? { ok: "uint8" } : {} })
        ),
        sink
      )
    for (const [kind, sinkOf] of tables) {
      const sink = sinkOf(OUT, { types: { ok: "bool" } })
      const format = Format[kind]()
      const rows = await Effect.runPromise(
        written([true, false, true, true, false], sink).pipe(
          Effect.zipRight(Dataset.open(OUT, { format, index: false })),
          Effect.flatMap((dataset) => dataset.getMany([0, 1, 2, 3, 4])),
          Effect.provide(Store.memory())
        )
      )
      expect(rows.map(({ ok }) => ok)).toEqual([true, false, true, true, false])
      const error = await Effect.runPromise(Effect.flip(written([0, 1, 7], sink)).pipe(Effect.provide(Store.memory())))
      expect(error).toMatchObject({ _tag: "SinkError", kind: "row", reason: expect.stringContaining("holds 7") })
    }
  })

  test("names that a format keeps for itself or cannot hold", async () => {
    const refused = (reason: string) => ({
      _tag: "SinkError",
      kind: "row",
      row: 0,
      reason: expect.stringContaining(reason)
    })
    expect(await refusal([{ __metadata__: 1 }], Sink.safetensors(OUT))).toMatchObject(refused("keeps for itself"))
    expect(await refusal([{ [HALF]: 1 }], Sink.safetensors(OUT))).toMatchObject(refused("surrogate"))
    for (const sink of [Sink.csv(OUT), Sink.tsv(OUT), Sink.arrow(OUT), Sink.parquet(OUT)]) {
      expect(await refusal([{ [HALF]: 1 }], sink)).toMatchObject(refused('column "a\\ud800" has half of a surrogate'))
    }
    for (const [, sink] of tables) {
      expect(await refusal([{ r: [{ [HALF]: 1 }] }], sink(OUT))).toMatchObject(refused('column "r.a\\ud800"'))
      expect(() => sink(OUT, { types: { [HALF]: "int32" } })).toThrow("types")
      expect(() => sink(OUT, { types: { a: { struct: { [HALF]: "int32" } } } })).toThrow("types")
    }
    expect(() => Sink.csv(OUT, { columns: [HALF] })).toThrow("columns")
  })

  test("a byte order mark that readers would leave out", async () => {
    const row = { [`${BOM}a`]: `${BOM}x`, b: BOM }
    expect(await back([row], Sink.csv(OUT), Format.csv())).toEqual([row])
    expect(await back([row], Sink.tsv(OUT), Format.csv({ delimiter: "\t" }))).toEqual([row])
    for (const [name, sink] of tables) {
      expect(await back([row], sink(OUT), name === "arrow" ? Format.arrow() : Format.parquet())).toEqual([row])
    }
    expect(await refusal([{ txt: "fine" }, { txt: `${BOM}x` }], Sink.tar(OUT))).toMatchObject({
      _tag: "SinkError",
      row: 1,
      reason: expect.stringContaining("U+FEFF")
    })
  })

  test("-0 in a column of integers", async () => {
    for (const [, sink] of tables) {
      for (const type of ["int32", "uint8", "int64", "uint64"] as const) {
        const error = await refusal([{ x: 0 }, { x: -0 }], sink(OUT, { types: { x: type } }))
        expect(error).toMatchObject({ _tag: "SinkError", kind: "row", row: 1 })
        expect(error.message).toContain(`column "x": -0 does not fit, as values so far are ${type}`)
      }
    }
    expect(await refusal([{ cls: -0 }], Sink.tar(OUT))).toMatchObject({
      kind: "row",
      reason: expect.stringContaining("other than -0")
    })
    expect(await back([{ x: 1 }, { x: -0 }], Sink.arrow(OUT), Format.arrow())).toEqual([{ x: 1 }, { x: -0 }])
  })

  test("an invalid Date, by the name of its column", async () => {
    const at = new Date(Number.NaN)
    for (const [, sink] of tables) {
      for (const [value, name] of [
        [at, "at"],
        [[at], "at"],
        [{ x: [at] }, "at.x"]
      ] as const) {
        const { message } = await refusal([{ at: value }], sink(OUT))
        expect(message).toContain(`row 0: column "${name}" is an invalid Date; map it`)
      }
      const { message } = await refusal([{ at: [1] }, { at: ["x"] }], sink(OUT))
      expect(message).toContain('row 1: column "at": x does not fit')
    }
  })

  test("an array whose memory is gone, which would read as an empty one", async () => {
    const detached = (array: TypedArray) => {
      structuredClone(array, { transfer: [array.buffer] })
      return array
    }
    const shrunk = () => {
      const buffer = new ArrayBuffer(8, { maxByteLength: 8 })
      const array = new Float32Array(buffer, 4, 1)
      buffer.resize(4)
      return array
    }
    const gone = () => [
      detached(new Float32Array([1])),
      detached(new BigInt64Array([1n])),
      new Tensor(detached(new Float32Array([1])), [1]),
      new Tensor(detached(new Float32Array([1])), []),
      shrunk()
    ]
    const refused = { _tag: "SinkError", kind: "row", row: 1, reason: expect.stringContaining("memory that is gone") }
    for (const x of gone()) {
      const row = { x: x instanceof Tensor ? new Tensor(new Float32Array([1]), x.shape) : new arrays[dtypeOf(x)](0) }
      for (const sink of [Sink.jsonl(OUT), Sink.arrow(OUT), Sink.parquet(OUT), Sink.npy(OUT), Sink.safetensors(OUT)]) {
        expect(await refusal([row, { x }], sink)).toMatchObject(refused)
      }
      expect(await refusal([{ txt: "fine" }, { npy: x }], Sink.tar(OUT))).toMatchObject(refused)
      for (const sink of [Sink.jsonl(OUT), Sink.arrow(OUT), Sink.parquet(OUT)]) {
        expect(await refusal([{ x: [{ y: [1] }] }, { x: [{ y: x }] }], sink)).toMatchObject(refused)
      }
    }
    const bytes = detached(new Uint8Array([1]))
    for (const sink of [Sink.jsonl(OUT), Sink.arrow(OUT), Sink.parquet(OUT), Sink.npy(OUT)]) {
      expect(await refusal([{ x: new Uint8Array(0) }, { x: bytes }], sink)).toMatchObject(refused)
    }
    expect(await refusal([{ bin: new Uint8Array(0) }, { bin: bytes }], Sink.tar(OUT))).toMatchObject(refused)
    // Arrays that are merely empty are written.
    const empty = [{ x: new Float32Array(0) }, { x: new Float32Array(0) }]
    expect(await back(empty, Sink.jsonl(OUT), Format.jsonl())).toEqual([{ x: [] }, { x: [] }])
  })

  test("records that hold themselves, or lie deeper than readers go", async () => {
    const nested = (depth: number, within: (inner: unknown) => unknown) => {
      let value: unknown = "leaf"
      for (let at = 0; at < depth; at++) value = within(value)
      return value
    }
    const record: Record<string, unknown> = {}
    record["me"] = record
    record["too"] = [record]
    const list: Array<unknown> = []
    list.push(list)
    const forms = [(inner: unknown) => [inner], (inner: unknown) => ({ a: inner })]
    for (const [name, sink] of tables) {
      for (const x of [record, list, ...forms.map((form) => nested(20_000, form))]) {
        expect(await refusal([{ x: null }, { x }], sink(OUT))).toMatchObject({
          _tag: "SinkError",
          kind: "row",
          row: 1,
          reason: expect.stringMatching(/^column "x.{0,100}" lies deeper than 32 levels, or holds itself; map it$/)
        })
      }
      // What is written can be read.
      for (const form of forms) {
        const row = { x: nested(32, form) }
        const format = name === "arrow" ? Format.arrow() : Format.parquet()
        expect(JSON.stringify(await back([row], sink(OUT), format))).toBe(JSON.stringify([row]))
      }
    }
  })

  test("with the sample that the row is, and the shard and row it came from", async () => {
    const rows = (from: number): Array<unknown> => Array.from({ length: 40 }, (_, row) => ({ n: from + row }))
    // Row 31 of the second shard; a stage leaves out each third sample before it.
    const bad = rows(40)
    bad[31] = { n: "seven" }
    const written = (size: number, sink: Sink.Sink) =>
      Effect.gen(function* () {
        yield* Sink.write(Stream.fromIterable(rows(0)), Sink.jsonl("memory://in/a"))
        yield* Sink.write(Stream.fromIterable(bad), Sink.jsonl("memory://in/b"))
        const locations = ["memory://in/a/shard-00000.jsonl", "memory://in/b/shard-00000.jsonl"]
        const dataset = yield* Dataset.open(locations, { format: Format.jsonl<{ n: unknown }>(), index: false })
        const kept = Pipeline.from(dataset).pipe(
          Pipeline.filter("kept", ({ n }) => typeof n !== "number" || n % 3 !== 0),
          Pipeline.batchWith(size, (all: ReadonlyArray<unknown>) => all)
        )
        return yield* Effect.flip(Sink.run(kept, sink))
      }).pipe(Effect.scoped, Effect.provide(Store.memory()), Effect.runPromise)
    for (const [, sinkOf] of tables) {
      for (const size of [4, 256]) {
        const error = await written(size, sinkOf(OUT))
        expect(error).toMatchObject({
          _tag: "SinkError",
          row: 47,
          sample: "sample 71, row 31 of memory://in/b/shard-00000.jsonl"
        })
        expect(String(error)).toContain("row 47 (sample 71, row 31 of memory://in/b/shard-00000.jsonl): ")
      }
    }
    // Columns of a batch are written many rows at once.
    const halves = Pipeline.from(Dataset.range(40)).pipe(
      Pipeline.map("half", (n) => ({ n: n === 29 ? 0.5 : n, list: Float32Array.of(n, n) })),
      Pipeline.batch(16)
    )
    for (const [, sinkOf] of tables) {
      const writing = Sink.run(halves, sinkOf(OUT, { types: { n: "int32" } })).pipe(Effect.provide(Store.memory()))
      expect(await Effect.runPromise(Effect.flip(writing))).toMatchObject({ row: 29, sample: "sample 29" })
    }
    // Rows of a stream have no samples.
    expect(await refusal([{ n: 1 }, { n: "seven" }], Sink.parquet(OUT))).not.toHaveProperty("sample", expect.anything())
  })

  test("records without fields in Parquet, by the first row that has one", async () => {
    const reason = (name: string) => expect.stringContaining(`column "${name}" holds records that have no field`)
    for (const [rows, row, name] of [
      [[{ x: {} }], 0, "x"],
      [[{ x: null }, { y: 1 }, { x: {} }, { x: {} }], 2, "x"],
      [[{ x: { a: 1 } }, { x: { b: null } }, { x: { b: {} } }], 2, "x.b"],
      [[{ x: [] }, { x: null }, { x: [[], [null]] }, { x: [[], [{ y: {} }]] }, { x: [[{ y: {} }]] }], 3, "x.y"],
      [[{ x: 1 }, { x: 2, y: [{}] }], 1, "y"]
    ] as const) {
      for (const size of [1, 2, 100]) {
        const rechunked = Stream.rechunk(Stream.fromIterable<unknown>(rows), size)
        const written = Sink.write(rechunked, Sink.parquet(OUT)).pipe(Effect.flip, Effect.provide(Store.memory()))
        expect(await Effect.runPromise(written)).toMatchObject({ kind: "row", row, reason: reason(name) })
      }
    }
    const types = { x: { struct: {} } }
    expect(await refusal([{ x: null }], Sink.parquet(OUT, { types }))).toMatchObject({ reason: reason("x") })
    expect(await back([{ x: {} }], Sink.arrow(OUT), Format.arrow())).toEqual([{ x: {} }])
    // A field in one row of the block is enough.
    const rows = [{ x: {} }, { x: { a: 1 } }]
    expect(await back(rows, Sink.parquet(OUT), Format.parquet())).toEqual([{ x: { a: null } }, { x: { a: 1 } }])
  })
})
