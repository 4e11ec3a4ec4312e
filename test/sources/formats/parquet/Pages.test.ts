/** Large pages are decompressed beside the program: with the same values and the same errors as within it. */
import { describe, expect, test } from "bun:test"
import { createRequire } from "node:module"
import { crc32, zstdCompressSync } from "node:zlib"
import { columnFromArray, float64, int32, tableFromColumns, tableToIPC, utf8 } from "@uwdata/flechette"
import { Effect, Stream } from "effect"
import type * as ParquetWasm from "parquet-wasm"
import { runtime } from "../../../../src/core/runtime.ts"
import { Dataset, Sink, Store } from "../../../../src/index.ts"
import * as Format from "../../../../src/sources/formats/Formats.ts"
import { decompressAhead } from "../../../../src/sources/formats/parquet/Pages.ts"
import { exactlySoon } from "../../../../src/sources/formats/Zstd.ts"
import { oneColumn, Physical, raw } from "../../../support/parquet.ts"
import { openShard, rowsOf, shardOf } from "../../../support/shard.ts"

// Its types are those of its entry for bundlers; this one has the same functions.
const library = createRequire(import.meta.url)("parquet-wasm/node") as typeof ParquetWasm

const ROWS = 12_000
const real = Array.from({ length: ROWS }, (_, row) => ((row * 2654435761) % 2 ** 32) / 2 ** 32)
const words = real.map((own, row) => `${row} ${own}`)

/** Two row groups of numbers and of texts, whose dictionaries and pages are large. */
const file = (() => {
  const table = tableFromColumns({
    real: columnFromArray(real, float64()),
    digit: columnFromArray(
      real.map((_, row) => row % 10),
      int32()
    ),
    word: columnFromArray(words, utf8())
  })
  const ipc = tableToIPC(table, { format: "stream" })
  if (ipc === null) throw new Error("nothing was encoded")
  const properties = new library.WriterPropertiesBuilder()
    .setCompression(library.Compression.ZSTD)
    .setMaxRowGroupSize(ROWS / 2)
    .build()
  return library.writeParquet(library.Table.fromIPCStream(ipc), properties)
})()

const seen = (rows: ReadonlyArray<unknown>): number => crc32(JSON.stringify(rows))

test("rows come out as they went in", async () => {
  const rows = await rowsOf(Format.parquet(), file)
  expect(rows).toEqual(real.map((own, row) => ({ real: own, digit: row % 10, word: words[row] as string })))
})

/** The rows of a shard, or the error of its first bad block: by the runtime's threads, or as threads share blocks, without them. */
const outcomes = async (bytes: Uint8Array): Promise<readonly [ahead: unknown, within: unknown]> => {
  const format = Format.parquet()
  const found = async (own: Format.Format<unknown>): Promise<unknown> =>
    rowsOf(own, bytes).then(seen, (error: unknown) => String(error).split("\n")[0])
  const { shared } = format
  if (shared === undefined) throw new Error("threads share blocks of Parquet")
  const decode = await Effect.runPromise(shared)
  return [
    await found(format),
    await found({
      ...format,
      decode: (own, block, place) => {
        const parts = decode.unpack(own, block, place)
        return Effect.isEffect(parts)
          ? Effect.map(parts, (all) => decode.view(all, block, place))
          : decode.view(parts, block, place)
      }
    })
  ]
}

test("a changed byte is the same error, or leaves the same values", async () => {
  const end = file.length - 8 - new DataView(file.buffer, file.byteOffset).getUint32(file.length - 8, true)
  const errors = new Set<string>()
  for (let round = 0; round < 60; round++) {
    const damaged = file.slice()
    const at = 4 + Math.floor(((round * 0.618) % 1) * (end - 4))
    damaged[at] = (damaged[at] as number) ^ (1 << (round % 8)) // a byte of the pages
    const [ahead, within] = await outcomes(damaged)
    expect(ahead).toEqual(within)
    if (typeof ahead === "string") errors.add(ahead)
  }
  expect(errors.size).toBeGreaterThan(0)
  for (const error of errors) expect(error).toContain("ShardError: some.shard")
}, 60_000)

test("a page of another length than its column says is refused as it always was", async () => {
  const longer = (says: number): Uint8Array =>
    oneColumn(
      { name: "a", type: Physical.int32 },
      {
        values: 2 ** 15,
        data: raw(Int32Array.from({ length: 2 ** 15 }, (_, at) => Math.imul(at, 2654435761))),
        pack: (plain) => new Uint8Array(zstdCompressSync(new Uint8Array(Buffer.concat([plain, new Uint8Array(says)]))))
      },
      { codec: 6 }
    )
  expect(await rowsOf(Format.parquet(), longer(0))).toHaveLength(2 ** 15)
  const [ahead, within] = await outcomes(longer(1))
  expect(ahead).toMatch(/ShardError: some.shard.* more/)
  expect(ahead).toBe(within)
})

test("whoever is interrupted while a block is decompressed is over", async () => {
  const opening = Effect.runFork(openShard(Format.parquet(), shardOf(file)))
  await new Promise((resolve) => setTimeout(resolve, 0))
  opening.unsafeInterruptAsFork(opening.id())
  const exit = await new Promise<string>((resolve) => opening.addObserver(({ _tag }) => resolve(_tag)))
  expect(["Failure", "Success"]).toContain(exit)
  expect(await rowsOf(Format.parquet(), file)).toHaveLength(ROWS)
})

describe.skipIf(runtime.name !== "bun")("decompression beside the program, which Bun has", () => {
  const plain = raw(Float64Array.from(real))
  const frame = new Uint8Array(zstdCompressSync(plain))

  test("takes a frame that says its length, and nothing else", async () => {
    expect(Buffer.compare((await exactlySoon(frame, plain.length)) ?? new Uint8Array(0), plain)).toBe(0)
    for (const [bytes, length] of [
      [frame, plain.length - 1],
      [frame.subarray(0, frame.length - 1), plain.length],
      [new Uint8Array(Buffer.concat([frame, frame])), 2 * plain.length],
      [plain, plain.length]
    ] as const) {
      expect(exactlySoon(bytes, length)).toBeUndefined()
    }
  })

  test("gives nothing for a frame that is damaged", async () => {
    const damaged = frame.map((byte, at) => (at > 1000 ? byte ^ 0xff : byte))
    expect((await exactlySoon(damaged, plain.length)) ?? "nothing").toBe("nothing")
  })

  test("begins with the pages of a shard, and leaves what is no page to its reader", () => {
    const start = file.subarray(4)
    expect(decompressAhead([{ bytes: start, codec: 6 }])).toBeInstanceOf(Promise)
    expect(decompressAhead([{ bytes: start, codec: 0 }])).toBeUndefined()
    expect(decompressAhead([{ bytes: new Uint8Array(100), codec: 6 }])).toBeUndefined()
  })
})

test("pages of text that were decompressed are freed once the decoder has a copy", async () => {
  const texts = Array.from({ length: 2000 }, (_, row) => `${row} `.repeat(40))
  const size = texts.reduce((sum, text) => sum + text.length, 0)
  const opening = Sink.write(Stream.fromIterable(texts.map((text) => ({ text }))), Sink.parquet("memory://out")).pipe(
    Effect.zipRight(Dataset.open("memory://out", { format: Format.parquet(), index: false })),
    Effect.provide(Store.memory())
  )
  const dataset = await Effect.runPromise(opening)
  const { transfer } = ArrayBuffer.prototype
  let freed = 0
  ArrayBuffer.prototype.transfer = function (this: ArrayBuffer, length?: number) {
    if (length === 0) freed += this.byteLength
    return transfer.call(this, length)
  }
  try {
    const rows = await Effect.runPromise(dataset.getMany([0, 1999]))
    expect(rows).toEqual([{ text: texts[0] }, { text: texts[1999] }])
  } finally {
    ArrayBuffer.prototype.transfer = transfer
  }
  expect(freed).toBeGreaterThan(size)
})

test("texts of a dictionary that are larger in all than a block may be are refused once they are decoded", async () => {
  const texts = Array.from({ length: 500 }, (_, row) => String.fromCharCode(97 + (row % 5)).repeat(20_000))
  const ipc = tableToIPC(tableFromColumns({ text: columnFromArray(texts, utf8()) }), { format: "stream" })
  if (ipc === null) throw new Error("nothing was encoded")
  const bytes = library.writeParquet(library.Table.fromIPCStream(ipc))
  expect(bytes.length).toBeLessThan(1_000_000)
  const most = 10_000_000
  expect((await rowsOf(Format.parquet({ blockBytes: most + 10_000 }), bytes)).length).toBe(500)
  const error = await rowsOf(Format.parquet({ blockBytes: most }), bytes).catch((thrown: unknown) => thrown)
  expect(String(error)).toMatch(/a row group has 1000\d{4} bytes once decoded, more than blockBytes, 10000000; choose/)
})
