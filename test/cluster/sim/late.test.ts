/** A runner that goes on to say that it is alive and does not get on: what it should build is built elsewhere. */
import { afterEach, expect, test } from "bun:test"
import { Effect, type Layer, Logger, LogLevel } from "effect"
import { Scheduler, SeedPolicy, Workers } from "../../../src/index.ts"
import { at } from "../../support/rng.ts"
import { type Config, calls, pipeline } from "../numbers.ts"
import { Network } from "./Network.ts"
import { SimulatedRunner } from "./SimulatedRunner.ts"
import { workersOf } from "./workersOf.ts"

const module = new URL("../numbers.ts", import.meta.url).href

let runners: ReadonlyArray<SimulatedRunner> = []
afterEach(() => Promise.all(runners.map((runner) => runner.kill())))

const digestOf = (config: Config, layer: Layer.Layer<Workers.Workers, unknown>, world: number) =>
  Effect.gen(function* () {
    const loader = yield* Scheduler.open(pipeline(config), { digest: true, epochs: 1, replay: true, rank: 0, world })
    yield* loader.forEach(() => Effect.void)
    return { digest: yield* loader.digest, replaced: (yield* loader.stats).replaced }
  }).pipe(
    Effect.scoped,
    Effect.provide(SeedPolicy.elastic({ seed: 42 })),
    Effect.provide(layer),
    Logger.withMinimumLogLevel(LogLevel.None),
    Effect.runPromise
  )

test.each([
  ["of several ranks with lanes, whose batches wait for the runner that reads their blocks", 2],
  ["of one rank", 1]
])(
  "a run %s",
  async (_, world) => {
    const config = { batch: 4, size: 400, lanes: 2 }
    const before = calls.length
    const { digest } = await digestOf(config, Workers.fibers({ workers: 1 }), world)
    const stalls = calls[before + 60] ?? -1
    const network = new Network(at(7), { cuts: false, delay: 0 })
    runners = [1, 2].map((port) => new SimulatedRunner(network, port, module))
    for (const runner of runners) runner.start()
    const workers = workersOf(network, runners, module, { config: { ...config, stalls }, hedge: 30 })
    const own = await digestOf(config, workers, world)
    expect(own.digest).toBe(digest)
    expect(own.replaced).toBeGreaterThan(0)
    // Not each batch of its owner is waited for again: 50 and more are asked for twice then.
    expect(own.replaced).toBeLessThan(30)
  },
  20_000
)
