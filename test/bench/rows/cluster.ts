/** Runners in processes of their own against threads: large images, the first batch, and what a batch costs the loader. */
import { type ChildProcessByStdio, spawn } from "node:child_process"
import { createInterface } from "node:readline"
import type { Readable, Writable } from "node:stream"
import { Effect, Layer } from "effect"
import { Runners, Workers } from "../../../src/cluster.ts"
import { type Batch, type Pipeline, Scheduler, SeedPolicy } from "../../../src/index.ts"
import * as Small from "../loads/small.ts"
import * as Tiny from "../loads/tiny.ts"
import * as W2 from "../loads/w2.ts"
import { interleaved, median } from "../measure.ts"
import { standing } from "../ours.ts"
import { bar, type Figure, found, type Outcome, type Request, type Row, ratio } from "../Row.ts"
import { programArgs } from "../runtimes.ts"
import { onCore } from "./life.ts"

const RUNNERS = 2
const OURS = "2 runners of 1 thread"
const THEIRS = "2 threads"

/** Batches that are taken before the clock runs, and for each round. */
const WARM = 5000
const TURN = 2500

const moduleOf = (name: string) => new URL(`../loads/${name}.ts`, import.meta.url)

type Child = ChildProcessByStdio<Writable, Readable, null>

const started = async (): Promise<readonly [Child, string]> => {
  const modules = ["w2", "small", "tiny"].map((name) => moduleOf(name).href)
  const args = [...programArgs(new URL("../rivals/runner.ts", import.meta.url)), "1", ...modules]
  const child = spawn(process.execPath, args, { stdio: ["pipe", "pipe", "inherit"] })
  const { done, value } = await createInterface({ input: child.stdout })[Symbol.asyncIterator]().next()
  if (done === true) throw new Error("a runner ended before it listened")
  const said: { readonly port: number } = JSON.parse(value) // a line of the program's, which prints nothing else
  return [child, `127.0.0.1:${said.port}`]
}

type On = (name: string) => Layer.Layer<Workers.Workers, unknown>

const large = async (workers: On, rounds: number): Promise<Outcome> => {
  const batches = 2 * Math.ceil(W2.SAMPLES / W2.BATCH)
  const threads = Workers.threads({ workers: RUNNERS, pipeline: moduleOf("w2") })
  const all = await interleaved(
    [standing(OURS, W2.pipeline, workers("w2"), batches), standing(THEIRS, W2.pipeline, threads, batches)],
    { rounds, warmFor: 3_000 }
  )
  const bars = [bar(found(all, OURS), true), bar(found(all, THEIRS), false)]
  const note = "over TCP on loopback, where the bytes take cores that threads have for themselves"
  return {
    charts: [{ title: "W2, large images: 2 runners of one thread, and 2 threads", unit: "samples", bars }],
    figures: [ratio("cluster/threads", found(all, OURS), found(all, THEIRS), 0.8, note)]
  }
}

type Plain = Pipeline.Pipeline<Batch.Batch<unknown>, unknown, SeedPolicy.SeedPolicy>

const opened = <A>(
  pipeline: Plain,
  workers: Layer.Layer<Workers.Workers, unknown>,
  use: (loader: Scheduler.Loader<unknown, unknown>) => Effect.Effect<A, unknown>
): Promise<A> =>
  Scheduler.open(pipeline, { epochs: 1_000_000, replay: true, lend: true }).pipe(
    Effect.flatMap(use),
    Effect.scoped,
    Effect.provide(Layer.merge(SeedPolicy.epochWorker({ seed: 1 }), workers)),
    Effect.runPromise
  )

const firstBatch = async (workers: On, rounds: number): Promise<Figure> => {
  const times: Array<number> = []
  for (let round = -1; round < rounds; round++) {
    const began = performance.now()
    const took = await opened(Small.pipeline, workers("small"), (loader) =>
      Effect.map(loader.take, () => performance.now() - began)
    )
    if (round >= 0) times.push(took)
  }
  const note = "from runners that have built the run before, and have kept its threads; small images"
  return { key: "first batch cluster", value: median(times), unit: "ms", goal: { most: 500 }, note }
}

const dispatch = async (workers: On, rounds: number): Promise<Figure> => {
  const times: Array<number> = []
  await opened(Tiny.pipeline, workers("tiny"), (loader) =>
    Effect.gen(function* () {
      for (let at = 0; at < WARM; at++) yield* loader.take
      for (let round = 0; round < rounds; round++) {
        const before = onCore()
        for (let at = 0; at < TURN; at++) yield* loader.take
        const after = onCore()
        if (before !== undefined && after !== undefined) times.push((after - before) / TURN / 1000)
      }
    })
  )
  const own = { key: "cluster dispatch", unit: "µs/batch", goal: { most: 50 } }
  if (times.length === 0)
    return { ...own, value: null, note: "this system does not tell how long a thread was on a core" }
  return {
    ...own,
    value: median(times),
    note: "on a core of the loader's main thread, for a batch of 32 numbers of 2 runners"
  }
}

const run = async ({ rounds, wants }: Request): Promise<Outcome> => {
  const children: Array<Child> = []
  const addresses: Array<string> = []
  try {
    for (let count = 0; count < RUNNERS; count++) {
      const [child, address] = await started()
      children.push(child)
      addresses.push(address)
    }
    const workers: On = (name) =>
      Layer.provide(Workers.cluster({ workers: RUNNERS, pipeline: moduleOf(name) }), Runners.list(addresses))
    const figures: Array<Figure> = []
    if (wants("first batch cluster")) figures.push(await firstBatch(workers, rounds))
    if (wants("cluster dispatch")) figures.push(await dispatch(workers, rounds))
    if (!wants("cluster/threads")) return { charts: [], figures }
    const outcome = await large(workers, rounds)
    return { charts: outcome.charts, figures: [...figures, ...outcome.figures] }
  } finally {
    for (const child of children) child.stdin.end()
  }
}

export const cluster: Row = {
  title: "A cluster of runners",
  keys: ["cluster/threads", "first batch cluster", "cluster dispatch"],
  run
}
