/**
 * Plays a case on a simulated network with the real loader, pool and sessions, and holds what it delivers against a run on
 * fibers.
 */
import { createHash } from "node:crypto"
import { setImmediate, setTimeout } from "node:timers"
import { Duration, Effect, Layer, Logger, LogLevel, Queue, Stream } from "effect"
import * as RunnerPool from "../../../src/cluster/RunnerPool.ts"
import type { RunnerInfo, Service } from "../../../src/cluster/Runners.ts"
import { Tensor } from "../../../src/core/Tensor.ts"
import { type Batch, Parity, Scheduler, SeedPolicy, Workers } from "../../../src/index.ts"
import { at } from "../../support/rng.ts"
import { calls, pipeline } from "../numbers.ts"
import { type Case, draw, type Happening, type Kind } from "./Case.ts"
import { liveTimers } from "./liveTimers.ts"
import { Network } from "./Network.ts"
import { QUICK, SimulatedRunner } from "./SimulatedRunner.ts"

const module = new URL("../numbers.ts", import.meta.url).href

/** A run takes longer than this only if somebody waits for what never comes. */
const PATIENCE_MS = 60_000

const EPOCHS = 2

export interface Played {
  readonly kills: number
  readonly replaced: number
  readonly batches: number
  readonly happened: Readonly<Partial<Record<Kind, number>>>
}

const policyOf = ({ policy }: Case): Layer.Layer<SeedPolicy.SeedPolicy, unknown> =>
  policy === "carried"
    ? Parity.pytorch({ torch: 42 })
    : policy === "elastic"
      ? SeedPolicy.elastic({ seed: 7 })
      : SeedPolicy.epochWorker({ seed: 42 })

/** Everything that a batch holds, to the bit. */
const hashOf = ({ columns, indices }: Batch.Batch<unknown>): string =>
  createHash("sha256")
    .update(
      JSON.stringify([columns, indices], (_, value: unknown) => {
        if (value instanceof Tensor) return [value.shape, Array.from(value.data, String)]
        if (ArrayBuffer.isView(value)) return [value.constructor.name, Array.from(value as Float32Array, String)] // no DataView
        if (typeof value === "number" || value === undefined) return Object.is(value, -0) ? "-0" : String(value)
        return typeof value === "bigint" ? `${value}n` : value
      })
    )
    .digest("hex")

interface Delivered {
  /** Each batch, in the order in which they came. */
  readonly hashes: ReadonlyArray<string>
  readonly digest: string
  readonly replaced: number
}

/** A run to its end; the loader is killed after so many batches, and another one goes on from its cursor. */
const deliver = (
  own: Case,
  workers: Layer.Layer<Workers.Workers, unknown>,
  resumes: number | undefined
): Effect.Effect<Delivered, unknown> => {
  const { batch, samples } = own
  const hashes: Array<string> = []
  let replaced = 0
  const life = (from: unknown, most: number | undefined) =>
    Effect.gen(function* () {
      const loader = yield* Scheduler.open(pipeline({ batch, size: samples }), {
        epochs: EPOCHS,
        digest: true,
        replay: true,
        from
      })
      yield* Stream.runForEach(most === undefined ? loader.stream : Stream.take(loader.stream, most), (batch) =>
        Effect.sync(() => void hashes.push(hashOf(batch)))
      )
      replaced += (yield* loader.stats).replaced
      return most === undefined
        ? { digest: yield* loader.digest, cursor: undefined }
        : { digest: "", cursor: yield* loader.cursor }
    }).pipe(Effect.scoped, Effect.provide(policyOf(own)), Effect.provide(workers))
  return Effect.gen(function* () {
    const first = resumes === undefined ? undefined : yield* life(undefined, resumes)
    const { digest } = yield* life(first?.cursor, undefined)
    return { hashes, digest, replaced }
  })
}

const expected = new Map<string, Promise<Delivered>>()

/** What fibers deliver. */
const oracle = (own: Case): Promise<Delivered> => {
  const key = JSON.stringify([own.policy, own.workers, own.samples, own.batch])
  const known =
    expected.get(key) ?? Effect.runPromise(deliver(own, Workers.fibers({ workers: own.workers }), undefined))
  expected.set(key, known)
  return known
}

/** The list of runners, which changes. */
const listOf = (runners: ReadonlyArray<SimulatedRunner>, isAnew: boolean) => {
  const unlisted = new Set<number>()
  const followers = new Set<Queue.Queue<ReadonlyArray<RunnerInfo>>>()
  const now = (): ReadonlyArray<RunnerInfo> =>
    runners
      .filter(({ port }) => !unlisted.has(port))
      .map(({ info }) => (isAnew ? info : { ...info, id: `${info.port}` }))
  const service: Service = {
    changes: Stream.unwrapScoped(
      Effect.gen(function* () {
        const queue = yield* Effect.acquireRelease(Queue.unbounded<ReadonlyArray<RunnerInfo>>(), (own) =>
          Effect.sync(() => followers.delete(own))
        )
        followers.add(queue)
        queue.unsafeOffer(now())
        return Stream.fromQueue(queue)
      })
    ),
    owner: (lane) => now()[lane % runners.length]?.id
  }
  const changed = (): void => {
    for (const queue of followers) queue.unsafeOffer(now())
  }
  return { service, unlisted, changed }
}

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

/** Waits until something is so, as long as it may take. */
const until = async (what: string, isSo: () => boolean): Promise<void> => {
  const late = performance.now() + PATIENCE_MS
  while (!isSo()) {
    if (performance.now() > late) throw new Error(`${what} after ${PATIENCE_MS / 1000} s`)
    await turn()
  }
}

/** Plays the case of a number; fails with an error that says which promise was broken. */
export const play = async (seed: number): Promise<Played> => {
  const own = draw(seed)
  const fibers = await oracle(own)
  const timers = liveTimers()
  const network = new Network(at(seed ^ 0x5bd1e995), own)
  const runners = Array.from({ length: own.runners }, (_, index) => new SimulatedRunner(network, index + 1, module))
  for (const runner of runners) runner.start()
  const { changed, service, unlisted } = listOf(runners, own.isListedAnew)
  const happened: Partial<Record<Kind, number>> = {}
  let kills = 0
  const dying = new Set<Promise<void>>()
  const undos = new Set<() => void>()

  const kill = (runner: SimulatedRunner): void => {
    if (!runner.isUp) return
    kills++
    dying.add(runner.kill())
  }
  const back = (runner: SimulatedRunner): void => {
    runner.start()
    changed()
  }
  const happen: Readonly<Record<Kind, (runner: SimulatedRunner) => () => void>> = {
    kill: (runner) => {
      kill(runner)
      return () => back(runner)
    },
    killAll: () => {
      for (const one of runners) kill(one)
      return () => runners.forEach(back)
    },
    freeze: ({ host }) => {
      host.silence(false)
      return () => host.heal()
    },
    cutOff: ({ host }) => {
      host.silence(true)
      return () => host.heal()
    },
    break: ({ host }) => {
      host.break()
      return () => undefined
    },
    slow: ({ host }) => {
      host.slow = 10
      return () => host.heal()
    },
    drain: (runner) => {
      runner.drain()
      return () => {
        dying.add(runner.kill())
        back(runner)
      }
    },
    unlist: ({ port }) => {
      unlisted.add(port)
      changed()
      return () => {
        unlisted.delete(port)
        changed()
      }
    }
  }
  const left = [...own.happenings]
  const play = ({ kind, lasts, runner }: Happening): void => {
    const one = runners[runner]
    if (one === undefined) return
    happened[kind] = (happened[kind] ?? 0) + 1
    const heal = happen[kind](one)
    const undo = (): void => {
      clearTimeout(timer)
      if (undos.delete(undo)) heal()
    }
    // Silence is heard of after some signs of life only.
    const timer = setTimeout(undo, kind === "freeze" || kind === "cutOff" ? 10 * lasts : lasts)
    undos.add(undo)
  }
  let next = left[0]?.after ?? 0
  network.onEvent = (events) => {
    const [first] = left
    if (first === undefined || events < next) return
    left.shift()
    next = events + (left[0]?.after ?? 0)
    // Not while the network is at it.
    setImmediate(() => play(first))
  }

  const isQuiet = own.happenings.length === 0
  const options: RunnerPool.RunnerPoolOptions = {
    runners: service,
    dial: network.dial,
    timing: QUICK,
    module,
    name: "pipeline",
    config: { batch: own.batch, size: own.samples },
    restarts: 1000,
    timeout: undefined,
    hedge: own.hedge && !isQuiet ? 20 : undefined,
    silence: isQuiet ? 10_000 : 60,
    compression: "none",
    loading: Duration.seconds(5),
    wait: Duration.seconds(10),
    prefetchBytes: 2 ** 20,
    token: undefined
  }
  const workers = Layer.succeed(Workers.Workers, {
    count: own.workers,
    backend: {
      name: "cluster",
      prefetch: 8,
      open: (runPlan, settings) => RunnerPool.open(runPlan, settings, options)
    }
  })
  const before = calls.length
  let played: Played
  const patience = Effect.timeoutFail({
    duration: PATIENCE_MS,
    onTimeout: () => new Error(`it did not end within ${PATIENCE_MS / 1000} s`)
  })
  try {
    const run = deliver(own, workers, own.resumes).pipe(patience, Logger.withMinimumLogLevel(LogLevel.None))
    const made = await Effect.runPromise(run)
    network.onEvent = undefined
    if (made.digest !== fibers.digest) throw new Error(`its digest is ${made.digest}, and on fibers ${fibers.digest}`)
    const wrong = fibers.hashes.findIndex((hash, index) => made.hashes[index] !== hash)
    if (wrong !== -1 || made.hashes.length !== fibers.hashes.length)
      throw new Error(`${made.hashes.length} batches of ${fibers.hashes.length} came; the first other one is ${wrong}`)
    const again = calls.length - before - EPOCHS * own.samples
    if (again < 0) throw new Error(`${-again} samples were not made`)
    if (isQuiet && made.replaced > 0) throw new Error(`nothing happened, and it attempted ${made.replaced} again`)
    if (own.resumes === undefined && own.policy !== "carried" && again > made.replaced * own.batch)
      throw new Error(`${again} samples were made again, and ${made.replaced} attempts were counted`)
    for (const undo of [...undos]) undo()
    for (const { host } of runners) host.heal()
    await until(
      "a session or a connection is left",
      () => runners.every(({ sessions }) => sessions === 0) && network.ends === 0
    )
    const built = calls.length
    await turn()
    if (calls.length !== built) throw new Error("a runner builds for a loader that is gone")
    played = { kills, replaced: made.replaced, batches: made.hashes.length, happened }
  } finally {
    network.onEvent = undefined
    for (const undo of [...undos]) undo()
    await Promise.all([...dying, ...runners.map((runner) => runner.kill())])
    calls.length = before
    timers.close()
  }
  if (timers.live > 0) throw new Error(`${timers.live} timers are left`)
  return played
}
