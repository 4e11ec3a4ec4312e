/** Whatever a row holds: it is read back equal, or refused by row and field. Nothing is left out, rounded or replaced unsaid. */
import { describe, expect, test } from "bun:test"
import { Effect, Exit, Stream } from "effect"
import * as fc from "fast-check"
import { arrays, isTypedArray } from "../../src/core/DType.ts"
import { Tensor } from "../../src/core/Tensor.ts"
import { Dataset, Format, Pipeline, Sampler, SeedPolicy, Sink, Store } from "../../src/index.ts"
import { listed } from "../../src/sinks/RowSource.ts"
import { SinkTypeId } from "../../src/sinks/SinkValue.ts"
import { RowFault } from "../../src/sources/sinks/SinkError.ts"
import { odd } from "../support/odd.ts"

const OUT = "memory://out"

const sinks: ReadonlyArray<readonly [string, Sink.Sink, Format.Format<unknown>]> = [
  ["jsonl", Sink.jsonl(OUT), Format.jsonl()],
  ["csv", Sink.csv(OUT), Format.csv()],
  ["parquet", Sink.parquet(OUT), Format.parquet()],
  ["arrow", Sink.arrow(OUT), Format.arrow()],
  ["tar", Sink.tar(OUT), Format.tar()],
  ["npy", Sink.npy(OUT), Format.npy({ field: "x" })],
  ["safetensors", Sink.safetensors(OUT), Format.safetensors()]
]

/** What was read back, or the error. */
const written = (
  write: Effect.Effect<unknown, unknown, Store.Store>,
  sink: Sink.Sink,
  format: Format.Format<unknown>
) =>
  write.pipe(
    Effect.zipRight(Dataset.open(sink.location, { format, index: false })),
    Effect.flatMap((dataset) => dataset.getMany(Array.from({ length: dataset.size }, (_, at) => at))),
    Effect.provide(Store.memory()),
    Effect.exit,
    Effect.runPromise
  )

const ofRows = (rows: ReadonlyArray<unknown>, sink: Sink.Sink, format: Format.Format<unknown>) =>
  written(Sink.write(Stream.fromIterable(rows), sink), sink, format)

const ofFields = (record: object) => ({ fields: new Map(Object.entries(record)), length: undefined })

/** What docs/sinks.md says that values are read back as; each thing that no format has is like nothing else. */
const canonical = (value: unknown, format: string): unknown => {
  const inner = (own: unknown) => canonical(own, format)
  if (value === undefined || value === null) return null
  if (typeof value === "bigint") return Number.isSafeInteger(Number(value)) ? Number(value) : value
  if (typeof value === "symbol" || typeof value === "function") return { like: "nothing else", at: Math.random() }
  if (typeof value !== "object") return format === "csv" && value === "" ? null : value
  if (value instanceof Date) return value.toISOString()
  if (value instanceof Uint8Array && format !== "npy" && format !== "safetensors") {
    return format === "jsonl" || format === "tar"
      ? ofFields({ $bytes: Buffer.from(value).toString("base64") })
      : { bytes: Array.from(value) }
  }
  if (isTypedArray(value)) return Array.from(value, inner)
  if (value instanceof Tensor) {
    const { data, shape } = value
    const parts = (axis: number, from: number): unknown => {
      if (axis === shape.length) return inner(data[from])
      const width = shape.slice(axis + 1).reduce((product, own) => product * own, 1)
      return Array.from({ length: shape[axis] ?? 0 }, (_, at) => parts(axis + 1, from + at * width))
    }
    return parts(0, 0)
  }
  const prototype: unknown = Object.getPrototypeOf(value)
  if (!Array.isArray(value) && prototype !== Object.prototype && prototype !== null) {
    return { like: "nothing else", at: Math.random() }
  }
  const names = Reflect.ownKeys(value).filter((name) => Object.getOwnPropertyDescriptor(value, name)?.enumerable)
  const fields = names
    .map((name) => [name, inner(Reflect.get(value, name))] as const)
    .filter(([name, own]) => own !== null && !(format === "tar" && name === "__key__"))
  const isList = Array.isArray(value) && names.length === value.length
  return isList
    ? value.map(inner)
    : { fields: new Map(fields), length: Array.isArray(value) ? value.length : undefined }
}

const same = async (rows: ReadonlyArray<unknown>, [name, sink, format]: (typeof sinks)[number]) => {
  const read = Exit.getOrElse(await ofRows(rows, sink, format), (cause) => {
    throw new Error(`${name}: ${cause}`)
  })
  expect(read.map((row) => canonical(row, name))).toEqual(rows.map((row) => canonical(row, name)))
}

/** Why an encoder refuses one of these rows; `undefined` if it takes them. */
const refusal = (rows: ReadonlyArray<unknown>, [, sink]: (typeof sinks)[number]): RowFault | undefined => {
  const encoder = Effect.runSync(sink[SinkTypeId].format.encoder(undefined, 0))
  try {
    for (let at = 0; at < rows.length; ) at = encoder.add(listed(rows), at, rows.length, Number.POSITIVE_INFINITY)
    encoder.end()
    return undefined
  } catch (thrown) {
    expect(thrown).toBeInstanceOf(RowFault)
    return thrown as RowFault // as was expected
  }
}

/** What is thrown is rarely a value of a row: of errors, which are all objects of classes, the first are enough. */
const values = odd.filter(
  ([name]) => !/^(an? \w* ?error|.* errors?\b|.*10 MB)/.test(name) && name !== "an array of 100,000"
)

const more: ReadonlyArray<readonly [string, () => unknown]> = [
  ...Object.values(arrays).map((Kind) => [Kind.name, () => new Kind(2)] as const),
  ["Uint8ClampedArray", () => new Uint8ClampedArray([300])],
  ["a Buffer", () => Buffer.from("bytes")],
  ["a tensor", () => new Tensor(new Int16Array(6), [2, 3])],
  ["a tensor of no axes", () => new Tensor(Float64Array.of(0.5), [])],
  ["nulls in lists in records", () => ({ a: [null, [null, { b: null }]], c: null })],
  ["a match", () => /b(.)/.exec("abcd")],
  ["a list with a field", () => Object.assign([1, 2], { extra: 3 })],
  ["an empty list with a field", () => Object.assign([], { extra: 3 })],
  ["a list with a field that looks like an index", () => Object.assign([1, 2], { "01": 3 })],
  ["a list with a field named by a symbol", () => Object.assign([1], { [Symbol("key")]: 1 })],
  ["a list with a hole", () => Object.assign([1], { 2: 3 })],
  ["a list with undefined", () => [1, undefined]],
  ["a list with toJSON", () => Object.defineProperty([1, 2], "toJSON", { value: () => "other" })],
  ["a long list with a field", () => Object.assign(new Array<number>(300).fill(1), { extra: 1 })],
  ["a record with a symbol in a list", () => [{ a: [{ [Symbol("key")]: 1, b: 1 }] }]],
  ["a record with toJSON that is hidden", () => Object.defineProperty({ a: 1 }, "toJSON", { value: () => "other" })],
  [
    "a getter",
    () => ({
      get own() {
        return 7
      }
    })
  ],
  ["infinity", () => Number.NEGATIVE_INFINITY],
  ["a bigint of 64 bits", () => 2n ** 63n - 1n]
]

test.each(sinks.map((own) => ({ name: own[0], own })))(
  "$name: a value is read back equal, or refused by row and field",
  async ({ own }) => {
    const [name] = own
    const taken: Array<unknown> = []
    for (const [of, make] of [...values, ...more]) {
      const fault = refusal([{ [name === "tar" ? "x.json" : "x"]: make() }], own)
      if (fault === undefined) taken.push(make())
      else
        expect([of, fault.place, fault.reason]).toEqual([of, 0, expect.stringMatching(/"x[".]|values failed|no field/)])
    }
    expect(taken.length).toBeGreaterThan(5)
    // All in one row, where rows have several fields.
    const fields = taken.map(
      (value, at) => [name === "tar" ? `x${at}.json` : name === "npy" ? "x" : `x${at}`, value] as const
    )
    if (name !== "npy") await same([Object.fromEntries(fields)], own)
    else for (const [field, value] of fields) await same([{ [field]: value }], own)
  }
)

test.each(sinks.map((own) => ({ name: own[0], own })))(
  "$name: a row with more than fields, and one whose getter throws",
  ({ own }) => {
    const field = own[0] === "tar" ? "json" : "x"
    expect(refusal([{ [field]: 1 }, { [field]: 1, [Symbol("key")]: 1 }], own)).toMatchObject({
      place: 1,
      reason: expect.stringContaining("row has a field named by Symbol(key), which would be lost")
    })
    const cause = new Error("no value")
    const getter = Object.defineProperty({}, field, {
      enumerable: true,
      get: () => {
        throw cause
      }
    })
    const rows = [{ [field]: 1 }, { [field]: 2 }, getter]
    expect(refusal(rows, own)).toMatchObject({ place: 2, cause, reason: expect.stringContaining("Error: no value") })
  }
)

test("numbers of rows and arrays in any order of their kinds: none is rounded to the kind of those before", async () => {
  const number = fc.oneof(fc.double(), fc.integer(), fc.constantFrom(-0, Number.NaN, 2 ** 53 + 2, 0.1, 2 ** 31))
  const column = fc.oneof(
    number,
    fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
    fc.array(number, { maxLength: 3 }),
    fc.array(number, { maxLength: 3 }).map((own) => Float32Array.from(own)),
    fc.array(number, { maxLength: 3 }).map((own) => Float64Array.from(own)),
    fc.array(fc.integer(), { maxLength: 3 }).map((own) => Int16Array.from(own)),
    number.map((own) => new Tensor(Float32Array.of(own), [])),
    fc.constant(null)
  )
  const tables = sinks.filter(([name]) => ["jsonl", "parquet", "arrow"].includes(name))
  await fc.assert(
    fc.asyncProperty(
      fc.array(column, { minLength: 1, maxLength: 4 }),
      fc.constantFrom(...tables),
      async (list, [name, sink, format]) => {
        const exit = await ofRows(
          list.map((x) => ({ x, y: 1 })),
          sink,
          format
        )
        if (Exit.isFailure(exit)) expect(String(exit.cause)).toMatch(/SinkError.* row \d: .*"x"/)
        else
          expect(exit.value.map((row) => canonical(row, name))).toEqual(list.map((x) => canonical({ x, y: 1 }, name)))
      }
    ),
    { numRuns: 25 }
  )
})

test("a float32 column rounds if it was declared, in all shards, and not if the first rows had it", async () => {
  const rows = [{ x: Float32Array.of(1) }, { x: [2] }, { x: [0.1] }]
  for (const sink of [Sink.arrow, Sink.parquet]) {
    for (const cut of [{}, { rows: 1 }]) {
      const refused = await Effect.runPromise(
        Sink.write(Stream.fromIterable(rows), sink(OUT, cut)).pipe(Effect.flip, Effect.provide(Store.memory()))
      )
      expect(refused.message).toContain('row 2: column "x": 0.1 does not fit, as values so far are float32')
      const types = { x: { list: "float32" } } as const
      await Effect.runPromise(
        Sink.write(Stream.fromIterable(rows), sink(OUT, { ...cut, types })).pipe(Effect.provide(Store.memory()))
      )
    }
  }
})

describe("batches whose columns are the user's own", () => {
  const [, sink, format] = sinks[0] as (typeof sinks)[number] // the first
  const ofColumns = (collate: (rows: ReadonlyArray<number>) => unknown) =>
    written(
      Sink.run(Pipeline.from(Dataset.range(6)).pipe(Pipeline.batchWith(4, collate)), sink) as Effect.Effect<
        unknown,
        unknown,
        Store.Store
      >,
      sink,
      format
    )

  test("typed arrays are columns", async () => {
    const exit = await ofColumns((rows) => ({ x: Float32Array.from(rows), y: { z: BigInt64Array.from(rows, BigInt) } }))
    const expected = [0, 1, 2, 3, 4, 5].map((x) => ({ x, y: { z: x } }))
    expect(exit).toEqual(Exit.succeed(expected))
  })

  test("what no column can hold is said to be that, whatever came before it", async () => {
    for (const [value, shown] of [
      [new Map(), "an object of Map"],
      [() => 1, "a function"]
    ] as const) {
      const error = await Effect.runPromise(
        Sink.write(Stream.make({ x: value }), Sink.parquet(OUT)).pipe(Effect.flip, Effect.provide(Store.memory()))
      )
      expect(error.message).toContain("is of no kind that a column holds; map it to a number")
      expect(error.message).toContain(`column "x": ${shown}`)
    }
  })

  test("as many rows as the sampler draws are divided into shards, not as many as the dataset has", async () => {
    for (const [sampler, sizes] of [
      [Sampler.withReplacement({ count: 250 }), [63, 63, 62, 62]],
      [Sampler.subset(Array.from({ length: 40 }, (_, index) => index)), [10, 10, 10, 10]]
    ] as const) {
      const pipeline = Pipeline.from(Dataset.range(100)).pipe(
        Pipeline.sample(sampler),
        Pipeline.map("row", (x) => ({ x }))
      )
      const run = Sink.run(pipeline, Sink.jsonl(OUT, { shards: 4 })).pipe(
        Effect.provide(Store.memory()),
        Effect.provide(SeedPolicy.elastic({ seed: 1 }))
      )
      expect((await Effect.runPromise(run)).shards.map(({ rows }) => rows)).toEqual([...sizes])
    }
  })

  test("other rows than samples are refused at once where shards were divided by samples", async () => {
    for (const [size, change] of [
      [5, (rows: ReadonlyArray<number>) => [...rows, 9]],
      [3, (rows: ReadonlyArray<number>) => rows.slice(1)]
    ] as const) {
      const pipeline = Pipeline.from(Dataset.range(6)).pipe(Pipeline.batchWith(4, change))
      const written: Array<number> = []
      const sink = Sink.jsonl(OUT, { shards: 2 })
      const run = Sink.run(pipeline, sink, { onProgress: ({ shards }) => written.push(shards) })
      expect(await Effect.runPromise(run.pipe(Effect.flip, Effect.provide(Store.memory())))).toMatchObject({
        _tag: "SinkError",
        kind: "row",
        reason: expect.stringContaining(`a batch gives ${size} rows of its 4 samples`)
      })
      // Nothing was begun.
      expect(written).toEqual([])
    }
  })

  test("what has no row for each sample is refused by its name", async () => {
    const cyclic: Record<string, unknown> = {}
    cyclic["me"] = cyclic
    for (const [columns, reason] of [
      [{ x: [1] }, 'column "x" has 1 row, and the batch 4'],
      [{ x: [1, 2, 3, 4, 5] }, 'column "x" has 5 rows, and the batch 4'],
      [{ x: new Tensor(new Float32Array(6), [1, 6]) }, 'column "x" has 1 row'],
      [{ x: new Tensor(Float32Array.of(1), []) }, 'column "x" has a single number'],
      // biome-ignore lint/suspicious/noSparseArray: the hole is what is tested
      [{ x: [1, , 3, 4] }, 'column "x" is a list with a hole at 1'],
      [{ x: Object.assign([1, 2, 3, 4], { own: 1 }) }, 'column "x" is a list with a field "own" of its own'],
      [{ x: { y: new Map() } }, 'column "x", field "y" is an object of Map, and must be a tensor'],
      [{ x: "abcd" }, 'column "x" is "abcd", and must be'],
      [{ x: undefined }, 'column "x" is undefined, and must be'],
      [new Map(), "the batch is an object of Map, and must be"],
      [cyclic, 'field "me" is']
    ] as const) {
      const exit = await ofColumns(() => columns)
      const failed = Exit.isFailure(exit) && exit.cause._tag === "Fail" ? exit.cause.error : exit
      expect(failed).toMatchObject({ _tag: "SinkError", kind: "row", row: 0, reason: expect.stringContaining(reason) })
    }
  })
})
