/**
 * Bad shards of every format, as users have them: each is a typed error with the shard and what to do, in bounded memory.
 */
import { describe, expect, test } from "bun:test"
import { mkdtempSync, rmSync, truncateSync, unlinkSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { gzipSync, zstdCompressSync } from "node:zlib"
import { Effect, Stream } from "effect"
import { Pipeline, Scheduler } from "../../../src/index.ts"
import * as Dataset from "../../../src/sources/Dataset.ts"
import type { Shard } from "../../../src/sources/formats/Format.ts"
import * as Format from "../../../src/sources/formats/Formats.ts"
import * as Store from "../../../src/sources/store/Store.ts"
import { headerOf, npyOf } from "../../support/npy.ts"
import { reference, refusal, rowsOf, shardOf } from "../../support/shard.ts"
import { zipOf } from "../../support/zip.ts"

/** A sound file of each format. */
const formats: ReadonlyArray<readonly [name: string, file: string, format: Format.Format<unknown>]> = [
  ["Parquet", "all-zstd.parquet", Format.parquet()],
  ["Arrow", "all.arrow", Format.arrow()],
  ["an Arrow stream", "all.arrows", Format.arrow()],
  ["tar", "shard-000000.tar", Format.tar()],
  ["gzipped tar", "shard-000003.tar.gz", Format.tar()],
  ["npy", "a.npy", Format.npy()],
  ["npz", "many.npz", Format.npz()],
  ["safetensors", "model.safetensors", Format.safetensors()],
  ["gzipped JSON Lines", "rows.jsonl.gz", Format.jsonl()],
  ["JSON Lines by zstd", "rows.jsonl.zst", Format.jsonl()]
]

describe.each(formats)("%s", (_, file, format) => {
  test("cut short, anywhere, is an error that says so", async () => {
    const sound = reference(file)
    // A stream may end without saying so, and a tar has zeros behind its end.
    const isPadded = file.endsWith(".arrows") || file.endsWith(".tar")
    for (const part of isPadded ? [0.3, 0.7] : [0.3, 0.7, 1]) {
      const error = await refusal(format, sound.slice(0, Math.floor(part * sound.length) - 5))
      expect(error).toMatchObject({ _tag: "ShardError", shard: "some.shard" })
      expect(error.message).toMatch(/fetch|write|damaged|cut short|corrupt/)
    }
  })

  test("that is text, or another format's, is an error", async () => {
    for (const bytes of [
      Buffer.from("no such file\n".repeat(50)),
      reference(file === "a.npy" ? "many.npz" : "a.npy")
    ]) {
      expect(await refusal(format, new Uint8Array(bytes))).toMatchObject({ _tag: "ShardError", format: format.name })
    }
  })

  test("that changes, or vanishes, between opening and reading, is an error", async () => {
    const folder = mkdtempSync(join(tmpdir(), "furrow-bad-"))
    try {
      const path = join(folder, file)
      const opened = async () => {
        writeFileSync(path, reference(file))
        return Effect.runPromise(Dataset.open(path, { format, index: false }))
      }
      const changed = await opened()
      truncateSync(path, 100)
      expect(await Effect.runPromise(Effect.flip(changed.get(0)))).toMatchObject({
        _tag: "StoreError",
        kind: "changed"
      })
      const gone = await opened()
      unlinkSync(path)
      expect(await Effect.runPromise(Effect.flip(gone.get(0)))).toMatchObject({ _tag: "StoreError", kind: "missing" })
    } finally {
      rmSync(folder, { recursive: true })
    }
  })
})

describe("memory is bounded", () => {
  test("a line of 1 GB is refused after rowBytes of it", async () => {
    let most = 0
    const size = 2 ** 30
    const shard: Shard = {
      info: { location: "long.jsonl", size, version: "1" },
      read: (offset, length) =>
        Effect.sync(() => {
          most = Math.max(most, offset + length)
          return new Uint8Array(length).fill(97)
        }),
      stream: () => Stream.empty
    }
    for (const format of [
      Format.jsonl({ rowBytes: 2 ** 23 }),
      Format.csv({ rowBytes: 2 ** 23 }),
      Format.text({ rowBytes: 2 ** 23 })
    ]) {
      const error = await Effect.runPromise(Effect.flip(format.index(shard)))
      expect(error).toMatchObject({ _tag: "ShardError", shard: "long.jsonl", byte: 0 })
      expect(error.message).toContain("a row is longer than rowBytes, 8388608; raise that, or leave the shard out")
      expect(most).toBeLessThanOrEqual(2 ** 24)
    }
  })

  const zeros = new Uint8Array(2 ** 25)
  test.each([
    ["gzip", Format.jsonl({ memberBytes: 2 ** 20 }), gzipSync(zeros), /more than memberBytes, 1048576/],
    ["zstd", Format.jsonl({ memberBytes: 2 ** 20 }), zstdCompressSync(zeros), /more than memberBytes, 1048576/],
    ["a gzipped tar", Format.tar({ maxBlockBytes: 2 ** 20 }), gzipSync(zeros), /unpacks to more, more than 1048576/],
    [
      "an npz",
      Format.npz({ maxBlockBytes: 2 ** 20 }),
      zipOf([{ name: "x.npy", body: npyOf(headerOf("|u1", [2 ** 24]), zeros.subarray(0, 2 ** 24)), deflated: true }]),
      /1048576/
    ],
    [
      "an npz that lies about its size",
      Format.npz({ maxBlockBytes: 2 ** 20 }),
      zipOf([
        {
          name: "x.npy",
          body: npyOf(headerOf("|u1", [2 ** 24]), zeros.subarray(0, 2 ** 24)),
          deflated: true,
          claims: { size: 1000 }
        }
      ]),
      /size|length|bytes/
    ]
  ] as ReadonlyArray<readonly [string, Format.Format<unknown>, Uint8Array, RegExp]>)(
    "a bomb: %s",
    async (_, format, bytes, reason) => {
      const before = process.memoryUsage().rss
      expect((await refusal(format, new Uint8Array(bytes))).message).toMatch(reason)
      expect(process.memoryUsage().rss - before).toBeLessThan(2 ** 27)
    }
  )
})

/** Of JSONTestSuite: `y` is JSON, `n` is none. */
describe("JSON as its test suite has it", () => {
  const sound: ReadonlyArray<readonly [string, unknown]> = [
    ["[[]   ]", [[]]],
    ["[1E-2]", [0.01]],
    ["[-0]", [-0]],
    ["[123e65]", [123e65]],
    ['{"a":"b","a":"c"}', { a: "c" }],
    ['{"":0}', { "": 0 }],
    ['{"__proto__":1}', JSON.parse('{"__proto__":1}')],
    ['["\\u0060\\u012a\\u12AB"]', ["`Īካ"]],
    ['["\\uD801\\udc37"]', ["𐐷"]],
    ['["\\u0000"]', ["\0"]],
    ['["\u2028\u007f"]', ["\u2028\u007f"]],
    ["null", null],
    ['" "', " "],
    ["\t[true ]\r", [true]]
  ]
  const none = [
    "[1 true]",
    "[1,]",
    "[,1]",
    "[1,,2]",
    "[",
    "]",
    '["x"]]',
    "[-]",
    "[+1]",
    "[.5]",
    "[1.]",
    "[1eE2]",
    "[0x1]",
    "[01]",
    "[NaN]",
    "[Infinity]",
    "['a']",
    '["\\x00"]',
    '["\\u00A"]',
    '["a\u0000a"]',
    '["\t"]',
    "{a:1}",
    '{"a":1,}',
    '{"a"}',
    '{"a":1 /**/}',
    "[nul]",
    "[True]",
    '"',
    "\u2060[]",
    "\ufeff\ufeff[]",
    "\u00a0",
    "abc",
    "[\u000c]",
    '{"a":"b"}#',
    "1 2"
  ]

  test("what is sound is read", async () => {
    const bytes = new TextEncoder().encode(sound.map(([line]) => line).join("\n"))
    expect(await rowsOf(Format.jsonl(), bytes)).toEqual(sound.map(([, value]) => value))
  })

  test.each(none.map((line) => [line]))("%j is an error of its row, and the row behind it is read", async (line) => {
    const bytes = new TextEncoder().encode(`1\n${line}\n2\n`)
    const format = Format.jsonl()
    const shard = shardOf(bytes)
    const index = await Effect.runPromise(format.index(shard))
    const [block] = index.blocks
    const decoded = block && format.decode(bytes, block, { shard, index, number: 0, firstRow: 0 })
    if (decoded === undefined || Effect.isEffect(decoded)) throw new Error("the code is loaded")
    expect(decoded.size).toBe(3)
    expect(() => decoded.row(1)).toThrow("some.shard, row 1, byte 2: cannot be read as jsonl: it is not JSON")
    expect(decoded.row(2)).toBe(2)
  })
})

/** The files of csv-spectrum. */
test.each([
  [
    "comma in quotes",
    'first,last,address\nJohn,Doe,"120 any st., Anytown, WW"\n',
    [{ first: "John", last: "Doe", address: "120 any st., Anytown, WW" }]
  ],
  [
    "empty",
    'a,b,c\n1,"",""\n2,3,4\n',
    [
      { a: 1, b: null, c: null },
      { a: 2, b: 3, c: 4 }
    ]
  ],
  [
    "empty, CRLF",
    'a,b,c\r\n1,"",""\r\n2,3,4\r\n',
    [
      { a: 1, b: null, c: null },
      { a: 2, b: 3, c: 4 }
    ]
  ],
  [
    "escaped quotes",
    'a,b\n1,"ha ""ha"" ha"\n3,4\n',
    [
      { a: 1, b: 'ha "ha" ha' },
      { a: 3, b: "4" }
    ]
  ],
  [
    "JSON",
    'key,val\n1,"{""type"": ""Point"", ""coordinates"": [102.0, 0.5]}"\n',
    [{ key: 1, val: '{"type": "Point", "coordinates": [102.0, 0.5]}' }]
  ],
  [
    "newlines",
    'a,b,c\n1,2,3\n"Once upon \na time",5,6\n7,8,9\n',
    [
      { a: "1", b: 2, c: 3 },
      { a: "Once upon \na time", b: 5, c: 6 },
      { a: "7", b: 8, c: 9 }
    ]
  ],
  [
    "newlines, CRLF",
    'a,b,c\r\n1,2,3\r\n"Once upon \r\na time",5,6\r\n7,8,9\r\n',
    [
      { a: "1", b: 2, c: 3 },
      { a: "Once upon \r\na time", b: 5, c: 6 },
      { a: "7", b: 8, c: 9 }
    ]
  ],
  [
    "quotes and newlines",
    'a,b\n1,"ha \n""ha"" \nha"\n3,4\n',
    [
      { a: 1, b: 'ha \n"ha" \nha' },
      { a: 3, b: "4" }
    ]
  ],
  ["simple, without a last end", "a,b,c\n1,2,3", [{ a: 1, b: 2, c: 3 }]],
  [
    "utf8",
    "a,b,c\n1,2,3\n4,5,ʤ\n",
    [
      { a: 1, b: 2, c: "3" },
      { a: 4, b: 5, c: "ʤ" }
    ]
  ],
  ["quotes within a cell are its own", 'a,b\n1,x"y\n', [{ a: 1, b: 'x"y' }]],
  ["one column, a delimiter nowhere", "a\nx\ny\n", [{ a: "x" }, { a: "y" }]]
] as ReadonlyArray<readonly [string, string, ReadonlyArray<unknown>]>)("CSV: %s", async (_, text, rows) => {
  expect(await rowsOf<unknown>(Format.csv(), new TextEncoder().encode(text))).toEqual(rows.slice())
})

test("unsigned columns of DuckDB, in an encoding that the format does not have, name the way out", async () => {
  // COPY (SELECT (4000000000 - range)::UINTEGER AS x FROM range(10)) TO 'x.parquet' (FORMAT parquet, PARQUET_VERSION 'V2')
  const file =
    "UEFSMRUAFTAVNCwVFBUKFQYVBgAAGFwCAAAAFAGAEAgKgKDZ5h0BAAAAAAAAAAAVBBksNQAYDWR1Y2tkYl9zY2hlbWEVAgAVAiUC" +
    "GAF4JRoAFhQZHBkcJgAcFQIZFQoZGAF4FQIWFBZSFlYmCDw2ACgEAChr7hgE9ydr7hERAAAAFlIWFCYIFlYAKChEdWNrREIgdmVy" +
    "c2lvbiB2MS41LjYgKGJ1aWxkIDA2OWNjOWY5YjUpGRwcAAAAiwAAAFBBUjE="
  const error = await Effect.runPromise(
    Dataset.open("memory://x.parquet", { format: Format.parquet(), index: false }).pipe(
      Effect.flatMap((dataset) => dataset.get(0)),
      Effect.flip,
      Effect.provide(Store.memory({ "x.parquet": new Uint8Array(Buffer.from(file, "base64")) }))
    )
  )
  expect(error.message).toContain("write its unsigned columns as BIGINT")
})

test("zeros behind the last gzip member are an error, by index and in order", async () => {
  for (const zeros of [1, 8, 600]) {
    const bytes = Buffer.concat([gzipSync('{"a":1}\n'), Buffer.alloc(zeros)])
    const opened = Dataset.open("memory://a", { format: Format.jsonl(), index: false }).pipe(
      Effect.provide(Store.memory({ a: new Uint8Array(bytes) }))
    )
    expect((await Effect.runPromise(Effect.flip(opened))).message).toContain("no gzip member follow")
    for (const pieces of [[bytes], [bytes.subarray(0, -zeros), bytes.subarray(-zeros)]]) {
      const source = Dataset.fromStream(() => pieces, { name: "bytes", format: Format.jsonl() })
      const all = Scheduler.stream(Pipeline.from(source).pipe(Pipeline.batchWith(2, (own) => own)), { epochs: 1 })
      expect(String(await Effect.runPromise(Effect.flip(Stream.runDrain(all))))).toContain("no gzip member follow")
    }
  }
})

describe("what stands in the place of a shard", () => {
  const pointer = `version https://git-lfs.github.com/spec/v1\noid sha256:${"4d7a".repeat(16)}\nsize 12345\n`
  const opened = (path: string, format: Format.Format<unknown>, bytes: string) =>
    Dataset.open(`memory://${path}`, { format, index: false }).pipe(
      Effect.either,
      Effect.provide(Store.memory({ [path]: bytes })),
      Effect.runPromise
    )

  test("a pointer of Git LFS is named, in each format", async () => {
    for (const [at, format] of [...formats.map(([, , own]) => own), Format.csv(), Format.text()].entries()) {
      const error = await opened("a", format, at % 2 === 0 ? pointer : pointer.replaceAll("\n", "\r\n"))
      expect(error).toMatchObject({ _tag: "Left", left: { _tag: "ShardError", shard: "memory://a" } })
      expect(String(error)).toContain("git lfs pull")
    }
  })

  test("so it is in a stream, in whichever pieces its bytes come; a text that begins alike is none", async () => {
    const text = "version https://git-lfs.github.com/spec/v2\n"
    const run = (bytes: string, size: number) => {
      const pieces = Array.from({ length: Math.ceil(bytes.length / size) }, (_, at) =>
        Buffer.from(bytes.slice(at * size, (at + 1) * size))
      )
      const source = Dataset.fromStream(() => Stream.fromIterable(pieces), { name: "bytes", format: Format.text() })
      return Scheduler.stream(Pipeline.from(source).pipe(Pipeline.batchWith(2, (all) => all)), { epochs: 1 }).pipe(
        Stream.runCollect,
        Effect.either,
        Effect.runPromise
      )
    }
    for (const size of [1, 20, 1000]) {
      expect(String(await run(pointer, size))).toContain("git lfs pull")
      for (const other of [text, "version"]) expect((await run(other, size))._tag).toBe("Right")
    }
  })

  test("a page of HTML is neither CSV nor JSON Lines", async () => {
    for (const page of ["<!DOCTYPE html>\n<html>\n", '<html lang="en">\n', "\n <!doctype HTML>\n"]) {
      expect(String(await opened("a.csv", Format.csv(), page))).toContain("it is a page of HTML")
    }
    expect((await opened("a.csv", Format.csv(), "<b>,c\n1,2\n"))._tag).toBe("Right")
    const rows = Dataset.open("memory://a", { format: Format.jsonl(), index: false }).pipe(
      Effect.flatMap((dataset) => dataset.get(0)),
      Effect.provide(Store.memory({ a: "<!DOCTYPE html>\n<html>\n" }))
    )
    expect((await Effect.runPromise(Effect.flip(rows))).message).toContain("it is a page of HTML")
  })
})
