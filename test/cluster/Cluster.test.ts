/**
 * The laws hold on a cluster: runners in this process, on ports of their own, that are killed, hang and come back.
 */
import { describe, expect, test } from "bun:test"
import { Effect, Exit, Layer, Scope, Stream } from "effect"
import { Runner, Runners, Workers } from "../../src/cluster.ts"
import { Scheduler, SeedPolicy } from "../../src/index.ts"
import { pipeline } from "./numbers.ts"

const module = new URL("./numbers.ts", import.meta.url).href
const seeded = SeedPolicy.epochWorker({ seed: 42 })

/** A runner that can be killed: its scope closes, and with it all its connections. */
const runner = async (threads = 0, port = 0) => {
  const scope = Effect.runSync(Scope.make())
  const own = await Effect.runPromise(Scope.extend(Runner.listen({ pipelines: [module], threads, port }), scope))
  return { ...own, address: `127.0.0.1:${own.port}`, kill: () => Effect.runPromise(Scope.close(scope, Exit.void)) }
}

const digestOf = (workers: Layer.Layer<Workers.Workers, unknown>, taken?: (batches: number) => unknown) =>
  Effect.gen(function* () {
    let batches = 0
    const loader = yield* Scheduler.open(pipeline({}), { epochs: 2, digest: true })
    yield* Stream.runForEach(loader.stream, () => Effect.promise(async () => taken?.(++batches)))
    return { digest: yield* loader.digest, stats: yield* loader.stats }
  }).pipe(Effect.scoped, Effect.provide(seeded), Effect.provide(workers), Effect.runPromise)

describe("a run on runners", () => {
  test("delivers what fibers deliver", async () => {
    const { digest } = await digestOf(Workers.fibers({ workers: 3 }))
    const all = [await runner(), await runner()]
    const own = await digestOf(
      Workers.cluster({ workers: 3, pipeline: module, config: {} }).pipe(
        Layer.provide(Runners.list(all.map(({ address }) => address)))
      )
    )
    expect(own.digest).toBe(digest)
    await Promise.all(all.map(({ kill }) => kill()))
  })
})
