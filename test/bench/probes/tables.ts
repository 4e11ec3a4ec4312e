/** A program of its own: one contestant of the rows of tables, over the file at a path. */
import { Workers } from "../../../src/index.ts"
import { formats, NUMBER_BATCH, NUMBER_ROWS, open, TOKEN_BATCH, TOKEN_ROWS } from "../loads/tables.ts"
import { epochs } from "../ours.ts"
import { flechetteLoop } from "../rivals/flechetteLoop.ts"
import { rowGroups, wholeFile } from "../rivals/parquetLibraries.ts"
import { takeTurns } from "./turns.ts"

const [load = "", path = ""] = process.argv.slice(3)
const [rows, batch] = load === "numbers" ? [NUMBER_ROWS, NUMBER_BATCH] : [TOKEN_ROWS, TOKEN_BATCH]
const pipeline = await open(path, load === "arrow" ? formats.arrow : formats.parquet, batch)

await takeTurns(
  {
    ours: epochs("ours", pipeline, Workers.fibers({ workers: 1 })).run,
    whole: wholeFile(path, rows),
    groups: rowGroups(path, rows),
    flechette: () => flechetteLoop(path)
  },
  2
)
