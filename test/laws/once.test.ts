/**
 * Law 7. A user's function is called once for each sample and attempt, on every backend and whatever is observed. An
 * attempt is a try that the failure policy grants, a replacement of dead or hung compute, a `verify` or a `replay`; each
 * is counted.
 */
import { describe, expect, test } from "bun:test"
import { Context, Effect, Layer, Option, Schedule, Stream, Tracer } from "effect"
import fc from "fast-check"
import { Dataset, FailurePolicy, Pipeline, Sampler, Scheduler, SeedPolicy, Workers } from "../../src/index.ts"
import type { StandardSchema } from "../../src/sources/shards/RowSchema.ts"
import { recording } from "../../src/testing.ts"
import { numbersIn, orderedFormats, SHARD_ROWS, type ShardFormat, shardFormats } from "../support/shards/EveryFormat.ts"
import {
  type Config,
  callsFor,
  counted,
  type Fault,
  type Kind,
  leavesOut,
  rowOf,
  type Source
} from "../support/threaded/counted.ts"

const TIME = 120_000
const module = new URL("../support/threaded/counted.ts", import.meta.url)
const seeds = SeedPolicy.elastic({ seed: 7 })

type Recipe = Omit<Config, "calls">

/** Who looks on. */
interface Observers {
  readonly digest: boolean
  readonly profile: boolean
  readonly traced: boolean
  readonly recorded: boolean
}

const unobserved: Observers = { digest: false, profile: false, traced: false, recorded: false }

const observers: fc.Arbitrary<Observers> = fc.record({
  digest: fc.boolean(),
  profile: fc.boolean(),
  traced: fc.boolean(),
  recorded: fc.boolean()
})

const nowhere = (): Tracer.Span => ({
  _tag: "Span",
  name: "span",
  spanId: "1",
  traceId: "1",
  parent: Option.none(),
  context: Context.empty(),
  status: { _tag: "Started", startTime: 0n },
  attributes: new Map(),
  links: [],
  sampled: true,
  kind: "internal",
  end: () => undefined,
  attribute: () => undefined,
  event: () => undefined,
  addLinks: () => undefined
})
const tracer = Tracer.make({ span: nowhere, context: (run) => run() })

/** What a run comes to: the samples it delivers or the error it ends with, what it counts, and the calls it made. */
const outcome = async (
  recipe: Recipe,
  failures: Layer.Layer<FailurePolicy.FailurePolicy, unknown>,
  workers: (config: Config) => Layer.Layer<Workers.Workers, unknown>,
  { digest, profile, recorded, traced }: Observers
) => {
  const config: Config = { ...recipe, calls: callsFor(recipe.stages.length, recipe.size) }
  const run = Effect.gen(function* () {
    const loader = yield* Scheduler.open(counted(config), { replay: true, epochs: 1, digest, profile })
    const delivered = yield* Effect.either(
      Stream.runCollect(Stream.map(loader.stream, ({ columns, indices }) => [[...indices], [...columns]]))
    )
    const { replaced, retried, skipped } = yield* loader.stats
    const result =
      delivered._tag === "Right"
        ? { batches: Array.from(delivered.right), error: undefined }
        : { batches: [], error: placeOf(delivered.left) }
    return { ...result, retried, replaced, skipped }
  }).pipe(
    Effect.scoped,
    Effect.provide(workers(config)),
    Effect.provide(failures),
    Effect.provide(recorded ? recording(seeds) : seeds)
  )
  const made = await Effect.runPromise(traced ? Effect.withTracer(run, tracer) : run)
  return { ...made, calls: Array.from(new Int32Array(config.calls)) }
}

const placeOf = (error: unknown) => {
  if (!(error instanceof Scheduler.StageError)) throw error
  const { batch, cause, epoch, position, sample, stage } = error
  // What of several that failed at once is told first depends on their order alone.
  return { epoch, batch, stage, position, sample, cause: String(cause instanceof Error ? cause.message : cause) }
}

/** The calls and retried samples of a run whose failures are all retried, by a plain loop. */
const expected = ({ batch, faults, size, source, stages }: Recipe, tries = Number.POSITIVE_INFINITY) => {
  const calls = new Int32Array((3 + stages.length) * size)
  let retried = 0
  /** Whether a call goes well. */
  const call = (stage: number, index: number): boolean => {
    const at = rowOf(stage) * size + index
    const before = calls[at] ?? 0
    calls[at] = before + 1
    return !faults.some((own) => own.stage === stage && own.index === index && before < own.times)
  }
  const skipped = new Set<number>()
  /** Takes a sample through everything before `batch`; says whether it is kept. */
  const sample = (index: number): boolean => {
    for (let attempt = 1; ; attempt++) {
      if (attempt > 1) retried++
      let well = call(-1, index)
      let keeps = true
      for (let place = 0; well && keeps && place < stages.length; place++) {
        well = call(place, index)
        if (well && stages[place] === "filter") keeps = !leavesOut(place, index)
      }
      if (well) return keeps
      if (attempt === tries) {
        skipped.add(index)
        return false
      }
    }
  }
  for (let from = 0; from < size; from += batch) {
    const rows = Array.from({ length: Math.min(batch, size - from) }, (_, row) => from + row)
    for (let attempt = 1; ; attempt++) {
      if (attempt > 1) retried += rows.length
      if (source === "many") {
        const all = rows.every((index) => call(-1, index))
        // One read of many is attempted again one by one; what it has read well is not read again.
        if (all) for (const index of rows) calls[rowOf(-1) * size + index] = (calls[rowOf(-1) * size + index] ?? 0) - 1
        else retried += rows.length
      }
      const kept = rows.filter(sample)
      if (kept.length === 0 || (kept.every((index) => call(-2, index)) && kept.every((index) => call(-3, index)))) break
    }
  }
  return { calls: Array.from(calls), retried, skipped: skipped.size }
}

const recipes = (faults: fc.Arbitrary<ReadonlyArray<Fault>>): fc.Arbitrary<Recipe> =>
  fc.record({
    size: fc.constant(16),
    batch: fc.constantFrom(1, 3, 4, 16),
    source: fc.constantFrom<Source>("make", "mapped", "effect", "many"),
    stages: fc.array(fc.constantFrom<Kind>("map", "augment", "filter", "mapEffect", "augmentEffect"), {
      maxLength: 4
    }),
    faults
  })

const faultsOf = (times: fc.Arbitrary<number>, whole: boolean, maxLength = 5): fc.Arbitrary<ReadonlyArray<Fault>> =>
  fc.uniqueArray(fc.record({ stage: fc.integer({ min: whole ? -3 : -1, max: 3 }), index: fc.nat(15), times }), {
    maxLength,
    selector: ({ index }) => index
  })

const fibers = (count: number) => () => Workers.fibers({ workers: count })
const threads = (count: number) => (config: Config) =>
  Workers.threads({ workers: 2, threads: count, pipeline: module, name: "counted", config })
const untilWell = FailurePolicy.retry(Schedule.recurs(50))
const none: ReadonlyArray<Fault> = []

describe("on fibers", () => {
  test(
    "a run without failures calls each function once for each sample that reaches it",
    async () => {
      await fc.assert(
        fc.asyncProperty(recipes(fc.constant(none)), observers, fc.nat(2), async (recipe, who, more) => {
          const policies = [FailurePolicy.fail, untilWell, FailurePolicy.timeout({ sample: "1 minute" })]
          for (const policy of policies) {
            const made = await outcome(recipe, policy, fibers(1 + more), who)
            expect(made.error).toBeUndefined()
            expect(made.calls).toEqual(expected(recipe).calls)
            expect(made).toMatchObject({ retried: 0, replaced: 0, skipped: 0 })
          }
        }),
        { numRuns: 60 }
      )
    },
    TIME
  )

  test(
    "under `fail` the first error ends the run, whoever looks on, and nothing is called twice",
    async () => {
      await fc.assert(
        fc.asyncProperty(recipes(faultsOf(fc.constant(1), true, 3)), observers, async (recipe, who) => {
          const plain = await outcome(recipe, FailurePolicy.fail, fibers(1), unobserved)
          const watched = await outcome(recipe, FailurePolicy.fail, fibers(1), who)
          expect(watched.error).toEqual(plain.error)
          for (const { calls, retried } of [plain, watched]) {
            expect(Math.max(...calls)).toBeLessThanOrEqual(1)
            expect(retried).toBe(0)
          }
          if (plain.error === undefined) expect(watched).toEqual(plain)
        }),
        { numRuns: 150 }
      )
    },
    TIME
  )

  test(
    "a policy that retries has only what failed attempted again, and counts it",
    async () => {
      await fc.assert(
        fc.asyncProperty(
          recipes(faultsOf(fc.integer({ min: 1, max: 2 }), true)),
          observers,
          fc.nat(2),
          fc.boolean(),
          async (recipe, who, more, timed) => {
            const policy = timed
              ? Layer.merge(untilWell, FailurePolicy.timeout({ sample: "1 minute", batch: "1 minute" }))
              : untilWell
            const sound = await outcome({ ...recipe, faults: [] }, FailurePolicy.fail, fibers(1), unobserved)
            const made = await outcome(recipe, policy, fibers(1 + more), who)
            expect(made.error).toBeUndefined()
            expect(made.batches).toEqual(sound.batches)
            // Samples that have a time of their own are read on their own.
            const own: Recipe = timed && recipe.source === "many" ? { ...recipe, source: "effect" } : recipe
            const { calls, retried } = expected(own)
            expect(made.calls).toEqual(calls)
            expect(made.retried).toBe(retried)
          }
        ),
        { numRuns: 150 }
      )
    },
    TIME
  )

  test(
    "a policy that skips attempts as often as it says, and what is left out is called for no more",
    async () => {
      await fc.assert(
        fc.asyncProperty(
          recipes(faultsOf(fc.constant(1e9), false)).filter(({ source }) => source !== "many"),
          observers,
          fc.integer({ min: 1, max: 3 }),
          async (recipe, who, attempts) => {
            const policy = Layer.merge(
              FailurePolicy.skip({ budget: { share: 1 }, report: () => Effect.void }),
              FailurePolicy.retry(Schedule.recurs(attempts - 1))
            )
            const made = await outcome(recipe, policy, fibers(1), who)
            const { calls, retried, skipped } = expected(recipe, attempts)
            expect(made.error).toBeUndefined()
            expect(made.calls).toEqual(calls)
            expect(made).toMatchObject({ retried, skipped })
          }
        ),
        { numRuns: 100 }
      )
    },
    TIME
  )

  test("verify and replay are attempts of their own", async () => {
    const recipe: Recipe = { size: 8, batch: 4, source: "make", stages: ["map"], faults: [] }
    const config: Config = { ...recipe, calls: callsFor(1, 8) }
    const pipeline = counted(config)
    const verified = await Effect.gen(function* () {
      const loader = yield* Scheduler.open(pipeline, { epochs: 1, verify: 2 })
      yield* Stream.runDrain(loader.stream)
      expect((yield* loader.stats).verified).toBe(0)
      yield* loader.verify
      return (yield* loader.stats).verified
    }).pipe(Effect.scoped, Effect.provide(seeds), Effect.provide(Workers.fibers({ workers: 1 })), Effect.runPromise)
    expect(verified).toBe(2)
    expect(Array.from(new Int32Array(config.calls))).toEqual(new Array(32).fill(2))
    await Effect.runPromise(Scheduler.replay(pipeline, { epoch: 0, batch: 1, workers: 1 }).pipe(Effect.provide(seeds)))
    const once = [2, 2, 2, 2, 3, 3, 3, 3]
    expect(Array.from(new Int32Array(config.calls))).toEqual([...once, ...once, ...once, ...once])
  })

  test("a plain map that throws once ends the run at its place, with a digest and without", async () => {
    for (const digest of [false, true]) {
      let calls = 0
      const pipeline = Pipeline.from(Dataset.range(16)).pipe(
        Pipeline.map("once", (x) => {
          calls++
          if (calls === 10) throw new Error("once")
          return x
        }),
        Pipeline.batch(4)
      )
      const error = await Scheduler.open(pipeline, { epochs: 1, digest }).pipe(
        Effect.flatMap((loader) => Effect.flip(Stream.runDrain(loader.stream))),
        Effect.scoped,
        Effect.provide(Workers.fibers({ workers: 1 })),
        Effect.runPromise
      )
      expect(error).toMatchObject({ _tag: "StageError", stage: "once", batch: 2, sample: 9, position: 9 })
      expect(calls).toBe(10)
    }
  })
})

describe("over shards and streams", () => {
  const SIZE = 3 * SHARD_ROWS
  const sources = ["sequential", "shuffle", "shuffleBlocks", "a stream of shards", "a generator"] as const
  type From = (typeof sources)[number]
  const samplers = {
    sequential: Sampler.sequential,
    shuffle: Sampler.shuffle,
    shuffleBlocks: Sampler.shuffleBlocks({ window: 2 })
  }

  /** A pipeline whose rows go through a schema, or come from a generator, which count the calls for each. */
  const counting = (from: From, name: ShardFormat, batch: number, bad: number | undefined) =>
    Effect.gen(function* () {
      const { format, locations, numberOf } = numbersIn.get(name) ?? expect.unreachable()
      const calls = new Array<number>(SIZE).fill(0)
      const asked = (index: number) => {
        calls[index] = (calls[index] ?? 0) + 1
        return index !== bad
      }
      const schema: StandardSchema<number> = {
        "~standard": {
          version: 1,
          vendor: "test",
          validate: (value) => (asked(numberOf(value)) ? { value: numberOf(value) } : { issues: [{ message: "bad" }] })
        }
      }
      const shards = locations.slice(0, SIZE / SHARD_ROWS)
      const staged = (start: Pipeline.Pipeline<number, unknown, SeedPolicy.SeedPolicy>) =>
        start.pipe(
          Pipeline.augment("draw", (n, rng) => n + rng.float()),
          Pipeline.batch(batch)
        )
      if (from === "a generator") {
        const rows = function* () {
          for (let index = 0; index < SIZE; index++) {
            asked(index)
            yield index
          }
        }
        return { calls, pipeline: staged(Pipeline.from(Dataset.fromStream(rows))) }
      }
      if (from === "a stream of shards") {
        const stream = yield* Dataset.openStream(shards, { format, schema, atOnce: 2 })
        return { calls, pipeline: staged(Pipeline.from(stream).pipe(Pipeline.shuffleWindow(5))) }
      }
      // So small a cache that blocks are decoded again.
      const dataset = yield* Dataset.open(shards, { format, schema, index: false, cacheBytes: 64 })
      return { calls, pipeline: staged(Pipeline.from(dataset).pipe(Pipeline.sample(samplers[from]))) }
    })

  test(
    "a schema is asked once for each row, whoever looks on, and after an error for no row again",
    async () => {
      await fc.assert(
        fc.asyncProperty(
          fc
            .constantFrom(...sources)
            .chain((from) =>
              fc.tuple(
                fc.constant(from),
                fc.constantFrom(...(from === "a stream of shards" ? orderedFormats : shardFormats))
              )
            ),
          fc.integer({ min: 1, max: 9 }),
          fc.option(fc.nat(SIZE - 1), { nil: undefined }),
          observers,
          fc.integer({ min: 1, max: 3 }),
          async ([from, format], batch, bad, { digest, profile, recorded, traced }, workers) => {
            const run = Effect.gen(function* () {
              const { calls, pipeline } = yield* counting(from, format, batch, bad)
              const loader = yield* Scheduler.open(pipeline, { replay: true, epochs: 1, digest, profile })
              const exit = yield* Effect.exit(Stream.runDrain(loader.stream))
              return { calls, isDone: exit._tag === "Success", stats: yield* loader.stats }
            }).pipe(
              Effect.scoped,
              Effect.provide(numbersIn.get(format)?.store ?? expect.unreachable()),
              Effect.provide(recorded ? recording(seeds) : seeds),
              Effect.provide(Workers.fibers({ workers }))
            )
            const { calls, isDone, stats } = await Effect.runPromise(traced ? Effect.withTracer(run, tracer) : run)
            const isBad = bad !== undefined && from !== "a generator"
            expect(isDone).toBe(!isBad)
            expect(stats).toMatchObject({ retried: 0, replaced: 0, skipped: 0 })
            if (isBad) expect(Math.max(...calls)).toBe(1)
            else expect(calls).toEqual(new Array(SIZE).fill(1))
          }
        ),
        { numRuns: 100 }
      )
    },
    TIME
  )
})

describe("on threads", () => {
  const faults: ReadonlyArray<Fault> = [
    { stage: -1, index: 1, times: 2 },
    { stage: 0, index: 5, times: 1 },
    { stage: 1, index: 6, times: 2 },
    { stage: 2, index: 6, times: 1 },
    { stage: -2, index: 9, times: 1 },
    { stage: -3, index: 13, times: 2 }
  ]
  const stages: ReadonlyArray<Kind> = ["augment", "mapEffect", "map"]

  test.each<Source>(["make", "mapped", "effect", "many"])(
    "the calls, the batches and the counts are those of fibers: a dataset of %s",
    async (source) => {
      const recipe: Recipe = { size: 16, batch: 4, source, stages, faults }
      const here = await outcome(recipe, untilWell, fibers(2), unobserved)
      expect(here.calls).toEqual(expected(recipe).calls)
      expect(await outcome(recipe, untilWell, threads(2), unobserved)).toEqual(here)
      const observed: Observers = { digest: true, profile: true, traced: true, recorded: true }
      expect(await outcome(recipe, untilWell, threads(1), observed)).toEqual(here)
    },
    TIME
  )

  test(
    "under `fail` the error is that of fibers, and nothing is called twice",
    async () => {
      for (const fault of faults) {
        const recipe: Recipe = { size: 16, batch: 4, source: "make", stages, faults: [{ ...fault, times: 1 }] }
        const here = await outcome(recipe, FailurePolicy.fail, fibers(2), unobserved)
        const there = await outcome(recipe, FailurePolicy.fail, threads(1), unobserved)
        expect(here.error).toBeDefined()
        expect(there.error).toEqual(here.error)
        expect(Math.max(...there.calls)).toBe(1)
      }
    },
    TIME
  )
})
