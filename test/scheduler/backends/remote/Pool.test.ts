/**
 * A worker is a coordinate: its batches are the same on any number of threads, whatever happens to these.
 */
import { describe, expect, test } from "bun:test"
import { Effect, Layer, Logger, Metric, Option, Schedule, Stream } from "effect"
import { type Batch, FailurePolicy, type Pipeline, Scheduler, SeedPolicy, Workers } from "../../../../src/index.ts"
import * as Metrics from "../../../../src/scheduler/loader/Metrics.ts"
import * as Late from "../../../support/threaded/late.ts"
import { type Config, counts, pipeline, THREADS, type Trouble } from "../../../support/threaded/pool.ts"

const TIME = 120_000
const module = new URL("../../../support/threaded/pool.ts", import.meta.url)
const SIZE = 96

const configOf = (troubles: ReadonlyArray<Trouble>): Config => ({
  size: SIZE,
  batch: 4,
  met: new SharedArrayBuffer(4 * SIZE),
  troubles
})

interface Options {
  readonly threads: number
  readonly workers?: number
  readonly order?: "plan" | "ready"
  readonly failures?: Layer.Layer<FailurePolicy.FailurePolicy, unknown>
  readonly observed?: boolean
  readonly timeout?: "2 seconds"
}

const seeded = SeedPolicy.epochWorker({ seed: 42 })

/** What a run comes to; on fibers for no threads. */
const outcome = (
  config: Config,
  { failures = FailurePolicy.fail, observed, order, threads, workers = 8, ...options }: Options
) =>
  Effect.gen(function* () {
    const own = pipeline(config) as Pipeline.Pipeline<Batch.Batch<unknown>, never, SeedPolicy.SeedPolicy>
    const loader = yield* Scheduler.open(own, {
      replay: true,
      epochs: 2,
      digest: true,
      ...(order === undefined ? {} : { order }),
      ...(observed === true ? { profile: true } : {})
    })
    const seen = yield* Stream.runFold(
      loader.stream,
      { size: 0, workers: new Set<number>() },
      (sum, { size, worker }) => ({
        size: sum.size + size,
        workers: sum.workers.add(worker)
      })
    )
    const profile = yield* loader.profile
    const stages = Option.match(profile, {
      onNone: (): ReadonlyArray<string> => [],
      onSome: ({ stages: all }) => all.map(({ name }) => name)
    })
    const { replaced, retried, skipped } = yield* loader.stats
    return {
      digest: yield* loader.digest,
      size: seen.size,
      workers: seen.workers.size,
      retried,
      skipped,
      replaced,
      stages: observed === true ? stages.includes("noise") : false
    }
  }).pipe(
    Effect.scoped,
    Effect.provide(seeded),
    Effect.provide(failures),
    Effect.provide(
      threads === 0
        ? Workers.fibers({ workers })
        : Workers.threads({ workers, threads, pipeline: module, config, ...options })
    ),
    Effect.runPromise
  )

describe("eight workers", () => {
  test(
    "draw the same on fibers and on 1, 2, 3 and 8 threads, in any order of delivery, whoever looks on",
    async () => {
      const expected = await outcome(configOf([]), { threads: 0 })
      expect(expected).toMatchObject({ size: 2 * SIZE, workers: 8 })
      for (const threads of [1, 2, 3, 8]) {
        const order = threads === 3 ? "ready" : "plan"
        const observed = threads === 2
        expect(await outcome(configOf([]), { threads, order, observed })).toEqual({ ...expected, stages: observed })
      }
    },
    TIME
  )

  test(
    "deliver the same when threads die or hang, and each replacement is counted",
    async () => {
      const { digest, size } = await outcome(configOf([]), { threads: 0 })
      const count = Effect.map(Metric.value(Metrics.replaced), ({ count: own }) => Number(own))
      for (const threads of [1, 3]) {
        const before = Effect.runSync(count)
        const troubles: ReadonlyArray<Trouble> = [
          { index: 5, how: "dies", times: 1 },
          { index: 17, how: "dies", times: 2 },
          { index: 60, how: "spins", times: 1 }
        ]
        const own = await outcome(configOf(troubles), { threads, timeout: "2 seconds" })
        expect(own).toMatchObject({ digest, size, replaced: 4 })
        expect(Effect.runSync(count) - before).toBe(4)
      }
    },
    TIME
  )

  test(
    "say in the log why a thread is replaced, and what is built again",
    async () => {
      for (const how of ["dies", "leaves an error"] as const) {
        const lines: Array<string> = []
        const logger = Logger.make(({ message }) => {
          lines.push(String(message))
        })
        const failures = Layer.merge(FailurePolicy.fail, Logger.replace(Logger.defaultLogger, logger))
        const run = () => outcome(configOf([{ index: 5, how, times: 1 }]), { threads: 1, failures })
        const said = () => lines.filter((line) => line.startsWith("backend threads replaces its member 0: "))
        let { replaced, size } = await run()
        // An error that is left behind ends the thread later, which may be after the run's last batch.
        for (let again = 0; how === "leaves an error" && said().length === 0 && again < 50; again++) {
          ;({ replaced, size } = await run())
        }
        const own = said()
        expect(own).toHaveLength(1)
        expect(own[0]).toMatch(how === "dies" ? /exit code/ : /left behind at 5/)
        expect(own[0]).toMatch(
          replaced === 1 ? /; batch \d+ of epoch \d is built again$/ : /; it was at no batch, so none is built again$/
        )
        expect(size).toBe(2 * SIZE)
      }
    },
    TIME
  )

  test(
    "attempt again what fails as fibers do, and skip the same",
    async () => {
      const troubles: ReadonlyArray<Trouble> = [
        { index: 3, how: "fails", times: 2 },
        { index: 40, how: "fails", times: 1 },
        { index: 41, how: "fails", times: 1e6 }
      ]
      const failures = Layer.merge(
        FailurePolicy.retry(Schedule.recurs(2)),
        FailurePolicy.skip({ budget: { share: 1 }, report: () => Effect.void })
      )
      const expected = await outcome(configOf(troubles), { threads: 0, failures })
      expect(expected).toMatchObject({ skipped: 2 })
      expect(await outcome(configOf(troubles), { threads: 2, failures })).toEqual(expected)
    },
    TIME
  )

  test(
    "end a run by an error that names the batch, once its worker has used up the restarts",
    async () => {
      const config = configOf([{ index: 50, how: "dies", times: 1e6 }])
      const error = await Stream.runDrain(Scheduler.stream(pipeline(config), { replay: true, epochs: 1 })).pipe(
        Effect.flip,
        Effect.provide(seeded),
        Effect.provide(Workers.threads({ workers: 8, threads: 3, pipeline: module, config, restarts: 2 })),
        Effect.runPromise
      )
      expect(error).toMatchObject({ _tag: "BackendError", epoch: 0, stage: "noise" })
      expect(String(error)).toContain("it ended with exit code 7, after 2 replacements, as many as `restarts` allows")
      // The first death, and one for each restart.
      expect(new Int32Array(config.met)[50]).toBe(3)
    },
    TIME
  )
})

test(
  "a slow thread holds up the batch that it is at, and no other: the other threads build the rest",
  async () => {
    const batches = SIZE / 4
    const built = counts()
    // In the order of readiness, so that nobody waits for the batch that is held up.
    const config: Config = { ...configOf([]), built, slow: batches - 1 }
    const workers = Workers.threads({ workers: 8, threads: 3, pipeline: module, config })
    const size = await Stream.runFold(
      Scheduler.stream(pipeline(config), { replay: true, epochs: 1, order: "ready", prefetch: 3 }),
      0,
      (sum, batch) => sum + batch.size
    ).pipe(Effect.provide(seeded), Effect.provide(workers), Effect.runPromise)
    expect(size).toBe(SIZE)
    const each = Array.from(new Int32Array(built).subarray(0, THREADS)).filter((count) => count > 0)
    expect(each.reduce((sum, count) => sum + count, 0)).toBe(batches)
    // The slow one could go on once all others were built: it built one.
    expect(Math.min(...each)).toBe(1)
  },
  TIME
)

test(
  "the first batch waits for one thread, and not for all; one that then cannot start is told of, and the others go on",
  async () => {
    const lines: Array<string> = []
    const logger = Logger.make(({ message }) => {
      lines.push(String(message))
    })
    for (const fail of [false, true]) {
      const config: Late.Config = { counts: new SharedArrayBuffer(8), fail }
      const pipelineOf = new URL("../../../support/threaded/late.ts", import.meta.url)
      const own = Late.pipeline(config)
      const values = await Effect.gen(function* () {
        const loader = yield* Scheduler.open(own, { epochs: 1 })
        const first = yield* loader.take
        while (fail && lines.length === 0) yield* Effect.sleep(5)
        const rest = yield* Stream.runCollect(loader.stream)
        return [...Option.toArray(first), ...rest].flatMap(({ columns }) => [...columns])
      }).pipe(
        Effect.scoped,
        Effect.provide(Workers.threads({ workers: 2, threads: 2, pipeline: pipelineOf, config })),
        Effect.provide(Logger.replace(Logger.defaultLogger, logger)),
        Effect.runPromise
      )
      expect(values).toEqual(Array.from({ length: 64 }, (_, index) => index))
    }
    expect(lines).toHaveLength(1)
    expect(lines[0]).toMatch(/^backend threads goes on with one member fewer: .*RangeError: too late/)
  },
  TIME
)
