/** A program of its own: one contestant of the row of tars, over the shards in a folder. */
import { Workers } from "../../../src/index.ts"
import { open, shardsIn } from "../loads/tar.ts"
import { epochs } from "../ours.ts"
import { stretchLoop, wholeLoop } from "../rivals/tarLoop.ts"
import { takeTurns } from "./turns.ts"

const paths = shardsIn(process.argv[3] ?? "")
const pipeline = await open(paths)
const fibers = (workers: number) => epochs("ours", pipeline, Workers.fibers({ workers })).run

await takeTurns(
  {
    one: fibers(1),
    four: fibers(4),
    whole: () => wholeLoop(paths),
    stretch: () => stretchLoop(paths)
  },
  4
)
