/**
 * A program of its own: one contestant of the row of objects, by the name that it is given. Once it is warm it says so in a
 * line, and then answers each line with the number of samples that it has taken through the steps, as `inProcess` has it.
 */
import { createInterface } from "node:readline"
import { Workers } from "../../../src/index.ts"
import { pipeline, SAMPLES } from "../loads/objects.ts"
import { epochs } from "../ours.ts"
import { filterFirstLoop, objectsLoop } from "../rivals/objectsLoop.ts"

const WARM_MS = 3_000
/** Epochs at each turn, so that the way of a line to another process and back counts for nothing. */
const EPOCHS = 4

const epoch = epochs("ours", pipeline, Workers.fibers({ workers: 1 })).run

const contestants: Readonly<Record<string, () => number | Promise<number>>> = {
  // The loops count what they look at, and so does this: a tenth of it is filtered out and in no batch.
  ours: async () => ((await epoch()) > 0 ? SAMPLES : 0),
  loop: objectsLoop,
  filterFirst: filterFirstLoop
}

const name = process.argv[2] ?? ""
const run = contestants[name]
if (run === undefined) throw new Error(`"${name}" is not one of ${Object.keys(contestants).join(", ")}`)
for (const began = performance.now(); performance.now() - began < WARM_MS; ) await run()
console.log("{}")
for await (const _ of createInterface({ input: process.stdin })) {
  let units = 0
  for (let turn = 0; turn < EPOCHS; turn++) units += await run()
  console.log(JSON.stringify({ units }))
}
