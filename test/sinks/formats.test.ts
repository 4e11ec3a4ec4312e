/**
 * What is written is read back: by Furrow, for rows that are drawn, and by other programs, where they are there.
 */
import { afterAll, describe, expect, test } from "bun:test"
import { spawnSync } from "node:child_process"
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { tableFromIPC } from "@uwdata/flechette"
import { Effect, Stream } from "effect"
import * as fc from "fast-check"
import { parquetReadObjects } from "hyparquet"
import { compressors } from "hyparquet-compressors"
import { Dataset, Format, Pipeline, Sink, Tensor } from "../../src/index.ts"

const folders: Array<string> = []
const fresh = (): string => {
  const folder = mkdtempSync(join(tmpdir(), "sink-"))
  folders.push(folder)
  return join(folder, "out")
}
afterAll(() => {
  for (const folder of folders) rmSync(folder, { recursive: true, force: true })
})

const written = (rows: ReadonlyArray<unknown>, sink: Sink.Sink) =>
  Effect.runPromise(Sink.write(Stream.rechunk(Stream.fromIterable(rows), 3), sink))

const read = <A>(sink: Sink.Sink, names: ReadonlyArray<string>, format: Format.Format<A>) =>
  Effect.runPromise(
    Effect.flatMap(
      Dataset.open(
        names.map((name) => join(sink.location, name)),
        { format, index: false }
      ),
      (dataset) => dataset.getMany(Array.from({ length: dataset.size }, (_, at) => at))
    )
  )

const texts = fc.string({ unit: "binary" }).filter((text) => text.isWellFormed())
const numbers = fc.double({ noNaN: false })
const finite = fc.double({ noNaN: true, noDefaultInfinity: true })

/** A format, what its rows are like, and how it is read. */
interface Case {
  readonly name: string
  readonly rows: fc.Arbitrary<Record<string, unknown>>
  readonly sink: (location: string, options: Sink.SinkOptions) => Sink.Sink
  readonly format: Format.Format<unknown>
}

const json = fc.record({
  text: fc.string({ unit: "binary" }),
  number: finite,
  nested: fc.jsonValue(),
  flag: fc.boolean()
})

const table = fc.record({
  id: fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
  x: numbers,
  text: fc.option(texts, { freq: 5 }),
  flag: fc.boolean(),
  bytes: fc.uint8Array({ maxLength: 9 }),
  tokens: fc.int32Array({ maxLength: 9 }),
  tags: fc.array(fc.option(texts), { maxLength: 3 }),
  at: fc.date({ noInvalidDate: true, min: new Date(0) }),
  record: fc.record({ a: numbers, b: texts })
})

/** Columns whose type the first rows may not show. */
const types: Readonly<Record<string, Sink.ColumnType>> = {
  text: "string",
  tags: { list: "string" },
  tokens: { list: "int32" }
}

const small = { blockBytes: 200 }

const cases: ReadonlyArray<Case> = [
  ...(["none", "gzip", "zstd"] as const).map((compression) => ({
    name: `jsonl, ${compression}`,
    rows: json,
    sink: (location: string, options: Sink.SinkOptions) => Sink.jsonl(location, { ...options, ...small, compression }),
    format: Format.jsonl()
  })),
  {
    name: "csv",
    rows: fc.record({ text: texts.filter((text) => text !== "\ufeff"), n: finite, flag: fc.boolean() }),
    sink: (location, options) => Sink.csv(location, { ...options, ...small }),
    format: Format.csv({ types: { text: "string", n: "number", flag: "boolean" } })
  },
  {
    name: "csv of one column",
    rows: fc.record({ n: fc.option(finite) }),
    sink: (location, options) => Sink.csv(location, { ...options, ...small }),
    format: Format.csv({ types: { n: "number" } })
  },
  {
    name: "arrow",
    rows: table,
    sink: (location, options) => Sink.arrow(location, { ...options, ...small, types }),
    format: Format.arrow()
  },
  ...(["none", "snappy", "zstd"] as const).map((compression) => ({
    name: `parquet, ${compression}`,
    rows: table,
    sink: (location: string, options: Sink.SinkOptions) =>
      Sink.parquet(location, { ...options, blockBytes: 2000, types, compression }),
    format: Format.parquet()
  })),
  {
    name: "tar",
    rows: fc.record({
      txt: texts,
      cls: fc.maxSafeInteger(),
      json: fc.jsonValue(),
      "mask.png": fc.uint8Array(),
      npy: fc.tuple(fc.float32Array({ minLength: 2, maxLength: 2 })).map(([data]) => new Tensor.Tensor(data, [1, 2]))
    }),
    sink: (location, options) => Sink.tar(location, { ...options, ...small }),
    format: Format.tar()
  },
  {
    name: "npy",
    rows: fc.record({
      array: fc.float32Array({ minLength: 3, maxLength: 3 }).map((data) => new Tensor.Tensor(data, [3]))
    }),
    sink: Sink.npy,
    format: Format.npy()
  },
  {
    name: "safetensors",
    rows: fc.record({
      a: fc.float32Array({ minLength: 2, maxLength: 2 }).map((data) => new Tensor.Tensor(data, [2, 1])),
      b: fc.bigInt({ min: -9n, max: 9n }),
      c: fc.boolean(),
      d: numbers
    }),
    sink: Sink.safetensors,
    format: Format.safetensors({ sample: "row" })
  }
]

/** With tensors as lists: Bun's matcher holds no NaN in a typed array to be equal to another. */
const listed = (rows: ReadonlyArray<unknown>): ReadonlyArray<unknown> =>
  rows.map((row) =>
    Object.fromEntries(
      Object.entries(row as object).map(([name, own]: readonly [string, unknown]) => [
        name,
        own instanceof Tensor.Tensor ? { dtype: own.dtype, shape: own.shape, data: Array.from(own.data) } : own
      ])
    )
  )

describe("what is written is what is read", () => {
  for (const { format, name, rows, sink } of cases) {
    test(name, async () => {
      await fc.assert(
        fc.asyncProperty(
          fc.array(rows, { minLength: 1, maxLength: 40 }),
          fc.integer({ min: 1, max: 20 }),
          async (all, most) => {
            const own = sink(fresh(), { rows: most })
            const { shards } = await written(all, own)
            expect(shards).toHaveLength(Math.ceil(all.length / most))
            const back = await read(
              own,
              shards.map((shard) => shard.name),
              format
            )
            const expected =
              name === "tar" ? all.map((row, at) => ({ __key__: String(at).padStart(9, "0"), ...row })) : all
            expect(listed(back)).toEqual(listed(expected))
          }
        ),
        { numRuns: 12 }
      )
    }, 60_000)
  }
})

describe("fields", () => {
  const tables = [
    [Sink.csv, Format.csv()],
    [Sink.tsv, Format.tsv()],
    [Sink.arrow, Format.arrow()],
    [Sink.parquet, Format.parquet()],
    [Sink.jsonl, Format.jsonl()],
    [Sink.safetensors, Format.safetensors({ sample: "row" })]
  ] as const

  test("may have the names of what every object has", async () => {
    const names = ["constructor", "toString", "valueOf", "hasOwnProperty", "__proto__"]
    const rows = [1.5, 2.5].map((n): unknown => JSON.parse(`{${names.map((name) => `"${name}":${n}`).join()}}`))
    for (const [sink, format] of tables) {
      const own = sink(fresh())
      const { shards } = await written(rows, own)
      const back = await read<unknown>(
        own,
        shards.map(({ name }) => name),
        format
      )
      expect(back.map((row) => Object.entries(row as object))).toEqual(rows.map((row) => Object.entries(row as object)))
    }
    // A row that lacks such a field has none.
    const csv = Sink.csv(fresh())
    await written([{ a: 1, toString: 2 }, { a: 3 }], csv)
    expect(readFileSync(join(csv.location, "shard-00000.csv"), "utf8")).toBe("a,toString\n1,2\n3,\n")
  })

  test("must be there: a row of none is named, and nothing is written", async () => {
    const sinks = [Sink.csv, Sink.tsv, Sink.arrow, Sink.parquet, Sink.npy, Sink.safetensors]
    for (const sink of sinks) {
      const own = sink(fresh())
      const error = await Effect.runPromise(Effect.flip(Sink.write(Stream.make({}, {}), own)))
      expect(error).toMatchObject({ _tag: "SinkError", kind: "row", row: 0 })
      expect(error.message).toContain("has no fields")
      expect(readdirSync(own.location).filter((name) => name.startsWith("shard"))).toEqual([])
    }
    const error = await Effect.runPromise(Effect.flip(Sink.write(Stream.make({ a: 1 }, { b: 1 }), Sink.npy(fresh()))))
    expect(error.message).toContain('a row has the fields "b", and the rows before it have "a"; all rows must have')
    const declared = Sink.parquet(fresh(), { types: { a: "string" } })
    expect((await written([{}, { a: "x" }], declared)).rows).toBe(2)
  })
})

describe("columns of batches", () => {
  const size = 1000
  const source = Dataset.fromColumns({
    f: Float32Array.from({ length: size }, (_, at) => Math.fround(Math.sin(at))),
    i: BigInt64Array.from({ length: size }, (_, at) => BigInt(at) << 40n),
    tokens: Tensor.make(
      Uint16Array.from({ length: size * 6 }, (_, at) => at & 65_535),
      [size, 2, 3]
    ),
    text: Array.from({ length: size }, (_, at) => `row ${at}`)
  })

  test("keep their types, and are the same however they are dealt into batches", async () => {
    for (const make of [Sink.arrow, Sink.parquet]) {
      const contents = new Set<string>()
      for (const batch of [64, 300]) {
        const pipeline = Pipeline.from(source).pipe(Pipeline.batch(batch, { dtypes: { f: "float32" } }))
        const numeric = pipeline.pipe(
          Pipeline.map("numeric", ({ columns: { text: _, ...columns }, ...rest }) => ({ ...rest, columns }))
        )
        const all = make(fresh(), { rows: 400, blockBytes: 3000 })
        const { content, schema, shards } = await Effect.runPromise(Sink.run(pipeline, all))
        expect(shards.map(({ rows }) => rows)).toEqual([400, 400, 200])
        const expected = [
          ["f", "float32"],
          ["i", "int64"],
          ["tokens", { list: { list: "uint16" } }]
        ]
        expect(schema).toEqual([...expected, ["text", "string"]])
        const own = await Effect.runPromise(Sink.run(numeric, make(fresh(), { rows: 400, blockBytes: 3000 })))
        expect(own.schema).toEqual(expected)
        contents.add(`${content} ${own.content}`)
      }
      expect(contents.size).toBe(1)
    }
  })
})

const hasPython = spawnSync("python3", ["-c", "import numpy"]).status === 0

describe("other programs read it", () => {
  const rows = Array.from({ length: 50 }, (_, at) => ({
    id: BigInt(at) << 33n,
    x: at / 7,
    text: at % 5 === 0 ? null : `täxt ${at}`,
    tokens: Int32Array.from({ length: at % 4 }, (_, own) => own - 1)
  }))
  const plain = rows.map(({ id, text, tokens, x }) => ({ id, x, text, tokens: Array.from(tokens) }))
  const options = { rows: 30, blockBytes: 300, types: { text: "string", tokens: { list: "int32" } } } as const

  test("Parquet, by hyparquet", async () => {
    for (const compression of ["none", "snappy", "zstd", "gzip", "lz4"] as const) {
      const sink = Sink.parquet(fresh(), { ...options, compression })
      const { shards } = await written(rows, sink)
      const back: Array<unknown> = []
      for (const { name } of shards) {
        const { buffer, byteLength, byteOffset } = readFileSync(join(sink.location, name))
        const file = buffer.slice(byteOffset, byteOffset + byteLength) as ArrayBuffer // a Buffer's memory is not shared
        back.push(...(await parquetReadObjects({ file, compressors })))
      }
      expect(back).toEqual(plain)
    }
  })

  test("Arrow, by flechette", async () => {
    const sink = Sink.arrow(fresh(), options)
    const { shards } = await written(rows, sink)
    const back = shards.flatMap(({ name }) =>
      tableFromIPC(new Uint8Array(readFileSync(join(sink.location, name))), { useBigInt: true }).toArray()
    )
    expect(back.map((row) => ({ ...row, tokens: Array.from(row["tokens"] as ArrayLike<number>) }))).toEqual(plain)
  })

  test.skipIf(spawnSync("tar", ["--version"]).status !== 0)("tar, by tar (skipped where it is not)", async () => {
    const sink = Sink.tar(fresh(), { rows: 100 })
    const long = `${"d".repeat(90)}/${"k".repeat(90)}`
    await written(
      [
        { __key__: long, txt: "ä", bin: new Uint8Array(700) },
        { cls: 7, json: { a: [1] } }
      ],
      sink
    )
    const file = join(sink.location, "shard-00000.tar")
    const tar = (...args: ReadonlyArray<string>): string => {
      const { status, stderr, stdout } = spawnSync("tar", args, { encoding: "utf8" })
      if (status !== 0 || stderr !== "") throw new Error(stderr)
      return stdout
    }
    const members = [`${long}.txt`, `${long}.bin`, "000000001.cls", "000000001.json"]
    expect(tar("-tf", file).trim().split("\n")).toEqual(members)
    expect(tar("-xOf", file, `${long}.txt`, "000000001.cls", "000000001.json")).toBe('ä7{"a":[1]}')
  })

  const python = (script: string, ...args: ReadonlyArray<string>): unknown => {
    const { stderr, stdout } = spawnSync("python3", ["-c", script, ...args], { encoding: "utf8" })
    if (stderr !== "") throw new Error(stderr)
    return JSON.parse(stdout)
  }

  test.skipIf(!hasPython)(
    "JSON Lines, CSV, tar, npy and safetensors, by Python and NumPy (skipped where they are not)",
    async () => {
      const own = rows.map(({ text, x }, at) => ({ x, text, at }))
      for (const compression of ["none", "gzip"] as const) {
        const sink = Sink.jsonl(fresh(), { rows: 30, blockBytes: 300, compression })
        const { shards } = await written(own, sink)
        const script = `import sys, json, gzip
print(json.dumps([json.loads(l) for f in sys.argv[2:] for l in (gzip.open if sys.argv[1] == "gzip" else open)(f, "rt", encoding="utf8")]))`
        expect(python(script, compression, ...shards.map(({ name }) => join(sink.location, name)))).toEqual(own)
      }
      const cells = own.map(({ text, x }) => ({ x: String(x), text: `${text ?? ""},"\n"` }))
      const csv = Sink.csv(fresh(), { rows: 100 })
      await written(cells, csv)
      const reader = `import sys, json, csv
print(json.dumps(list(csv.DictReader(open(sys.argv[1], newline="", encoding="utf8")))))`
      expect(python(reader, join(csv.location, "shard-00000.csv"))).toEqual(cells)
      const tar = Sink.tar(fresh(), { rows: 100 })
      const long = `${"d".repeat(90)}/${"k".repeat(90)}`
      await written(
        [
          { __key__: long, txt: "ä", bin: new Uint8Array(700) },
          { cls: 7, json: { a: [1] } }
        ],
        tar
      )
      const lister = `import sys, json, tarfile
t = tarfile.open(sys.argv[1])
print(json.dumps([[m.name, m.size, t.extractfile(m).read(3).decode("latin1")] for m in t]))`
      expect(python(lister, join(tar.location, "shard-00000.tar"))).toEqual([
        [`${long}.txt`, 2, "Ã¤"],
        [`${long}.bin`, 700, "\0\0\0"],
        ["000000001.cls", 1, "7"],
        ["000000001.json", 9, '{"a']
      ])
      const npy = Sink.npy(fresh(), { rows: 100 })
      await written(
        [1, 2].map((n) => ({ v: new Tensor.Tensor(Int16Array.of(n, -n), [2, 1]) })),
        npy
      )
      const loader = `import sys, json, numpy
a = numpy.load(sys.argv[1]); print(json.dumps([str(a.dtype), a.tolist()]))`
      expect(python(loader, join(npy.location, "shard-00000.npy"))).toEqual([
        "int16",
        [
          [[1], [-1]],
          [[2], [-2]]
        ]
      ])
      const tensors = Sink.safetensors(fresh(), { rows: 100 })
      await written(
        [
          { a: 1.5, b: true },
          { a: 2.5, b: false }
        ],
        tensors
      )
      const parser = `import sys, json, struct
d = open(sys.argv[1], "rb").read(); n = struct.unpack("<Q", d[:8])[0]; h = json.loads(d[8:8+n]); o = h["a"]["data_offsets"]
print(json.dumps([h["a"]["dtype"], h["b"]["shape"], struct.unpack("<2d", d[8+n+o[0]:8+n+o[1]])]))`
      expect(python(parser, join(tensors.location, "shard-00000.safetensors"))).toEqual(["F64", [2], [1.5, 2.5]])
    },
    60_000
  )
})
