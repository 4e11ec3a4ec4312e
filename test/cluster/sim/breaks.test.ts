/** Connections that break again and again are no deaths: a run's batches are charged for runners that are gone alone. */
import { afterEach, expect, test } from "bun:test"
import { Effect, type Layer, Logger, LogLevel, Stream } from "effect"
import { Parity, Scheduler, SeedPolicy, Workers } from "../../../src/index.ts"
import { at } from "../../support/rng.ts"
import { calls, pipeline } from "../numbers.ts"
import { Network } from "./Network.ts"
import { SimulatedRunner } from "./SimulatedRunner.ts"
import { workersOf } from "./workersOf.ts"

const module = new URL("../numbers.ts", import.meta.url).href
const config = { batch: 5, size: 20, waits: 2 }

const closing = new Set<() => Promise<unknown>>()
afterEach(async () => {
  for (const close of closing) await close()
  closing.clear()
})

/** A run on so many runners, whose network or processes are ended `times` while something is being built; or on fibers. */
const digestOf = (
  count: number,
  happen: (runner: SimulatedRunner, network: Network) => Promise<unknown>,
  { policy = SeedPolicy.epochWorker({ seed: 42 }), restarts = 1, times = 4 }: Options = {}
) => {
  const network = new Network(at(7), { cuts: false, delay: 0 })
  const runners = Array.from({ length: count }, (_, index) => new SimulatedRunner(network, index + 1, module))
  for (const runner of runners) runner.start()
  closing.add(() => Promise.all(runners.map((runner) => runner.kill())))
  const workers = workersOf(network, runners, module, { config, restarts })
  // A sample of the first batch takes longer than this, wherever it is built.
  const before = calls.length
  let seen = before
  let left = times
  const timer = setInterval(() => {
    if (left === 0 || calls.length === seen) return
    seen = calls.length
    left--
    for (const runner of runners) void happen(runner, network)
  }, 1)
  return Effect.gen(function* () {
    const loader = yield* Scheduler.open(pipeline(config), { digest: true, epochs: 1 })
    yield* Stream.runDrain(loader.stream)
    const { replaced } = yield* loader.stats
    return { digest: yield* loader.digest, replaced, happened: times - left }
  }).pipe(
    Effect.scoped,
    Effect.provide(policy),
    Effect.provide(count === 0 ? Workers.fibers({ workers: 1 }) : workers),
    Effect.ensuring(Effect.sync(() => clearInterval(timer))),
    Logger.withMinimumLogLevel(LogLevel.None),
    Effect.either,
    Effect.runPromise
  )
}

interface Options {
  readonly policy?: Layer.Layer<SeedPolicy.SeedPolicy, unknown>
  readonly restarts?: number
  readonly times?: number
}

test.each([
  ["a batch of its own coordinates", SeedPolicy.epochWorker({ seed: 42 })],
  ["streams that are carried", Parity.pytorch({ torch: 42 })]
] as const)(
  "connections that break, or damage a frame, while runners go on are charged to no batch: %s",
  async (_, policy) => {
    const expected = await digestOf(0, () => Promise.resolve(), { policy, times: 0 })
    const digest = expected._tag === "Right" ? expected.right.digest : ""
    const breaks = async ({ host }: SimulatedRunner): Promise<void> => {
      host.break()
    }
    const damages = async (_: SimulatedRunner, network: Network): Promise<void> => {
      network.change = (piece) => {
        if (piece.length < 2000) return // it is of no batch
        network.change = undefined
        piece[1000] = (piece[1000] ?? 0) ^ 1
      }
    }
    for (const happen of [breaks, damages]) {
      for (const count of [1, 3]) {
        const broken = await digestOf(count, happen, { policy })
        expect(broken).toMatchObject({ _tag: "Right", right: { digest, happened: 4 } })
        expect(broken._tag === "Right" && broken.right.replaced).toBeGreaterThan(1)
      }
    }
  }
)

test("runners that are gone are", async () => {
  const killed = await digestOf(1, async (runner) => {
    await runner.kill()
    runner.start()
  })
  expect(killed).toMatchObject({ _tag: "Left", left: { _tag: "BackendError" } })
  expect(String(killed._tag === "Left" && killed.left)).toContain("after 1 replacement, as many as")
})
