import { afterAll, beforeAll, describe, expect, test } from "bun:test"
import { createHash } from "node:crypto"
import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  utimesSync,
  writeFileSync
} from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { gzipSync } from "node:zlib"
import * as Schema from "@effect/schema/Schema"
import { Deferred, Effect, Either, Fiber, Logger, Stream } from "effect"
import { text } from "../../../src/core/Parameters.ts"
import { bytesFreed } from "../../../src/core/ReadBuffers.ts"
import { Cursor, furrow, Lineage, Pipeline, Sampler, Scheduler, SeedPolicy } from "../../../src/index.ts"
import { checksum } from "../../../src/scheduler/loader/CursorFields.ts"
import { MOST } from "../../../src/scheduler/loader/CursorWrite.ts"
import { datasetText } from "../../../src/scheduler/plan/Fingerprint.ts"
import * as Dataset from "../../../src/sources/Dataset.ts"
import * as Format from "../../../src/sources/formats/Formats.ts"
import * as IndexFile from "../../../src/sources/shards/IndexFile.ts"
import { cachedFile } from "../../../src/sources/shards/IndexStore.ts"
import * as Store from "../../../src/sources/store/Store.ts"
import { type MemoryStore, memoryStore } from "../../support/shards/MemoryStore.ts"

const lines = (from: number, to: number): string =>
  Array.from({ length: to - from }, (_, row) => `{"n":${from + row}}\n`).join("")

interface Row {
  readonly n: number
}

const format = Format.jsonl<Row>({ blockBytes: 40 })

const three = () => memoryStore({ "d/a": lines(0, 20), "d/b": lines(20, 21), "d/c": "", "d/e": lines(21, 60) })

const open = (store: MemoryStore, options: Partial<Dataset.OpenOptions<Row>> = {}) =>
  Dataset.open("d/", { format, index: false, name: "d", ...options }).pipe(Effect.provide(store.layer))

const all = <A, E>(dataset: Dataset.Dataset<A, E>) =>
  dataset.getMany(Array.from({ length: dataset.size }, (_, index) => index))

const numbers = (from: number, to: number) => Array.from({ length: to - from }, (_, at) => ({ n: from + at }))

describe("a dataset of shards", () => {
  test("has the rows of all shards, one behind the other", async () => {
    const dataset = await Effect.runPromise(open(three()))
    expect(dataset.size).toBe(60)
    expect(await Effect.runPromise(all(dataset))).toEqual(numbers(0, 60))
    expect(await Effect.runPromise(dataset.get(20))).toEqual({ n: 20 })
    const strewn = [59, 0, 20, 19, 0, 21]
    expect(await Effect.runPromise(dataset.getMany(strewn))).toEqual(strewn.map((n) => ({ n })))
    expect((await Effect.runPromise(Effect.flip(dataset.get(60))))._tag).toBe("IndexError")
  })

  test("knows where each row came from, through views", async () => {
    const dataset = await Effect.runPromise(open(three()))
    expect(Lineage.at(dataset, 22)).toEqual({ dataset: "d", shard: "d/e", row: 1 })
    expect(Lineage.at(Dataset.slice(dataset, 20), 0)).toEqual({ dataset: "d", shard: "d/b", row: 0 })
  })

  test("says where its blocks begin, and so do views that keep stretches of it", async () => {
    const dataset = await Effect.runPromise(open(three()))
    const blocks = dataset.blocks ?? new Float64Array(0)
    expect(blocks[0]).toBe(0)
    expect(blocks.at(-1)).toBe(60)
    expect(Array.from(blocks)).toContain(20)
    expect(Array.from(blocks)).toContain(21)
    expect(Dataset.map(dataset, ({ n }) => n).blocks).toEqual(blocks)
    const cut = Dataset.slice(dataset, 19, 23).blocks
    expect(Array.from(cut ?? [])).toEqual([0, 1, 2, 4])
    expect(Array.from(Dataset.concat(dataset, Dataset.slice(dataset, 19, 23)).blocks ?? []).slice(-4)).toEqual([
      60, 61, 62, 64
    ])
    expect(Dataset.subset(dataset, [3, 1]).blocks).toBeUndefined()
    expect(Dataset.slice(dataset, 5, 5).blocks).toBeUndefined()
  })

  test("reads and decodes each block once for all that ask at once", async () => {
    const store = three()
    const dataset = await Effect.runPromise(open(store))
    store.reads.clear()
    await Effect.runPromise(Effect.all([all(dataset), all(dataset), all(dataset)], { concurrency: "unbounded" }))
    expect(new Set(store.reads.values())).toEqual(new Set([1]))
  })

  test("keeps blocks up to cacheBytes, used-up ones go first", async () => {
    const store = memoryStore({ "d/a": lines(0, 100) })
    const dataset = await Effect.runPromise(open(store, { cacheBytes: 0 }))
    store.reads.clear()
    for (let round = 0; round < 2; round++) {
      for (let index = 0; index < 100; index++) {
        expect(await Effect.runPromise(dataset.get(index))).toEqual({ n: index })
      }
    }
    // One block stays, whatever the budget; so each is read once a round.
    expect(new Set(store.reads.values())).toEqual(new Set([2]))
  })

  test("gives rows without an effect if their blocks are kept, through views that keep rows as they are", async () => {
    const store = three()
    const dataset = await Effect.runPromise(open(store))
    expect(dataset.ready?.([0, 59])).toBeUndefined()
    await Effect.runPromise(dataset.getMany([0, 59]))
    expect(dataset.ready?.([0, 59, 1])).toEqual([{ n: 0 }, { n: 59 }, { n: 1 }])
    for (const wrong of [-1, 60, 0.5, Number.NaN]) expect(dataset.ready?.([0, wrong])).toBeUndefined()
    const slice = Dataset.slice(dataset, 50)
    expect(slice.ready?.([9])).toEqual([{ n: 59 }])
    expect(slice.ready?.([-50])).toBeUndefined()
    // What is read by another function is not what is kept.
    const copy = {
      ...dataset,
      size: 60,
      getMany: (indices: ArrayLike<number>) => Effect.succeed(Array.from(indices, () => ({ n: 7 })))
    }
    for await (const { columns } of furrow(Pipeline.from(copy).pipe(Pipeline.batch(1)), { epochs: 1 })) {
      expect(Array.from(columns.n.data)).toEqual([7])
    }
  })

  test("warns once of an order that has blocks decoded again and again, and not of several epochs", async () => {
    const warnings: Array<string> = []
    const logger = Logger.make(({ logLevel, message }) => {
      if (logLevel._tag === "Warning") warnings.push(String(message))
    })
    const store = memoryStore({ "d/a": lines(0, 800) })
    const dataset = await Effect.runPromise(open(store, { cacheBytes: 0 }))
    const readBy = (index: (place: number) => number) =>
      Effect.forEach(
        Array.from({ length: 1600 }, (_, place) => index(place)),
        dataset.get,
        { discard: true }
      ).pipe(Effect.provide(Logger.replace(Logger.defaultLogger, logger)), Effect.runPromise)
    await readBy((place) => place % 800)
    expect(warnings).toEqual([])
    await readBy((place) => (place * 401) % 800)
    expect(warnings).toHaveLength(1)
    expect(warnings[0]).toContain("Use Sampler.shuffleBlocks, or raise cacheBytes, now 0")
  })

  test("of a view in an order of its own, the warning names the view and the option", async () => {
    const warnings: Array<string> = []
    const logger = Logger.make(({ message }) => void warnings.push(String(message)))
    const read = async (keepOrder: boolean) => {
      const store = memoryStore({ "d/a": lines(0, 800) })
      const dataset = await Effect.runPromise(open(store, { cacheBytes: 1000, name: "rows" }))
      const { train } = Dataset.split(dataset, { train: 0.9, val: 0.1 }, { seed: 1, keepOrder })
      const part = Dataset.map(train, (row) => row)
      const pipeline = Pipeline.from(part).pipe(
        Pipeline.sample(Sampler.shuffleBlocks({ window: 2 })),
        Pipeline.batchWith(8, (rows) => rows.length)
      )
      const run = Scheduler.stream(pipeline, { epochs: 1 }).pipe(
        Stream.runDrain,
        Effect.provide(SeedPolicy.elastic({ seed: 1 })),
        Effect.provide(Logger.replace(Logger.defaultLogger, logger))
      )
      await Effect.runPromise(run)
      return dataset.sharded.stats()
    }
    expect((await read(false)).again).toBeGreaterThan(64)
    expect(warnings).toHaveLength(1)
    expect(warnings[0]).toContain("They are read for rows, train, whose order is not that of the blocks")
    expect(warnings[0]).toContain("Give Dataset.split keepOrder: true")
    expect((await read(true)).again).toBe(0)
    expect(warnings).toHaveLength(1)
  })

  test("a run warns when it opens, once, of windows of blocks that do not fit, also through views", async () => {
    const warnings: Array<string> = []
    const logger = Logger.make(({ message }) => void warnings.push(String(message)))
    const warned = async (cacheBytes: number, view: (dataset: Dataset.Dataset<Row, unknown>) => typeof dataset) => {
      warnings.length = 0
      const store = memoryStore({ "d/a": lines(100, 180), "d/b": lines(200, 280) })
      const dataset = view(await Effect.runPromise(open(store, { cacheBytes, name: "rows" })))
      const sampler = Sampler.limited(Sampler.shuffleBlocks({ window: 10 }), 20)
      const pipeline = Pipeline.from(dataset).pipe(
        Pipeline.sample(sampler),
        Pipeline.batchWith(8, (rows) => rows.length)
      )
      const run = Scheduler.stream(pipeline, { epochs: 1, replay: true }).pipe(
        Stream.runDrain,
        Effect.provide(SeedPolicy.elastic({ seed: 1 })),
        Effect.provide(Logger.replace(Logger.defaultLogger, logger))
      )
      await Effect.runPromise(run)
      const first = [...warnings]
      await Effect.runPromise(run)
      expect(warnings).toEqual(first)
      return first
    }
    const same = (dataset: Dataset.Dataset<Row, unknown>) => dataset
    // Blocks of 40 bytes of text, 4 rows each.
    expect(await warned(1000, same)).toEqual([])
    const [warning = "", ...others] = await warned(300, same)
    expect(others).toEqual([])
    expect(warning).toContain(
      "sampler shuffleBlocks, at most 20 (window: 10) has 10 blocks of dataset rows in use at once"
    )
    expect(warning).toMatch(/Use window: 7, cacheBytes: 2 \*\* 9, or shards of smaller blocks/)
    expect(
      await warned(
        300,
        Dataset.map((row) => row)
      )
    ).toEqual([warning])
    expect(await warned(300, Dataset.slice(16))).toEqual([warning])
    expect(await warned(300, Dataset.slice(0, 16))).toEqual([])
    const twice = (own: Dataset.Dataset<Row, unknown>) =>
      Dataset.concat(
        own,
        Dataset.map(own, (row) => row)
      )
    expect(await warned(300, twice)).toEqual([])
    expect((await warned(150, twice))[0]).toContain("has 5 blocks of dataset rows")
    expect(await warned(300, Dataset.subset([5, 4, 3, 2, 1, 0]))).toEqual([])
  })

  test("says that it scans compressed shards which take as long as many more bytes that are not", async () => {
    const told: Array<string> = []
    const logger = Logger.make(({ message }) => void told.push(String(message)))
    const plain = Buffer.from(`${" ".repeat(2 ** 16 - 3)}0\n`.repeat(2 ** 7 + 1))
    const packed = gzipSync(plain, { level: 0 })
    const folder = mkdtempSync(join(tmpdir(), "furrow-scan-"))
    const scan = (objects: Record<string, Uint8Array>) => {
      const files = Object.entries(objects).map(([name, bytes]) => {
        writeFileSync(join(folder, name), bytes)
        return join(folder, name)
      })
      return Dataset.open(files, { format: Format.jsonl(), index: false, name: "d" }).pipe(
        Effect.provide(Logger.replace(Logger.defaultLogger, logger)),
        Effect.runPromise
      )
    }
    await scan({ "a.jsonl.gz": gzipSync("0\n"), "b.jsonl": plain })
    expect(told).toEqual([])
    await scan({ "b.jsonl.gz": packed })
    expect(told).toEqual([`scanning ${packed.length} bytes of 1 shard to index dataset d`])
    rmSync(folder, { recursive: true })
  })

  test("a reader that is interrupted leaves the others their read; the last one ends it", async () => {
    const store = three()
    const dataset = await Effect.runPromise(open(store))
    const gate = Effect.runSync(Deferred.make<void>())
    let interrupted = 0
    store.before = () => Effect.onInterrupt(Deferred.await(gate), () => Effect.sync(() => interrupted++))
    const run = Effect.gen(function* () {
      const first = yield* Effect.fork(dataset.get(0))
      const second = yield* Effect.fork(dataset.get(1))
      yield* Effect.sleep(1)
      yield* Fiber.interrupt(first)
      expect(interrupted).toBe(0)
      const alone = yield* Effect.fork(dataset.get(59))
      yield* Effect.sleep(1)
      yield* Fiber.interrupt(alone)
      expect(interrupted).toBe(1)
      yield* Deferred.succeed(gate, undefined)
      return yield* Fiber.join(second)
    })
    expect(await Effect.runPromise(run)).toEqual({ n: 1 })
    expect(await Effect.runPromise(dataset.get(59))).toEqual({ n: 59 })
  })

  test("memory of blocks is freed only once nobody reads their rows", async () => {
    const folder = mkdtempSync(join(tmpdir(), "furrow-reused-"))
    try {
      const rows = Array.from({ length: 6_000 }, (_, n) => ({ n, text: `naïve ${n} `.repeat(20) }))
      writeFileSync(join(folder, "a.jsonl"), rows.map((row) => `${JSON.stringify(row)}\n`).join(""))
      const opened = Dataset.open<{ readonly n: number; readonly text: string }>(folder, {
        format: Format.jsonl({ blockBytes: 2 ** 17 }),
        index: false,
        // One block is kept.
        cacheBytes: 0
      })
      const dataset = await Effect.runPromise(opened)
      expect(dataset.blocks?.length).toBeGreaterThan(8)
      const before = bytesFreed()
      const read = (reader: number) =>
        Effect.forEach(Array.from({ length: 8 }), (_, round) => {
          const indices = Array.from({ length: 40 }, (_, at) => (reader * 977 + round * 2_311 + at * 149) % rows.length)
          return Effect.map(dataset.getMany(indices), (found) =>
            expect(found).toEqual(indices.map((index) => rows[index] ?? { n: -1, text: "" }))
          )
        })
      const readers = Effect.forEach([0, 1, 2, 3, 4, 5], read, { concurrency: "unbounded", discard: true })
      const interrupted = Effect.timeoutOption(readers, 20)
      await Effect.runPromise(Effect.all([readers, interrupted], { concurrency: "unbounded", discard: true }))
      expect(bytesFreed() - before).toBeGreaterThan(2 ** 22)
    } finally {
      rmSync(folder, { recursive: true })
    }
  })

  test("a shard that changed since it was opened is an error", async () => {
    const store = three()
    const dataset = await Effect.runPromise(open(store))
    store.objects.set("d/e", new TextEncoder().encode(lines(1, 40)))
    expect(await Effect.runPromise(dataset.get(0))).toEqual({ n: 0 })
    expect(await Effect.runPromise(Effect.flip(dataset.get(30)))).toMatchObject({ _tag: "StoreError", location: "d/e" })
  })

  test("rows go through a schema of @effect/schema, or a Standard Schema", async () => {
    const store = memoryStore({ "d/a": '{"n":1}\n{"n":"2"}\n' })
    const schema = Schema.Struct({ n: Schema.Number })
    const dataset = await Effect.runPromise(
      Dataset.open("d/", { format, index: false, schema }).pipe(Effect.provide(store.layer))
    )
    expect(await Effect.runPromise(dataset.get(0))).toEqual({ n: 1 })
    const error = await Effect.runPromise(Effect.flip(dataset.get(1)))
    expect(error).toMatchObject({ _tag: "ShardError", shard: "d/a", row: 1 })
    expect(error.message).toContain("it does not fit the schema: n: ")
    const standard = await Effect.runPromise(
      Dataset.open("d/", {
        format: Format.jsonl(),
        index: false,
        schema: {
          "~standard": {
            version: 1,
            vendor: "test",
            validate: (value: unknown) =>
              JSON.stringify(value) === '{"n":1}' ? { value: 1 } : { issues: [{ message: "no", path: ["n"] }] }
          }
        }
      }).pipe(Effect.provide(store.layer))
    )
    expect(await Effect.runPromise(standard.get(0))).toBe(1)
    expect((await Effect.runPromise(Effect.flip(standard.get(1)))).message).toContain("n: no")
  })

  test("shards whose rows are not alike are refused", async () => {
    const typed: Format.Format<Row> = {
      ...format,
      index: (shard) =>
        Effect.map(format.index(shard), (index) => ({ ...index, schema: shard.info.location === "d/b" ? "x" : "y" }))
    }
    const error = await Effect.runPromise(Effect.flip(open(three(), { format: typed })))
    expect(error).toMatchObject({ _tag: "ShardError", shard: "d/b" })
    expect(error.message).toContain("those of d/a are y")
  })
})

describe("runs", () => {
  const options = { seed: 1, epochs: 2, digest: true } as const

  test("give the same batches as over an array, with more workers than shards", async () => {
    const dataset = await Effect.runPromise(open(three()))
    const digests: Array<string> = []
    for (const [own, workers] of [
      [dataset, 7],
      [Dataset.fromArray(numbers(0, 60)), 2]
    ] as const) {
      const pipeline = Pipeline.from(own).pipe(Pipeline.sample(Sampler.shuffle), Pipeline.batch(8))
      const run = furrow(pipeline, { ...options, workers, policy: "elastic" })
      for await (const _ of run);
      digests.push(String(run.digest))
    }
    expect(digests[0]).toBe(digests[1])
  })

  test("a row that is bad is an error with shard and row; the policy may skip it", async () => {
    const store = memoryStore({ "d/a": '{"n":0}\n{"n":1}\n?\n{"n":3}\n' })
    const dataset = await Effect.runPromise(open(store))
    const pipeline = Pipeline.from(dataset).pipe(Pipeline.batch(2))
    const failed = (async () => {
      for await (const _ of furrow(pipeline, { epochs: 1 }));
    })()
    await expect(failed).rejects.toThrow("d/a, row 2, byte 16: cannot be read as jsonl")
    const rows: Array<number> = []
    for await (const batch of furrow(pipeline, { epochs: 1, failures: { skip: { budget: { samples: 1 } } } }))
      rows.push(...batch.columns.n.data)
    expect(rows).toEqual([0, 1, 3])
  })

  test("of several bad rows, the error names the first one of the batch, whichever blocks are kept", async () => {
    const store = memoryStore({
      "d/a": lines(0, 20).replace('"n":7', "?"),
      "d/b": lines(20, 40).replace('"n":30', "?")
    })
    const order = [31, 3, 7, 30]
    for (const kept of [[], [31], [6], [31, 6]]) {
      const dataset = await Effect.runPromise(open(store))
      await Effect.runPromise(dataset.getMany(kept))
      const pipeline = Pipeline.from(Dataset.subset(dataset, order)).pipe(Pipeline.batch(4))
      const run = Effect.scoped(Effect.flatMap(Scheduler.open(pipeline, { epochs: 1 }), (own) => own.take))
      const error = await Effect.runPromise(Effect.flip(run))
      expect(error).toMatchObject({
        _tag: "StageError",
        stage: "dataset",
        sample: 2,
        position: 2,
        lineage: { shard: "d/a", row: 7 },
        failure: { _tag: "ShardError", shard: "d/a", row: 7 }
      })
    }
  })
})

describe("the index", () => {
  let folder = ""
  let before: string | undefined
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), "furrow-index-"))
    before = process.env["FURROW_CACHE"]
    process.env["FURROW_CACHE"] = folder
  })
  afterAll(() => {
    if (before === undefined) delete process.env["FURROW_CACHE"]
    else process.env["FURROW_CACHE"] = before
    rmSync(folder, { recursive: true, force: true })
  })

  /** An open that keeps its index in the cache folder. */
  const cached = (store: MemoryStore, name: string, options: Partial<Dataset.OpenOptions<Row>> = {}) =>
    Dataset.open("d/", { format: Format.jsonl<Row>({ blockBytes: name.length * 100 }), ...options }).pipe(
      Effect.provide(store.layer)
    )

  test("is kept, and only changed shards are scanned again", async () => {
    const store = three()
    const first = await Effect.runPromise(cached(store, "kept"))
    store.read.clear()
    const again = await Effect.runPromise(cached(store, "kept"))
    const index = cachedFile(["d/"], "jsonl(blockBytes: 400)")
    expect(first.sharded).toMatchObject({ index, scanned: 4 })
    expect(again.sharded).toMatchObject({ index, scanned: 0 })
    expect(again.sharded.shards.map(({ info }) => info.location)).toEqual(["d/a", "d/b", "d/c", "d/e"])
    expect(store.read.size).toBe(0)
    expect(again.content).toBe(first.content as string)
    store.objects.set("d/b", new TextEncoder().encode(lines(0, 3)))
    const changed = await Effect.runPromise(cached(store, "kept"))
    expect(Array.from(store.read.keys())).toEqual(["d/b"])
    expect(changed.size).toBe(62)
    expect(await Effect.runPromise(all(changed))).toEqual([...numbers(0, 20), ...numbers(0, 3), ...numbers(21, 60)])
    // As many bytes, and fewer rows.
    store.objects.set("d/b", new TextEncoder().encode('{"n":123}\n'.padEnd(lines(0, 3).length)))
    expect((await Effect.runPromise(cached(store, "kept"))).size).toBe(60)
  })

  test("of shards without a version is neither kept nor used, whatever their length", async () => {
    const content = { "d/a": lines(10, 20), "d/b": lines(20, 30) }
    const store = memoryStore(content, { versions: false })
    const first = await Effect.runPromise(cached(store, "unversioned"))
    expect(first.sharded).toMatchObject({ index: undefined, scanned: 2 })
    store.objects.set("d/a", new TextEncoder().encode(lines(30, 40)))
    const again = await Effect.runPromise(cached(store, "unversioned"))
    expect(again.sharded.scanned).toBe(2)
    expect(again.content).not.toBe(first.content as string)
    // Those that have one are kept.
    const mixed = memoryStore(content, { versions: (location) => location === "d/b" })
    expect((await Effect.runPromise(cached(mixed, "of both kinds"))).sharded.scanned).toBe(2)
    const kept = await Effect.runPromise(cached(mixed, "of both kinds"))
    expect(kept.sharded.scanned).toBe(1)
    expect(await Effect.runPromise(all(kept))).toEqual(numbers(10, 30))
  })

  test("that is named, of shards without a version, is not kept, which is told; one that is there is not used", async () => {
    const store = memoryStore({ "d/a": lines(10, 20) }, { versions: false })
    const index = join(folder, "unversioned.index")
    const told: Array<string> = []
    const logger = Logger.replace(
      Logger.defaultLogger,
      Logger.make(({ message }) => void told.push(String(message)))
    )
    const opened = () => Effect.runPromise(cached(store, "unversioned", { index }).pipe(Effect.provide(logger)))
    expect((await opened()).sharded).toMatchObject({ index: undefined, scanned: 1 })
    expect(told).toEqual([
      `the index ${index} is not kept, since d/a has no version (an ETag or Last-Modified) by which a change would be noticed, so the shards are indexed again at each opening`
    ])
    const versioned = memoryStore({ "d/a": lines(10, 20) })
    const { sharded } = await Effect.runPromise(cached(versioned, "unversioned", { index }))
    const shards = sharded.shards.map((own) => ({ ...own, info: { ...own.info, version: "" } }))
    writeFileSync(index, IndexFile.encode("jsonl(blockBytes: 1100)", shards))
    store.objects.set("d/a", new TextEncoder().encode(lines(30, 40)))
    const dataset = await opened()
    expect(dataset.sharded.scanned).toBe(1)
    expect(await Effect.runPromise(all(dataset))).toEqual(numbers(30, 40))
  })

  test("of a store in memory is of its content", async () => {
    const opened = (content: string) =>
      Dataset.open("memory://of.jsonl", { format: Format.jsonl<Row>() }).pipe(
        Effect.provide(Store.memory({ "of.jsonl": content })),
        Effect.flatMap((dataset) => Effect.map(all(dataset), (rows) => [dataset.sharded.scanned, rows])),
        Effect.runPromise
      )
    expect(await opened(lines(10, 20))).toEqual([1, numbers(10, 20)])
    expect(await opened(lines(10, 20))).toEqual([0, numbers(10, 20)])
    expect(await opened(lines(30, 40))).toEqual([1, numbers(30, 40)])
  })

  test("replaces no file that holds something else, and one of another version", async () => {
    const path = join(folder, "named")
    writeFileSync(path, '{"n":0}\n')
    const open = cached(three(), "named index", { index: path })
    const refused = await Effect.runPromise(Effect.flip(open))
    expect(refused).toMatchObject({ _tag: "InvalidOption", option: "index", value: path })
    expect(readFileSync(path, "utf8")).toBe('{"n":0}\n')
    writeFileSync(path, '{"furrow":"index","version":0}\n')
    expect((await Effect.runPromise(open)).sharded.index).toBe(path)
    const whole = readFileSync(path, "utf8")
    expect(whole).toContain("d/b")
    // A power cut may leave a part of an index, or nothing of it.
    for (const length of [0, 17, 40]) {
      writeFileSync(path, whole.slice(0, length))
      expect((await Effect.runPromise(open)).size).toBe(60)
      expect(readFileSync(path, "utf8")).toBe(whole)
    }
  })

  test("that was named says how it is made again when a shard has changed or is gone", async () => {
    const path = join(folder, "made again")
    const store = three()
    const open = cached(store, "named index", { index: path })
    await Effect.runPromise(open)
    store.objects.set("d/a", new TextEncoder().encode(lines(100, 110)))
    store.objects.delete("d/b")
    const known = await Effect.runPromise(open)
    const errors = await Effect.runPromise(Effect.all([0, 20].map((row) => Effect.flip(known.get(row)))))
    const way = `the index ${path} lists it as it was: remove that file, and open the dataset again`
    expect(errors.map((error) => [error._tag === "StoreError" && error.kind, error.message.endsWith(way)])).toEqual([
      ["changed", true],
      ["missing", true]
    ])
    expect(errors.join()).not.toContain("open it again")
    rmSync(path)
    const fresh = await Effect.runPromise(open)
    expect(await Effect.runPromise(fresh.get(0))).toEqual({ n: 100 })
  })

  test("of an older version, in which one JSON array is a row, is not used", async () => {
    const array = '[{"n":1},{"n":2}]\n'
    const store = memoryStore({ "d/a.json": array })
    const info = { location: "d/a.json", size: array.length, version: createHash("sha256").update(array).digest("hex") }
    const kept = IndexFile.encode("jsonl(blockBytes: 500)", [
      { info, index: { blocks: [{ rows: 1, offset: 0, length: array.length }] } }
    ])
    const older = kept.replace(/"version":\d+/, '"version":5')
    const named = join(folder, "older")
    for (const path of [named, cachedFile(["d/"], "jsonl(blockBytes: 500)")]) {
      writeFileSync(path, older)
      const error = await Effect.runPromise(Effect.flip(cached(store, "older", path === named ? { index: path } : {})))
      expect(error).toMatchObject({ _tag: "ShardError", shard: "d/a.json" })
    }
  })

  test("that cannot be written where it was named is told", async () => {
    const told: Array<string> = []
    const logger = Logger.make(({ message }) => void told.push(String(message)))
    writeFileSync(join(folder, "a file"), "")
    const path = join(folder, "a file", "index")
    const dataset = await Effect.runPromise(
      cached(three(), "named index", { index: path }).pipe(Effect.provide(Logger.replace(Logger.defaultLogger, logger)))
    )
    expect(dataset.sharded.index).not.toBe(path)
    expect(told.join()).toContain(`the index ${path} cannot be written`)
  })

  test("is built once by all that ask at once", async () => {
    const store = three()
    const opens = Array.from({ length: 64 }, () => cached(store, "once-"))
    const datasets = await Effect.runPromise(Effect.all(opens, { concurrency: "unbounded" }))
    expect(new Set(store.reads.values())).toEqual(new Set([1]))
    expect(new Set(datasets.map(({ size }) => size))).toEqual(new Set([60]))
    expect(readdirSync(join(folder, "indexes")).filter((own) => !own.endsWith(".jsonl"))).toEqual([])
  })

  test("of a builder that was killed is built by another", async () => {
    const store = three()
    const lock = `${cachedFile(["d/"], "jsonl(blockBytes: 600)")}.lock`
    mkdirSync(join(folder, "indexes"), { recursive: true })
    writeFileSync(lock, "")
    utimesSync(lock, new Date(0), new Date(0))
    const dataset = await Effect.runPromise(cached(store, "killed"))
    expect(dataset.size).toBe(60)
  })

  test("whose lock cannot be removed is built without it, which is told; one that names no holder is not waited for", async () => {
    const told: Array<string> = []
    const logger = Logger.make(({ message }) => void told.push(String(message)))
    const lock = `${cachedFile(["d/"], "jsonl(blockBytes: 800)")}.lock`
    mkdirSync(lock, { recursive: true })
    const opened = cached(three(), "unlocked").pipe(Effect.provide(Logger.replace(Logger.defaultLogger, logger)))
    expect((await Effect.runPromise(opened)).size).toBe(60)
    expect(told.filter((own) => own.includes(lock))).toHaveLength(1)
    rmSync(lock, { recursive: true })
    rmSync(lock.slice(0, -".lock".length), { force: true })
    // Of a process that was killed before it wrote who it is: younger than any heartbeat that has stopped.
    writeFileSync(lock, "")
    utimesSync(lock, new Date(), new Date(Date.now() - 2_000))
    expect((await Effect.runPromise(opened)).sharded.scanned).toBe(4)
    expect(readdirSync(join(folder, "indexes")).filter((own) => own.endsWith(".lock"))).toEqual([])
    expect(told.filter((own) => own.includes(lock))).toHaveLength(1)
  })

  test("that is damaged, or of another format, is made again", async () => {
    const store = three()
    await Effect.runPromise(cached(store, "damaged"))
    const path = cachedFile(["d/"], "jsonl(blockBytes: 700)")
    const text = readFileSync(path, "utf8")
    const told: Array<string> = []
    const logger = Logger.make(({ message }) => void told.push(String(message)))
    const damaged = [`the index ${path} is damaged, so the shards are indexed again`]
    for (const [own, warnings] of [
      [text.slice(0, -10), damaged],
      [text.replace("blockBytes: 700", "blockBytes: 701"), []],
      ["", damaged],
      ["{}", damaged],
      [text.replace('"d/b",', ""), damaged]
    ] as const) {
      writeFileSync(path, own)
      const again = Effect.provide(cached(store, "damaged"), Logger.replace(Logger.defaultLogger, logger))
      expect((await Effect.runPromise(again)).size).toBe(60)
      expect(readFileSync(path, "utf8")).toBe(text)
      expect(told.splice(0)).toEqual([...warnings])
    }
  })

  test("gives the right rows whichever of its bits is another, and wherever it is cut", async () => {
    const store = memoryStore({ "d/a": "0\n1\n2\n3\n4\n5\n6\n7\n8\n9\n", "d/b": "10\n11\n" })
    const texts = Format.text({ blockBytes: 5 })
    const named = join(folder, "flipped")
    const want = Array.from({ length: 12 }, (_, row) => String(row))
    const told: Array<string> = []
    const logger = Logger.make(({ message }) => void told.push(String(message)))
    for (const [path, index] of [
      [cachedFile(["d/"], text(texts.made)), undefined],
      [named, named]
    ] as const) {
      const opened = Dataset.open("d/", { format: texts, ...(index === undefined ? {} : { index }) }).pipe(
        Effect.flatMap(all),
        Effect.provide(store.layer),
        Effect.provide(Logger.replace(Logger.defaultLogger, logger))
      )
      await Effect.runPromise(opened)
      const good = readFileSync(path)
      told.length = 0
      for (let at = 0; at < good.length; at += 13) {
        const flipped = Uint8Array.from(good)
        flipped[at] = (flipped[at] ?? 0) ^ (1 << (at % 8))
        for (const own of [flipped, good.subarray(0, at)]) {
          writeFileSync(path, own)
          const rows = await Effect.runPromise(Effect.either(opened))
          // A named file that does not begin as an index is not replaced.
          if (Either.isLeft(rows)) expect([path, rows.left._tag]).toEqual([named, "InvalidOption"])
          else expect(rows.right).toEqual(want)
        }
      }
      expect(told.filter((own) => own.includes(`the index ${path} is damaged`)).length).toBeGreaterThan(
        good.length / 13
      )
    }
  })

  test("can be a file that the user names: the shards are then those that it lists", async () => {
    const store = three()
    const index = join(folder, "own", "index.jsonl")
    await Effect.runPromise(cached(store, "named-", { index }))
    store.objects.set("d/f", new TextEncoder().encode(lines(60, 70)))
    store.read.clear()
    const dataset = await Effect.runPromise(cached(store, "named-", { index }))
    expect(dataset.size).toBe(60)
    expect(store.read.size).toBe(0)
    store.objects.set("d/a", new TextEncoder().encode(lines(1, 21)))
    expect(await Effect.runPromise(Effect.flip(dataset.get(0)))).toMatchObject({ _tag: "StoreError", location: "d/a" })
  })

  test("does not need a folder that can be written to", async () => {
    const locked = join(folder, "locked")
    mkdirSync(locked)
    // A file where the folder should be: no user can write there, root included.
    writeFileSync(join(locked, "indexes"), "")
    chmodSync(locked, 0o500)
    process.env["FURROW_CACHE"] = locked
    try {
      const dataset = await Effect.runPromise(cached(three(), "unwritten"))
      expect(dataset.size).toBe(60)
      expect(dataset.sharded.index).toBeUndefined()
    } finally {
      process.env["FURROW_CACHE"] = folder
      chmodSync(locked, 0o700)
    }
  })

  test("is refused above a limit, which says how much there is to read", async () => {
    const bytes = Array.from(three().objects.values()).reduce((sum, { length }) => sum + length, 0)
    const error = await Effect.runPromise(Effect.flip(cached(three(), "limited--", { limit: bytes - 1 })))
    expect(error._tag).toBe("InvalidOption")
    expect(error.message).toContain(`at least ${bytes}`)
    expect((await Effect.runPromise(cached(three(), "limited--", { limit: bytes }))).size).toBe(60)
  })

  test("tells its progress, from before the scan to its end", async () => {
    const seen: Array<Dataset.ScanProgress> = []
    await Effect.runPromise(open(three(), { onProgress: (own) => seen.push(own) }))
    expect(seen[0]).toMatchObject({ shards: 4, shardsDone: 0, bytesDone: 0 })
    const last = seen.at(-1)
    expect(last?.shardsDone).toBe(4)
    expect(last?.bytesDone).toBe(last?.bytes)
  })

  test("the content is the same in another folder, and another if a shard has other rows", async () => {
    const one = await Effect.runPromise(open(three()))
    const copy = new Map(Array.from(three().objects, ([key, data]) => [`x/y/${key}`, data]))
    const other = await Effect.runPromise(
      Dataset.open("x/y/d/", { format, index: false, name: "d" }).pipe(
        Effect.provide(memoryStore(Object.fromEntries(copy)).layer)
      )
    )
    expect(other.content).toBe(one.content as string)
    const changed = three()
    changed.objects.set("d/a", new TextEncoder().encode(lines(0, 21)))
    expect((await Effect.runPromise(open(changed))).content).not.toBe(one.content as string)
  })

  test("the content tells other bytes of the same size and rows, also by a kept index; what is not read is unseen", async () => {
    const opened = async <Row>(name: string, own: Format.Format<Row>, bytes: Uint8Array | string) => {
      const path = join(folder, `bytes-${name}`)
      mkdirSync(path, { recursive: true })
      writeFileSync(join(path, "a"), bytes)
      const options = { format: own, name: "d", index: join(folder, `bytes-${name}.index`) }
      const first = await Effect.runPromise(Dataset.open(path, options))
      const again = await Effect.runPromise(Dataset.open(path, options))
      expect(again.content).toBe(first.content as string)
      return [first.content, Cursor.unseen(Pipeline.from(again)).join()] as const
    }
    const jsonl = Format.jsonl<Row>({ blockBytes: 40 })
    const [one, unseen] = await opened("one", jsonl, lines(10, 60))
    const [same] = await opened("same", Format.jsonl<Row>({ blockBytes: 40, rowBytes: 50 }), lines(10, 60))
    const [other] = await opened("other", jsonl, lines(10, 60).replace("37", "73"))
    expect(same).toBe(one as string)
    expect(other).not.toBe(one as string)
    expect(unseen).toBe("")
    // Nor does a store that knows no version tell what is not read.
    const windowed = Format.text({ rows: "windows", windowBytes: 2 ** 15 })
    const unversioned = memoryStore({ "d/a": "x".repeat(2 ** 21) }, { versions: false })
    const untold = Dataset.open("d/", { format: windowed, index: false, name: "d" })
    expect(
      Cursor.unseen(Pipeline.from(await Effect.runPromise(Effect.provide(untold, unversioned.layer)))).join()
    ).toContain("the bytes of the shards")
    // Windows of bytes are found without a look at them.
    const windows = Format.text({ rows: "windows", windowBytes: 2 ** 15 })
    expect((await opened("text", windows, "x".repeat(2 ** 21)))[1]).toBe(
      'the bytes of the shards of dataset "d" but for those that their index is made of'
    )
  })
})

test("a cursor goes on in a copy of the shards, however the folder and its views are called; not if a name was given", async () => {
  const copy = (folder: string) => {
    const store = memoryStore(
      Object.fromEntries(Array.from(three().objects, ([key, data]) => [`${folder}/${key}`, data]))
    )
    return (name?: string) =>
      Dataset.open(`${folder}/d/`, { format, index: false, ...(name === undefined ? {} : { name }) }).pipe(
        Effect.provide(store.layer),
        Effect.map((dataset) => {
          const views = [dataset, Dataset.slice(dataset, 1, 59), Dataset.concat(dataset, Dataset.slice(dataset, 5))]
          return views.map((own) => Pipeline.from(own).pipe(Pipeline.sample(Sampler.shuffle), Pipeline.batch(8)))
        }),
        Effect.runPromise
      )
  }
  const [here, there] = [copy("a"), copy(`elsewhere/${"long ".repeat(40)}`)]
  type Own = Awaited<ReturnType<typeof here>>[number]
  const goOn = async (from: Own, to: Own) => {
    const first = furrow(from, { seed: 1, epochs: 1 })
    for await (const _ of first) break
    const rest: Array<number> = []
    for await (const { columns } of furrow(to, { seed: 1, epochs: 1, from: first.cursor })) rest.push(...columns.n.data)
    return rest
  }
  // As cursors were written before: with the place.
  const before = async (pipeline: Own) => {
    const first = furrow(pipeline, { seed: 1, epochs: 1 })
    for await (const _ of first) break
    const { cursor } = first
    const dataset = datasetText(pipeline.dataset, pipeline.dataset.size, "full", MOST.dataset, "placed")
    const old = { ...cursor, fingerprints: { ...cursor.fingerprints, dataset }, checksum: "" }
    expect(old.fingerprints.dataset).not.toBe(cursor.fingerprints.dataset)
    return { ...old, checksum: checksum(old) }
  }
  const [own, others, named, renamed] = await Promise.all([here(), there(), here("x"), here("y")])
  for (const [at, pipeline] of own.entries()) {
    expect(await goOn(pipeline, others[at] ?? pipeline)).toEqual(await goOn(pipeline, pipeline))
    const from = await before(pipeline)
    let taken = 0
    for await (const batch of furrow(pipeline, { seed: 1, epochs: 1, from })) taken += batch.columns.n.data.length
    expect(taken).toBe(pipeline.dataset.size - 8)
    await expect(goOn(named[at] ?? pipeline, renamed[at] ?? pipeline)).rejects.toThrow("dataset")
  }
})
