/**
 * A program of its own: prints how many bytes of heap a batch of W1 takes, as one number. Started with the garbage
 * collector off (Bun) or seldom at work (Deno), so that what is allocated stays to be counted.
 */
import { Effect } from "effect"
import { Scheduler, SeedPolicy, Workers } from "../../../src/index.ts"
import { pipeline } from "../loads/w1.ts"
import { median } from "../measure.ts"

const WARM = 600
const BLOCKS = 20
const BATCHES = 40

const used = (): number => {
  const { arrayBuffers, external, heapUsed } = process.memoryUsage()
  // Bun does not tell what lies outside of its heap, the bytes of large arrays; batches that are lent have none.
  return process.versions["bun"] === undefined ? heapUsed + Math.max(external, arrayBuffers) : heapUsed
}

const program = Effect.gen(function* () {
  const loader = yield* Scheduler.open(pipeline, { epochs: 1000, replay: true })
  const costs: Array<number> = []
  let batches = 0
  let before = 0
  const measured = loader.forEach(() => {
    batches++
    if (batches < WARM || (batches - WARM) % BATCHES !== 0) return Effect.void
    const now = used()
    if (batches > WARM) costs.push((now - before) / BATCHES)
    before = used()
    return costs.length === BLOCKS ? Effect.fail("enough") : Effect.void
  })
  yield* Effect.ignore(measured)
  // A collection in between makes a block too small, never too large.
  return median(costs.filter((cost) => cost > 0))
})
const bytes = await program.pipe(
  Effect.scoped,
  Effect.provide(SeedPolicy.epochWorker({ seed: 1 })),
  Effect.provide(Workers.fibers({ workers: 1 })),
  Effect.runPromise
)
console.log(bytes)
process.exit(0)
