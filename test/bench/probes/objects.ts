/** A program of its own: one contestant of the row of objects. */
import { Workers } from "../../../src/index.ts"
import { pipeline, SAMPLES } from "../loads/objects.ts"
import { epochs } from "../ours.ts"
import { filterFirstLoop, objectsLoop } from "../rivals/objectsLoop.ts"
import { takeTurns } from "./turns.ts"

const epoch = epochs("ours", pipeline, Workers.fibers({ workers: 1 })).run

await takeTurns(
  {
    // The loops count what they look at, and so does this: a tenth of it is filtered out and in no batch.
    ours: async () => ((await epoch()) > 0 ? SAMPLES : 0),
    loop: objectsLoop,
    filterFirst: filterFirstLoop
  },
  8
)
