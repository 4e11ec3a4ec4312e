/** A run over time: its first batch, its memory, what it allocates, and what threads cost the main thread. */
import { spawnSync } from "node:child_process"
import { readFileSync } from "node:fs"
import { Effect, Layer } from "effect"
import { Scheduler, SeedPolicy, Workers } from "../../../src/index.ts"
import * as Small from "../loads/small.ts"
import * as W1 from "../loads/w1.ts"
import { median } from "../measure.ts"
import type { Figure, Outcome, Request, Row } from "../Row.ts"
import { programArgs } from "../runtimes.ts"

const THREADS = 2
const FIBERS = 2

const fibers = Workers.fibers({ workers: FIBERS })
const small = Workers.threads({ workers: THREADS, pipeline: new URL("../loads/small.ts", import.meta.url) })
const large = Workers.threads({ workers: THREADS, pipeline: new URL("../loads/w1.ts", import.meta.url) })

const policy = SeedPolicy.epochWorker({ seed: 1 })

// First batch

const first = (workers: typeof small): Promise<number> =>
  Effect.gen(function* () {
    const started = performance.now()
    const loader = yield* Scheduler.open(Small.pipeline, { epochs: 1, replay: true })
    yield* loader.take
    return performance.now() - started
  }).pipe(Effect.scoped, Effect.provide(Layer.merge(policy, workers)), Effect.runPromise)

const firstBatches = async ({ rounds }: Request): Promise<Outcome> => {
  const times: Readonly<Record<"fibers" | "threads", Array<number>>> = { fibers: [], threads: [] }
  for (let round = -2; round < rounds; round++) {
    const own = [await first(fibers), await first(small)] as const
    if (round < 0) continue
    times.fibers.push(own[0])
    times.threads.push(own[1])
  }
  const note = "from a warm process, small images"
  return {
    charts: [],
    figures: [
      { key: "first batch fibers", value: median(times.fibers), unit: "ms", goal: { most: 60 }, note },
      { key: "first batch threads", value: median(times.threads), unit: "ms", goal: { most: 150 }, note }
    ]
  }
}

export const firstBatch: Row = {
  title: "Time to the first batch",
  keys: ["first batch fibers", "first batch threads"],
  run: firstBatches
}

// Memory and allocation: in processes of their own, where nothing else has left anything behind

/** What a probe prints; or why it printed nothing. */
export const probe = (
  name: string,
  args: ReadonlyArray<string>,
  engine: ReadonlyArray<string>,
  env: Readonly<Record<string, string>> = {}
): { readonly printed: string } | { readonly reason: string } => {
  const url = new URL(`../probes/${name}.ts`, import.meta.url)
  const all = { ...process.env, ...env }
  const ran = spawnSync(process.execPath, [...programArgs(url, engine), ...args], { encoding: "utf8", env: all })
  if (ran.status === 0) return { printed: ran.stdout.trim() }
  return {
    reason: `its process ended with ${ran.status ?? ran.error?.message}: ${ran.stderr.trim().split("\n").at(-1)}`
  }
}

interface Grown {
  readonly growth: number
  readonly batches: number
  readonly places: number
  readonly ring: number
}

const grown = (backend: "fibers" | "threads"): Figure => {
  const own = probe("memory", [backend], ["--expose-gc"])
  const figure = { key: `memory ${backend}`, unit: "MB", goal: { most: 10 } }
  if ("reason" in own) return { ...figure, value: null, note: own.reason }
  const { batches, growth, places, ring }: Grown = JSON.parse(own.printed) // the probe's own words
  const note = `more over ${batches} batches; 2 workers, ${places} places for batches, ${ring.toFixed(2)} MB in all`
  return { ...figure, value: growth, note }
}

const MANY = 8
const LARGE_MB = 500
const SMALL_MB = 5

/** What a large dataset takes on many threads over what it takes on one, each less what a small one takes there. */
const memoryOfThreads = (): Figure => {
  const figure = { key: `memory of ${MANY} threads`, unit: "ratio", goal: { most: 1.2 } }
  const extra: Array<number> = []
  for (const threads of [MANY, 1]) {
    const sizes: Array<number> = []
    for (const size of [LARGE_MB, SMALL_MB]) {
      const own = probe("threadMemory", [String(threads), String(size)], [])
      if ("reason" in own) return { ...figure, value: null, note: own.reason }
      sizes.push(Number(own.printed))
    }
    extra.push((sizes[0] ?? Number.NaN) - (sizes[1] ?? Number.NaN))
  }
  const [many = Number.NaN, one = Number.NaN] = extra
  const note = `${many.toFixed(0)} MB on ${MANY} threads, ${one.toFixed(0)} MB on one, for ${LARGE_MB} MB in Tensor.resident`
  return { ...figure, value: many / one, note }
}

export const memory: Row = {
  title: "Memory",
  keys: ["memory fibers", "memory threads", `memory of ${MANY} threads`],
  run: async ({ wants }) => ({
    charts: [],
    figures: [
      ...(["fibers", "threads"] as const).filter((backend) => wants(`memory ${backend}`)).map(grown),
      ...(wants(`memory of ${MANY} threads`) ? [memoryOfThreads()] : [])
    ]
  })
}

export const allocation: Row = {
  title: "Allocation",
  keys: ["allocation"],
  run: async () => {
    // Each runtime is told in its own way to let garbage lie.
    const engine = ["--min-semi-space-size=128", "--max-semi-space-size=256"]
    const own = probe("allocation", [], engine, { BUN_JSC_useGC: "false" })
    const figure = { key: "allocation", unit: "bytes/batch", goal: { most: 8192 } }
    if ("reason" in own) return { charts: [], figures: [{ ...figure, value: null, note: own.reason }] }
    const note = "of heap for each batch of 128, 1 fiber, forEach"
    return { charts: [], figures: [{ ...figure, value: Number(own.printed), note }] }
  }
}

// The main thread

const PAUSE_MS = 4
const PACED = 250
/** Batches taken one after the other: as many as compilers want to see, and for each round. */
const WARM = 25_000
const ROW = 2500

/** Nanoseconds for which the main thread was on a core; where the system does not tell, `undefined`. */
export const onCore = (): number | undefined => {
  try {
    // Linux: a process's first thread has its number. "time on a core, time waiting for one, slices".
    return Number(readFileSync(`/proc/self/task/${process.pid}/schedstat`, "utf8").split(" ")[0])
  } catch {
    return undefined
  }
}

const spent = async (work: Effect.Effect<unknown, unknown>): Promise<number | undefined> => {
  const before = onCore()
  await Effect.runPromise(work)
  const after = onCore()
  return before === undefined || after === undefined ? undefined : after - before
}

const mainThreads = async ({ rounds }: Request): Promise<Outcome> => {
  const paced: Array<number> = []
  const flat: Array<number> = []
  const takes: Array<number> = []
  const pause = Effect.sleep(PAUSE_MS)
  const times = (count: number, work: Effect.Effect<unknown, unknown>) =>
    Effect.gen(function* () {
      for (let at = 0; at < count; at++) yield* work
    })
  await Effect.gen(function* () {
    const loader = yield* Scheduler.open(W1.pipeline, { epochs: 1_000_000, replay: true, lend: true })
    const timed = Effect.suspend(() => {
      const started = performance.now()
      return Effect.map(loader.take, () => takes.push(1000 * (performance.now() - started)))
    })
    yield* times(WARM, loader.take)
    yield* times(PACED, Effect.zipRight(pause, loader.take))
    takes.length = 0
    for (let round = 0; round < rounds; round++) {
      const idle = yield* Effect.promise(() => spent(times(PACED, pause)))
      const busy = yield* Effect.promise(() => spent(times(PACED, Effect.zipRight(pause, timed))))
      if (idle !== undefined && busy !== undefined) paced.push((busy - idle) / PACED / 1000)
      const all = yield* Effect.promise(() => spent(times(ROW, loader.take)))
      if (all !== undefined) flat.push(all / ROW / 1000)
    }
  }).pipe(Effect.scoped, Effect.provide(Layer.merge(policy, large)), Effect.runPromise)
  const none = { value: null, note: "this system does not tell how long a thread was on a core" }
  const cpu = (all: ReadonlyArray<number>, note: string) => (all.length === 0 ? none : { value: median(all), note })
  const unit = "µs/batch"
  const goal = { most: 15 }
  return {
    charts: [],
    figures: [
      {
        key: "main thread",
        unit,
        goal,
        ...cpu(flat, "on a core for a batch of 401 KB of 2 threads, one after the other")
      },
      {
        key: "main thread paced",
        unit,
        ...cpu(paced, "the same with a rest of 4 ms before each, which is not counted")
      },
      { key: "main thread take", unit, value: median(takes), note: "until a batch is had that is ready when asked for" }
    ]
  }
}

export const mainThread: Row = {
  title: "The main thread, with threads",
  keys: ["main thread", "main thread paced", "main thread take"],
  run: mainThreads
}
