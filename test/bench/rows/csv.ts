/** CSV: against the libraries that read it. Each contestant has a process of its own, as those of JSON Lines have. */
import { csvShards } from "../loads/jsonl.ts"
import { interleaved } from "../measure.ts"
import { bar, fastestOf, found, type Outcome, type Request, type Row, ratio } from "../Row.ts"
import { inProcess } from "../rivals/Process.ts"
import { programArgs } from "../runtimes.ts"

const KEY = "csv/library"
const OURS = "Furrow, in sequence, 1 fiber"
const BLOCKS = "Furrow, shuffled by blocks, 1 fiber"
const LIBRARIES = [
  { name: "udsv, a file at a time", which: "udsvWhole" },
  { name: "udsv, piece by piece", which: "udsvPieces" },
  { name: "csv-parse, a file at a time", which: "csvParse" }
]

const program = programArgs(new URL("../probes/csv.ts", import.meta.url))
const contestant = (name: string, which: string) => inProcess(name, process.execPath, [...program, which])

const run = async ({ rounds }: Request): Promise<Outcome> => {
  csvShards()
  const all = await interleaved(
    [
      contestant(OURS, "inOrder"),
      contestant(BLOCKS, "byBlocks"),
      ...LIBRARIES.map(({ name, which }) => contestant(name, which))
    ],
    { rounds }
  )
  const ours = found(all, OURS)
  const libraries = LIBRARIES.map(({ name }) => found(all, name))
  const best = fastestOf(libraries)
  return {
    charts: [
      {
        title: "CSV: 100,000 reviews of some 300 bytes in 4 shards, batches of 256 typed rows",
        unit: "rows",
        bars: [bar(ours, true), bar(found(all, BLOCKS), true), ...libraries.map((own) => bar(own, false))]
      }
    ],
    figures: [ratio(KEY, ours, best, 0.85, `against ${best.name}`)]
  }
}

export const csv: Row = { title: "CSV", keys: [KEY], run }
