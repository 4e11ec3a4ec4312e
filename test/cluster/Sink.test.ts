/**
 * Rows that are written to shards, and built by runners: what fibers write, also where a runner is killed in the middle.
 */
import { expect, test } from "bun:test"
import { Effect, Exit, Layer, Scope } from "effect"
import { Runner, Runners, Workers } from "../../src/cluster.ts"
import { SeedPolicy, Sink } from "../../src/index.ts"
import { killedStore } from "../support/sinks/killed.ts"
import { pipeline } from "../support/sinks/threaded.ts"

const module = new URL("../support/sinks/threaded.ts", import.meta.url).href
const seeded = SeedPolicy.elastic({ seed: 3 })

/** The objects that a run writes. */
const written = async (
  workers: Layer.Layer<Workers.Workers, unknown>,
  shard: (number: number) => void = () => undefined
) => {
  const store = killedStore()
  let shards = 0
  const sink = Sink.jsonl("memory://out", { rows: 100 })
  const run = Sink.run(pipeline, sink, { epochs: 2, prefetch: 2, onProgress: () => shard(shards++) })
  const manifest = await Effect.runPromise(store.provided(run).pipe(Effect.provide(seeded), Effect.provide(workers)))
  return { manifest, objects: await Effect.runPromise(store.objects) }
}

const runner = async () => {
  const scope = Effect.runSync(Scope.make())
  const { port } = await Effect.runPromise(Scope.extend(Runner.listen({ pipelines: [module], threads: 0 }), scope))
  return { address: `127.0.0.1:${port}`, kill: () => Effect.runPromise(Scope.close(scope, Exit.void)) }
}

test("a sink has the bytes of the fibers' run, though one of two runners is killed", async () => {
  const local = await written(Workers.fibers({ workers: 3 }))
  expect(local.manifest.rows).toBe(2000)
  const [one, two] = await Promise.all([runner(), runner()])
  const cluster = Workers.cluster({ workers: 3, pipeline: module }).pipe(
    Layer.provide(Runners.list([one.address, two.address]))
  )
  let killed: Promise<void> | undefined
  try {
    const own = await written(cluster, (number) => {
      if (number === 5) killed = one.kill()
    })
    expect(killed).toBeDefined()
    expect(own).toEqual(local)
  } finally {
    await Promise.all([one.kill(), two.kill()])
  }
})
