/** Datasets of many shards: the first batch with a kept index, and a run that goes on in the middle. */
import { linkSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { Effect, Option } from "effect"
import { text } from "../../../src/core/Parameters.ts"
import { Dataset, Format, Pipeline, Sampler, Scheduler, SeedPolicy } from "../../../src/index.ts"
import { checksum } from "../../../src/scheduler/loader/CursorFields.ts"
import * as IndexFile from "../../../src/sources/shards/IndexFile.ts"
import { median } from "../measure.ts"
import type { Outcome, Request, Row } from "../Row.ts"

const FIRST = "first batch of 10^5 shards"
const RESUME = "resume in 10^7 rows"
const BATCH = 256
const WINDOW = 16

interface Many {
  readonly shards: number
  readonly rows: number
}

const format = Format.jsonl<{ readonly n: number }>()

/** File systems bound how many links a file has. */
const LINKS = 10_000

/** Links to a few shards, and their index. */
const made = async (folder: string, { rows, shards }: Many) => {
  mkdirSync(folder)
  const lines = Array.from({ length: rows }, (_, row) => `{"n":${row},"text":"row ${row}"}\n`).join("")
  const files = Array.from({ length: Math.ceil(shards / LINKS) }, (_, file) => join(folder, `file-${file}`))
  for (const file of files) writeFileSync(file, lines)
  const { sharded } = await Effect.runPromise(Dataset.open(files, { format, index: false }))
  const index = join(folder, "index")
  const all = Array.from({ length: shards }, (_, shard) => {
    const location = join(folder, `${String(shard).padStart(6, "0")}.jsonl`)
    const file = Math.floor(shard / LINKS)
    linkSync(files[file] ?? "", location)
    return sharded.shards.slice(file, file + 1).map((own) => ({ ...own, info: { ...own.info, location } }))
  })
  writeFileSync(index, IndexFile.encode(text(format.made), all.flat()))
  return { locations: join(folder, "*.jsonl"), index }
}

type Made = Awaited<ReturnType<typeof made>>

/** The ms from the opening of the shards to the first batch, and the cursor behind that. */
const first = ({ index, locations }: Made, from?: object) =>
  Effect.gen(function* () {
    const began = performance.now()
    const dataset = yield* Dataset.open(locations, { format, index })
    const pipeline = Pipeline.from(dataset).pipe(
      Pipeline.sample(Sampler.shuffleBlocks({ window: WINDOW })),
      Pipeline.batch(BATCH)
    )
    const loader = yield* Scheduler.open(pipeline, from === undefined ? { epochs: 1, replay: true } : { from })
    const batch = yield* loader.take
    if (Option.isNone(batch)) throw new Error("there is a batch")
    return { ms: performance.now() - began, cursor: yield* loader.cursor, indices: Array.from(batch.value.indices) }
  }).pipe(Effect.scoped, Effect.provide(SeedPolicy.epochWorker({ seed: 1 })), Effect.runPromise)

/** The ms that decoding the blocks takes which the samples at `indices` lie in. */
const decoding = async ({ index, locations }: Made, indices: ReadonlyArray<number>): Promise<number> => {
  const dataset = await Effect.runPromise(Dataset.open(locations, { format, index }))
  const began = performance.now()
  await Effect.runPromise(dataset.getMany(indices))
  return performance.now() - began
}

const run = async ({ rounds, wants }: Request): Promise<Outcome> => {
  const folder = mkdtempSync(join(tmpdir(), "furrow-bench-many-"))
  const figures: Array<Outcome["figures"][number]> = []
  try {
    if (wants(FIRST)) {
      const many = await made(join(folder, "many"), { shards: 100_000, rows: 100 })
      const times: Array<number> = []
      for (let round = 0; round < rounds; round++) times.push((await first(many)).ms)
      const note = `with a kept index; the first time ${times[0]?.toFixed(0)} ms`
      figures.push({ key: FIRST, value: median(times), unit: "ms", goal: { most: 300 }, note })
    }
    if (wants(RESUME)) {
      const rows = 10_000
      const long = await made(join(folder, "long"), { shards: 1000, rows })
      const { cursor } = await first(long)
      const times: Array<number> = []
      const windows: Array<number> = []
      for (let round = 0; round < rounds; round++) {
        const batch = 1 + Math.floor(((round + 0.37) / rounds) * ((1000 * rows) / BATCH - 2))
        const moved = { ...cursor, batch, position: batch * BATCH, batches: batch, samples: batch * BATCH }
        const { indices, ms } = await first(long, { ...moved, checksum: checksum(moved) })
        times.push(ms)
        windows.push(await decoding(long, indices))
      }
      const window = median(windows)
      const note = `${median(times).toFixed(0)} ms in all, of which ${window.toFixed(0)} for the decoding of a window`
      figures.push({ key: RESUME, value: median(times) - window, unit: "ms", goal: { most: 100 }, note })
    }
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
  return { charts: [], figures }
}

export const manyShards: Row = { title: "Many shards", keys: [FIRST, RESUME], run }
