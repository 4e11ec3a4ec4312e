/**
 * Runners in this process, and what the functions of `Runners` refuse.
 */
import { expect, test } from "bun:test"
import { Cause, Effect, Exit, Layer, Option } from "effect"
import { Runners, Workers } from "../../src/cluster.ts"
import { Scheduler, SeedPolicy } from "../../src/index.ts"
import { pipeline } from "./numbers.ts"

const module = new URL("./numbers.ts", import.meta.url).href

test("a run on two embedded runners is a local run", async () => {
  const digest = Effect.gen(function* () {
    const loader = yield* Scheduler.open(pipeline({}), { epochs: 1, digest: true, replay: true })
    yield* loader.forEach(() => Effect.void)
    return yield* loader.digest
  }).pipe(Effect.scoped, Effect.provide(SeedPolicy.epochWorker({ seed: 1 })))
  const cluster = Workers.cluster({ workers: 2, pipeline: module, config: {} }).pipe(
    Layer.provide(Runners.embedded({ pipelines: [module], runners: 2 }))
  )
  const local = await Effect.runPromise(Effect.provide(digest, Workers.fibers({ workers: 2 })))
  expect(await Effect.runPromise(Effect.provide(digest, cluster))).toBe(local)
})

test("options that are none are refused by their names", async () => {
  const info = { id: "x", host: "127.0.0.1", port: 1, threads: 1 }
  const database = "sqlite::memory:"
  const nobody = Runners.list([{ host: "127.0.0.1", port: 1 }])
  const cluster = (config: unknown) => Workers.cluster({ workers: 1, pipeline: module, config })
  const failing: ReadonlyArray<readonly [Effect.Effect<unknown, unknown>, string]> = [
    [Layer.launch(Runners.embedded({ pipelines: [module], runners: 0 })), "runners"],
    [Layer.launch(Runners.embedded({ pipelines: [] })), "pipelines"],
    ...[new Map(), () => 1, new (class {})()].map(
      (m) =>
        [
          Layer.launch(Layer.provide(cluster({ name: "x", inner: [{ m }] }), nobody)),
          "config.inner.0.m must be"
        ] as const
    ),
    [Layer.launch(Runners.database(database, { heartbeat: 0 })), "heartbeat"],
    [Layer.launch(Runners.database("a-secret of mine")), "database"],
    // From code without types.
    [Layer.launch(Runners.database(database, { hearbeat: 1 } as object)), "hearbeat"],
    [Effect.scoped(Runners.register({ ...info, host: "0.0.0.0" }, { database })), "host"],
    [Effect.scoped(Runners.register(info, { database, port: 0 })), "port"],
    [Effect.scoped(Runners.register(info, { database, host: "" })), "host"]
  ]
  for (const [effect, word] of failing) {
    const exit = await Effect.runPromiseExit(effect)
    const error = Option.getOrThrow(Exit.isFailure(exit) ? Cause.failureOption(exit.cause) : Option.none())
    expect(error).toMatchObject({ _tag: "InvalidOption" })
    expect(String(error)).toContain(word)
    expect(String(error)).not.toContain("secret")
  }
})
