/**
 * A program of its own: Furrow in a process with one fiber. Its arguments are the name of a load (`w1`, `w2`) and how many
 * batches it builds for each line that it is told.
 */
import { createInterface } from "node:readline"
import type { Batch, Pipeline, SeedPolicy } from "../../../src/index.ts"
import { Workers } from "../../../src/index.ts"
import * as W1 from "../loads/w1.ts"
import * as W2 from "../loads/w2.ts"
import { driven } from "../ours.ts"

type Load = Pipeline.Pipeline<Batch.Batch<unknown>, unknown, SeedPolicy.SeedPolicy>

const [load, batches] = process.argv.slice(2)
const pipeline: Load = load === "w1" ? W1.pipeline : W2.pipeline
const own = driven("one fiber", pipeline, Workers.fibers({ workers: 1 }), Number(batches))
await own.open?.()
console.log("{}")
for await (const _ of createInterface({ input: process.stdin })) {
  console.log(JSON.stringify({ units: await own.run() }))
}
await own.close?.()
process.exit(0)
