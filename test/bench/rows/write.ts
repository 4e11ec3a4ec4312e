/** Rows in memory to shards: Parquet against the library that writes it, JSON Lines against a plain loop. */
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { Effect } from "effect"
import { Dataset, Pipeline, Sink, Workers } from "../../../src/index.ts"
import { BATCH, BLOCK, REVIEWS, ROWS, reviews, table } from "../loads/write.ts"
import { type Contestant, interleaved } from "../measure.ts"
import { bar, fastestOf, found, type Outcome, type Request, type Row, ratio } from "../Row.ts"
import { jsonlWriter, parquetByGroups, parquetWhole } from "../rivals/writeLibraries.ts"

const OURS = "Furrow, 1 fiber"
const WHOLE = "parquet-wasm, the file at once"
const GROUPS = "parquet-wasm, by record batches"
const SYNC = "a loop, zstd in this thread"
const ASYNC = "a loop, zstd in threads of the runtime"

const fiber = Workers.fibers({ workers: 1 })

/** Writes a pipeline to a folder that is fresh at each turn. */
const writing = <A, E>(
  name: string,
  folder: string,
  pipeline: Pipeline.Pipeline<A, E>,
  sink: (location: string) => Sink.Sink
): Contestant => {
  const location = join(folder, "ours")
  return {
    name,
    before: async () => rmSync(location, { recursive: true, force: true }),
    run: async () => {
      const run = Sink.run(pipeline, sink(location)).pipe(Effect.provide(fiber))
      return (await Effect.runPromise(run)).rows
    }
  }
}

const measured = async (folder: string, { rounds, wants }: Request): Promise<Outcome> => {
  const charts: Array<Outcome["charts"][number]> = []
  const figures: Array<Outcome["figures"][number]> = []
  const timing = { rounds, warmFor: 1_000 }
  if (wants("write/library")) {
    const { dataset, ipc } = table()
    const pipeline = Pipeline.from(dataset).pipe(Pipeline.batch(BATCH, { dtypes: { id: "int32" } }))
    const path = join(folder, "theirs.parquet")
    const all = await interleaved(
      [
        writing(OURS, folder, pipeline, (location) => Sink.parquet(location, { blockBytes: BLOCK })),
        { name: WHOLE, run: parquetWhole(ipc, path, ROWS) },
        { name: GROUPS, run: parquetByGroups(ipc, path, ROWS) }
      ],
      timing
    )
    const [ours, ...theirs] = [OURS, WHOLE, GROUPS].map((name) => found(all, name))
    if (ours !== undefined) {
      const bars = [bar(ours, true), ...theirs.map((one) => bar(one, false))]
      charts.push({ title: `Parquet, zstd: ${ROWS} rows of 512 tokens, written`, unit: "samples", bars })
      figures.push(ratio("write/library", ours, fastestOf(theirs), 0.85))
    }
  }
  if (wants("write/library jsonl")) {
    const rows = reviews()
    const pipeline = Pipeline.from(Dataset.fromArray(rows, { name: "reviews" }))
    const path = join(folder, "theirs.jsonl.zst")
    const all = await interleaved(
      [
        writing(OURS, folder, pipeline, (location) => Sink.jsonl(location, { compression: "zstd" })),
        { name: SYNC, run: jsonlWriter(rows, path, false) },
        { name: ASYNC, run: jsonlWriter(rows, path, true) }
      ],
      timing
    )
    const [ours, ...theirs] = [OURS, SYNC, ASYNC].map((name) => found(all, name))
    if (ours !== undefined) {
      const bars = [bar(ours, true), ...theirs.map((one) => bar(one, false))]
      charts.push({ title: `JSON Lines, zstd: ${REVIEWS} reviews, written`, unit: "samples", bars })
      figures.push(ratio("write/library jsonl", ours, fastestOf(theirs), 0.85))
    }
  }
  return { charts, figures }
}

const run = async (request: Request): Promise<Outcome> => {
  const folder = mkdtempSync(join(tmpdir(), "furrow-bench-write-"))
  try {
    return await measured(folder, request)
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

export const write: Row = { title: "Writing", keys: ["write/library", "write/library jsonl"], run }
