/**
 * Tables from files to batches, in order: Parquet against the libraries that decode it, Arrow against a loop over flechette. As
 * nobody runs them beside the loader, each has a process of its own, and they take turns; the slowest alone lives here.
 */
import { type Files, files, NUMBER_BATCH, NUMBER_ROWS, TOKEN_BATCH, TOKEN_ROWS } from "../loads/tables.ts"
import { interleaved, type Measured } from "../measure.ts"
import { bar, fastestOf, found, type Outcome, type Request, type Row, ratio } from "../Row.ts"
import { inProcess } from "../rivals/Process.ts"
import { hyparquet } from "../rivals/parquetLibraries.ts"
import { programArgs } from "../runtimes.ts"

const OURS = "Furrow, 1 fiber"
const WHOLE = "parquet-wasm, the file at once"
const GROUPS = "parquet-wasm, by row groups"
const HYPARQUET = "hyparquet"
const FLECHETTE = "flechette and a loop"

const program = programArgs(new URL("../probes/tables.ts", import.meta.url))

/** A contestant over the file of a load. */
const contestant = (name: string, which: string, load: string, path: string) =>
  inProcess(name, process.execPath, [...program, which, load, path])

/** The contestants over one Parquet file. */
const parquetOf = async (
  load: string,
  path: string,
  rows: number,
  rounds: number
): Promise<ReadonlyArray<Measured>> => {
  const all = await interleaved(
    [
      contestant(OURS, "ours", load, path),
      contestant(WHOLE, "whole", load, path),
      contestant(GROUPS, "groups", load, path),
      { name: HYPARQUET, run: hyparquet(path, rows) }
    ],
    { rounds, warmFor: 1_000 }
  )
  return [OURS, WHOLE, GROUPS, HYPARQUET].map((name) => found(all, name))
}

const measured = async ({ arrow, numbers, tokens }: Files, { rounds, wants }: Request): Promise<Outcome> => {
  const charts: Array<Outcome["charts"][number]> = []
  const figures: Array<Outcome["figures"][number]> = []
  const works = [
    { load: "tokens", path: tokens, rows: TOKEN_ROWS, batch: TOKEN_BATCH, word: "", title: "rows of 512 tokens" },
    {
      load: "numbers",
      path: numbers,
      rows: NUMBER_ROWS,
      batch: NUMBER_BATCH,
      word: " numbers",
      title: "four columns of numbers"
    }
  ]
  for (const { batch, load, path, rows, title, word } of works) {
    const library = `parquet/library${word}`
    const fastest = `parquet/fastest${word}`
    if (!wants(library) && !wants(fastest)) continue
    const all = await parquetOf(load, path, rows, rounds)
    const [ours, whole, groups] = all as readonly [Measured, Measured, Measured] // as `parquetOf` has them
    charts.push({
      title: `Parquet, zstd: ${rows} rows, ${title}; ours in batches of ${batch}`,
      unit: "samples",
      bars: all.map((one) => bar(one, one === ours))
    })
    figures.push(ratio(library, ours, fastestOf([whole, groups]), 0.9), ratio(fastest, ours, fastestOf(all.slice(1))))
  }
  if (wants("arrow/library")) {
    const all = await interleaved(
      [contestant(OURS, "ours", "arrow", arrow), contestant(FLECHETTE, "flechette", "arrow", arrow)],
      { rounds }
    )
    const ours = found(all, OURS)
    const loop = found(all, FLECHETTE)
    charts.push({
      title: `Arrow: ${TOKEN_ROWS} rows of 512 tokens, batches of ${TOKEN_BATCH}`,
      unit: "samples",
      bars: [bar(ours, true), bar(loop, false)]
    })
    figures.push(ratio("arrow/library", ours, loop, 0.9))
  }
  return { charts, figures }
}

const run = async (request: Request): Promise<Outcome> => {
  const own = files()
  try {
    return await measured(own, request)
  } finally {
    own.remove()
  }
}

export const tables: Row = {
  title: "Tables",
  keys: ["parquet/library", "parquet/fastest", "parquet/library numbers", "parquet/fastest numbers", "arrow/library"],
  run
}
