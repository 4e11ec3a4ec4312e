/**
 * Ranks with lanes of their own, on runners: each block is read by one runner, which is asked for all batches of a rank.
 */
import { afterAll, expect, test } from "bun:test"
import { mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { Effect, Exit, Layer, Scope } from "effect"
import { Runner, Runners, Workers } from "../../src/cluster.ts"
import { Scheduler, SeedPolicy } from "../../src/index.ts"
import { type Config, counted, pipeline } from "./blocks.ts"

const module = new URL("./blocks.ts", import.meta.url).href
const folder = mkdtempSync(join(tmpdir(), "furrow-blocks-"))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

const ROWS = 4800
const WORLD = 2
const config: Config = { location: join(folder, "rows.jsonl"), index: join(folder, "index") }
const text = Array.from({ length: ROWS }, (_, n) => `{"n":${n},"text":"${"x".repeat(n % 7)}"}\n`).join("")
writeFileSync(config.location, text)

/** Both ranks at once; their digests, and how many times the bytes of the shard were read. */
const run = async (
  layer: Layer.Layer<Workers.Workers, unknown>,
  taken: (rank: number, batches: number) => unknown = () => undefined
) => {
  const own = await pipeline(config)
  counted.bytes = 0
  const rank = (rank: number) =>
    Effect.gen(function* () {
      const loader = yield* Scheduler.open(own, {
        epochs: 1,
        rank,
        world: WORLD,
        uneven: "pad",
        digest: true,
        replay: true
      })
      let batches = 0
      yield* loader.forEach(() => Effect.promise(async () => taken(rank, ++batches)))
      return yield* loader.digest
    }).pipe(Effect.scoped, Effect.provide(SeedPolicy.elastic({ seed: 5 })), Effect.provide(layer))
  const digests = await Effect.runPromise(Effect.all([rank(0), rank(1)], { concurrency: "unbounded" }))
  return { digests, times: counted.bytes / text.length }
}

const runner = async () => {
  const scope = Effect.runSync(Scope.make())
  const { port } = await Effect.runPromise(Scope.extend(Runner.listen({ pipelines: [module], threads: 0 }), scope))
  return { address: `127.0.0.1:${port}`, kill: () => Effect.runPromise(Scope.close(scope, Exit.void)) }
}

test("each block is read once over two runners, and those of a rank's windows once more where its runner dies", async () => {
  const local = await run(Workers.fibers({ workers: 2 }))
  const [one, two] = await Promise.all([runner(), runner()])
  const cluster = Workers.cluster({ workers: 2, pipeline: module, config }).pipe(
    Layer.provide(Runners.list([one.address, two.address]))
  )
  try {
    const both = await run(cluster)
    expect(both.digests).toEqual(local.digests)
    expect(both.times).toBeGreaterThanOrEqual(1)
    expect(both.times).toBeLessThanOrEqual(1.1)
    const left = await run(cluster, (rank, batches) => (rank === 1 && batches === 40 ? two.kill() : undefined))
    expect(left.digests).toEqual(local.digests)
    expect(left.times).toBeLessThanOrEqual(1.3)
  } finally {
    await one.kill()
    await two.kill()
  }
})
