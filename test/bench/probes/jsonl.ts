/** A program of its own: one contestant of the row of JSON Lines. */
import { Workers } from "../../../src/index.ts"
import { jsonlShards, sequential, shuffledByBlocks } from "../loads/jsonl.ts"
import { epochs } from "../ours.ts"
import { jsonlLoop, jsonlSplit } from "../rivals/jsonlLoop.ts"
import { takeTurns } from "./turns.ts"

const paths = jsonlShards()
const fibers = Workers.fibers({ workers: 1 })

await takeTurns(
  {
    sequential: epochs("sequential", await sequential(), fibers).run,
    blocks: epochs("blocks", await shuffledByBlocks(), fibers).run,
    loop: () => jsonlLoop(paths),
    split: () => jsonlSplit(paths)
  },
  // Several collections fall into each turn: with fewer epochs in it the ratio scattered by a tenth.
  6
)
