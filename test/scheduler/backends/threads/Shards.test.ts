/** Shards on threads: each opens them for itself, and a block is decoded once for all. */
import { afterAll, describe, expect, test } from "bun:test"
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import * as zlib from "node:zlib"
import { Effect, type Layer, Option, Stream } from "effect"
import { Scheduler, SeedPolicy, Tensor, Workers } from "../../../../src/index.ts"
import { headerOf, npyOf } from "../../../support/npy.ts"
import type { PartialOptions } from "../../../support/options.ts"
import { Physical, parquetOf, raw } from "../../../support/parquet.ts"
import { ranged, serve } from "../../../support/server.ts"
import { tarOf } from "../../../support/tar.ts"
import { opened, pipeline, type ShardsConfig } from "../../../support/threaded/shards.ts"

const TIME = 60_000
const THREADS = 2
const folder = mkdtempSync(join(tmpdir(), "furrow-shards-"))
afterAll(() => rmSync(folder, { recursive: true, force: true }))
const module = new URL("../../../support/threaded/shards.ts", import.meta.url)

const FILES = 3
const ROWS = 200

const write = (name: string, shard: (first: number) => string | Uint8Array): string => {
  for (let file = 0; file < FILES; file++) writeFileSync(join(folder, `${name}-${file}`), shard(file * ROWS))
  return join(folder, `${name}-*`)
}

const lines = (first: number, line: (n: number) => string): string =>
  Array.from({ length: ROWS }, (_, row) => `${line(first + row)}\n`).join("")

const json = (n: number): string => JSON.stringify({ n, text: `é${"x".repeat(n % 40)}` })

/** Members of ten lines each. */
const members = (first: number): Uint8Array =>
  Buffer.concat(
    Array.from({ length: ROWS / 10 }, (_, part) =>
      zlib.gzipSync(Array.from({ length: 10 }, (_, row) => `${json(first + part * 10 + row)}\n`).join(""))
    )
  )

const numbers = (first: number): Uint8Array => raw(Int32Array.from({ length: 10 }, (_, row) => first + row))

const files = {
  jsonl: write("jsonl", (first) => lines(first, json)),
  gzip: write("gzip", members),
  text: write("text", (first) => lines(first, json)),
  csv: write("csv", (first) => `n,text\n${lines(first, (n) => `${n},"é, ${n}"`)}`),
  npy: write("npy", (first) => {
    const numbers = Int32Array.from({ length: ROWS }, (_, row) => first + row)
    return npyOf(headerOf("<i4", [ROWS]), new Uint8Array(numbers.buffer))
  }),
  tar: write("tar", (first) =>
    tarOf(...Array.from({ length: ROWS }, (_, row) => ({ name: `${first + row}.n`, body: String(first + row) })))
  ),
  parquet: write("parquet", (first) =>
    parquetOf({
      schema: [{ name: "n", type: Physical.int32 }],
      // Row groups of ten rows.
      groups: Array.from({ length: ROWS / 10 }, (_, group) => ({
        rows: 10,
        columns: [{ values: 10, pages: [{ values: 10, data: numbers(first + 10 * group) }] }]
      }))
    })
  )
}

let indexes = 0

const configOf = async (
  kind: keyof typeof files,
  options: Partial<Omit<ShardsConfig, "location" | "counts">> = {}
): Promise<{ readonly config: ShardsConfig; readonly blocks: number }> => {
  const config: ShardsConfig = {
    location: files[kind],
    index: join(folder, `index-${indexes++}`),
    format: kind === "gzip" ? "jsonl" : kind,
    blockBytes: 512,
    cacheBytes: 2 ** 24,
    order: "blocks",
    lanes: 1,
    batchSize: 24,
    threads: THREADS,
    ...options,
    counts: Tensor.resident("int32", [3])
  }
  // Makes the index.
  const dataset = await Effect.runPromise(opened(config))
  config.counts.data[0] = 0
  return { config, blocks: (dataset.blocks?.length ?? 1) - 1 }
}

const elastic = SeedPolicy.elastic({ seed: 7 })

const threadsFor = (
  config: ShardsConfig,
  workers = 4,
  threads = THREADS,
  options: Partial<Workers.ThreadOptions> = {}
) => Workers.threads({ workers, threads, pipeline: module, name: "pipeline", config, ...options })

/** Runs to the end; what it delivers as a digest, and how many reads that took. */
const run = async (
  config: ShardsConfig,
  workers: Layer.Layer<Workers.Workers, unknown>,
  options: PartialOptions = {},
  policy: Layer.Layer<SeedPolicy.SeedPolicy, unknown> = elastic
) => {
  const own = await pipeline(config)
  const before = config.counts.data[0] ?? 0
  const digest = await Effect.gen(function* () {
    const loader = yield* Scheduler.open(own, { epochs: 2, digest: true, replay: true, ...options })
    yield* Stream.runDrain(loader.stream)
    return yield* loader.digest
  }).pipe(Effect.scoped, Effect.provide(policy), Effect.provide(workers), Effect.runPromise)
  return { digest, reads: (config.counts.data[0] ?? 0) - before }
}

describe("shards on threads", () => {
  test.each([
    ["jsonl", 0],
    ["gzip", 0],
    ["text", 0],
    ["csv", 0],
    ["npy", 0],
    ["tar", 0],
    // Each thread reads the footer of a file with whichever of its blocks it decodes first, some of them at once.
    ["parquet", 8 * FILES]
  ] as const)(
    "%s: what fibers deliver, and each block decoded once for all threads and epochs",
    async (kind, footers) => {
      const { blocks, config } = await configOf(kind)
      expect(blocks).toBeGreaterThan(15)
      const fibers = await run(config, Workers.fibers({ workers: 4 }))
      const threads = await run(config, threadsFor(config))
      expect(threads.digest).toBe(fibers.digest)
      expect(fibers.reads).toBeGreaterThanOrEqual(blocks)
      expect(fibers.reads).toBeLessThanOrEqual(blocks + footers / 2)
      expect(threads.reads).toBeGreaterThanOrEqual(blocks)
      expect(threads.reads).toBeLessThanOrEqual(blocks + footers)
    },
    TIME
  )

  test(
    "over HTTP: what fibers deliver",
    async () => {
      const server = await serve((request, response) => {
        ranged(request, response, readFileSync(join(folder, request.url ?? "")), { etag: '"1"' })
      })
      try {
        const { config: local } = await configOf("jsonl")
        const config = { ...local, location: `${server.url}/jsonl-0`, index: join(folder, "index-http") }
        const fibers = await run(config, Workers.fibers({ workers: 4 }))
        expect(await run(config, threadsFor(config))).toMatchObject({ digest: fibers.digest })
      } finally {
        await server.close()
      }
    },
    TIME
  )

  test(
    "memory for some windows only: each block is decoded once an epoch; with no room for one, batches are the same",
    async () => {
      const { blocks, config } = await configOf("jsonl", { cacheBytes: 12 * 4096 })
      const fibers = await run(config, Workers.fibers({ workers: 4 }))
      const threads = await run(config, threadsFor(config))
      expect(threads.digest).toBe(fibers.digest)
      expect(threads.reads).toBeGreaterThan(blocks)
      expect(threads.reads / (2 * blocks)).toBeLessThanOrEqual(1.1)
      const { config: none } = await configOf("jsonl", { cacheBytes: 0, blockBytes: 6000 })
      expect((await run(none, threadsFor(none))).digest).toBe((await run(none, Workers.fibers({ workers: 4 }))).digest)
    },
    TIME
  )

  test(
    "a thread that dies while it reads a block leaves it to the others",
    async () => {
      const { blocks, config } = await configOf("jsonl")
      const { digest } = await run(config, Workers.fibers({ workers: 4 }))
      config.counts.data[1] = (config.counts.data[0] ?? 0) + Math.ceil(blocks / 2)
      const threads = await run(config, threadsFor(config))
      expect(threads.digest).toBe(digest)
      // The block that it was at is read again.
      expect(threads.reads).toBeGreaterThan(blocks)
      expect(threads.reads).toBeLessThanOrEqual(blocks + 8)
    },
    TIME
  )

  test(
    "ranks, and a run that goes on from a cursor among other workers: each sample once, as one fiber delivers it",
    async () => {
      const { config } = await configOf("gzip", { lanes: 2 })
      const own = await pipeline(config)
      const taken = (workers: Layer.Layer<Workers.Workers, unknown>, batches: number, options: Scheduler.Options) =>
        Effect.gen(function* () {
          const loader = yield* Scheduler.open(own, options)
          const rows: Array<ReadonlyArray<number>> = []
          while (rows.length < batches) {
            const next = yield* loader.take
            if (Option.isNone(next)) break
            const { n, word } = next.value.columns
            rows.push([...n.data, ...word.data])
          }
          return { rows, cursor: yield* loader.cursor }
        }).pipe(Effect.scoped, Effect.provide(elastic), Effect.provide(workers), Effect.runPromise)
      const fiber = Workers.fibers({ workers: 1 })
      const ranks = { rank: 1, world: 2, replay: true }
      const all = await taken(fiber, 1000, { ...ranks, epochs: 1 })
      const start = await taken(threadsFor(config, 8, 2), 9, { ...ranks, epochs: 1 })
      const rest = await taken(threadsFor(config, 3, 1), 1000, { ...ranks, from: start.cursor })
      expect([...start.rows, ...rest.rows]).toEqual(all.rows)
      expect(all.rows).toHaveLength(25)
    },
    TIME
  )
})
