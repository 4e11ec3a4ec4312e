/** A row's bytes in its shard are found: what lies there is the row, for every format, through views, and in packed shards. */
import { describe, expect, test } from "bun:test"
import { gzipSync, zstdCompressSync } from "node:zlib"
import { Effect, Exit, Stream } from "effect"
import { Dataset, Format, Lineage, Pipeline, Sink, Store } from "../../../src/index.ts"
import { bytesOf, joined, tarOf } from "../../support/tar.ts"

type Objects = Readonly<Record<string, string | Uint8Array>>

const run = <A, E>(effect: Effect.Effect<A, E, Store.Store>, objects: Objects) =>
  Effect.runPromise(Effect.provide(effect, Store.memory(objects)))

/** Each row of the shards of a folder, and the bytes that are said to be its own in `plain`, by shard. */
const rowsAndBytes = <A>(format: Format.Format<A>, objects: Objects, plain: Objects = objects) =>
  run(
    Effect.gen(function* () {
      const dataset = yield* Dataset.open("memory://d/", { format, index: false })
      const rows = yield* dataset.getMany(Array.from({ length: dataset.size }, (_, at) => at))
      return yield* Effect.forEach(rows, (row, index) =>
        Effect.map(Lineage.locate(dataset, index), (place) => {
          const { dataset: _, ...own } = Lineage.at(dataset, index)
          expect(place).toMatchObject(own)
          const { byte = -1, length = -1, shard = "" } = place ?? {}
          expect([byte >= 0, length >= 0]).toEqual([true, true])
          const bytes = bytesOf(plain[shard.replace("memory://", "")] ?? "")
          return { row, bytes: bytes.slice(byte, byte + length), place }
        })
      )
    }),
    objects
  )

const text = (bytes: Uint8Array): string => new TextDecoder("utf-8", { ignoreBOM: true }).decode(bytes)

/** Shards whose rows have several blocks, blank lines, `\r\n`, a byte order mark and characters of several bytes. */
const lines = Array.from({ length: 40 }, (_, row) => JSON.stringify({ row, text: "ä€😀x".repeat(row % 5) }))
const jsonl = {
  "d/a.jsonl": `\ufeff${lines.slice(0, 20).join("\n")}\n\n  \n`,
  "d/b.jsonl": `\r\n${lines.slice(20).join("\r\n\n")}`
}

/** The same as members of so many bytes, which end anywhere. */
const packed = (objects: Objects, pack: (bytes: Uint8Array) => Uint8Array, size: number): Objects =>
  Object.fromEntries(
    Object.entries(objects).map(([name, content]) => {
      const bytes = bytesOf(content)
      const members = Array.from({ length: Math.ceil(bytes.length / size) }, (_, at) =>
        pack(bytes.subarray(at * size, (at + 1) * size))
      )
      return [name, joined(members)]
    })
  )

const packings: ReadonlyArray<readonly [string, (objects: Objects) => Objects]> = [
  ["plain", (objects) => objects],
  ["gzip, a member", (objects) => packed(objects, gzipSync, 2 ** 20)],
  ["gzip, many members", (objects) => packed(objects, gzipSync, 37)],
  // Node 20 has no zstd.
  ...(typeof zstdCompressSync === "function"
    ? ([["zstd, many frames", (objects: Objects) => packed(objects, zstdCompressSync, 150)]] as const)
    : [])
]

describe.each(packings.map(([of, pack]) => ({ of, pack })))("of shards that are $of", ({ pack }) => {
  test("a line of JSON", async () => {
    for (const blockBytes of [1, 100, 2 ** 20]) {
      const found = await rowsAndBytes(Format.jsonl({ blockBytes }), pack(jsonl), jsonl)
      expect(found.map(({ bytes }) => text(bytes))).toEqual(lines)
      expect(found.map(({ row }) => JSON.stringify(row))).toEqual(lines)
    }
  })

  test("a record of CSV", async () => {
    const records = ["1,one", '2,"two, ""2"""', '3,"three\nlines\r\nä"', "4,four"]
    const objects = {
      "d/a.csv": `id,text\n${records[0]}\n\n${records[1]}\r\n`,
      "d/b.csv": `\ufeffid,text\r\n${records[2]}\n${records[3]}`
    }
    for (const blockBytes of [1, 2 ** 20]) {
      const found = await rowsAndBytes(Format.csv({ blockBytes }), pack(objects), objects)
      expect(found.map(({ bytes }) => text(bytes))).toEqual(records)
      expect(found.map(({ row }) => row["id"])).toEqual([1, 2, 3, 4])
    }
  })

  test("a line, a paragraph and a window of text", async () => {
    const objects = { "d/a.txt": "one\ntwo äö\n\n\nthree\nfour\n\n", "d/b.txt": "five\r\nsix" }
    for (const rows of ["lines", "paragraphs"] as const) {
      const found = await rowsAndBytes(Format.text({ rows, blank: "skip", blockBytes: 8 }), pack(objects), objects)
      expect(found.map(({ bytes }) => text(bytes))).toEqual(found.map(({ row }) => row))
      expect(found.length).toBe(rows === "lines" ? 6 : 3)
    }
    const windows = Format.text({ rows: "windows", windowBytes: 5, blockBytes: 11 })
    const found = await rowsAndBytes(windows, pack(objects), objects)
    expect(found.map(({ bytes }) => Array.from(bytes))).toEqual(found.map(({ row }) => Array.from(row)))
  })
})

test("a sample of a tar: all of its files, with their headers", async () => {
  const entries = ["a", "b", "c", "d"].flatMap((key, at) => [
    { name: `${key}.cls`, body: String(at) },
    { name: ".hidden", body: "no file of a sample" },
    { name: `${key}.txt`, body: key.repeat(600 * at) }
  ])
  const plain = { "d/a.tar": tarOf(...entries.slice(0, 6)), "d/b.tar": tarOf(...entries.slice(6)) }
  for (const objects of [plain, packed(plain, gzipSync, 2 ** 20)]) {
    for (const blockBytes of [1, 2 ** 20]) {
      const found = await rowsAndBytes(Format.tar({ blockBytes }), objects, plain)
      expect(found.length).toBe(4)
      for (const { bytes, row } of found) {
        // They are a tar of that one sample, once it has an end.
        const alone = joined([bytes, new Uint8Array((-bytes.length & 511) + 1024)])
        const read = await run(
          Effect.flatMap(Dataset.open("memory://one.tar", { format: Format.tar(), index: false }), ({ get }) => get(0)),
          { "one.tar": alone }
        )
        expect(read).toEqual(row)
      }
    }
  }
})

test("formats of columns say the block, and the row in it", async () => {
  const rows = Array.from({ length: 50 }, (_, x) => ({ x }))
  for (const [sink, format] of [
    [Sink.parquet("memory://p/", { blockBytes: 64, rows: 30 }), Format.parquet()],
    [Sink.arrow("memory://p/", { blockBytes: 64, rows: 30 }), Format.arrow()],
    [Sink.npy("memory://p/", { rows: 30 }), Format.npy({ field: "x", blockBytes: 64 })]
  ] as const) {
    const places = await run(
      Effect.gen(function* () {
        yield* Sink.write(Stream.fromIterable(rows), sink)
        const dataset = yield* Dataset.open("memory://p/", { format: format as Format.Format<unknown>, index: false })
        const blocks = dataset.sharded.shards.flatMap(({ index, info }) =>
          index.blocks.flatMap((own, block) =>
            Array.from({ length: own.rows }, (_, blockRow) => ({ shard: info.location, block, blockRow }))
          )
        )
        expect(new Set(blocks.map(({ block }) => block)).size).toBeGreaterThan(1)
        const found = yield* Effect.forEach(rows, (_, index) => Lineage.locate(dataset, index))
        expect(found).toMatchObject(blocks)
        return found
      }),
      {}
    )
    expect(places.every((place) => place?.byte === undefined && place?.length === undefined)).toBe(true)
    expect(places.map((place) => place?.row)).toEqual(rows.map((_, at) => at % 30))
  }
})

test("through views and joins, of a pipeline, and not beyond the end", async () => {
  await run(
    Effect.gen(function* () {
      const files = yield* Dataset.open("memory://d/", { format: Format.jsonl({ blockBytes: 50 }), index: false })
      const odd = Dataset.subset(Dataset.map(Dataset.slice(files, 5), String), [3, 1])
      const joint = Dataset.concat(Dataset.range(2), odd)
      expect(yield* Lineage.locate(joint, 1)).toBeUndefined()
      expect(yield* Lineage.locate(joint, 2)).toEqual(yield* Lineage.locate(files, 8))
      expect(yield* Lineage.locate(Pipeline.from(joint), 3)).toEqual(yield* Lineage.locate(files, 6))
      for (const index of [4, -1, 0.5]) {
        const exit = yield* Effect.exit(Lineage.locate(joint, index))
        expect(exit).toEqual(Exit.fail(new Dataset.IndexError({ dataset: joint.name, index, size: 4 })))
      }
      expect(() => Lineage.locate(joint, "1" as never).pipe(Effect.runSync)).toThrow("the index of a sample")
    }),
    jsonl
  )
})
