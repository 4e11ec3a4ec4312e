import { describe, expect, test } from "bun:test"
import { Effect, type Exit, Layer, Metric, Option, Stream, Tracer } from "effect"
import { Dataset, Pipeline, Sampler, Scheduler, SeedPolicy, Workers } from "../../../src/index.ts"
import * as Metrics from "../../../src/scheduler/loader/Metrics.ts"
import { verdict } from "../../../src/scheduler/loader/Profile.ts"
import type { PartialOptions } from "../../support/options.ts"
import { light } from "../../support/threaded/costs.ts"

const TIME = 60_000
const policy = SeedPolicy.epochWorker({ seed: 42 })

const slow = Pipeline.from(Dataset.range(40)).pipe(
  Pipeline.sample(Sampler.shuffle),
  Pipeline.augment("quick", (x, rng) => x + rng.float()),
  Pipeline.mapEffect("wait", (x) => Effect.as(Effect.sleep("3 millis"), x), { concurrency: 1 }),
  Pipeline.batch(4)
)

const drained = (
  pipeline: typeof slow | typeof light,
  workers: Layer.Layer<Workers.Workers, unknown>,
  options: PartialOptions = {}
) =>
  Effect.gen(function* () {
    const loader = yield* Scheduler.open(pipeline, { replay: true, epochs: 1, ...options })
    const before = yield* loader.profile
    yield* Stream.runDrain(loader.stream)
    return { before, after: yield* loader.profile, stats: yield* loader.stats }
  }).pipe(Effect.scoped, Effect.provide(Layer.merge(policy, workers)))

const profiled = async (...args: Parameters<typeof drained>) => {
  const [pipeline, workers, options] = args
  const { after } = await Effect.runPromise(drained(pipeline, workers, { ...options, profile: true }))
  return Option.getOrThrow(after)
}

describe("a profile", () => {
  test("is kept where it is asked for, and is empty before the first batch", async () => {
    const without = await Effect.runPromise(drained(slow, Workers.fibers({ workers: 2 })))
    expect(without.after).toEqual(Option.none())
    const { before } = await Effect.runPromise(drained(slow, Workers.fibers({ workers: 2 }), { profile: true }))
    expect(Option.getOrThrow(before)).toMatchObject({
      stages: [],
      milliseconds: 0,
      waited: 0,
      verdict: "nothing was made yet"
    })
  })

  test("names each stage with its part", async () => {
    const { queues, stages, verdict: said, milliseconds, waited } = await profiled(slow, Workers.fibers({ workers: 2 }))
    expect(stages.map(({ name }) => name)).toEqual(["sample", "dataset range", "quick", "wait", "batch"])
    for (const { batches } of stages) expect(batches).toBe(10)
    expect(stages.reduce((sum, { share }) => sum + share, 0)).toBeCloseTo(1, 9)
    const [, , , wait] = stages
    // Timers wait at least as long as they are told to: 10 batches of four that go one after the other.
    expect(wait?.milliseconds).toBeGreaterThan(100)
    expect(queues).toHaveLength(2)
    for (const { capacity, empty, mean } of queues) {
      expect(capacity).toBe(2)
      expect(mean).toBeGreaterThanOrEqual(0)
      expect(mean).toBeLessThanOrEqual(2)
      expect(empty).toBeGreaterThanOrEqual(0)
      expect(empty).toBeLessThanOrEqual(1)
    }
    expect(waited).toBeGreaterThanOrEqual(0)
    expect(waited).toBeLessThanOrEqual(milliseconds)
    // Who it is depends on the machine: see "the verdict".
    expect(said).toContain(" holds the ")
  })

  test("counts the batches of each worker; as ready a late one delays its own only", async () => {
    const late = Pipeline.from(Dataset.range(60)).pipe(
      Pipeline.mapEffect("wait", (x, { worker }) => Effect.as(Effect.sleep(worker === 1 ? 60 : 1), x), {
        concurrency: 2
      }),
      Pipeline.batch(2)
    )
    const run = (order: "plan" | "ready") =>
      Effect.gen(function* () {
        const loader = yield* Scheduler.open(late, { epochs: 1, profile: true, order })
        const workers = yield* Stream.runCollect(Stream.map(loader.stream, ({ worker }) => worker))
        return { workers: Array.from(workers), profile: Option.getOrThrow(yield* loader.profile) }
      }).pipe(Effect.scoped, Effect.provide(Workers.fibers({ workers: 3 })), Effect.runPromise)
    const plan = await run("plan")
    expect(plan.workers).toEqual(Array.from({ length: 30 }, (_, place) => place % 3))
    expect(plan.profile.workers.map(({ batches }) => batches)).toEqual([10, 10, 10])
    expect(Scheduler.formatProfile(plan.profile)).toContain("worker 1: 10 batches, ")
    const ready = await run("ready")
    // The others are through while it is at its first ones.
    for (const other of [0, 2]) expect(ready.workers.lastIndexOf(other)).toBeLessThan(ready.workers.length - 2)
    expect(ready.workers.filter((worker) => worker === 1)).toHaveLength(10)
  })

  test("has a line for each stage and queue", async () => {
    const profile = await Effect.runPromise(
      Effect.gen(function* () {
        const loader = yield* Scheduler.open(light, { epochs: 1, profile: true, prefetch: 4 })
        yield* Stream.runForEach(Stream.take(loader.stream, 10), () => Effect.sleep("10 millis"))
        return Option.getOrThrow(yield* loader.profile)
      }).pipe(Effect.scoped, Effect.provide(Layer.merge(policy, Workers.fibers({ workers: 2 }))))
    )
    expect(Scheduler.formatProfile(profile)).toContain("noise")
    expect(Scheduler.formatProfile(profile)).toContain("queue 1: ")
  })

  test(
    "comes from threads, too, and has one queue under order ready",
    async () => {
      const module = new URL("../../support/threaded/costs.ts", import.meta.url)
      const threads = Workers.threads({ workers: 2, pipeline: module, name: "light" })
      const { queues, stages } = await profiled(light, threads, { order: "ready", digest: true })
      expect(stages.map(({ name }) => name).toSorted()).toEqual(["batch", "dataset range", "digest", "noise", "sample"])
      for (const { batches } of stages) expect(batches).toBe(100)
      expect(queues).toHaveLength(1)
    },
    TIME
  )
})

describe("the verdict", () => {
  const stages = (...times: ReadonlyArray<readonly [string, number]>) =>
    times.map(([name, milliseconds]) => ({ name, batches: 10, milliseconds, share: milliseconds / 100, forms: [] }))
  const workers = (...each: ReadonlyArray<number>) =>
    each.map((milliseconds, worker) => ({ worker, batches: 10, milliseconds: 10 * milliseconds }))
  const two = stages(["quick", 20], ["wait", 80])

  test("names the slowest stage where the consumer waits", () => {
    const said = "stage wait holds the run back: 80 % of all stages' time, and the consumer waited 50 % of the time"
    expect(verdict(two, workers(5, 5), 0.5)).toBe(said)
  })

  test("names a worker whose batches take twice as long as those of the others, once it has built four", () => {
    const said =
      "worker 1 holds the row back: its batches take 10.0 ms, those of the others 5.0 ms, and the consumer waited 50 % of the time"
    expect(verdict(two, workers(5, 10, 5), 0.5)).toBe(said)
    expect(verdict(two, workers(5, 9, 5), 0.5)).toMatch(/^stage wait /)
    const few = workers(5, 50, 5).map((own) => (own.worker === 1 ? { ...own, batches: 3 } : own))
    expect(verdict(two, few, 0.5)).toMatch(/^stage wait /)
  })

  test("names the consumer where it hardly waits, and nobody where nothing was made", () => {
    expect(verdict(two, workers(5, 50), 0.04)).toBe("the consumer holds the run back: it waited 4 % of the time")
    expect(verdict([], [], 1)).toBe("nothing was made yet")
  })
})

describe("metrics", () => {
  const counts = (label: string) =>
    Effect.all([
      Metric.value(Metric.tagged(Metrics.batches, "run", label)),
      Metric.value(Metric.tagged(Metrics.samples, "run", label)),
      Metric.value(Metric.tagged(Metrics.waited, "run", label))
    ]).pipe(Effect.map(([batches, samples, waited]) => [batches.count, samples.count, waited.count]))

  test("count what is handed out, under the labels of the fiber that opens the run", async () => {
    const run = drained(light, Workers.fibers({ workers: 2 })).pipe(Effect.tagMetrics("run", "metrics test"))
    const { stats } = await Effect.runPromise(run)
    expect(stats).toMatchObject({ batches: 100, samples: 400 })
    expect(await Effect.runPromise(counts("metrics test"))).toEqual([100, 400, 100])
    expect(await Effect.runPromise(counts("another"))).toEqual([0, 0, 0])
  })

  test("say that no batch is ready of a run that is closed", async () => {
    const ready = Effect.map(Metric.value(Metric.tagged(Metrics.ready, "run", "ready test")), ({ value }) => value)
    const run = Effect.gen(function* () {
      const loader = yield* Scheduler.open(light, { epochs: 1, prefetch: 4 })
      for (let taken = 0; taken < 10; taken++) {
        yield* loader.take
        yield* Effect.sleep(1)
      }
      return yield* ready
    }).pipe(
      Effect.scoped,
      Effect.provide(Layer.merge(SeedPolicy.epochWorker({ seed: 1 }), Workers.fibers({ workers: 1 }))),
      Effect.tagMetrics("run", "ready test")
    )
    expect(await Effect.runPromise(run)).toBeGreaterThan(0)
    expect(await Effect.runPromise(ready)).toBe(0)
  })
})

describe("spans", () => {
  interface Seen {
    readonly name: string
    readonly parent: string | undefined
    readonly attributes: Map<string, unknown>
    ended: boolean
  }

  /** A tracer that keeps what it is told, as an exporter would. */
  const collecting = () => {
    const seen: Array<Seen> = []
    const tracer = Tracer.make({
      span: (name, parent, context, links, startTime, kind) => {
        const attributes = new Map<string, unknown>()
        const own: Seen = {
          name,
          parent: Option.match(parent, {
            onNone: () => undefined,
            onSome: (span) => ("name" in span ? span.name : span._tag)
          }),
          attributes,
          ended: false
        }
        seen.push(own)
        return {
          _tag: "Span",
          name,
          spanId: String(seen.length),
          traceId: "trace",
          parent,
          context,
          status: { _tag: "Started", startTime },
          attributes,
          links,
          sampled: true,
          kind,
          end: (_: bigint, __: Exit.Exit<unknown, unknown>) => {
            own.ended = true
          },
          attribute: (key: string, value: unknown) => {
            attributes.set(key, value)
          },
          event: () => undefined,
          addLinks: () => undefined
        }
      },
      context: (run) => run()
    })
    return { seen, tracer }
  }

  test("are one for the run, one a batch within it, one a stage within that", async () => {
    const { seen, tracer } = collecting()
    await Effect.runPromise(drained(slow, Workers.fibers({ workers: 2 })).pipe(Effect.withTracer(tracer)))
    const [run] = seen
    expect(run).toMatchObject({ name: "furrow.run", ended: true })
    expect(run?.attributes.get("workers")).toBe(2)
    const batches = seen.filter(({ name }) => name === "furrow.batch")
    expect(batches).toHaveLength(10)
    expect(batches.map(({ attributes }) => attributes.get("batch")).toSorted()).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9])
    for (const { parent } of batches) expect(parent).toBe("furrow.run")
    for (const name of ["sample", "dataset range", "quick", "wait", "batch"]) {
      const own = seen.filter((span) => span.name === name)
      expect(own).toHaveLength(10)
      for (const { parent } of own) expect(parent).toBe("furrow.batch")
    }
    expect(seen.every(({ ended }) => ended)).toBe(true)
  })

  test("are the parents of a stage's own spans, and one a step where a batch is built as columns", async () => {
    const own = collecting()
    const images = Pipeline.from(Dataset.fromColumns({ x: Float32Array.from({ length: 8 }, (_, row) => row) })).pipe(
      Pipeline.batch(4)
    )
    const decoding = Pipeline.from(Dataset.range(4)).pipe(
      Pipeline.mapEffect("decode", (index) => Effect.withSpan(Effect.succeed(index), "jpeg")),
      Pipeline.batch(4)
    )
    await Effect.runPromise(
      Effect.all([
        Stream.runDrain(Scheduler.stream(images, { epochs: 1 })),
        Stream.runDrain(Scheduler.stream(decoding, { epochs: 1 }))
      ]).pipe(Effect.provide(Workers.fibers({ workers: 1 })), Effect.withTracer(own.tracer))
    )
    const named = (name: string) => own.seen.filter((span) => span.name === name)
    expect(named("jpeg").map(({ parent }) => parent)).toEqual(["decode", "decode", "decode", "decode"])
    expect(named("decode").map(({ parent }) => parent)).toEqual(["furrow.batch"])
    // Two batches of columns, whose dataset is not read sample by sample, and one of samples.
    expect(named("batch")).toHaveLength(3)
    expect(own.seen.filter(({ name }) => name.startsWith("dataset"))).toHaveLength(1)
    expect(own.seen.every(({ ended }) => ended)).toBe(true)
  })

  test("are none where nobody has said what should take them", async () => {
    let spans = 0
    const probe = Pipeline.from(Dataset.range(4)).pipe(
      Pipeline.mapEffect("probe", (x) =>
        Effect.map(Effect.option(Effect.currentSpan), (span) => {
          if (Option.isSome(span)) spans++
          return x
        })
      ),
      Pipeline.batch(2)
    )
    const run = Stream.runDrain(Scheduler.stream(probe, { epochs: 1 })).pipe(
      Effect.provide(Workers.fibers({ workers: 1 }))
    )
    await Effect.runPromise(run)
    // Another run that is open stands before the tracer, and is no tracer itself.
    await Effect.runPromise(
      Effect.scoped(Effect.zipRight(Scheduler.open(probe, { epochs: 1 }), run)).pipe(
        Effect.provide(Workers.fibers({ workers: 1 }))
      )
    )
    expect(spans).toBe(0)
  })
})
