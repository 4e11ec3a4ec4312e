/**
 * A program of its own: prints how many MB of resident memory a run takes on so many threads over a dataset of so many MB,
 * all of which they read. Its arguments are both numbers.
 */
import { Effect, Layer } from "effect"
import { Scheduler, SeedPolicy, Tensor, Workers } from "../../../src/index.ts"
import { BYTES, type Config, pipeline } from "../loads/shared.ts"

const MB = 2 ** 20
const [threads = 1, size = 5] = process.argv.slice(2).map(Number)

const images = Tensor.resident("uint8", [Math.ceil((size * MB) / BYTES), BYTES])
images.data.fill(1)
const config: Config = { images, loaded: new Int32Array(new SharedArrayBuffer(4)) }

await Effect.gen(function* () {
  const loader = yield* Scheduler.open(pipeline(config), { epochs: 1 })
  // All threads take what they take by themselves, however short the run is.
  while (Atomics.load(config.loaded, 0) < threads) yield* Effect.sleep(1)
  yield* loader.forEach(() => Effect.void)
  console.log(process.memoryUsage().rss / MB)
}).pipe(
  Effect.scoped,
  Effect.provide(
    Layer.merge(
      SeedPolicy.epochWorker({ seed: 1 }),
      Workers.threads({
        workers: threads,
        threads,
        pipeline: new URL("../loads/shared.ts", import.meta.url),
        config
      })
    )
  ),
  Effect.runPromise
)
process.exit(0)
