/** What is told of a runner that has refused a run and is asked again, which may take minutes. */
import { afterEach, expect, test } from "bun:test"
import { type Duration, Effect, Logger, LogLevel } from "effect"
import * as FiberBuilders from "../../../src/cluster/FiberBuilders.ts"
import type { Serving } from "../../../src/cluster/Session.ts"
import { Scheduler, SeedPolicy } from "../../../src/index.ts"
import { at } from "../../support/rng.ts"
import { pipeline } from "../numbers.ts"
import { Network } from "./Network.ts"
import { QUICK, SimulatedRunner } from "./SimulatedRunner.ts"
import { workersOf } from "./workersOf.ts"

const module = new URL("../numbers.ts", import.meta.url).href
const OTHER = "the code reads otherwise"

let close: (() => Promise<unknown>) | undefined
afterEach(() => close?.())

/** Why a run has no runner where the one there is first refuses it, and then loads for ever. */
const told = (refused: (runner: SimulatedRunner) => Promise<unknown>, loading?: Duration.DurationInput) => {
  const network = new Network(at(7), { cuts: false, delay: 0 })
  let asked = 0
  const again = Promise.withResolvers<void>()
  const builders: Serving["builders"] = () => {
    if (asked++ === 0) return Effect.fail(new Error(OTHER))
    again.resolve()
    return Effect.never
  }
  const runner = new SimulatedRunner(network, 1, module, QUICK, builders)
  runner.start()
  close = () => runner.kill()
  const workers = workersOf(network, [runner], module, {
    wait: "400 millis",
    ...(loading === undefined ? {} : { loading })
  })
  // Its first batch is waited for meanwhile.
  const run = Effect.flatMap(Scheduler.open(pipeline({}), { epochs: 1 }), (loader) => loader.take).pipe(
    Effect.scoped,
    Effect.provide(workers),
    Effect.provide(SeedPolicy.epochWorker({ seed: 42 })),
    Logger.withMinimumLogLevel(LogLevel.None),
    Effect.flip,
    Effect.runPromise
  )
  const seen = (async () => {
    while (asked === 0) await new Promise((resolve) => setTimeout(resolve, 1))
    await refused(runner)
    await again.promise
  })()
  return Promise.all([run, seen]).then(([error]) => String(error))
}

test("that it refused, and why, and not that it is loading", async () => {
  const error = await told(() => Promise.resolve())
  expect(error).toContain(`runner memory:1: ${OTHER}`)
  expect(error).not.toContain("loading")
})

test("that it is loading if another process is there by now", async () => {
  const error = await told(async (runner) => {
    await new Promise((resolve) => setTimeout(resolve, 20))
    await runner.kill()
    runner.start()
  }, "300 millis")
  expect(error).toMatch(/runner memory:1: it (is still loading|was not ready within 300ms)/)
  expect(error).not.toContain(OTHER)
})

test("and one that loads for longer than a run waits is waited for", async () => {
  const network = new Network(at(7), { cuts: false, delay: 0 })
  const builders: Serving["builders"] = (start, events) => Effect.delay(FiberBuilders.make(start, events), "300 millis")
  const runner = new SimulatedRunner(network, 1, module, QUICK, builders)
  runner.start()
  close = () => runner.kill()
  const taken = await Effect.flatMap(
    Scheduler.open(pipeline({}), { epochs: 1, replay: true }),
    (loader) => loader.take
  ).pipe(
    Effect.scoped,
    Effect.provide(workersOf(network, [runner], module, { wait: "50 millis" })),
    Effect.provide(SeedPolicy.epochWorker({ seed: 42 })),
    Effect.runPromise
  )
  expect(taken._tag).toBe("Some")
})
