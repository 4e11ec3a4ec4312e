/**
 * A program of its own: prints how much resident memory an epoch over 2 GB of shards takes, shuffled by blocks, with
 * 8 workers, as JSON: `bun run test/bench/probes/shardMemory.ts jsonl|parquet [fibers|threads] [collected] [MB]`. The shards are
 * links to a few files. With `collected` garbage is collected before each look (on Deno with --v8-flags=--expose-gc): what is in use.
 */
import { spawnSync } from "node:child_process"
import { linkSync, mkdtempSync, rmSync, statSync } from "node:fs"
import { tmpdir } from "node:os"
import { dirname, join } from "node:path"
import { Effect, Layer } from "effect"
import { Dataset, Format, Pipeline, Sampler, Scheduler, SeedPolicy, Workers } from "../../../src/index.ts"
import { jsonlShards } from "../loads/jsonl.ts"
import { files, TOKEN_ROWS, WIDTH } from "../loads/tables.ts"
import { programArgs } from "../runtimes.ts"

const WORKERS = 8
const WINDOW = 16
const BATCH = 256
const MB = 2 ** 20
/** Memory is looked at after each so many batches. */
const STEP = 20

/** The pipeline over the shards of a folder, as threads open it, too. */
export const pipeline = async ({ folder, kind }: { readonly folder: string; readonly kind: string }) => {
  const open: Effect.Effect<Dataset.ShardedDataset<unknown>, unknown> = Dataset.open(folder, {
    format: kind === "jsonl" ? Format.jsonl() : Format.parquet(),
    ...(kind === "jsonl" ? { index: `${folder}.index` } : { index: false })
  })
  const dataset = await Effect.runPromise(open)
  return Pipeline.from(dataset).pipe(
    Pipeline.sample(Sampler.shuffleBlocks({ window: WINDOW })),
    Pipeline.map("size", (row) => ({ size: Object.keys(row as object).length })), // rows are records
    Pipeline.batch(BATCH)
  )
}

/** What Bun offers beyond the standard, and V8 with a flag. */
const { Bun, gc } = globalThis as {
  readonly Bun?: { readonly gc: (force: boolean) => void }
  readonly gc?: () => void
}

const resident = (collected: boolean): number => {
  if (collected && Bun !== undefined) Bun.gc(true)
  else if (collected) gc?.()
  return process.memoryUsage.rss() / MB
}

const program = async (kind: string, backend: string, collected: boolean, most: number) => {
  const folder = mkdtempSync(join(tmpdir(), "furrow-memory-"))
  // What writes and scans the files has memory of its own.
  const paths = aside(kind === "parquet" ? "tables" : "reviews").split("\n")
  try {
    let bytes = 0
    for (let shard = 0; bytes < most * MB; shard++) {
      const path = paths[shard % paths.length] ?? ""
      linkSync(path, join(folder, String(shard).padStart(5, "0")))
      bytes += kind === "parquet" ? TOKEN_ROWS * (WIDTH + 1) * 4 : statSync(path).size
    }
    const config = { folder, kind }
    if (kind === "jsonl") aside("index", folder)
    const own = await pipeline(config)
    const { dataset } = own
    const module = new URL(import.meta.url)
    const workers =
      backend === "threads"
        ? Workers.threads({ workers: WORKERS, pipeline: module, config })
        : Workers.fibers({ workers: WORKERS })
    const blocks = (dataset.blocks?.length ?? 1) - 1
    const window = (WINDOW * bytes) / blocks / MB
    const before = resident(collected)
    const curve: Array<number> = []
    let batches = 0
    await Effect.gen(function* () {
      const loader = yield* Scheduler.open(own, { epochs: 1, replay: true })
      yield* loader.forEach(() => {
        if (batches++ % STEP === 0) curve.push(resident(collected) - before)
        return Effect.void
      })
    }).pipe(Effect.scoped, Effect.provide(Layer.merge(SeedPolicy.epochWorker({ seed: 1 }), workers)), Effect.runPromise)
    const goal = 2.5 * window + 64
    const peak = Math.max(...curve)
    const looks = Array.from({ length: 20 }, (_, look) =>
      Math.round(curve[Math.floor((look * curve.length) / 20)] ?? 0)
    )
    console.log(JSON.stringify({ kind, backend, collected, blocks, batches, before, window, goal, peak, looks }))
  } finally {
    if (kind === "parquet") rmSync(dirname(paths[0] ?? ""), { recursive: true, force: true })
    rmSync(folder, { recursive: true, force: true })
    rmSync(`${folder}.index`, { force: true })
  }
}

/** Does something in a process of its own; returns what it says. */
const aside = (...args: ReadonlyArray<string>): string =>
  spawnSync(process.execPath, [...programArgs(new URL(import.meta.url)), ...args], { encoding: "utf8" }).stdout.trim()

if (import.meta.main) {
  const [kind = "jsonl", other = "fibers", ...rest] = process.argv.slice(2)
  if (kind === "index") await pipeline({ folder: other, kind: "jsonl" })
  else if (kind === "tables") console.log(files().tokens)
  else if (kind === "reviews") console.log(jsonlShards().join("\n"))
  else await program(kind, other, rest.includes("collected"), Number(rest.find((own) => Number(own) > 0) ?? 2048))
  process.exit(0)
}
