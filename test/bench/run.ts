/**
 * `bun run bench`: what Furrow costs, as ratios against rivals measured in the same run. What each key means, and what
 * the rivals need, is said in `README.md` beside this file.
 */
import { writeFileSync } from "node:fs"
import { availableParallelism, cpus, loadavg } from "node:os"
import { runtime } from "../../src/core/runtime.ts"
import { type Arguments, read, Usage } from "./Arguments.ts"
import { page } from "./page.ts"
import type { Chart, Figure } from "./Row.ts"
import { flat, lines, table } from "./report.ts"
import { cluster } from "./rows/cluster.ts"
import { costs } from "./rows/costs.ts"
import { csv } from "./rows/csv.ts"
import { defaults } from "./rows/defaults.ts"
import { digest } from "./rows/digest.ts"
import { cached, far } from "./rows/far.ts"
import { io } from "./rows/io.ts"
import { jpeg } from "./rows/jpeg.ts"
import { allocation, firstBatch, mainThread, memory } from "./rows/life.ts"
import { manyShards } from "./rows/manyShards.ts"
import { objects } from "./rows/objects.ts"
import { ambient, streams } from "./rows/seeding.ts"
import { service } from "./rows/service.ts"
import { shardMemory } from "./rows/shardMemory.ts"
import { shards, sharedShards } from "./rows/shards.ts"
import { batchOfOne, batchSize, datasetSize, workerCount } from "./rows/sizes.ts"
import { tables } from "./rows/tables.ts"
import { tar } from "./rows/tar.ts"
import { text } from "./rows/text.ts"
import { threads } from "./rows/threads.ts"
import { firstCommand } from "./rows/train.ts"
import { w1 } from "./rows/w1.ts"
import { w2 } from "./rows/w2.ts"
import { weight } from "./rows/weight.ts"
import { write } from "./rows/write.ts"

const ROWS = [
  firstCommand,
  w1,
  w2,
  threads,
  service,
  cluster,
  jpeg,
  text,
  tables,
  tar,
  objects,
  shards,
  csv,
  sharedShards,
  manyShards,
  write,
  io,
  far,
  cached,
  streams,
  ambient,
  firstBatch,
  mainThread,
  memory,
  shardMemory,
  allocation,
  defaults,
  costs,
  digest,
  weight,
  batchOfOne,
  batchSize,
  datasetSize,
  workerCount
]

/** Never the last word: a row that fails says so under its keys, and the others go on. */
const failed = (keys: ReadonlyArray<string>, error: unknown): ReadonlyArray<Figure> => {
  const note = `it failed: ${error instanceof Error ? error.message : String(error)}`
  return keys.map((key) => ({ key, value: null, unit: "ratio", note }))
}

const bench = async ({ html, json, only, rounds }: Arguments): Promise<void> => {
  // A page that cannot be written is better known before an hour than after.
  if (html !== undefined) writable(html)
  const wants = (key: string): boolean => only.length === 0 || only.includes(key)
  const cores = `${availableParallelism()} cores (${cpus()[0]?.model ?? "unknown"})`
  // What else was at work distorts all that follows, ours more than a loop that allocates nothing.
  const load = `load ${(loadavg()[0] ?? 0).toFixed(1)} at the start`
  const machine = `${runtime.name} ${runtime.version}, ${cores}, ${load}, medians of ${rounds}.`
  console.log(`Furrow's bench: ${machine}`)
  const charts: Array<Chart> = []
  const figures: Array<Figure> = []
  for (const row of ROWS) {
    const keys = row.keys.filter(wants)
    if (keys.length === 0) continue
    console.log(`\n${row.title} …`)
    const outcome = await row
      .run({ rounds, wants })
      .catch((error: unknown) => ({ charts: [], figures: failed(keys, error) }))
    charts.push(...outcome.charts)
    const own = outcome.figures.filter(({ key }) => wants(key))
    figures.push(...own)
    for (const chart of outcome.charts) for (const line of lines(chart)) console.log(line)
    const drawn = new Set(outcome.charts.flatMap(({ bars }) => bars.map(({ name }) => name)))
    for (const line of table(own.filter(({ key }) => !drawn.has(key)))) console.log(line)
  }
  console.log("\nAll figures")
  for (const line of table(figures)) console.log(line)
  if (html !== undefined) {
    writeFileSync(html, page({ charts, figures }, machine))
    console.log(`\n${html} has it as a page`)
  }
  if (json) console.log(JSON.stringify(flat({ charts, figures })))
}

const writable = (file: string): void => {
  try {
    writeFileSync(file, "")
  } catch (error) {
    throw new Usage(`${file} cannot be written: ${error instanceof Error ? error.message : error}`)
  }
}

try {
  const keys = ROWS.flatMap((row) => row.keys)
  await bench(read(process.argv.slice(2), keys))
  // What a rival left running is not to keep the bench from ending.
  process.exit(0)
} catch (error) {
  if (!(error instanceof Usage)) throw error
  console.error(error.message)
  process.exit(2)
}
