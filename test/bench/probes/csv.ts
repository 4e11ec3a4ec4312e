/** A program of its own: one contestant of the row of CSV. */
import { Workers } from "../../../src/index.ts"
import { csvPipeline, csvShards } from "../loads/jsonl.ts"
import { epochs } from "../ours.ts"
import { csvParse, udsvPieces, udsvWhole } from "../rivals/csvLibraries.ts"
import { takeTurns } from "./turns.ts"

const paths = csvShards()
const [inOrder, byBlocks] = await Promise.all([csvPipeline("in order"), csvPipeline("by blocks")])
const fibers = Workers.fibers({ workers: 1 })

await takeTurns(
  {
    inOrder: epochs("inOrder", inOrder, fibers).run,
    byBlocks: epochs("byBlocks", byBlocks, fibers).run,
    udsvWhole: () => udsvWhole(paths),
    udsvPieces: () => udsvPieces(paths),
    csvParse: () => csvParse(paths)
  },
  // As those of JSON Lines.
  6
)
