/** A program without a guard: each of its threads runs all of it. What it does there is in FURROW_TEST_CASE. */
import { appendFileSync } from "node:fs"
import { isMainThread } from "node:worker_threads"
import { Dataset, Pipeline, Scheduler, Workers } from "../../../src/index.ts"

const act = process.env["FURROW_TEST_CASE"] ?? ""
// One character for each time that it is loaded.
appendFileSync(process.env["FURROW_TEST_LOADS"] ?? "/dev/null", "x")

const slowly = (x: number): number => {
  const until = performance.now() + 4
  while (performance.now() < until);
  return x
}

export const pipeline = Pipeline.from(Dataset.range(1200)).pipe(
  Pipeline.map("slowly", act === "auto" ? slowly : (x) => x),
  Pipeline.batch(4)
)

// Two at once refuse the same as one does.
const threads = act === "swallows" || act === "floats" ? 2 : 1

const workers =
  act === "auto"
    ? Workers.auto({ workers: 2, threads, pipeline: import.meta.url, pays: { share: 0, rest: "1 nanos" } })
    : Workers.threads({
        workers: 2,
        threads,
        pipeline: import.meta.url,
        loading: act === "leaves" ? "1 minute" : "3 seconds"
      })

const run = async (): Promise<void> => {
  let rows = 0
  for await (const { size } of Scheduler.iterate(pipeline, workers, { epochs: 1 })) rows += size
  console.log(`${rows} rows`)
}

const swallowed = async (): Promise<boolean> => {
  try {
    await run()
    return false
  } catch (error) {
    if (isMainThread) console.log(`main: ${String(error)}`)
    return true
  }
}

/** In a thread, before anything is opened. */
if (!isMainThread) {
  if (act === "hangs") await new Promise(() => setInterval(() => {}, 1000))
  if (act === "never") await new Promise(() => {})
  if (act === "spins") for (;;);
  if (act === "leaves") process.exit(3)
}

switch (act) {
  case "floats":
    void run().catch((error: unknown) => console.log(`${isMainThread ? "main" : "thread"}: ${String(error)}`))
    break
  case "rejects":
    await run()
    break
  default: {
    const caught = await swallowed()
    if (isMainThread || !caught) break
    if (act === "then waits") await new Promise(() => setInterval(() => {}, 1000))
    if (act === "then leaves") process.exit(0)
    if (act === "then spins") for (;;);
  }
}
