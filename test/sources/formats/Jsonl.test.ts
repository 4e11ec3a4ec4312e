import { describe, expect, test } from "bun:test"
import { readFileSync } from "node:fs"
import { gzipSync, zstdCompressSync } from "node:zlib"
import { Effect } from "effect"
import * as fc from "fast-check"
import { InvalidOption } from "../../../src/core/InvalidOption.ts"
import * as Dataset from "../../../src/sources/Dataset.ts"
import * as Format from "../../../src/sources/formats/Formats.ts"
import { memoryStore } from "../../support/shards/MemoryStore.ts"

const reference = (name: string): Uint8Array =>
  new Uint8Array(readFileSync(new URL(`reference/${name}`, import.meta.url)))

interface Expected {
  readonly rows: ReadonlyArray<Record<string, unknown>>
  readonly jsonl: ReadonlyArray<string>
}
const { jsonl: files, rows: expected }: Expected = JSON.parse(new TextDecoder().decode(reference("formats.json")))
const columns = ["id", "text", "maybe", "tokens", "f64", "flag"]
const wanted = expected.map((row) => Object.fromEntries(columns.map((column) => [column, row[column]])))

/** All rows of a shard, read in one go. */
const rowsOf = <Row>(bytes: Uint8Array | string, format: Format.Format<Row>) =>
  Effect.runPromise(
    Effect.gen(function* () {
      const dataset = yield* Dataset.open("a", { format, index: false })
      return yield* dataset.getMany(Array.from({ length: dataset.size }, (_, index) => index))
    }).pipe(Effect.provide(memoryStore({ a: bytes }).layer))
  )

const failure = (bytes: Uint8Array | string, format: Format.Format<unknown>) =>
  Effect.runPromise(
    Effect.gen(function* () {
      const dataset = yield* Dataset.open("a", { format, index: false })
      return yield* dataset.getMany(Array.from({ length: dataset.size }, (_, index) => index))
    }).pipe(Effect.provide(memoryStore({ a: bytes }).layer), Effect.flip)
  )

describe("files that Python wrote", () => {
  for (const name of files) {
    for (const blockBytes of [1, 700, 2 ** 20]) {
      test(`${name} is read exactly in blocks of ${blockBytes} bytes`, async () => {
        expect(await rowsOf(reference(name), Format.jsonl({ blockBytes }))).toEqual(wanted)
      })
    }
  }
})

const text = (count: number): string => Array.from({ length: count }, (_, row) => `{"row":${row}}\n`).join("")

/** The parts of a file, each compressed on its own, cut anywhere. */
const cut = (whole: Uint8Array, places: ReadonlyArray<number>, pack: (part: Uint8Array) => Uint8Array): Uint8Array => {
  const ends = [...places.map((place) => place % (whole.length + 1)).toSorted((a, b) => a - b), whole.length]
  return new Uint8Array(Buffer.concat(ends.map((end, at) => pack(whole.subarray(at === 0 ? 0 : ends[at - 1], end)))))
}

for (const [name, pack] of [
  ["gzip", (part: Uint8Array) => new Uint8Array(gzipSync(part))],
  ["zstd", (part: Uint8Array) => new Uint8Array(zstdCompressSync(part))]
] as const) {
  test(`rows may go on from one ${name} member to the next, wherever it is cut`, async () => {
    const whole = new TextEncoder().encode(text(40))
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.nat(600), { maxLength: 8 }),
        fc.constantFrom(1, 50, 10_000),
        async (places, blockBytes) => {
          const rows = await rowsOf(cut(whole, places, pack), Format.jsonl({ blockBytes }))
          expect(rows).toEqual(Array.from({ length: 40 }, (_, row) => ({ row })))
        }
      ),
      { numRuns: 30 }
    )
  })

  test(`a ${name} member that is cut short, changed, followed by something else, or too large is an error`, async () => {
    const packed = pack(new TextEncoder().encode(text(1000)))
    const short = await failure(packed.subarray(0, packed.length - 3), Format.jsonl())
    expect(short).toMatchObject({ _tag: "ShardError", shard: "a" })
    expect(short.message).toContain("is cut short; fetch the shard again")
    const behind = await failure(new Uint8Array([...packed, ...Buffer.from("garbage!")]), Format.jsonl())
    expect(behind).toMatchObject({ _tag: "ShardError", byte: packed.length })
    const large = await failure(packed, Format.jsonl({ memberBytes: 100 }))
    expect(large.message).toContain("more than memberBytes, 100")
    expect(large.message).toContain("pipelines/prepare.ts")
    expect(large.message).toContain("Dataset.openStream")
    expect(large.message.includes("bgzip")).toBe(name === "gzip")
    expect(large.message).not.toContain("sound")
  })
}

for (const [name, pack] of [
  ["gzip", (part: Uint8Array) => new Uint8Array(gzipSync(part, { level: 1 }))],
  ["zstd", (part: Uint8Array) => new Uint8Array(zstdCompressSync(part))]
] as const) {
  test(`the scan of a shard of ${name} members asks the store for each byte once`, async () => {
    // Some 20 members of half a megabyte, which hardly compress: windows end within members.
    const values = new Uint32Array(2 ** 17)
    for (let at = 0, state = 1; at < values.length; at++) {
      state = (Math.imul(state, 1664525) + 1013904223) >>> 0
      values[at] = state
    }
    const noise = new TextEncoder().encode(`"${Buffer.from(values.buffer).toString("base64")}"\n`)
    const packed = pack(noise)
    expect(packed.length).toBeGreaterThan(400_000)
    const shard = Buffer.concat(Array.from({ length: 20 }, () => packed))
    const store = memoryStore({ a: shard })
    const open = Dataset.open("a", { format: Format.jsonl<string>(), index: false })
    const { size } = await Effect.runPromise(open.pipe(Effect.provide(store.layer)))
    expect(size).toBe(20)
    expect(store.read.get("a")).toBeLessThanOrEqual(1.1 * shard.length)
  })
}

test("a changed byte of a gzip member is an error, found by its checksum", async () => {
  const packed = new Uint8Array(gzipSync(text(1000), { level: 0 }))
  packed[100] = (packed[100] ?? 0) ^ 1
  expect((await failure(packed, Format.jsonl())).message).toContain("the checksum")
})

test("blank lines, white space, a byte order mark, \\r\\n and no last newline", async () => {
  expect(await rowsOf('\ufeff{"a":1}\r\n\r\n  \t\n [2] \n\n"x"', Format.jsonl())).toEqual([{ a: 1 }, [2], "x"])
  expect(await rowsOf("", Format.jsonl())).toEqual([])
  expect(await rowsOf("\n\n", Format.jsonl())).toEqual([])
})

describe("bad rows are errors with shard, row and byte", () => {
  test("not JSON", async () => {
    const error = await failure('{"a":1}\n{"a":}\n', Format.jsonl())
    expect(error).toMatchObject({ _tag: "ShardError", shard: "a", format: "jsonl", row: 1, byte: 8 })
    expect(error.message).toContain("a, row 1, byte 8: cannot be read as jsonl: it is not JSON")
  })

  test("nested too deep to keep a large whole number in it, which can be rounded", async () => {
    const text = `${"[".repeat(9000)}9007199254740993${"]".repeat(9000)}\n`
    const reason = "it is nested too deep for whole numbers beyond 2^53"
    expect(await failure(text, Format.jsonl())).toMatchObject({ row: 0, message: expect.stringContaining(reason) })
    let [value] = await rowsOf(text, Format.jsonl({ integers: "number" }))
    while (Array.isArray(value)) value = value[0]
    expect(value).toBe(2 ** 53)
  })

  test("bytes are counted, not characters", async () => {
    expect(await failure('"é"\n"é"\n{', Format.jsonl())).toMatchObject({ row: 2, byte: 10 })
    const long = `"é"\n"${"é".repeat(60)}"\n`
    expect(await failure(long, Format.jsonl({ rowBytes: 50 }))).toMatchObject({ row: 1, byte: 5 })
  })

  test("not UTF-8", async () => {
    const error = await failure(Uint8Array.of(34, 97, 34, 10, 34, 0xff, 34, 10), Format.jsonl())
    expect(error).toMatchObject({ row: 1, byte: 4 })
    expect(error.message).toContain("not valid UTF-8")
  })

  test.each([
    [
      "bzip2",
      Buffer.from("BZh91AY&SY1234", "latin1"),
      "it is compressed by bzip2; unpack it, or compress it by gzip or zstd"
    ],
    ["an empty file in xz", Uint8Array.of(0xfd, 0x37, 0x7a, 0x58, 0x5a, 0, 0, 4), "it is compressed by xz"],
    ["a ZIP archive", Buffer.from("PK\x03\x04\x14\0", "latin1"), "it is a ZIP archive, as .xlsx files are, too"]
  ])("packed in a way that is not read: %s", async (_, bytes, message) => {
    for (const format of [Format.jsonl(), Format.csv(), Format.csv({ header: ["a"] }), Format.text(), Format.tar()]) {
      const error = await failure(new Uint8Array(bytes), format)
      expect(error).toMatchObject({ _tag: "ShardError", byte: 0 })
      expect(error.message).toContain(format.name === "tar" ? message.replace(" or zstd", "") : message)
    }
    const windows = Dataset.open("a", { format: Format.text({ rows: "windows", windowBytes: 4 }), index: false })
    const { layer } = memoryStore({ a: new Uint8Array(bytes) })
    expect((await Effect.runPromise(Effect.provide(windows, layer))).size).toBeGreaterThan(1)
  })

  test("UTF-16", async () => {
    expect((await failure(Uint8Array.of(0xff, 0xfe, 91, 0, 93, 0), Format.jsonl())).message).toContain("UTF-16")
  })

  test("too long, in a window or over several", async () => {
    const error = await failure(`1\n${"2".repeat(100)}\n`, Format.jsonl({ rowBytes: 50 }))
    expect(error).toMatchObject({ row: 1, byte: 2 })
    const long = new Uint8Array(2 ** 23).fill(50)
    expect(await failure(long, Format.jsonl({ rowBytes: 2 ** 22 }))).toMatchObject({ row: 0, byte: 0 })
  })

  test("the other rows of the block can be read", async () => {
    const { layer } = memoryStore({ a: "1\n?\n3\n" })
    const dataset = await Effect.runPromise(
      Effect.provide(Dataset.open("a", { format: Format.jsonl(), index: false }), layer)
    )
    expect(await Effect.runPromise(dataset.getMany([2, 0]))).toEqual([3, 1])
  })
})

describe("text", () => {
  test("lines, with or without blank ones", async () => {
    expect(await rowsOf("a\n\n b \r\nc", Format.text())).toEqual(["a", "", " b ", "c"])
    for (const rows of ["lines", "paragraphs"] as const) {
      expect(await rowsOf("a\rb\r", Format.text({ rows }))).toEqual(["a\rb\r"])
    }
    expect(await rowsOf("a\n\n b \r\nc", Format.text({ blank: "skip" }))).toEqual(["a", " b ", "c"])
  })

  test("windows of bytes, in blocks of any size, plain or compressed, behind a byte order mark", async () => {
    const whole = new TextEncoder().encode("\ufeffzwölf Boxkämpfer\r\n")
    const own = whole.subarray(3)
    const wanted = [0, 1, 2, 3].map((row) => own.slice(6 * row, 6 * row + 6)).filter(({ length }) => length > 0)
    expect(wanted.at(-1)?.length).toBe(own.length % 6 || 6)
    for (const blockBytes of [1, 15, 1000]) {
      const format = Format.text({ rows: "windows", windowBytes: 6, blockBytes })
      for (const bytes of [
        whole,
        new Uint8Array(
          Buffer.concat(
            [whole.slice(0, 2), whole.slice(2, 9)].map((part) => gzipSync(part)).concat(gzipSync(whole.slice(9)))
          )
        )
      ]) {
        const rows = await rowsOf(bytes, format)
        expect(rows.map((row) => row.slice())).toEqual(wanted)
        // Each is its reader's own.
        expect(rows.map((row) => row instanceof Uint8Array && row.buffer.byteLength)).toEqual(
          wanted.map((own) => own.length)
        )
      }
      expect(await rowsOf("", format)).toEqual([])
    }
  })

  test("windows of plain bytes are found without reading them, and are no rows of lines", async () => {
    const store = memoryStore({ a: new Uint8Array(2 ** 16) })
    const dataset = await Effect.runPromise(
      Dataset.open("a", { format: Format.text({ rows: "windows", windowBytes: 1000 }), index: false }).pipe(
        Effect.provide(store.layer)
      )
    )
    expect(dataset.size).toBe(66)
    expect(store.read.get("a")).toBe(4)
    // From code without types.
    expect(() => Format.text({ rows: "windows" } as never)).toThrow(InvalidOption)
    expect(() => Format.text({ rows: "lines", windowBytes: 5 } as never)).toThrow(InvalidOption)
    expect(() => Format.text({ rows: "windows", windowBytes: 11, rowBytes: 10 })).toThrow(InvalidOption)
  })

  test("paragraphs, in blocks of any size", async () => {
    const whole = "\n\na\nb\r\n \nc\n\n\nd\ne\n"
    for (const blockBytes of [1, 4, 1000]) {
      expect(await rowsOf(whole, Format.text({ rows: "paragraphs", blockBytes }))).toEqual(["a\nb", "c", "d\ne"])
      const packed = new Uint8Array(gzipSync(whole))
      expect(await rowsOf(packed, Format.text({ rows: "paragraphs", blockBytes }))).toEqual(["a\nb", "c", "d\ne"])
    }
  })
})

test("any bytes are rows or a typed error", async () => {
  await fc.assert(
    fc.asyncProperty(fc.uint8Array({ maxLength: 60 }), fc.integer({ min: 1, max: 20 }), async (bytes, blockBytes) => {
      const read = Effect.gen(function* () {
        const dataset = yield* Dataset.open("a", { format: Format.text({ blockBytes }), index: false })
        return yield* dataset.getMany(Array.from({ length: dataset.size }, (_, index) => index))
      })
      const exit = await Effect.runPromise(Effect.either(Effect.provide(read, memoryStore({ a: bytes }).layer)))
      if (exit._tag === "Left") expect(exit.left._tag).toBe("ShardError")
    }),
    { numRuns: 200 }
  )
})

test("a schema among the options of a format is refused: it says where it is given", () => {
  const options = { schema: () => true } as never // from code without types
  const { arrow, csv, jsonl, npy, parquet, tar, text } = Format
  const makes: ReadonlyArray<(options: never) => unknown> = [arrow, csv, jsonl, npy, parquet, tar, text]
  for (const make of makes) {
    expect(() => make(options)).toThrow("must be given to Dataset.open or Dataset.openStream, beside format")
  }
})
