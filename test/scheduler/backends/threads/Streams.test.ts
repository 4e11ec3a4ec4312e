/** Streams on threads: the main thread reads, once and in order; what threads build of the rows is what fibers build. */
import { describe, expect, test } from "bun:test"
import { Effect, Layer, Logger, LogLevel, Option } from "effect"
import fc from "fast-check"
import { FailurePolicy, Scheduler, SeedPolicy, Tensor, Workers } from "../../../../src/index.ts"
import type { PartialOptions } from "../../../support/options.ts"
import { pipeline, type StreamsConfig } from "../../../support/threaded/streams.ts"

const TIME = 60_000
const module = new URL("../../../support/threaded/streams.ts", import.meta.url)

const configOf = (own: Partial<StreamsConfig> = {}): StreamsConfig => ({
  kind: "records",
  rows: 100,
  window: 16,
  batchSize: 6,
  tail: "keep",
  counts: Tensor.resident("int32", [5]),
  ...own
})

interface Conditions {
  readonly on: "fibers" | "threads"
  readonly workers?: number
  readonly take?: number
  readonly options?: PartialOptions
  readonly failures?: Layer.Layer<never, unknown>
  readonly threads?: Partial<Workers.ThreadOptions>
}

const run = (
  config: StreamsConfig,
  { failures = Layer.empty, on, options = {}, take = Number.POSITIVE_INFINITY, threads = {}, workers = 3 }: Conditions
) =>
  Effect.runPromise(
    Effect.gen(function* () {
      config.counts.data.fill(0)
      const loader = yield* Scheduler.open(pipeline(config), { epochs: 2, digest: true, replay: true, ...options })
      const batches: Array<string> = []
      let error: unknown
      while (batches.length < take) {
        const next = yield* Effect.either(loader.take)
        if (next._tag === "Left") error = next.left
        if (next._tag === "Left" || Option.isNone(next.right)) break
        const { columns, epoch, index, indices } = next.right.value
        // What is built ahead is built.
        if (batches.length === take - 1) yield* Effect.sleep(30)
        batches.push(JSON.stringify([epoch, index, [...indices], [...columns.sum.data], [...columns.word.data]]))
      }
      const { replaced, retried, skipped } = yield* loader.stats
      return { batches, error, digest: yield* loader.digest, cursor: yield* loader.cursor, replaced, retried, skipped }
    }).pipe(
      Effect.scoped,
      Effect.provide(
        Layer.mergeAll(
          SeedPolicy.elastic({ seed: 42 }),
          failures,
          on === "fibers"
            ? Workers.fibers({ workers })
            : Workers.threads({ workers, threads: 2, pipeline: module, name: "pipeline", config, ...threads })
        )
      ),
      Logger.withMinimumLogLevel(LogLevel.None)
    )
  )

describe("a stream on threads", () => {
  test(
    "is read once, and delivers what it does on fibers; each goes on where the other stood",
    async () => {
      const configs = [configOf({ tail: "pad" }), configOf({ kind: "arrays", window: 5, tail: "drop" })]
      for (const [at, config] of configs.entries()) {
        const fibers = await run(config, { on: "fibers" })
        const order = at === 0 ? "ready" : "plan"
        const threads = await run(config, { on: "threads", options: { order } })
        expect(threads.error).toBeUndefined()
        expect(threads.digest).toBe(fibers.digest)
        expect(threads.batches.toSorted()).toEqual(fibers.batches.toSorted())
        // Opened and closed once an epoch, and each row given and drawn for once.
        const samples = fibers.batches.reduce((sum, batch) => sum + (JSON.parse(batch)[2] as Array<number>).length, 0)
        expect([...config.counts.data]).toEqual([2, 2, 200, samples, 0])
        if (at === 0) continue
        const first = await run(config, { on: "threads", take: 7 })
        const rest = await run(config, { on: "fibers", options: { from: first.cursor } })
        expect([...first.batches, ...rest.batches]).toEqual(fibers.batches)
        const half = await run(config, { on: "fibers", take: 20 })
        const more = await run(config, { on: "threads", workers: 2, options: { from: half.cursor } })
        expect([...half.batches, ...more.batches]).toEqual(fibers.batches)
        expect(more.digest).toBe(fibers.digest)
      }
    },
    TIME
  )

  test(
    "in order of readiness: the batches and the digest of the plan's order, each row read and drawn for once, and resumed anywhere",
    async () => {
      const shapes = fc.record({
        kind: fc.constantFrom("records" as const, "arrays" as const),
        rows: fc.integer({ min: 1, max: 90 }),
        window: fc.nat(20),
        batchSize: fc.integer({ min: 1, max: 12 }),
        tail: fc.constantFrom("keep" as const, "drop" as const, "pad" as const)
      })
      const workers = fc.integer({ min: 1, max: 4 })
      const property = fc.asyncProperty(shapes, workers, workers, fc.nat(12), async (shape, one, other, take) => {
        const config = configOf(shape)
        const planned = await run(config, { on: "fibers" })
        const options = { order: "ready" } as const
        const ready = await run(config, { on: "threads", workers: one, options })
        expect(ready.error).toBeUndefined()
        expect(ready.batches.toSorted()).toEqual(planned.batches.toSorted())
        expect(ready.digest).toBe(planned.digest)
        const samples = planned.batches.reduce((sum, batch) => sum + (JSON.parse(batch)[2] as Array<number>).length, 0)
        expect([...config.counts.data]).toEqual([2, 2, 2 * shape.rows, samples, 0])
        // Killed with gaps in its row of batches, and gone on with by other workers.
        const first = await run(config, { on: "threads", workers: one, take, options })
        const rest = await run(config, { on: "threads", workers: other, options: { ...options, from: first.cursor } })
        expect([first.error, rest.error]).toEqual([undefined, undefined])
        expect([...first.batches, ...rest.batches].toSorted()).toEqual(planned.batches.toSorted())
        expect(rest.digest).toBe(planned.digest)
      })
      await fc.assert(property, { numRuns: 5 })
    },
    2 * TIME
  )

  test(
    "has ranks and failure policies as on fibers",
    async () => {
      const config = configOf({ kind: "lines" })
      const skip = FailurePolicy.skip({ budget: { samples: 100 }, fill: "neighbor", report: () => Effect.void })
      for (const failures of [FailurePolicy.fail, skip]) {
        const options = { rank: 1, world: 2, uneven: "drop" } as const
        const fibers = await run(config, { on: "fibers", failures, options })
        const threads = await run(config, { on: "threads", failures, options })
        expect(threads.batches).toEqual(fibers.batches)
        expect([threads.skipped, threads.digest]).toEqual([fibers.skipped, fibers.digest])
        expect(String(threads.error)).toBe(String(fibers.error))
        if (failures === FailurePolicy.fail) {
          expect(threads.error).toMatchObject({ lineage: { dataset: "lines", shard: "memory://1", row: 7 } })
        }
      }
    },
    TIME
  )

  test(
    "that throws ends the run with its error, behind what came before",
    async () => {
      const config = configOf({ throwsAt: 50 })
      const { batches, error } = await run(config, { on: "threads" })
      const fibers = await run(config, { on: "fibers" })
      expect(batches).toEqual(fibers.batches)
      expect(batches.length).toBe(8)
      expect(error).toMatchObject({ stage: "dataset", failure: { _tag: "StreamError", source: "feed", row: 50 } })
      expect(String(error)).toBe(String(fibers.error))
    },
    TIME
  )

  test(
    "is not read again when a thread dies",
    async () => {
      const config = configOf({ diesAt: 30 })
      const fibers = await run(configOf(), { on: "fibers" })
      const { digest, error, replaced } = await run(config, { on: "threads" })
      expect(error).toBeUndefined()
      expect([digest, replaced]).toEqual([fibers.digest, 1])
      expect([...config.counts.data].slice(0, 3)).toEqual([2, 2, 200])
    },
    TIME
  )

  test(
    "names a sample that cannot be sent, which can be skipped",
    async () => {
      const config = configOf({ functionAt: 20 })
      const { error } = await run(config, { on: "threads" })
      expect(error).toMatchObject({ _tag: "StageError", stage: "dataset", sample: 20 })
      expect(String(error)).toContain("body.run cannot be sent to a thread as it is")
      expect(String(error)).toContain("Workers.fibers")
      const failures = FailurePolicy.skip({ budget: { samples: 2 }, report: () => Effect.void })
      const skipping = await run(config, { on: "threads", failures })
      expect([skipping.error, skipping.skipped]).toEqual([undefined, 2])
    },
    TIME
  )

  test(
    "names a sample that structured clone refuses for what is beside the elements of a list, which can be skipped",
    async () => {
      const config = configOf({ oddListAt: 20 })
      const { error } = await run(config, { on: "threads" })
      expect(error).toMatchObject({ _tag: "StageError", stage: "dataset", sample: 20 })
      expect(String(error)).toContain("a sample cannot be sent to a thread as it is (DataCloneError")
      const failures = FailurePolicy.skip({ budget: { samples: 2 }, report: () => Effect.void })
      const skipping = await run(config, { on: "threads", failures })
      expect([skipping.error, skipping.skipped]).toEqual([undefined, 2])
    },
    TIME
  )

  test(
    "is read no further than batches are taken, and closed with the run",
    async () => {
      const config = configOf({ rows: 100_000 })
      const threads = { prefetchBytes: 1024 }
      const idle = (options: PartialOptions) => run(config, { on: "threads", take: 2, threads, options })
      await idle({ prefetch: 2 })
      expect(config.counts.data[0]).toBe(1)
      expect(config.counts.data[1]).toBe(1)
      // Three workers with two batches each, two windows, and what an iterable is asked for at once.
      expect(config.counts.data[2]).toBeLessThan(200)
      // With a kibibyte of batches nobody begins those that nobody waits for: two were taken, and a thread has one at most.
      await idle({ prefetch: 8 })
      expect(config.counts.data[3]).toBeLessThan(8 * config.batchSize)
    },
    TIME
  )
})
