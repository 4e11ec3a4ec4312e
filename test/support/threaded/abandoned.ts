/** A program that opens a run, takes one batch and forgets it. */
import { furrow } from "../../../src/index.ts"
import { pipeline } from "./epochs.ts"

if (import.meta.main) {
  const config = { size: 100, batch: 3 }
  const threads =
    process.argv[2] === "threads" ? { threads: { pipeline: import.meta.resolve("./epochs.ts"), config } } : {}
  const run = furrow(pipeline(config), { seed: 1, epochs: 5, workers: 2, ...threads })
  const batch = await run.take()
  console.log(`took ${batch?.index}`)
}
