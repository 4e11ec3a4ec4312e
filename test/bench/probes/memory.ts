/**
 * A program of its own: prints how much resident memory grows over many batches on `fibers` or `threads`, and how many
 * places the batches lay in, as JSON.
 */
import { Effect, Layer, Option } from "effect"
import { Scheduler, SeedPolicy, Workers } from "../../../src/index.ts"
import { BATCH, pipeline, SAMPLES } from "../loads/small.ts"
import { median } from "../measure.ts"

const WORKERS = 2
/** So many until code is compiled and heaps have found their size. */
const WARM = 250_000
const BATCHES = 100_000
/** Memory is looked at after each so many, so many times at the start and at the end. */
const STEP = 5000
const LOOKS = 10
const MB = 2 ** 20

/** What Bun offers beyond the standard, and V8 with a flag. */
const { Bun, gc } = globalThis as {
  readonly Bun?: { readonly gc: (force: boolean) => void }
  readonly gc?: () => void
}

/** Heaps of threads are collected when they like, and pages given back to the system: one look says little. */
const resident = (): number => {
  if (Bun !== undefined) Bun.gc(true)
  else gc?.()
  return process.memoryUsage().rss
}

const workers =
  process.argv[2] === "threads"
    ? Workers.threads({ workers: WORKERS, pipeline: new URL("../loads/small.ts", import.meta.url) })
    : Workers.fibers({ workers: WORKERS })

const program = Effect.gen(function* () {
  const epochs = Math.ceil(((WARM + BATCHES + STEP * LOOKS) * BATCH) / SAMPLES)
  const loader = yield* Scheduler.open(pipeline, { epochs, replay: true, lend: true })
  const places = new Set<string>()
  let bytes = 0
  const take = Effect.map(loader.take, (next) => {
    if (Option.isNone(next)) return
    const { columns, worker } = next.value
    const { data } = columns.image
    places.add(`${worker} ${data.byteOffset}`)
    bytes = data.byteLength
  })
  const taken = function* (count: number) {
    for (let batch = 0; batch < count; batch++) yield* take
  }
  const usual = function* () {
    const looks: Array<number> = []
    for (let look = 0; look < LOOKS; look++) {
      yield* taken(STEP)
      looks.push(resident())
    }
    return median(looks)
  }
  yield* taken(WARM)
  const before = yield* usual()
  yield* taken(BATCHES - STEP * LOOKS)
  const growth = ((yield* usual()) - before) / MB
  return { growth, batches: BATCHES, places: places.size, ring: (places.size * bytes) / MB }
})
const layer = Layer.merge(SeedPolicy.epochWorker({ seed: 1 }), workers)
console.log(JSON.stringify(await program.pipe(Effect.scoped, Effect.provide(layer), Effect.runPromise)))
process.exit(0)
