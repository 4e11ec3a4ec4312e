/**
 * Sinks that write to a server of S3's protocol, and what is there when they are killed.
 */
import { afterAll, describe, expect, test } from "bun:test"
import { createHash } from "node:crypto"
import { Chunk, Effect, Fiber, Logger, Schedule, Stream } from "effect"
import { Dataset, Pipeline, Sampler, SeedPolicy, Sink, Store, Workers } from "../../src/index.ts"
import { s3Server } from "../support/s3.ts"
import { type Incident, s3Gate } from "../support/s3Gate.ts"

const server = await s3Server("data")
const gate = await s3Gate(server.url)
afterAll(async () => {
  await gate.close()
  await server.close()
})

const credentials = { accessKeyId: "S3RVER", secretAccessKey: "S3RVER" }
const partBytes = 5 * 2 ** 20
const layer = Store.s3({ endpoint: gate.url, credentials, partBytes, retry: Schedule.recurs(1) })

/** Rows in an order that is drawn; a long one takes up most of a part. */
const pipeline = (size: number, length: number) =>
  Pipeline.from(Dataset.range(size)).pipe(
    Pipeline.sample(Sampler.shuffle),
    Pipeline.augment("draw", (n, rng) => ({ n, x: rng.integer(1000), text: "x".repeat(length) })),
    Pipeline.batchWith(3, (rows) => rows)
  )

const running = (own: ReturnType<typeof pipeline>, sink: Sink.Sink) =>
  Sink.run(own, sink).pipe(
    Effect.provide(layer),
    Effect.provide(SeedPolicy.elastic({ seed: 1 })),
    Effect.provide(Workers.fibers({ workers: 2 })),
    Effect.provide(Logger.remove(Logger.defaultLogger))
  )

/** The objects of a folder, as hexadecimal digits of their hashes or as text. */
const objects = (folder: string) =>
  Effect.gen(function* () {
    const store = yield* Store.Store
    const found: Record<string, string> = {}
    for (const listed of Chunk.toReadonlyArray(yield* Stream.runCollect(store.list(folder)))) {
      const info = yield* store.stat(listed)
      const bytes = yield* store.read(info, 0, info.size)
      found[info.location.slice(folder.length)] = createHash("sha256").update(bytes).digest("hex")
    }
    return found
  }).pipe(Effect.provide(layer), Effect.runPromise)

let folders = 0
const fresh = (): string => `s3://data/out-${folders++}/`

/** Runs until a change of the bucket, at which it is interrupted, as if it had been killed there. */
const killedAt = async (at: number, incident: Incident, own: ReturnType<typeof pipeline>, sink: Sink.Sink) => {
  const first = gate.changes.length
  const fiber = Effect.runFork(running(own, sink))
  gate.incident = (change, number) => {
    // What it had sent again before it was interrupted is lost, too; but it takes back its uploads.
    if (number > first + at && !change.startsWith("DELETE")) return "lost before"
    if (number !== first + at) return undefined
    Effect.runFork(Fiber.interrupt(fiber))
    return incident
  }
  const exit = await Effect.runPromise(Fiber.await(fiber))
  await new Promise((resolve) => setTimeout(resolve, 20))
  await gate.settled()
  gate.incident = () => undefined
  return exit
}

describe("a sink in S3", () => {
  test("whose run is killed at any request has the same shards once it is started again", async () => {
    const whole = fresh()
    const own = pipeline(9, 10)
    const first = gate.changes.length
    const manifest = await Effect.runPromise(running(own, Sink.jsonl(whole, { rows: 5 })))
    const expected = await objects(whole)
    expect(Object.keys(expected).toSorted()).toEqual(
      ["manifest.json", ...manifest.shards.map(({ name }) => name)].toSorted()
    )
    const changes = gate.changes.slice(first)
    const names = changes.map((change) => change.replace("/data/out-0/", ""))
    expect(names.filter((name) => name.startsWith("PUT")).at(-1)).toBe("PUT manifest.json")
    expect(names.at(-1)).toBe("DELETE .progress.json")
    for (const incident of ["lost before", "lost behind"] as const) {
      for (let at = 0; at < changes.length; at++) {
        const folder = fresh()
        const sink = Sink.jsonl(folder, { rows: 5 })
        const exit = await killedAt(at, incident, own, sink)
        expect([at, exit._tag]).toEqual([at, "Failure"])
        const between = await objects(folder)
        // No shard is there in part.
        for (const [name, hash] of Object.entries(between)) {
          if (name.startsWith("shard")) expect(hash).toBe(expected[name] ?? "no such shard")
        }
        expect(await Effect.runPromise(running(own, sink))).toEqual(manifest)
        expect(await objects(folder)).toEqual(expected)
      }
    }
  }, 60_000)

  test("whose requests lose their answers writes them again, and has the same shards", async () => {
    const whole = fresh()
    const own = pipeline(9, 10)
    const manifest = await Effect.runPromise(running(own, Sink.jsonl(whole, { rows: 5 })))
    const expected = await objects(whole)
    for (const incident of ["lost behind", "lost before", "unavailable"] as const) {
      const folder = fresh()
      const first = gate.changes.length
      gate.incident = (_, number) => ((number - first) % 2 === 0 ? incident : undefined)
      expect(await Effect.runPromise(running(own, Sink.jsonl(folder, { rows: 5 })))).toEqual(manifest)
      gate.incident = () => undefined
      const changes = gate.changes.slice(first)
      expect(await objects(folder)).toEqual(expected)
      // Each is asked for twice: the first time is that of the incident.
      expect(changes.filter((_, at) => at % 2 === 0)).toEqual(changes.filter((_, at) => at % 2 === 1))
      expect(changes.length).toBeGreaterThan(8)
    }
  }, 60_000)

  test("whose shards are uploads of several parts: none is left open, and they are the same", async () => {
    const own = pipeline(4, 2 ** 21)
    const whole = fresh()
    const first = gate.changes.length
    const manifest = await Effect.runPromise(running(own, Sink.jsonl(whole, { rows: 3 })))
    const expected = await objects(whole)
    expect(gate.open.size).toBe(0)
    const changes = gate.changes.slice(first)
    const places = (pattern: RegExp) => changes.flatMap((change, at) => (pattern.test(change) ? [at] : []))
    expect(places(/^POST .*\?uploads/)).toHaveLength(1)
    const [begun = -1] = places(/^POST .*\?uploads/)
    const [part = -1] = places(/^PUT .*uploadId/)
    const [completed = -1] = places(/^POST .*uploadId/)
    for (const [at, incident] of [
      [begun, "lost before"],
      [part, "lost before"],
      [part + 1, "lost behind"],
      [completed, "lost before"],
      [completed, "lost behind"]
    ] as const) {
      const folder = fresh()
      const sink = Sink.jsonl(folder, { rows: 3 })
      expect((await killedAt(at, incident, own, sink))._tag).toBe("Failure")
      expect([at, gate.open.size]).toEqual([at, 0])
      expect(await Effect.runPromise(running(own, sink))).toEqual(manifest)
      expect(await objects(folder)).toEqual(expected)
    }
    // A server that fails: the run ends with its error, and goes on when it is back.
    const folder = fresh()
    const sink = Sink.jsonl(folder, { rows: 3 })
    gate.incident = (change) => (/^PUT .*partNumber=2/.test(change) ? "unavailable" : undefined)
    const error = await Effect.runPromise(Effect.flip(running(own, sink)))
    gate.incident = () => undefined
    expect(error).toMatchObject({ _tag: "StoreError", kind: "unavailable" })
    expect(gate.open.size).toBe(0)
    expect(await Effect.runPromise(running(own, sink))).toEqual(manifest)
    expect(await objects(folder)).toEqual(expected)
  }, 60_000)
})
