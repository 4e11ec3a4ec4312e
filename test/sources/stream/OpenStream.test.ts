/**
 * Shards that are read in order give the rows that they give by their index, however their bytes come; several take turns.
 */
import { describe, expect, test } from "bun:test"
import { constants, gzipSync, zstdCompressSync } from "node:zlib"
import { Effect, Layer, Logger, LogLevel, Option, Stream } from "effect"
import fc from "fast-check"
import {
  Dataset,
  FailurePolicy,
  Format,
  furrow,
  Pipeline,
  Scheduler,
  SeedPolicy,
  Store,
  Workers
} from "../../../src/index.ts"
import { type Entry, tarOf } from "../../support/tar.ts"

const TIME = 60_000

const archive = (entries: ReadonlyArray<Entry>): Uint8Array => tarOf(...entries)
const encoder = new TextEncoder()

/** What stands in the way of a test by its log alone. */
const quiet = Logger.withMinimumLogLevel(LogLevel.Warning)

/** All rows of a source, in its order; bad ones by their error. */
const rowsOf = (source: Dataset.StreamSource<unknown, unknown>, from?: object, take = Number.POSITIVE_INFINITY) =>
  Effect.runPromise(
    Effect.gen(function* () {
      const pipeline = Pipeline.from(source).pipe(
        Pipeline.map("text", (row) => ({ text: JSON.stringify(row) })),
        Pipeline.batch(3)
      )
      const loader = yield* from === undefined
        ? Scheduler.open(pipeline, { epochs: 1 })
        : Scheduler.open(pipeline, { from })
      const rows: Array<string> = []
      for (let taken = 0; taken < take; taken++) {
        const next = yield* loader.take
        if (Option.isNone(next)) break
        rows.push(...next.value.columns.text)
      }
      return { rows, cursor: yield* loader.cursor, stats: yield* loader.stats }
    }).pipe(
      Effect.scoped,
      Effect.provide(Workers.fibers({ workers: 2 })),
      Effect.provide(FailurePolicy.skip({ budget: { samples: 1000 }, report: () => Effect.void })),
      quiet
    )
  )

/** The rows of a shard by its index. */
const indexed = (bytes: Uint8Array, format: Format.Format<unknown>) =>
  Effect.runPromise(
    Effect.gen(function* () {
      const dataset = yield* Dataset.open("memory://shard", { format, index: false })
      const rows = yield* Effect.forEach(Array.from({ length: dataset.size }).keys(), (index) =>
        Effect.option(dataset.get(index))
      )
      return rows.flatMap((row) => (Option.isSome(row) ? [JSON.stringify(row.value)] : []))
    }).pipe(Effect.provide(Store.memory({ shard: bytes })))
  )

const cut = (bytes: Uint8Array, length: number): ReadonlyArray<Uint8Array> =>
  Array.from({ length: Math.ceil(bytes.length / length) }, (_, part) =>
    bytes.subarray(part * length, (part + 1) * length)
  )

const line = fc.constantFrom('{"n":1}', '"é"', "", "  ", "[1,2]", "{bad", "12", '{"long":"xxxxxxxxxxxxxxxxxxxx"}')
const text = fc
  .tuple(
    fc.constantFrom("", "\u{feff}"),
    fc.array(line, { maxLength: 12 }),
    fc.constantFrom("\n", "\r\n"),
    fc.boolean()
  )
  .map(([mark, lines, end, isEnded]) => encoder.encode(mark + lines.join(end) + (isEnded ? end : "")))

const record = fc.constantFrom("1,a", '2,"b\nb"', "3,", "nan,x", "4,a,b", '"5",""')
const table = fc
  .array(record, { maxLength: 8 })
  .map((records) => encoder.encode(`x,y\n${records.map((own) => `${own}\n`).join("")}`))

/** Of one column an empty line is a row. */
const column = fc
  .array(fc.constantFrom("", "1", '""', '"\n"', "a"), { maxLength: 8 })
  .map((records) => encoder.encode(`\nx\n${records.map((own) => `${own}\n`).join("")}`))

const files = fc.array(fc.tuple(fc.constantFrom("json", "txt", "bin"), fc.nat(700)), { maxLength: 6 }).map((all) =>
  archive(
    all.flatMap(([extension, length], at) => [
      { name: `${at}.${extension}`, body: extension === "json" ? "[1]" : "x".repeat(length) },
      { name: `${at}.cls`, body: String(at) }
    ])
  )
)

const kinds: ReadonlyArray<readonly [string, fc.Arbitrary<Uint8Array>, Format.Format<unknown>]> = [
  ["JSON Lines", text, Format.jsonl()],
  ["lines of text", text, Format.text()],
  ["paragraphs", text, Format.text({ rows: "paragraphs" })],
  ["windows of bytes", text, Format.text({ rows: "windows", windowBytes: 5 })],
  ["CSV", table, Format.csv()],
  ["CSV of one column", column, Format.csv()],
  ["tars", files, Format.tar()]
]

describe("bytes that come in order", () => {
  test.each(kinds)(
    "give the rows that an index gives: %s",
    async (_, bytes, format) => {
      const property = fc.asyncProperty(
        bytes,
        fc.integer({ min: 1, max: 900 }),
        fc.boolean(),
        async (own, length, isPacked) => {
          const chunks = cut(isPacked ? gzipSync(own) : own, length)
          const { rows } = await rowsOf(Dataset.fromStream(() => chunks, { format }))
          expect(rows).toEqual(await indexed(own, format))
        }
      )
      await fc.assert(property, { numRuns: 25 })
    },
    TIME
  )

  test("may be gzip of several members, and are refused if it is cut short", async () => {
    const one = gzipSync('{"n":1}\n{"n"')
    const other = gzipSync(":2}\n")
    const read = (chunks: ReadonlyArray<Uint8Array>) =>
      rowsOf(Dataset.fromStream(() => chunks, { format: Format.jsonl() }))
    expect((await read([one, other])).rows).toEqual(['{"n":1}', '{"n":2}'])
    const error = await read([one, other.subarray(0, 12)]).catch((thrown: unknown) => thrown)
    expect(String(error)).toContain("stream stream failed at row 1")
  })

  test("may be zstd of several frames, however they come", async () => {
    const lines = Array.from({ length: 3000 }, (_, n) => `${JSON.stringify({ n, text: "x".repeat(n % 400) })}\n`)
    const skippable = Uint8Array.of(0x53, 0x2a, 0x4d, 0x18, 3, 0, 0, 0, 1, 2, 3)
    const checked = { params: { [constants.ZSTD_c_checksumFlag]: 1 } }
    const packed = Buffer.concat([
      skippable,
      zstdCompressSync(lines.slice(0, 2500).join("")),
      skippable,
      zstdCompressSync(new Uint8Array(0)),
      zstdCompressSync(lines.slice(2500).join(""), checked)
    ])
    const read = async (bytes: Uint8Array, length: number) =>
      (await rowsOf(Dataset.fromStream(() => cut(bytes, length), { format: Format.text() }))).rows
    const expected = lines.map((line) => JSON.stringify(line.trimEnd()))
    for (const length of [7, 1000, packed.length]) expect(await read(packed, length)).toEqual(expected)
    for (const [bytes, reason] of [
      [packed.subarray(0, -1), /last zstd frame is cut short/],
      [packed.subarray(0, skippable.length - 1), /last zstd frame is cut short/],
      [Buffer.concat([packed, Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8)]), /no zstd frame follow/],
      [packed.with(-1, (packed.at(-1) ?? 0) ^ 1), /checksum|ZSTD|zstd|corrupt/i]
    ] as const) {
      const error = await read(bytes, 1000).catch((thrown: unknown) => thrown)
      expect(String(error)).toMatch(/stream stream failed at row/)
      expect(String(error)).toMatch(reason)
    }
  })

  test("hold a bad row, which is an error of that row with its shard, row and byte", async () => {
    const bytes = encoder.encode('{"n":1}\n{bad\n{"n":3}\n')
    const source = Dataset.fromStream(() => [bytes], { name: "pipe", format: Format.jsonl() })
    const { rows, stats } = await rowsOf(source)
    expect(rows).toEqual(['{"n":1}', '{"n":3}'])
    expect(stats.skipped).toBe(1)
    const error = await Effect.runPromise(
      Scheduler.stream(Pipeline.from(source).pipe(Pipeline.batch(3)), { epochs: 1 }).pipe(
        Stream.runDrain,
        Effect.provide(Workers.fibers({ workers: 1 })),
        Effect.flip
      )
    )
    expect(error).toMatchObject({
      _tag: "StageError",
      sample: 1,
      failure: { _tag: "ShardError", shard: "pipe", row: 1, byte: 8 }
    })
  })

  test("are not read without an end to a row", async () => {
    const endless = function* () {
      for (;;) yield encoder.encode("x".repeat(100))
    }
    const source = Dataset.fromStream(endless, { format: Format.jsonl({ rowBytes: 1000 }) })
    const error = await rowsOf(source).catch((thrown: unknown) => thrown)
    expect(String(error)).toContain("a row is longer than rowBytes, 1000")
  })

  test("are bytes: a text, or anything else, is refused with its number and the way out", async () => {
    const refused = async (items: ReadonlyArray<unknown>) => {
      const given = items as ReadonlyArray<Uint8Array> // what a pipe with an encoding gives
      return String(await rowsOf(Dataset.fromStream(() => given, { format: Format.jsonl() })).catch((thrown) => thrown))
    }
    expect(await refused(['{"n":1}\n'])).toContain(
      'with a format the items are bytes (Uint8Array), and item 0 is the text "{\\"n\\":1}\\n"; give the bytes themselves (of a Node stream: without setEncoding)'
    )
    for (const wrong of [{ n: 1 }, 7, null, new Uint16Array(2)]) {
      const error = await refused([encoder.encode('{"n":1}\n{"n"'), wrong])
      expect(error).toMatch(
        /StreamError: stream stream failed at row \d.*and item 1 is .*; give bytes, or leave the format out/
      )
    }
  })

  test("need a format that is read in order", () => {
    expect(() => Dataset.fromStream([], { format: Format.parquet() })).toThrow("Dataset.open")
  })
})

describe("Dataset.openStream", () => {
  const shards = { "a.jsonl": [1, 2, 3, 4, 5], "b.jsonl": [], "c.jsonl": [6], "d.jsonl": [7, 8, 9] }
  const store = Store.memory(
    Object.fromEntries(
      Object.entries(shards).map(([name, rows]) => [name, encoder.encode(rows.map((row) => `${row}\n`).join(""))])
    )
  )
  const opened = (atOnce: number) =>
    Effect.runPromise(
      Dataset.openStream("memory://*.jsonl", { name: "shards", format: Format.jsonl<number>(), atOnce }).pipe(
        Effect.provide(store)
      )
    )

  test("reads shards in turns of a row, each behind those of its place", async () => {
    const expected: Readonly<Record<number, string>> = {
      1: "1,2,3,4,5,6,7,8,9",
      2: "1,7,2,8,3,9,4,5,6",
      3: "1,6,2,3,4,5,7,8,9",
      16: "1,6,7,2,8,3,9,4,5"
    }
    for (const [atOnce, rows] of Object.entries(expected)) {
      expect((await rowsOf(await opened(Number(atOnce)))).rows.join()).toBe(rows)
    }
  })

  test("goes on at each place where the shards were", async () => {
    for (const atOnce of [1, 2, 4]) {
      const source = await opened(atOnce)
      const { rows } = await rowsOf(source)
      for (const take of [0, 1, 2, 3]) {
        const first = await rowsOf(source, undefined, take)
        const rest = await rowsOf(source, JSON.parse(JSON.stringify(first.cursor)) as object)
        expect([...first.rows, ...rest.rows]).toEqual(rows)
      }
    }
  })

  test.each([0, 10, 70])(
    "is an error where the source ends after %d rows, before those that were delivered",
    async (left) => {
      const text = (rows: number) => encoder.encode("10\n".repeat(rows))
      let bytes = text(100)
      const source = Dataset.fromStream(() => cut(bytes, 30), { name: "log", format: Format.text() })
      const { cursor } = await rowsOf(source, undefined, 25)
      bytes = text(left)
      const said = await rowsOf(source, cursor).then(() => "the end", String)
      expect(said).toContain(`StreamError: stream log failed at row ${left}`)
      expect(said).toMatch(/it ended after \d+ rows?, and 7[25] had been given before: it holds something else now/)
      // As many as were delivered are there: the epoch ends.
      bytes = text(75)
      expect((await rowsOf(source, cursor)).rows).toEqual([])
    }
  )

  test("is an error where a shard ends before the place of the cursor, even if another dataset is allowed", async () => {
    for (const pieces of [3000, 60]) {
      const opened = (rows: number) => {
        const bytes = encoder.encode("10\n".repeat(rows))
        const store = Layer.effect(
          Store.Store,
          Effect.map(Store.Store, (own) => ({
            ...own,
            stream: (_: Store.ObjectInfo, offset = 0) => Stream.fromIterable(cut(bytes.subarray(offset), pieces))
          }))
        ).pipe(Layer.provide(Store.memory({ a: bytes })))
        const source = Dataset.openStream("memory://a", { format: Format.text({ blockBytes: 30 }), name: "log" })
        return Effect.runPromise(source.pipe(Effect.provide(store)))
      }
      const of = async (rows: number) => Pipeline.from(await opened(rows)).pipe(Pipeline.batchWith(25, (own) => own))
      const run = furrow(await of(200), { epochs: 1 })
      for (let taken = 0; taken < 4; taken++) await run.take()
      await run.close()
      const rest = async (rows: number) => {
        const all: Array<unknown> = []
        const options = { from: run.cursor, allow: ["dataset"], replay: true } as const
        for await (const { columns } of furrow(await of(rows), options)) all.push(...columns)
        return all.length
      }
      expect([await rest(200), await rest(150), await rest(100)]).toEqual([100, 50, 0])
      for (const rows of [99, 40, 0]) {
        const said = await rest(rows).then(String, String)
        if (pieces === 60) {
          expect(said).toContain(`memory://a: it has ${3 * rows} bytes, and was read up to byte 300 before`)
          continue
        }
        expect(said).toContain(
          `it ended after ${rows} rows, and 100 had been given before: it holds something else now`
        )
        expect(said).toContain("memory://a")
      }
    }
  })

  test("is read on in batches of another size behind a last batch that was short", async () => {
    const source = Dataset.fromStream(() => Array.from({ length: 25 }, (_, row) => row), { name: "s" })
    const of = (size: number) => Pipeline.from(source).pipe(Pipeline.batchWith(size, (rows) => rows))
    const run = furrow(of(4), { epochs: 2 })
    for (let taken = 0; taken < 7; taken++) await run.take()
    await run.close()
    for (const size of [4, 3, 5, 1, 16]) {
      const rows: Array<unknown> = []
      for await (const { columns } of furrow(of(size), { from: run.cursor, allow: ["batch"], replay: true }))
        rows.push(...columns)
      expect(rows).toEqual(Array.from({ length: 25 }, (_, row) => row))
    }
  })

  test("reads no byte again that was delivered", async () => {
    const offsets: Array<number> = []
    const bytes = encoder.encode("10\n".repeat(100))
    const counted = Layer.effect(
      Store.Store,
      Effect.map(Store.Store, (own) => ({
        ...own,
        stream: (_: Store.ObjectInfo, offset = 0) => {
          offsets.push(offset)
          return Stream.fromIterable(cut(bytes.subarray(offset), 30))
        }
      }))
    ).pipe(Layer.provide(Store.memory({ a: bytes })))
    const source = await Effect.runPromise(
      Dataset.openStream("memory://a", { format: Format.text() }).pipe(Effect.provide(counted))
    )
    const { cursor } = await rowsOf(source, undefined, 25)
    expect((await rowsOf(source, cursor)).rows.length).toBe(25)
    // It stands before the window of the next batch, or the one before, in a block of ten rows.
    expect(['[75,0,[[0,75,"210,70,5"]]]', '[72,0,[[0,72,"210,70,2"]]]']).toContain(cursor.sources?.["memory://a"] ?? "")
    expect(offsets).toEqual([0, 210])
  })

  test("tells the shard, the row and the cause if a shard cannot be read", async () => {
    const source = await Effect.runPromise(
      Dataset.openStream(["memory://a", "memory://b"], { name: "two", format: Format.tar() }).pipe(
        Effect.provide(Store.memory({ a: archive([{ name: "0.txt", body: "x" }]), b: new Uint8Array(600).fill(1) }))
      )
    )
    const pipeline = Pipeline.from(source).pipe(
      Pipeline.map("text", (row) => JSON.stringify(row)),
      Pipeline.batch(1)
    )
    const error = await Effect.runPromise(
      Scheduler.stream(pipeline, { epochs: 1 }).pipe(
        Stream.runDrain,
        Effect.provide(Workers.fibers({ workers: 1 })),
        Effect.flip
      )
    )
    expect(error).toMatchObject({
      failure: { _tag: "StreamError", source: "two", shard: "memory://b", row: 0, cause: { _tag: "ShardError" } }
    })
  })

  test("tells the shard and the row of a sample at which a stage fails, wherever the run begins", async () => {
    const failing = async (window: number, options: { from: object } | { epochs: 1; rank: number; world: number }) => {
      const found: Array<unknown> = []
      const report = ({ error }: FailurePolicy.Skipped) =>
        Effect.sync(() => void found.push([Number(error.sample), String(error.cause), error.lineage]))
      const source = await opened(2)
      const start = Pipeline.from(source)
      const pipeline = (window === 0 ? start : start.pipe(Pipeline.shuffleWindow(window))).pipe(
        Pipeline.map("odd", (n) => {
          if (n % 2 === 1) throw n
          return { n }
        }),
        Pipeline.batch(2)
      )
      const cursor = await Effect.runPromise(
        Effect.gen(function* () {
          const loader = yield* "from" in options
            ? Scheduler.open(pipeline, options)
            : Scheduler.open(pipeline, { ...options, uneven: "drop" })
          const first = yield* Effect.zipRight(loader.take, loader.cursor)
          yield* Stream.runDrain(loader.stream)
          return first
        }).pipe(
          Effect.scoped,
          Effect.provide(Layer.merge(SeedPolicy.elastic({ seed: 1 }), Workers.fibers({ workers: 1 }))),
          Effect.provide(FailurePolicy.skip({ budget: { samples: 100 }, report })),
          quiet
        )
      )
      return { found, cursor }
    }
    const places = Object.entries(shards).flatMap(([name, rows]) =>
      rows.map((n, row) => [n, { dataset: "shards", shard: `memory://${name}`, row }] as const)
    )
    const order = [1, 7, 2, 8, 3, 9, 4, 5, 6]
    const expected = (sample: number) => {
      const n = order[sample] as number
      return [sample, String(n), places.find(([own]) => own === n)?.[1]]
    }
    for (const window of [0, 4]) {
      const { cursor, found } = await failing(window, { epochs: 1, rank: 0, world: 1 })
      expect(found.toSorted()).toEqual([0, 1, 4, 5, 7].map(expected))
      const rest = await failing(window, { from: JSON.parse(JSON.stringify(cursor)) as object })
      expect(rest.found.length).toBeGreaterThan(2)
      expect(found.slice(-rest.found.length)).toEqual(rest.found)
      const second = await failing(window, { epochs: 1, rank: 1, world: 2 })
      expect(second.found.length).toBeGreaterThan(1)
      for (const own of second.found) expect(found).toContainEqual(own)
    }
  })

  test("runs a shuffled epoch the same on any number of workers", async () => {
    const digests = await Promise.all(
      [1, 3].map(async (workers) => {
        const pipeline = Pipeline.from(await opened(2)).pipe(
          Pipeline.shuffleWindow(4),
          Pipeline.map("n", (n) => ({ n })),
          Pipeline.batch(2)
        )
        return Effect.runPromise(
          Effect.gen(function* () {
            const loader = yield* Scheduler.open(pipeline, { epochs: 2, digest: true, replay: true })
            yield* Stream.runDrain(loader.stream)
            return yield* loader.digest
          }).pipe(
            Effect.scoped,
            Effect.provide(SeedPolicy.elastic({ seed: 1 })),
            Effect.provide(Workers.fibers({ workers }))
          )
        )
      })
    )
    expect(digests[0]).toBe(digests[1] ?? "")
  })
})

test("shards of CSV with other columns or types end the run, also where a shard has no values in a column of numbers", async () => {
  const run = (shards: Readonly<Record<string, string>>, format: Format.Format<unknown> = Format.csv()) =>
    Effect.runPromise(
      Effect.gen(function* () {
        const source = yield* Dataset.openStream("memory://*", { format, atOnce: 2 })
        const rows = Stream.flatMap(
          Scheduler.stream(Pipeline.from(source).pipe(Pipeline.batchWith(2, (all) => all)), { epochs: 1 }),
          ({ columns }) => Stream.fromIterable(columns)
        )
        return Array.from(yield* Stream.runCollect(rows))
      }).pipe(Effect.either, Effect.provide(Store.memory(shards)))
    )
  const typed = { a: "x,y\n1,2\n", b: "x,y\n3,4\n" }
  expect(await run(typed)).toMatchObject({
    _tag: "Right",
    right: [
      { x: 1, y: 2 },
      { x: 3, y: 4 }
    ]
  })
  for (const c of ["x,z\n1,2\n", "y,x\n1,2\n", "x\n1\n", "x,y\n1,two\n", "x,y\n1,\n"]) {
    for (const shards of [
      { ...typed, c },
      { "0": c, ...typed }
    ]) {
      const failed = await run(shards)
      expect(failed).toMatchObject({
        _tag: "Left",
        left: { stage: "dataset", failure: { _tag: "StreamError", cause: { _tag: "ShardError", format: "csv" } } }
      })
      expect(String(failed)).toContain("read shards of one schema, or declare the types of columns")
    }
  }
  const withNone = await run({ "0": "x,y\n", ...typed })
  expect(withNone).toMatchObject({ _tag: "Right", right: { length: 2 } })
  const declared = Format.csv({ types: { x: "number", y: "string" } })
  expect((await run({ ...typed, c: "x,y\n1,two\n" }, declared))._tag).toBe("Right")
})
