/**
 * A program of its own: one contestant of the row of objects, by the name that it is given. Once it is warm it says so in a
 * line, and then answers each line with the number of samples that it has taken through the steps, as `inProcess` has it.
 */
import { createInterface } from "node:readline"
import { Workers } from "../../../src/index.ts"
import { pipeline } from "../loads/objects.ts"
import { epochs } from "../ours.ts"
import { filterFirstLoop, objectsLoop } from "../rivals/objectsLoop.ts"

const WARM_MS = 3_000
/** Epochs at each turn, so that the way of a line to another process and back counts for nothing. */
const EPOCHS = 4

const contestants: Readonly<Record<string, () => number | Promise<number>>> = {
  ours: epochs("ours", pipeline, Workers.fibers({ workers: 1 })).run,
  loop: objectsLoop,
  filterFirst: filterFirstLoop
}

const name = process.argv[2] ?? ""
const run = contestants[name]
if (run === undefined) throw new Error(`"${name}" is none of ${Object.keys(contestants).join(", ")}`)
for (const began = performance.now(); performance.now() - began < WARM_MS; ) await run()
console.log("{}")
for await (const _ of createInterface({ input: process.stdin })) {
  let units = 0
  for (let epoch = 0; epoch < EPOCHS; epoch++) units += await run()
  console.log(JSON.stringify({ units }))
}
