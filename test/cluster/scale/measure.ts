/** Several loaders and many runners in one process, on a network of memory: what passes over it, and what that costs. */
import process from "node:process"
import { Duration, Effect, Logger, LogLevel, Stream } from "effect"
import * as RunnerPool from "../../../src/cluster/RunnerPool.ts"
import type { Service } from "../../../src/cluster/Runners.ts"
import { TIMING } from "../../../src/cluster/Timing.ts"
import { Scheduler, Workers } from "../../../src/index.ts"
import { FrameBytesReader, joined, pieces } from "../../../src/service/FrameBytes.ts"
import { at } from "../../support/rng.ts"
import { Network } from "../sim/Network.ts"
import { SimulatedRunner } from "../sim/SimulatedRunner.ts"
import { BATCH, pipeline } from "./tiny.ts"

export interface Scale {
  readonly loaders: number
  readonly runners: number
  /** Of each loader. */
  readonly workers: number
  /** Batches of each loader whose messages are counted, and then as many that are timed. */
  readonly batches: number
  /** Milliseconds for which nothing is asked for. */
  readonly rests: number
}

export interface Traffic {
  messages: number
  bytes: number
}

export interface Measured {
  readonly connections: number
  /** Milliseconds until all connections are ready. */
  readonly opening: number
  /** What passed over the network, by the kind of message: until all was ready and the counted batches were taken. */
  readonly kinds: Readonly<Record<string, Traffic>>
  /** Batches that were counted, of all loaders: those that were taken, and those that are there and wait. */
  readonly built: number
  /** Messages of any kind in a second in which nothing was asked for. */
  readonly atRest: number
  /** Of this process's CPU for a batch: loaders, runners, network and building. */
  readonly microseconds: number
  readonly digests: ReadonlyArray<string>
  /** The longest cursor as JSON, in bytes. */
  readonly cursor: number
}

const module = new URL("tiny.ts", import.meta.url).href

/** One process has all; nobody is to be given up since the others have their turn. */
const PATIENT = { ...TIMING, answer: 300_000, opening: 300_000, loaderSilence: 300_000 }

/** What fibers deliver to a loader, of so many. */
export const digestOf = (rank: number, { batches, loaders, workers }: Scale): Promise<string> =>
  Scheduler.open(pipeline({ size: sizeOf(batches) }), { ...OPTIONS, rank, world: loaders }).pipe(
    Effect.flatMap((loader) =>
      Effect.gen(function* () {
        for (let taken = 0; taken < 2 * batches; taken++) yield* loader.take
        return yield* loader.digest
      })
    ),
    Effect.scoped,
    Effect.provide(Workers.fibers({ workers })),
    Effect.runPromise
  )

const OPTIONS = { epochs: 1000, digest: true, replay: true } as const

const sizeOf = (batches: number): number => 10 * batches * BATCH

const opened = (network: Network, runners: ReadonlyArray<SimulatedRunner>, scale: Scale, rank: number) => {
  const infos = runners.map(({ info }) => info)
  const list: Service = {
    changes: Stream.concat(Stream.make(infos), Stream.never),
    owner: (lane) => infos[lane % infos.length]?.id
  }
  const options: RunnerPool.RunnerPoolOptions = {
    runners: list,
    dial: network.dial,
    timing: PATIENT,
    module,
    name: "pipeline",
    config: { size: sizeOf(scale.batches) },
    restarts: 3,
    timeout: undefined,
    hedge: undefined,
    silence: PATIENT.loaderSilence,
    compression: "none",
    loading: Duration.minutes(5),
    wait: Duration.minutes(5),
    prefetchBytes: 2 ** 28,
    token: undefined
  }
  return Scheduler.open(pipeline({ size: sizeOf(scale.batches) }), { ...OPTIONS, rank, world: scale.loaders }).pipe(
    Effect.provideService(Workers.Workers, {
      count: scale.workers,
      backend: {
        name: "cluster",
        prefetch: 8,
        open: (runPlan, settings) => RunnerPool.open(runPlan, settings, options)
      }
    })
  )
}

/** Counts what comes out of a network. */
const counted = (network: Network): Map<string, Traffic> => {
  const kinds = new Map<string, Traffic>()
  const readers = new WeakMap<object, FrameBytesReader>()
  network.tap = (direction, piece) => {
    const reader = readers.get(direction) ?? new FrameBytesReader({}, true)
    readers.set(direction, reader)
    for (const { body, head } of reader.take(piece)) {
      const kind = String(head["kind"])
      const own = kinds.get(kind) ?? { messages: 0, bytes: 0 }
      kinds.set(kind, own)
      own.messages++
      own.bytes += joined(pieces(head, [])).length + body.length
    }
  }
  return kinds
}

export const measure = (scale: Scale): Promise<Measured> =>
  Effect.gen(function* () {
    const { batches, loaders, rests, runners } = scale
    const network = new Network(at(1), { cuts: false, delay: 0 })
    const all = Array.from({ length: runners }, (_, index) => new SimulatedRunner(network, index + 1, module, PATIENT))
    yield* Effect.addFinalizer(() => Effect.promise(() => Promise.all(all.map((runner) => runner.kill()))))
    for (const runner of all) runner.start()
    const kinds = counted(network)
    const began = performance.now()
    const runs = yield* Effect.forEach(
      Array.from({ length: loaders }, (_, rank) => rank),
      (rank) => opened(network, all, scale, rank),
      { concurrency: "unbounded" }
    )
    const connections = loaders * runners
    const messages = (...of: ReadonlyArray<string>): number =>
      of.reduce((sum, kind) => sum + (kinds.get(kind)?.messages ?? 0), 0)
    while (messages("ready") < connections) yield* Effect.sleep("10 millis")
    const opening = performance.now() - began
    const takeAll = Effect.forEach(
      runs,
      (run) =>
        Effect.gen(function* () {
          for (let taken = 0; taken < batches; taken++) yield* run.take
        }),
      { concurrency: "unbounded", discard: true }
    )
    yield* takeAll
    // What is built ahead comes to its end.
    while (messages("built") < messages("build")) yield* Effect.sleep("10 millis")
    const built = messages("built")
    const every = (): number => messages(...kinds.keys())
    const before = every()
    yield* Effect.sleep(rests)
    const atRest = rests === 0 ? 0 : ((every() - before) * 1000) / rests
    const copy = Object.fromEntries(Array.from(kinds, ([kind, traffic]) => [kind, { ...traffic }]))
    network.tap = undefined
    const cpu = process.cpuUsage()
    yield* takeAll
    const { system, user } = process.cpuUsage(cpu)
    const digests = yield* Effect.forEach(runs, (run) => run.digest)
    const cursors = yield* Effect.forEach(runs, (run) => run.cursor)
    return {
      connections,
      opening,
      kinds: copy,
      built,
      atRest,
      microseconds: (user + system) / (loaders * batches),
      digests,
      cursor: Math.max(...cursors.map((cursor) => JSON.stringify(cursor).length))
    }
  }).pipe(Effect.scoped, Effect.provide(Logger.minimumLogLevel(LogLevel.Error)), Effect.runPromise)
