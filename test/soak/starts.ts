/**
 * `bun run test:starts`: very many runs on threads, each interrupted somewhere: while its thread starts, before its first
 * batch, or in the middle. None may leave a thread or an open file behind.
 *
 *   --starts N   default 1000
 *
 * Exit 0 when there are no more threads and files at the end than after the first fifty, 1 otherwise.
 */
import { setTimeout as sleep } from "node:timers/promises"
import { parseArgs } from "node:util"
import { Effect, Fiber, Layer, Stream } from "effect"
import { runtime } from "../../src/core/runtime.ts"
import { Scheduler, SeedPolicy, Workers } from "../../src/index.ts"
import { held } from "../support/held.ts"
import { pipeline } from "./numbers.ts"

const { values } = parseArgs({ options: { starts: { type: "string", default: "1000" } } })
const starts = Number(values.starts)
const WARM = 50
/** The system takes threads down, and runtimes keep a few for later, when they like. */
const SPARE = 4

const look = async (started: number) => {
  await sleep(2000)
  const own = { threads: held("threads"), files: held("files") }
  const megabytes = process.memoryUsage.rss() / 2 ** 20
  console.log(
    `${String(started).padStart(6)} starts: ${own.threads} threads, ${own.files} files, ${megabytes.toFixed(0)} MB`
  )
  return own
}

const layer = Layer.merge(
  SeedPolicy.epochWorker({ seed: 1 }),
  Workers.threads({ workers: 1, pipeline: new URL("./numbers.ts", import.meta.url) })
)

let first = { threads: 0, files: 0 }
let batches = 0
for (let round = 0; round < starts; round++) {
  const run = Effect.runFork(
    Stream.runForEach(Scheduler.stream(pipeline, { epochs: 1000, replay: true }), () =>
      Effect.sync(() => void batches++)
    ).pipe(Effect.provide(layer))
  )
  // Most while the thread starts, which takes a few hundred milliseconds; each tenth at work.
  await sleep(round % 10 === 0 ? 500 : (37 * round) % 200)
  await Effect.runPromise(Fiber.interrupt(run))
  if (round + 1 === WARM) first = await look(WARM)
}
const last = await look(starts)
console.log(
  `${runtime.name} ${runtime.version}: ${starts} runs on a thread were interrupted, ${batches} batches had come`
)
process.exit(last.threads <= first.threads + SPARE && last.files <= first.files + SPARE && batches > 0 ? 0 : 1)
