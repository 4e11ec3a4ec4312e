/** CSV: against the libraries that read it. */
import { Workers } from "../../../src/index.ts"
import { csvPipeline, csvShards } from "../loads/jsonl.ts"
import { interleaved } from "../measure.ts"
import { epochs } from "../ours.ts"
import { bar, fastestOf, found, type Outcome, type Request, type Row, ratio } from "../Row.ts"
import { csvParse, udsvPieces, udsvWhole } from "../rivals/csvLibraries.ts"

const KEY = "csv/library"
const OURS = "Furrow, in sequence, 1 fiber"
const LIBRARIES = [
  { name: "udsv, a file at a time", run: udsvWhole },
  { name: "udsv, piece by piece", run: udsvPieces },
  { name: "csv-parse, a file at a time", run: csvParse }
]

const run = async ({ rounds }: Request): Promise<Outcome> => {
  const paths = csvShards()
  const all = await interleaved(
    [
      epochs(OURS, await csvPipeline(), Workers.fibers({ workers: 1 })),
      ...LIBRARIES.map(({ name, run }) => ({ name, run: () => run(paths) }))
    ],
    { rounds, warmFor: 2_000 }
  )
  const ours = found(all, OURS)
  const libraries = LIBRARIES.map(({ name }) => found(all, name))
  const best = fastestOf(libraries)
  return {
    charts: [
      {
        title: "CSV: 100,000 reviews of some 300 bytes in 4 shards, batches of 256 typed rows",
        unit: "rows",
        bars: [bar(ours, true), ...libraries.map((own) => bar(own, false))]
      }
    ],
    figures: [ratio(KEY, ours, best, 0.85, `against ${best.name}`)]
  }
}

export const csv: Row = { title: "CSV", keys: [KEY], run }
