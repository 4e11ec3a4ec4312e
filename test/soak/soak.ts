/**
 * `bun run test:soak`: a run of very many small batches, in which nothing may grow: memory, open files, fibers.
 *
 *   --batches N             default 1,000,000
 *   --backend fibers|threads
 *
 * On Deno run it with `--v8-flags=--expose-gc`. Exit 0 when the high-water mark of memory grew by less than 20 MB and nothing else grew, 1 otherwise.
 */
import { parseArgs } from "node:util"
import { Effect, Stream, Supervisor } from "effect"
import { runtime } from "../../src/core/runtime.ts"
import { Scheduler, SeedPolicy, Workers } from "../../src/index.ts"
import { held } from "../support/held.ts"
import { BATCH, pipeline } from "./numbers.ts"

const { values } = parseArgs({
  options: { batches: { type: "string", default: "1000000" }, backend: { type: "string", default: "fibers" } }
})
const wanted = Number(values.batches)
const MOST_MB = 20

/** Bun's collector is to be told to wait; V8's would take that for a wish to leave old objects alone. */
const collect = (): void => {
  const [bun, v8] = [Reflect.get(globalThis, "Bun"), Reflect.get(globalThis, "gc")]
  if (typeof bun === "object" && bun !== null) Reflect.get(bun, "gc").call(bun, true)
  else if (typeof v8 === "function") v8()
}
const settled = async (): Promise<number> => {
  for (let turn = 0; turn < 3; turn++) {
    collect()
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
  return process.memoryUsage.rss() / 2 ** 20
}
const program = Effect.gen(function* () {
  const fibers = yield* Supervisor.track
  const measured = (taken: number) =>
    Effect.gen(function* () {
      const own = {
        taken,
        fibers: (yield* fibers.value).length,
        handles: held("files"),
        megabytes: yield* Effect.promise(settled)
      }
      const heap = process.memoryUsage().heapUsed / 2 ** 20
      console.log(
        `${String(taken).padStart(8)} batches: ${own.megabytes.toFixed(1)} MB resident, ${heap.toFixed(1)} MB of them heap in use, ${own.handles} handles, ${own.fibers} fibers`
      )
      return own
    })
  return yield* Effect.gen(function* () {
    const epochs = Math.ceil((wanted * BATCH) / pipeline.dataset.size)
    const loader = yield* Scheduler.open(pipeline, { epochs, digest: true, replay: true })
    const rows: Array<Effect.Effect.Success<ReturnType<typeof measured>>> = []
    let taken = 0
    yield* Stream.runForEach(Stream.take(loader.stream, wanted), () => {
      taken++
      if (taken % (wanted / 10) !== 0) return Effect.void
      return Effect.map(measured(taken), (own) => void rows.push(own))
    })
    console.log(`digest ${yield* loader.digest}`)
    return rows
  }).pipe(Effect.scoped, Effect.supervised(fibers))
})

const workers =
  values.backend === "threads"
    ? Workers.threads({ workers: 2, pipeline: new URL("./numbers.ts", import.meta.url) })
    : Workers.fibers({ workers: 4 })
const began = performance.now()
const rows = await Effect.runPromise(
  program.pipe(Effect.provide(SeedPolicy.epochWorker({ seed: 42 })), Effect.provide(workers))
)
const [first] = rows
const last = rows.at(-1)
if (first === undefined || last === undefined) throw new Error("too few batches")
// Engines take memory in large steps and give it back when they like, so the high-water mark is what counts: the first
// four tenths are for compiling, and for pools and generations of the heap to find their size.
const mark = (own: typeof rows): number => Math.max(...own.map(({ megabytes }) => megabytes))
const grown = mark(rows) - mark(rows.slice(0, 4))
const same = last.handles <= first.handles && last.fibers <= first.fibers
console.log(
  `${runtime.name} ${runtime.version}, ${values.backend}: ${wanted} batches in ${((performance.now() - began) / 1000).toFixed(0)} s, ` +
    `grown by ${grown.toFixed(1)} MB of at most ${MOST_MB}, ${last.handles - first.handles} handles and ${last.fibers - first.fibers} fibers`
)
process.exit(grown < MOST_MB && same ? 0 : 1)
