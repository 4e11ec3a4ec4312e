/** Tables from files to batches, in order: Parquet against the libraries that decode it, Arrow against a loop over flechette. */
import { Workers } from "../../../src/index.ts"
import {
  type Files,
  files,
  formats,
  NUMBER_BATCH,
  NUMBER_ROWS,
  open,
  TOKEN_BATCH,
  TOKEN_ROWS
} from "../loads/tables.ts"
import { interleaved, type Measured } from "../measure.ts"
import { epochs } from "../ours.ts"
import { bar, fastestOf, found, type Outcome, type Request, type Row, ratio } from "../Row.ts"
import { flechetteLoop } from "../rivals/flechetteLoop.ts"
import { hyparquet, rowGroups, wholeFile } from "../rivals/parquetLibraries.ts"

const OURS = "Furrow, 1 fiber"
const WHOLE = "parquet-wasm, the file at once"
const GROUPS = "parquet-wasm, by row groups"
const HYPARQUET = "hyparquet"
const FLECHETTE = "flechette and a loop"

const fiber = Workers.fibers({ workers: 1 })

/** The contestants over one Parquet file. */
const parquetOf = async (
  path: string,
  rows: number,
  batch: number,
  rounds: number
): Promise<ReadonlyArray<Measured>> => {
  const pipeline = await open(path, formats.parquet, batch)
  const all = await interleaved(
    [
      epochs(OURS, pipeline, fiber),
      { name: WHOLE, run: wholeFile(path, rows) },
      { name: GROUPS, run: rowGroups(path, rows) },
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
    { path: tokens, rows: TOKEN_ROWS, batch: TOKEN_BATCH, word: "", title: "rows of 512 tokens" },
    { path: numbers, rows: NUMBER_ROWS, batch: NUMBER_BATCH, word: " numbers", title: "four columns of numbers" }
  ]
  for (const { batch, path, rows, title, word } of works) {
    const library = `parquet/library${word}`
    const fastest = `parquet/fastest${word}`
    if (!wants(library) && !wants(fastest)) continue
    const all = await parquetOf(path, rows, batch, rounds)
    const [ours, whole, groups] = all as readonly [Measured, Measured, Measured] // as `parquetOf` has them
    charts.push({
      title: `Parquet, zstd: ${rows} rows, ${title}; ours in batches of ${batch}`,
      unit: "samples",
      bars: all.map((one) => bar(one, one === ours))
    })
    figures.push(ratio(library, ours, fastestOf([whole, groups]), 0.9), ratio(fastest, ours, fastestOf(all.slice(1))))
  }
  if (wants("arrow/library")) {
    const pipeline = await open(arrow, formats.arrow, TOKEN_BATCH)
    const all = await interleaved(
      [epochs(OURS, pipeline, fiber), { name: FLECHETTE, run: () => flechetteLoop(arrow) }],
      { rounds, warmFor: 1_000 }
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
