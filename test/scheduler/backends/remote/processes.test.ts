/**
 * The laws hold on a backend of processes, which share nothing with the run: all goes as bytes.
 */
import { afterAll, describe, expect, test } from "bun:test"
import { mkdtempSync, readFileSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import process from "node:process"
import { Duration, Effect, Layer, Schedule, Stream } from "effect"
import {
  type Batch,
  FailurePolicy,
  Parity,
  type Pipeline,
  Scheduler,
  SeedPolicy,
  Workers
} from "../../../../src/index.ts"
import { type ProcessOptions, processes } from "../../../support/backends/Processes.ts"
import { type Config, pipeline } from "../../../support/threaded/logged.ts"

const TIME = 120_000
const module = new URL("../../../support/threaded/logged.ts", import.meta.url).href
const folder = mkdtempSync(join(tmpdir(), "furrow-processes-"))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

let logs = 0
const configOf = (more: Partial<Config> = {}): Config => ({
  size: 30,
  batch: 4,
  log: join(folder, `${logs++}`),
  ...more
})

const seeded = SeedPolicy.epochWorker({ seed: 42 })

interface Options extends Partial<ProcessOptions> {
  readonly policy?: Layer.Layer<SeedPolicy.SeedPolicy, unknown>
  readonly failures?: Layer.Layer<FailurePolicy.FailurePolicy, unknown>
  readonly order?: "plan" | "ready"
  readonly took?: () => void
}

/** What a run comes to; on fibers for no processes. The calls are in the order of their names, as others have no order. */
const outcome = (
  config: Config,
  { failures = FailurePolicy.fail, order = "plan", policy = seeded, took, ...own }: Options
) => {
  const { processes: count = 0, workers = 4 } = own
  const options = { ...own, workers, processes: count, module, name: "pipeline", config }
  return Effect.gen(function* () {
    const typed = pipeline(config) as Pipeline.Pipeline<Batch.Batch<unknown>, never, SeedPolicy.SeedPolicy>
    const loader = yield* Scheduler.open(typed, { replay: true, epochs: 2, digest: true, order })
    yield* Stream.runForEach(loader.stream, () => Effect.sync(() => took?.()))
    const { replaced, retried, samples, skipped } = yield* loader.stats
    const calls = readFileSync(config.log, "utf8").trim().split("\n").toSorted()
    return { digest: yield* loader.digest, replaced, retried, samples, skipped, calls }
  }).pipe(
    Effect.scoped,
    Effect.provide(policy),
    Effect.provide(failures),
    Effect.provide(count === 0 ? Workers.fibers({ workers }) : processes(options)),
    Effect.runPromise
  )
}

const errorOf = (config: Config, workers: Layer.Layer<Workers.Workers, unknown>) =>
  Stream.runDrain(Scheduler.stream(pipeline(config), { replay: true, epochs: 1 })).pipe(
    Effect.flip,
    Effect.provide(seeded),
    Effect.provide(workers),
    Effect.runPromise
  )

describe("a run on processes", () => {
  test.each([
    ["epochWorker", seeded, 3, "ready"],
    ["elastic", SeedPolicy.elastic({ seed: 7 }), 1, "plan"],
    ["a policy that carries streams", Parity.pytorch({ torch: 42 }), 3, "plan"]
  ] as const)(
    "delivers what one on fibers does, and calls each function once: %s",
    async (_, policy, count, order) => {
      const expected = await outcome(configOf(), { policy })
      expect(expected).toMatchObject({ samples: 60, replaced: 0, retried: 0 })
      expect(await outcome(configOf(), { policy, order, processes: count })).toEqual(expected)
    },
    TIME
  )

  test(
    "depends, under the elastic policy, neither on the workers nor on the processes",
    async () => {
      const policy = SeedPolicy.elastic({ seed: 7 })
      const { digest } = await outcome(configOf(), { policy, workers: 1 })
      expect((await outcome(configOf(), { policy, workers: 5, processes: 2 })).digest).toBe(digest)
    },
    TIME
  )

  test(
    "attempts again and skips what fails, with the calls and counts of fibers",
    async () => {
      const fails = { 3: 2, 11: 1, 12: 100 }
      const failures = Layer.merge(
        FailurePolicy.retry(Schedule.recurs(2)),
        FailurePolicy.skip({ budget: { share: 1 }, report: () => Effect.void })
      )
      const expected = await outcome(configOf({ fails }), { failures })
      expect(expected).toMatchObject({ skipped: 2 })
      expect(await outcome(configOf({ fails }), { failures, processes: 2 })).toEqual(expected)
    },
    TIME
  )

  test(
    "ends by the error that it is on fibers",
    async () => {
      const config = configOf({ fails: { 9: 100 } })
      const fiber = await errorOf(config, Workers.fibers({ workers: 4 }))
      const own = processes({ workers: 4, processes: 2, module, name: "pipeline", config })
      const error = await errorOf(config, own)
      expect(error).toBeInstanceOf(Scheduler.StageError)
      expect(error.message).toBe(fiber.message)
    },
    TIME
  )

  test(
    "goes on when processes are killed or hang: what they were at is built again, and counted",
    async () => {
      const { digest } = await outcome(configOf(), {})
      const pids: Array<number> = []
      let taken = 0
      const own = await outcome(configOf({ killed: { 8: 2 }, spins: { 21: 1 } }), {
        processes: 2,
        timeout: Duration.seconds(4),
        started: (pid) => pids.push(pid),
        took: () => {
          // Somebody else's kill, of one that may be at a batch or at none.
          const last = pids.at(-1)
          if (++taken === 5 && last !== undefined) process.kill(last, "SIGKILL")
        }
      })
      expect(own).toMatchObject({ digest, samples: 60, skipped: 0 })
      expect(own.replaced).toBeGreaterThanOrEqual(3)
      expect(new Set(pids).size).toBeGreaterThanOrEqual(6)
    },
    TIME
  )

  test(
    "where streams are carried, builds again what a killed one had built",
    async () => {
      const policy = Parity.pytorch({ torch: 42 })
      const { digest } = await outcome(configOf(), { policy })
      const own = await outcome(configOf({ killed: { 8: 1 } }), { policy, processes: 2 })
      expect(own).toMatchObject({ digest, replaced: 1 })
    },
    TIME
  )

  test(
    "fails once the restarts are used up",
    async () => {
      const config = configOf({ killed: { 8: 100 } })
      const own = processes({ workers: 4, processes: 2, module, name: "pipeline", config, restarts: 1 })
      const error = await errorOf(config, own)
      expect(error).toMatchObject({
        _tag: "BackendError",
        reason: expect.stringContaining("it ended with SIGKILL, after 1 replacement")
      })
      const deaths = readFileSync(config.log, "utf8").match(/^noise 8$/gm)
      expect(deaths).toHaveLength(2)
    },
    TIME
  )
})
