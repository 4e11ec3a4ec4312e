/** WebDataset's tars: what is read, held against Python's `tarfile`, and what is refused. */
import { describe, expect, test } from "bun:test"
import { createHash } from "node:crypto"
import { gzipSync } from "node:zlib"
import { Effect, Layer, Stream } from "effect"
import * as fc from "fast-check"
import { InvalidOption } from "../../../../src/core/InvalidOption.ts"
import { text } from "../../../../src/core/Parameters.ts"
import { Tensor } from "../../../../src/core/Tensor.ts"
import { Dataset, Decode, Pipeline, Sampler, Scheduler, SeedPolicy, Store, Workers } from "../../../../src/index.ts"
import * as Format from "../../../../src/sources/formats/Formats.ts"
import { openShard, reference, refusal, rowsOf, shardOf } from "../../../support/shard.ts"
import { memoryStore } from "../../../support/shards/MemoryStore.ts"
import { END, entry, joined, pax, record, tarOf } from "../../../support/tar.ts"

interface Expected {
  readonly tar: Readonly<
    Record<string, { readonly keys: ReadonlyArray<string>; readonly members: ReadonlyArray<readonly [string, string]> }>
  >
}

const expected: Expected = JSON.parse(new TextDecoder().decode(reference("archives.json")))

const hash = (bytes: Uint8Array): string => createHash("sha256").update(bytes).digest("hex").slice(0, 12)

describe("the reference: ustar, pax, GNU long names, gzip", () => {
  test.each(Object.keys(expected.tar))("%s", async (name) => {
    const { keys = [], members = [] } = expected.tar[name] ?? {}
    const bytes = reference(name)
    const { index, rows } = await Effect.runPromise(openShard(Format.tar({ blockBytes: 20_000 }), shardOf(bytes)))
    expect(rows().map((row) => row.__key__)).toEqual([...keys])
    expect(index.blocks.length > 1).toBe(!name.endsWith(".gz"))
    // Every file, byte by byte.
    const extensions = new Set(members.map(([path]) => path.slice(path.lastIndexOf("/") + 1).replace(/^[^.]*\./, "")))
    const fields = Object.fromEntries(Array.from(extensions, (extension) => [extension, "bytes" as const]))
    const raw = await rowsOf(Format.tar({ fields, optional: [...extensions] }), bytes)
    const found = raw.flatMap(({ __key__, ...files }) =>
      Object.entries<Uint8Array | undefined>(files).map(([extension, body]) => [
        `${__key__}.${extension}`,
        hash(body ?? new Uint8Array())
      ])
    )
    expect(found.toSorted()).toEqual(members.map(([path, own]) => [path, own]).toSorted())
  })

  test("files are decoded by their extensions", async () => {
    const [first, second] = await rowsOf(Format.tar(), reference("shard-000000.tar"))
    expect(Object.keys(first ?? {}).toSorted()).toEqual(["__key__", "cls", "json", "png"])
    expect(first?.["cls"]).toBe(0)
    expect(first?.["png"]).toHaveLength(424)
    expect(first?.["json"]).toEqual({ k: 0, t: "furrow" })
    expect(second?.["seg.npy"]).toEqual(new Tensor(Int16Array.of(0, 1), [1, 2]))
  })
})

test("bytes are a Uint8Array, and nothing else, of plain and of gzipped archives, by index and in order", async () => {
  const bytes = tarOf({ name: "a.bin", body: "x" }, { name: "b.bin", body: "y" })
  const members = Buffer.concat([gzipSync(bytes.subarray(0, 700)), gzipSync(bytes.subarray(700))])
  for (const archive of [bytes, gzipSync(bytes), members].map((own) => new Uint8Array(own))) {
    const { layer } = memoryStore({ a: archive })
    const open = Effect.flatMap(Dataset.open("a", { format: Format.tar(), index: false }), (own) => own.getMany([0, 1]))
    const sought = await Effect.runPromise(open.pipe(Effect.provide(layer)))
    const source = await Effect.runPromise(
      Dataset.openStream("a", { format: Format.tar() }).pipe(Effect.provide(layer))
    )
    const run = Stream.runCollect(
      Scheduler.stream(
        Pipeline.batchWith(Pipeline.from(source), 2, (rows) => rows),
        { epochs: 1 }
      )
    )
    const streamed = await Effect.runPromise(
      run.pipe(Effect.provide(SeedPolicy.elastic({ seed: 1 })), Effect.provide(Workers.fibers({ workers: 1 })))
    )
    const inOrder = Array.from(streamed).flatMap(({ columns }) => columns)
    for (const row of [...sought, ...inOrder]) {
      const value = row["bin"]
      expect(Object.getPrototypeOf(value)).toBe(Uint8Array.prototype)
      expect(Buffer.isBuffer(value)).toBe(false)
    }
    expect([...sought, ...inOrder]).toHaveLength(4)
  }
})

test("samples, by WebDataset's rule", async () => {
  const bytes = tarOf(
    { name: "a", type: "5" },
    { name: "a/one.Seg.TXT", body: "x" },
    { name: "a/one.json", body: '{"n":[1]}' },
    { name: "a/.hidden", body: "no" },
    { name: "a/one.cls", body: " 12\n" },
    { name: "README", body: "no" },
    { name: "b.c/two.bin", body: Uint8Array.of(1, 2, 255) },
    { name: "b.c/two.__proto__", body: "p" },
    { name: "old/", type: "\0" },
    { name: "tres.", type: "7", body: "z" }
  )
  const rows = await rowsOf(Format.tar(), bytes)
  expect(rows.slice(0, 1)).toEqual([{ __key__: "a/one", "seg.txt": "x", json: { n: [1] }, cls: 12 }])
  expect(rows.map((row) => row.__key__)).toEqual(["a/one", "b.c/two", "tres"])
  expect(Object.keys(rows[1] ?? {})).toEqual(["__key__", "bin", "__proto__"])
  expect(rows[1]?.["bin"]).toEqual(Uint8Array.of(1, 2, 255))
  expect(rows[2]?.[""]).toEqual(Uint8Array.of(122))
})

test("any entries that are no samples may lie between them, wherever blocks end", async () => {
  const other = fc.constantFrom(
    [{ name: "d/", type: "5" }],
    [{ name: "old/", type: "\0" }],
    [{ name: ".hidden", body: "no" }],
    [{ name: "README", body: "no" }],
    [pax(["comment", "long ".repeat(99)]), { name: "d/", type: "5" }],
    [{ ...pax(["comment", "for all"]), type: "g" }],
    [pax(["mtime", "1.5"])]
  )
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.tuple(fc.array(other, { maxLength: 3 }), fc.integer({ min: 0, max: 2000 })), { maxLength: 8 }),
      fc.array(fc.constantFrom({ name: "d/", type: "5" }, { name: "README", body: "no" }), { maxLength: 2 }),
      fc.constantFrom(1, 512, 3000, 2 ** 20),
      async (samples, behind, blockBytes) => {
        const entries = samples.flatMap(([before, size], at) => [
          ...before.flat(),
          { name: `d/${at}.bin`, body: new Uint8Array(size).fill(at) }
        ])
        const rows = await rowsOf(Format.tar({ blockBytes }), tarOf(...entries, ...behind))
        expect(rows.map((row) => [row["__key__"], row["bin"]])).toEqual(
          samples.map(([, size], at) => [`d/${at}`, new Uint8Array(size).fill(at)])
        )
      }
    ),
    { numRuns: 100 }
  )
})

test("fields are chosen, typed, and may be optional", async () => {
  const bytes = tarOf({ name: "a.cls", body: "3" }, { name: "a.txt", body: "hi" }, { name: "b.cls", body: "4" })
  const double = (own: Uint8Array): number => 2 * own.length
  const format = Format.tar({ fields: { cls: "integer", txt: double }, optional: ["txt"] })
  const rows = await rowsOf(format, bytes)
  const cls: ReadonlyArray<number> = rows.map((row) => row.cls)
  const txt: ReadonlyArray<number | undefined> = rows.map((row) => row.txt)
  expect(cls).toEqual([3, 4])
  expect(txt).toEqual([4, undefined])
  const strict = await refusal(Format.tar({ fields: { txt: "text" } }), bytes)
  expect(strict).toMatchObject({ row: 1, byte: 2048 })
  expect(strict.message).toContain('sample "b" has no file "txt"; it has "cls"')
})

test("a decoder is called once a row, and what it throws is told with its file", async () => {
  const bytes = tarOf({ name: "a.x", body: "1" }, { name: "b.x", body: "2" })
  let calls = 0
  const format = Format.tar({
    fields: {
      x: (own) => {
        calls++
        if (own[0] === 0x32) throw new Error("two")
        return own.length
      }
    }
  })
  const { blocks } = await Effect.runPromise(openShard(format, shardOf(bytes)))
  expect(calls).toBe(0)
  expect(blocks[0]?.row(0)).toEqual({ __key__: "a", x: 1 })
  expect(() => blocks[0]?.row(1)).toThrow(/row 1.*file "b\.x": its decoder threw \(Error: two\)/)
  expect(calls).toBe(2)
})

test("names: prefix, star's prefix, GNU's magic, pax, long names, V7", async () => {
  const long = `${"d".repeat(200)}/e.txt`
  const bytes = tarOf(
    { name: "a.txt", prefix: "p/q" },
    { name: "b.txt", prefix: "r", change: (header) => header.set(new TextEncoder().encode("tar\0"), 508) },
    { name: "c.txt", prefix: "not a prefix", magic: "ustar  \0" },
    pax(["path", "d/ö.txt"], ["mtime", "1.5"]),
    { name: "short.txt" },
    { name: "././@LongLink", type: "L", body: `${long}\0` },
    { name: long.slice(0, 100) },
    { name: "f.txt", magic: "", change: (header) => header.fill(0, 257) },
    pax(["path", ""]),
    { name: "g.txt" },
    pax(["path", `${"h".repeat(99)}.txt`]),
    { name: "h.tx" }
  )
  const rows = await rowsOf(Format.tar(), bytes)
  const keys = ["p/q/a", "r/b", "c", "d/ö", long.slice(0, -4), "f", "g", "h".repeat(99)]
  expect(rows.map((row) => row.__key__)).toEqual(keys)
})

test("a long name that its member's own header cuts within a character", async () => {
  const long = `${"☺".repeat(40)}.txt`
  const cut = (header: Uint8Array) => header.set(new TextEncoder().encode(long).subarray(0, 100))
  const bytes = tarOf(
    { name: "././@LongLink", type: "L", body: `${long}\0` },
    { name: "", body: "a", change: cut },
    pax(["path", `b${long}`]),
    { name: "", body: "b", change: cut }
  )
  expect(await rowsOf(Format.tar(), bytes)).toEqual([
    { __key__: "☺".repeat(40), txt: "a" },
    { __key__: `b${"☺".repeat(40)}`, txt: "b" }
  ])
  expect((await refusal(Format.tar(), tarOf({ name: "", change: cut }))).message).toContain("is not UTF-8")
})

test("sizes: base 256, spaces, pax", async () => {
  const base = new Uint8Array(12)
  base.set([0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 3])
  const body = "abc"
  const bytes = tarOf(
    { name: "a.txt", body, change: (header) => header.set(base, 124) },
    { name: "b.txt", body, size: "          3 " },
    pax(["size", "3"]),
    { name: "c.txt", body, size: "00000000000\0" }
  )
  expect((await rowsOf(Format.tar(), bytes)).map((row) => row["txt"])).toEqual([body, body, body])
})

test("signed checksums, as some old programs wrote them", async () => {
  const bytes = tarOf({ name: "é.txt", body: "x" })
  const header = bytes.subarray(0, 512)
  let sum = 8 * 32
  for (const [at, byte] of header.entries()) if (at < 148 || at >= 156) sum += (byte << 24) >> 24
  header.set(new TextEncoder().encode(`${sum.toString(8).padStart(6, "0")}\0 `), 148)
  expect(await rowsOf(Format.tar(), bytes)).toEqual([{ __key__: "é", txt: "x" }])
})

test("from shards to batches of pixels: images are decoded by a stage of Decode", async () => {
  const store = Store.memory({ "one.tar": reference("shard-000000.tar"), "two.tar": reference("shard-000002.tar") })
  const format = Format.tar({ fields: { png: "bytes", cls: "integer" }, blockBytes: 8192 })
  const locations = ["memory://one.tar", "memory://two.tar"]
  const batches = await Effect.runPromise(
    Effect.gen(function* () {
      const dataset = yield* Dataset.open(locations, { format, index: false })
      const pipeline = Pipeline.from(dataset).pipe(
        Pipeline.sample(Sampler.shuffle),
        Pipeline.mapEffect("decode", Decode.image({ field: "png", size: 8 })),
        Pipeline.batch(16)
      )
      return yield* Stream.runCollect(Scheduler.stream(pipeline, { epochs: 1 }))
    }).pipe(
      Effect.provide(store),
      Effect.provide(Layer.merge(SeedPolicy.epochWorker({ seed: 1 }), Workers.fibers({ workers: 2 })))
    )
  )
  const all = Array.from(batches)
  expect(all.map(({ columns }) => columns.png.shape)).toEqual([16, 16, 16, 2].map((rows) => [rows, 8, 8, 3]))
  const keys = all.flatMap(({ columns }) => Array.from(columns.__key__))
  expect(keys.toSorted()).toEqual(
    [...(expected.tar["shard-000000.tar"]?.keys ?? []), ...(expected.tar["shard-000002.tar"]?.keys ?? [])].toSorted()
  )
})

describe("the scan", () => {
  const photo = (name: string, bytes: number) => ({ name: `${name}.jpg`, body: new Uint8Array(bytes).fill(7) })

  test("skips large files", async () => {
    const entries = ["a", "b", "c", "d"].flatMap((name) => [photo(name, 2 ** 20), { name: `${name}.cls`, body: "1" }])
    const bytes = tarOf(...entries)
    const shard = shardOf(bytes)
    const index = await Effect.runPromise(Format.tar({ blockBytes: 2 ** 20 }).index(shard))
    expect(index.blocks.map(({ rows }) => rows)).toEqual([1, 1, 1, 1])
    const read = shard.reads.reduce((sum, [, length]) => sum + length, 0)
    expect(read).toBeLessThan(bytes.length / 10)
  })

  test("reads small ones in long stretches", async () => {
    const bytes = tarOf(...Array.from({ length: 500 }, (_, place) => photo(`s${place}`, 2000 + 37 * (place % 60))))
    const shard = shardOf(bytes)
    const index = await Effect.runPromise(Format.tar({ blockBytes: 100_000 }).index(shard))
    expect(index.blocks.reduce((sum, { rows }) => sum + rows, 0)).toBe(500)
    expect(shard.reads.length).toBeLessThan(6)
    expect(Math.max(...index.blocks.map(({ length }) => length))).toBeLessThan(110_000)
  })

  test("a header on the edge of a window is read whole", async () => {
    // The second window begins wherever the first one ends: header, pax header and payload come to lie on the edge.
    for (const bytes of [2 ** 16 - 1024, 2 ** 16 - 1024 - 512, 2 ** 16 - 2048]) {
      const all = tarOf(
        { name: "a.bin", body: new Uint8Array(bytes) },
        pax(["path", "b.txt"], ["comment", "c".repeat(700)]),
        { name: "x", body: "b" }
      )
      const rows = await rowsOf(Format.tar(), all)
      expect(rows.map((row) => row["txt"])).toEqual([undefined, "b"])
    }
  })

  test("an archive without files has no rows; neither has one without samples", async () => {
    expect(await rowsOf(Format.tar(), END)).toEqual([])
    expect(await rowsOf(Format.tar(), tarOf({ name: "README", body: "x" }))).toEqual([])
    expect(await rowsOf(Format.tar(), gzipSync(END))).toEqual([])
  })
})

describe("what is refused", () => {
  const a = { name: "a.txt", body: "x" }
  const cases: ReadonlyArray<readonly [string, Uint8Array, RegExp, number?]> = [
    ["empty", new Uint8Array(0), /it is empty/, 0],
    ["no tar", new TextEncoder().encode("{}".repeat(400)), /checksum in its header is not a number/, 0],
    ["cut in a header", joined([entry(a), entry(a).subarray(0, 300)]), /ends after 1324 bytes/, 1024],
    [
      "cut in a payload",
      tarOf({ name: "a.bin", body: new Uint8Array(5000) }).subarray(0, 3000),
      /5000 bytes begins here, and the shard ends after 2488/,
      0
    ],
    ["no end", entry(a), /without the block of zeros/, 1024],
    ["a second archive", joined([tarOf(a), tarOf({ ...a, name: "b.txt" })]), /something else follows/, 1024],
    ["a size that lies", tarOf({ ...a, size: "77777777777\0" }), /member of 8589934591 bytes/, 0],
    ["a size that is none", tarOf({ ...a, size: "12x\0" }), /size in its header is not a number/, 0],
    [
      "a size below 0",
      tarOf({ ...a, change: (header) => header.fill(0xff, 124, 136) }),
      /size in its header is negative/,
      0
    ],
    [
      "a size beyond 2^53",
      tarOf({ ...a, change: (header) => header.set([0x80, 0, 0, 0, 255, 255, 255, 255], 124) }),
      /beyond 2\^53/,
      0
    ],
    ["a pax size that lies", tarOf(pax(["size", "99999999"]), a), /member of 99999999 bytes/, 1024],
    ["a hard link", tarOf(a, { name: "b.txt", type: "1" }), /"b\.txt" is a hard link/, 1024],
    ["a symbolic link", tarOf({ name: "b.txt", type: "2" }), /is a symbolic link/, 0],
    ["a device", tarOf({ name: "b.txt", type: "3" }), /is a character device/, 0],
    ["a type that is unknown", tarOf({ name: "b.txt", type: "Q" }), /of unknown type "Q"/, 0],
    ["a sparse file", tarOf({ name: "b.txt", type: "S" }), /sparse file/, 0],
    ["a sparse file by pax", tarOf(pax(["GNU.sparse.major", "1"]), a), /sparse file/, 512],
    ["a name that climbs", tarOf({ name: "x/../../b.txt" }), /outside of the archive's own folder/, 0],
    ["an absolute name", tarOf({ name: "/etc/b.txt" }), /outside of the archive's own folder/, 0],
    ["a name that climbs by pax", tarOf(pax(["path", "../b.txt"]), a), /outside of the archive's own folder/, 0],
    ["a name that is not UTF-8", tarOf({ ...a, change: (header) => header.set([0xff], 0) }), /not UTF-8/, 0],
    [
      "a pax path that is not UTF-8",
      tarOf({ name: "x", type: "x", body: Uint8Array.of(...new TextEncoder().encode("10 path="), 0xff, 10) }, a),
      /path that is not UTF-8/,
      512
    ],
    ["a pax path with a zero", tarOf(pax(["path", "b\0.txt"]), a), /zero byte/, 512],
    [
      "a pax record that is too long",
      tarOf({ name: "x", type: "x", body: "99 path=b\n" }, a),
      /record of 99 bytes/,
      512
    ],
    [
      "a pax record that ends elsewhere",
      tarOf({ name: "x", type: "x", body: "8 path=bcd\n" }, a),
      /ends elsewhere/,
      512
    ],
    ["a pax record without a length", tarOf({ name: "x", type: "x", body: "path=b\n" }, a), /without a length/, 512],
    ["a pax record without a key", tarOf({ name: "x", type: "x", body: "6 b=c\n7 =bcd\n" }, a), /without a key/, 518],
    ["a pax size that is none", tarOf(pax(["size", "-1"]), a), /has no size/, 512],
    [
      "a pax header that is too long",
      tarOf({ name: "x", type: "x", body: new Uint8Array(2 ** 20 + 1) }, a),
      /may have 1048576/,
      0
    ],
    [
      "a global pax header with a path",
      tarOf({ name: "x", type: "g", body: record("path", "b.txt") }, a),
      /gives all members one path/,
      512
    ],
    ["a pax header without a member", tarOf(a, pax(["path", "b.txt"])), /header that describes the next member/, 1024],
    [
      "a key that comes back",
      tarOf(a, { name: "b.txt" }, { name: "a.cls", body: "1" }),
      /"a" do not follow one another/,
      1536
    ],
    ["two files of one extension", tarOf(a, { ...a, name: "a.TXT" }), /two files "txt"/, 1024],
    [
      "a field of the key's name",
      tarOf(a, { ...a, name: "a.__key__" }),
      /"a\.__key__" would stand under __key__/,
      1024
    ],
    [
      "a first field of the key's name",
      tarOf({ ...a, name: "a.__KEY__" }),
      /"a\.__KEY__" would stand under __key__/,
      0
    ],
    ["zstd", Uint8Array.of(0x28, 0xb5, 0x2f, 0xfd, 0, 0, 0), /compressed by zstd/, 0],
    ["gzip that is cut", gzipSync(tarOf(a)).subarray(0, -9), /gzip stream is cut short/],
    ["gzip with zeros behind it", Buffer.concat([gzipSync(tarOf(a)), Buffer.alloc(512)]), /no gzip member follow/],
    [
      "gzip with other bytes behind it",
      Buffer.concat([gzipSync(tarOf(a)), Buffer.from("more")]),
      /no gzip member follow/
    ],
    ["gzip of no tar", gzipSync("hello"), /ends after 5 bytes/, 0],
    ["JSON that is none", tarOf({ name: "a.json", body: "{" }), /"a\.json": it is not JSON/, 512],
    ["text that is not UTF-8", tarOf({ name: "a.txt", body: Uint8Array.of(0xff) }), /"a\.txt": it is not UTF-8/, 512],
    ["a class that is none", tarOf({ name: "a.cls", body: "1.5" }), /not a whole number below 2\^53: "1\.5"/, 512],
    ["an array that is none", tarOf({ name: "a.npy", body: "x" }), /"a\.npy": it does not begin as a NumPy file/, 512]
  ]
  test.each(cases.map(([name, ...rest]) => [name, rest] as const))("%s", async (_, [bytes, reason, byte]) => {
    const error = await refusal(Format.tar(), bytes)
    expect(error.message).toMatch(reason)
    expect(error.message).toContain("some.shard")
    expect(error.byte).toBe(byte as number)
  })

  test("blocks and gzipped archives above maxBlockBytes", async () => {
    const bytes = tarOf({ name: "a.txt" }, { name: "b.bin", body: new Uint8Array(5000) })
    expect(await refusal(Format.tar({ blockBytes: 512, maxBlockBytes: 4000 }), bytes)).toMatchObject({
      row: 1,
      byte: 512
    })
    const error = await refusal(Format.tar({ maxBlockBytes: 4000 }), gzipSync(bytes))
    expect(error.message).toMatch(/unpacks to more, more than 4000; unpack it/)
  })

  test("an index of another shard", async () => {
    const format = Format.tar()
    const one = shardOf(tarOf({ name: "a.txt" }))
    const index = await Effect.runPromise(format.index(one))
    const [block] = index.blocks
    if (block === undefined) throw new Error("there is a block")
    const wrong = { ...block, rows: 2 }
    const place = { shard: one, index, number: 0, firstRow: 0 }
    expect(() => format.decode(tarOf({ name: "a.txt" }), wrong, place)).toThrow(/1 sample here, and 2 by its index/)
  })
})

test("options are checked, and part of the fingerprint", () => {
  const invalid: ReadonlyArray<unknown> = [
    { blockBytes: 0 },
    { maxBlockBytes: 1.5 },
    { fields: null },
    { fields: { PNG: "bytes" } },
    { fields: { __key__: "text" } },
    { fields: { png: "image" } },
    { fields: { png: "bytes" }, optional: ["jpg"] },
    { fields: { png: "bytes" }, optional: "png" },
    { optional: ["png"] },
    { field: "png" }
  ]
  for (const options of invalid) {
    expect(() => Format.tar(options as Parameters<typeof Format.tar>[0])).toThrow(InvalidOption)
  }
  const made = [
    Format.tar(),
    Format.tar({ blockBytes: 5 }),
    Format.tar({ fields: { a: "text" } }),
    Format.tar({ fields: { a: "json" } }),
    Format.tar({ fields: { a: "json" }, optional: ["a"] }),
    Format.tar({ fields: { a: () => 1 }, parameters: { version: 1 } }),
    Format.tar({ fields: { a: () => 1 }, parameters: { version: 2 } })
  ].map((format) => text(format.made))
  expect(new Set(made).size).toBe(made.length)
  expect(text(Format.tar().made)).toBe(text(Format.tar({ maxBlockBytes: 2 ** 20 }).made))
  expect(Format.tar({ fields: { a: () => 1 } }).made.unseen).toBeDefined()
})
