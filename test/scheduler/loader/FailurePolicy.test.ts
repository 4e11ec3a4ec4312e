/**
 * What becomes of a run when samples cannot be made: on fibers and on threads, for every place where something fails.
 */
import { describe, expect, test } from "bun:test"
import { Duration, Effect, Fiber, Layer, Logger, Metric, Schedule, Stream, TestClock, TestContext } from "effect"
import fc from "fast-check"
import {
  type Batch,
  type Cursor,
  Dataset,
  FailurePolicy,
  furrow,
  type InvalidOption,
  Parity,
  Pipeline,
  type Run,
  Scheduler,
  SeedAudit,
  SeedPolicy,
  Workers
} from "../../../src/index.ts"
import { allowance, current } from "../../../src/scheduler/loader/FailureServices.ts"
import * as Metrics from "../../../src/scheduler/loader/Metrics.ts"
import { Recording, recording } from "../../../src/testing.ts"
import type { PartialOptions } from "../../support/options.ts"
import { type Config, endless, Flaky, flaky, images, type Trouble } from "../../support/threaded/flaky.ts"

const TIME = 60_000
const module = new URL("../../support/threaded/flaky.ts", import.meta.url)

type Failures = Layer.Layer<FailurePolicy.FailurePolicy, InvalidOption.InvalidOption>
type Hands = Layer.Layer<Workers.Workers, InvalidOption.InvalidOption>
type Own<A> = Pipeline.Pipeline<Batch.Batch<A>, unknown, SeedPolicy.SeedPolicy>

const seeds = SeedPolicy.elastic({ seed: 7 })

const provided =
  (failures: Failures, workers: Hands) =>
  <A, E>(run: Effect.Effect<A, E, SeedPolicy.SeedPolicy | Workers.Workers>) =>
    run.pipe(Effect.provide(seeds), Effect.provide(workers), Effect.provide(failures))

/** All that a run delivers: digest, batches as plain data, and what it counted. */
const all = <A>(own: Own<A>, failures: Failures, workers: Hands, options: PartialOptions = {}) =>
  Effect.gen(function* () {
    const loader = yield* Scheduler.open(own, { replay: true, epochs: 2, digest: true, ...options })
    const batches = yield* Stream.runCollect(
      Stream.map(loader.stream, ({ epoch, index, indices, size }) => ({ epoch, index, indices: [...indices], size }))
    )
    const { skipped } = yield* loader.stats
    return { digest: yield* loader.digest, batches: Array.from(batches), skipped }
  }).pipe(Effect.scoped, provided(failures, workers), Effect.runPromise)

const errorOf = <A>(own: Own<A>, failures: Failures, workers: Hands, options: PartialOptions = {}) =>
  Stream.runDrain(Scheduler.stream(own, { epochs: 2, ...options })).pipe(
    Effect.flip,
    provided(failures, workers),
    Effect.runPromise
  )

const sound = { size: 40, batch: 8, troubles: [], effects: false } satisfies Config
const recurs = (times: number) => FailurePolicy.retry(Schedule.recurs(times))
const leaving = (budget: FailurePolicy.Budget) => FailurePolicy.skip({ budget, report: () => Effect.void })

/** Troubles that go by within so many tries. */
const troublesUpTo = (times: number): fc.Arbitrary<ReadonlyArray<Trouble>> =>
  fc.uniqueArray(
    fc.record({
      where: fc.constantFrom("read", "read many", "effectful", "plain", "draw", "collated", "mixed"),
      index: fc.nat(39),
      times: fc.integer({ min: 1, max: times })
    }),
    // A sample that fails at several places fails as often as all of them together.
    { maxLength: 8, selector: ({ index }) => index % 8 }
  )

describe("retry", () => {
  test(
    "what is tried again is what it would have been, to the bit",
    async () => {
      const untouched = await all(flaky(sound), FailurePolicy.fail, Workers.fibers({ workers: 1 }))
      await fc.assert(
        fc.asyncProperty(
          troublesUpTo(2),
          fc.boolean(),
          fc.integer({ min: 1, max: 3 }),
          fc.constantFrom("plan" as const, "ready" as const),
          async (troubles, effects, workers, order) => {
            const own = flaky({ ...sound, troubles, effects })
            const made = await all(own, recurs(2), Workers.fibers({ workers }), { order })
            expect(made.digest).toBe(untouched.digest)
            expect(made.skipped).toBe(0)
          }
        ),
        { numRuns: 100 }
      )
    },
    TIME
  )

  test(
    "so it is on threads",
    async () => {
      const untouched = await all(flaky(sound), FailurePolicy.fail, Workers.fibers({ workers: 1 }))
      const troubles: ReadonlyArray<Trouble> = [
        { where: "read", index: 3, times: 2 },
        { where: "plain", index: 12, times: 1 },
        { where: "plain", index: 13, times: 2 },
        { where: "effectful", index: 21, times: 2 },
        { where: "draw", index: 30, times: 1 },
        { where: "mixed", index: 2, times: 1 },
        { where: "collated", index: 3, times: 2 }
      ]
      const config: Config = { ...sound, troubles, effects: false }
      const threads = Workers.threads({ workers: 2, pipeline: module, name: "flaky", config })
      const made = await all(flaky(config), recurs(2), threads, { prefetch: 3 })
      expect(made.digest).toBe(untouched.digest)
      // One epoch: of a sample that fails twice in a thread, two epochs could have one failure each.
      const error = await errorOf(flaky(config), recurs(1), threads, { epochs: 1 })
      expect(error).toBeInstanceOf(Scheduler.StageError)
    },
    TIME
  )

  test(
    "the metric counts batches that are attempted again, and no batch of which all that failed is skipped",
    async () => {
      const troubles: ReadonlyArray<Trouble> = [
        { where: "plain", index: 8, times: 1 },
        { where: "plain", index: 9, times: 1 },
        { where: "draw", index: 30, times: 1e9 }
      ]
      const config: Config = { ...sound, troubles, effects: false }
      const skip = FailurePolicy.skip({ budget: { samples: 6 }, report: () => Effect.void })
      let runs = 0
      const counted = (failures: Failures, workers: Hands) => {
        const label = `retried ${runs++}`
        return Effect.gen(function* () {
          const loader = yield* Scheduler.open(flaky(config), { replay: true, epochs: 1 })
          yield* Stream.runDrain(loader.stream)
          const { count } = yield* Metric.value(Metric.tagged(Metrics.retried, "run", label))
          return [Number(count), (yield* loader.stats).retried]
        }).pipe(Effect.tagMetrics("run", label), Effect.scoped, provided(failures, workers), Effect.runPromise)
      }
      const backends = [
        Workers.fibers({ workers: 2 }),
        Workers.threads({ workers: 1, pipeline: module, name: "flaky", config })
      ]
      for (const workers of backends) {
        // Batch 1 is attempted again for two samples, batch 3 for one.
        expect(await counted(Layer.merge(recurs(1), skip), workers)).toEqual([2, 3])
        expect((await counted(skip, workers))[0]).toBe(0)
      }
    },
    TIME
  )

  test("of images that are made in columns", async () => {
    const untouched = await all(images(sound), FailurePolicy.fail, Workers.fibers({ workers: 1 }))
    const troubles: ReadonlyArray<Trouble> = [
      { where: "plain", index: 5, times: 2 },
      { where: "plain", index: 6, times: 1 }
    ]
    for (const debug of [false, true]) {
      const made = await all(images({ ...sound, troubles }), recurs(2), Workers.fibers({ workers: 2, debug }))
      expect(made.digest).toBe(untouched.digest)
    }
  })

  test("each sample has a schedule of its own, and the run fails with the last error and its place", async () => {
    const troubles: ReadonlyArray<Trouble> = [
      { where: "plain", index: 8, times: 2 },
      { where: "plain", index: 9, times: 2 },
      { where: "plain", index: 14, times: 4 }
    ]
    const error = await errorOf(flaky({ ...sound, troubles }), recurs(3), Workers.fibers({ workers: 1 }))
    expect(error).toMatchObject({ _tag: "StageError", stage: "plain", epoch: 0, batch: 1, sample: 14, position: 14 })
    const fourth = await all(flaky({ ...sound, troubles }), recurs(4), Workers.fibers({ workers: 1 }))
    expect(fourth.skipped).toBe(0)
  })

  test("the schedule is asked with the error, and says what is worth it", async () => {
    const troubles: ReadonlyArray<Trouble> = [
      { where: "effectful", index: 4, times: 1 },
      { where: "plain", index: 20, times: 1 }
    ]
    const seen: Array<string> = []
    const policy = FailurePolicy.retry(
      Schedule.recurs(5).pipe(
        Schedule.whileInput((error: Scheduler.StageError) => {
          seen.push(error.stage)
          return error.failure instanceof Flaky
        })
      )
    )
    // What a plain stage throws is no failure of an effect.
    const error = await errorOf(flaky({ ...sound, troubles }), policy, Workers.fibers({ workers: 1 }))
    expect(error).toMatchObject({ stage: "plain", sample: 20 })
    expect(seen).toEqual(["effectful", "plain"])
  })

  test("waits as long as the schedule has it, on Effect's clock; an interrupt ends the wait", async () => {
    const troubles: ReadonlyArray<Trouble> = [{ where: "plain", index: 1, times: 1 }]
    const run = Effect.gen(function* () {
      const loader = yield* Scheduler.open(flaky({ ...sound, troubles }), { epochs: 1 })
      const first = yield* Effect.fork(loader.take)
      yield* TestClock.adjust("59 minutes")
      expect(first.unsafePoll()).toBe(null)
      yield* TestClock.adjust("1 minutes")
      expect((yield* Fiber.join(first))._tag).toBe("Some")
    }).pipe(Effect.scoped, provided(FailurePolicy.retry(Schedule.spaced("1 hour")), Workers.fibers({ workers: 1 })))
    await Effect.runPromise(Effect.provide(run, TestContext.TestContext))
    const waiting = Stream.runDrain(Scheduler.stream(flaky({ ...sound, troubles }), { epochs: 1 })).pipe(
      provided(FailurePolicy.retry(Schedule.spaced("1 hour")), Workers.fibers({ workers: 2 }))
    )
    const exit = await Effect.runPromise(
      Effect.flatMap(Effect.fork(waiting), (fiber) => Effect.zipRight(Effect.sleep(20), Fiber.interrupt(fiber)))
    )
    expect(exit._tag).toBe("Failure")
  })

  test("draws of tries that came to nothing are not counted as draws", async () => {
    const troubles: ReadonlyArray<Trouble> = [
      { where: "plain", index: 3, times: 2 },
      { where: "mixed", index: 2, times: 1 }
    ]
    const draws = (own: Own<unknown>, failures: Failures) =>
      Effect.gen(function* () {
        yield* Stream.runDrain(Scheduler.stream(own, { epochs: 1 }))
        return yield* (yield* Recording).draws
      }).pipe(
        Effect.provide(recording(seeds)),
        Effect.provide(Workers.fibers({ workers: 1 })),
        Effect.provide(failures),
        Effect.runPromise
      )
    const made = await draws(flaky({ ...sound, troubles }), recurs(2))
    const expected = await draws(flaky(sound), FailurePolicy.fail)
    expect(made.length).toBe(expected.length)
    const place = (own: (typeof made)[number]) => JSON.stringify([own.coordinates.batch, own.coordinates.ordinal, own])
    expect(made.map(place).toSorted()).toEqual(expected.map(place).toSorted())
  })

  test("of what is no fault of a sample there is none: refused randomness, a policy that carries streams on", async () => {
    let calls = 0
    const impure = Pipeline.from(Dataset.range(4)).pipe(
      Pipeline.map("impure", () => {
        calls++
        return Math.random()
      }),
      Pipeline.batch(2)
    )
    const lenient = Layer.merge(FailurePolicy.skip({ budget: { share: 1 } }), recurs(5))
    const error = await errorOf(impure, lenient, Workers.fibers({ workers: 1 }))
    expect(error).toMatchObject({ _tag: "StageError", stage: "impure" })
    expect(calls).toBe(1)

    const drawing = Pipeline.from(Dataset.range(4)).pipe(
      Pipeline.augment("draw", (x, rng) => x + rng.double()),
      Pipeline.batch(2)
    )
    for (const failures of [recurs(1), lenient, FailurePolicy.timeout({ sample: "1 second" })]) {
      const refused = await Stream.runDrain(Scheduler.stream(drawing, { epochs: 1 })).pipe(
        Effect.flip,
        Effect.provide(Parity.pytorch({ torch: 1 })),
        Effect.provide(Workers.fibers({ workers: 1 })),
        Effect.provide(failures),
        Effect.runPromise
      )
      expect(refused).toMatchObject({ _tag: "InvalidOption", option: "the failure policy" })
    }
  })
})

describe("skip", () => {
  const silent = (options: Partial<FailurePolicy.SkipOptions> = {}) =>
    FailurePolicy.skip({ budget: { share: 1 }, report: () => Effect.void, ...options })

  /** What a run leaves of an epoch's row of batches when these indices are left out. */
  const leftOf = (without: ReadonlySet<number>, fill: "none" | "neighbor") =>
    Array.from({ length: 10 }, (_, place) => {
      const batch = Array.from({ length: 8 }, (_, row) => 8 * (place % 5) + row)
      const kept = batch.filter((index) => index % 7 !== 3 && !without.has(index))
      const filled = batch
        .filter((index) => without.has(index) || kept.includes(index))
        .map((index) => {
          if (!without.has(index)) return index
          return kept.filter((own) => own < index).at(-1) ?? kept[0]
        })
      return { epoch: Math.floor(place / 5), index: place % 5, indices: fill === "none" ? kept : filled }
    }).filter(({ indices }) => indices.length > 0 && indices[0] !== undefined)

  test(
    "leaves out what fails, and nothing else; the same by any number of workers",
    async () => {
      const troubles = fc.uniqueArray(
        fc.record({
          where: fc.constantFrom("read" as const, "effectful" as const, "plain" as const, "draw" as const),
          index: fc.nat(39).filter((index) => index % 7 !== 3),
          times: fc.constant(Number.POSITIVE_INFINITY)
        }),
        { maxLength: 12, selector: ({ index }) => index }
      )
      await fc.assert(
        fc.asyncProperty(
          troubles,
          fc.constantFrom("none" as const, "neighbor" as const),
          fc.boolean(),
          fc.integer({ min: 1, max: 3 }),
          async (own, fill, effects, workers) => {
            const config: Config = { ...sound, troubles: own, effects }
            const one = await all(flaky(config), silent({ fill }), Workers.fibers({ workers: 1 }))
            const many = await all(flaky(config), Layer.merge(silent({ fill }), recurs(1)), Workers.fibers({ workers }))
            expect(many).toEqual(one)
            expect(one.skipped).toBe(2 * own.length)
            const without = new Set(own.map(({ index }) => index))
            expect(one.batches.map(({ epoch, index, indices }) => ({ epoch, index, indices }))).toEqual(
              leftOf(without, fill) as typeof one.batches
            )
          }
        ),
        { numRuns: 60 }
      )
    },
    TIME
  )

  test(
    "so it is on threads, and each is reported once, with its place, its cause and its tries",
    async () => {
      const troubles: ReadonlyArray<Trouble> = [
        { where: "plain", index: 6, times: 1e9 },
        { where: "read", index: 12, times: 1e9 },
        { where: "effectful", index: 13, times: 1e9 },
        { where: "collated", index: 4, times: 1e9 }
      ]
      const config: Config = { ...sound, troubles, effects: false }
      const reports = async (workers: Hands) => {
        const told: Array<string> = []
        const skip = silent({
          report: ({ attempts, error, samples }) =>
            Effect.sync(() => {
              const { batch, cause, epoch, sample, stage } = error
              const why = cause instanceof Error ? cause.message : cause
              told.push(`${epoch} ${batch} ${sample} ${stage}: ${samples} after ${attempts}: ${why}`)
            })
        })
        return { ...(await all(flaky(config), Layer.merge(skip, recurs(1)), workers)), told }
      }
      const here = await reports(Workers.fibers({ workers: 2 }))
      expect(here.told.slice(0, 4)).toEqual([
        "0 0 6 plain: 1 after 2: plain fails at 6",
        expect.stringMatching(/^0 1 12 dataset: 1 after 2: .*read fails at 12/),
        "0 1 13 effectful: 1 after 2: effectful fails at 13",
        "0 4 undefined collated: 8 after 2: collated fails at 4"
      ])
      expect(here.told.length).toBe(8)
      const there = await reports(Workers.threads({ workers: 2, pipeline: module, name: "flaky", config }))
      expect(there).toEqual(here)
    },
    TIME
  )

  test("the budget counts samples over the run, in the plan's order, whatever is made ahead", async () => {
    const troubles: ReadonlyArray<Trouble> = [4, 11, 12, 25].map((index) => ({ where: "plain", index, times: 1e9 }))
    const own = flaky({ ...sound, troubles })
    const budgets: ReadonlyArray<readonly [FailurePolicy.Budget, number | undefined]> = [
      [{ samples: 8 }, undefined],
      [{ samples: 7 }, 25],
      [{ samples: 2 }, 12],
      [{ samples: 0 }, 4],
      // Of 80 samples in two epochs.
      [{ share: 0.1 }, undefined],
      [{ share: 0.09 }, 25]
    ]
    for (const [budget, last] of budgets) {
      for (const workers of [1, 3]) {
        if (last === undefined) {
          const { skipped } = await all(own, silent({ budget }), Workers.fibers({ workers }))
          expect(skipped).toBe(8)
          continue
        }
        const error = await errorOf(own, silent({ budget }), Workers.fibers({ workers }))
        if (!(error instanceof FailurePolicy.SkipBudgetExceeded)) throw error
        expect(error.skipped.error.sample).toBe(last)
        expect(error.count).toBe(error.budget + 1)
        expect(error.message).toContain(`sample ${last}`)
      }
    }
  })

  test("the cursor keeps the count; a run that failed at its budget goes on with a larger one, and nothing is lost", async () => {
    const troubles: ReadonlyArray<Trouble> = [4, 11, 25].map((index) => ({ where: "plain", index, times: 1e9 }))
    const own = flaky({ ...sound, troubles })
    const untouched = await all(own, silent(), Workers.fibers({ workers: 1 }))
    const part = await Effect.gen(function* () {
      const loader = yield* Scheduler.open(own, { epochs: 2, digest: true })
      const sizes: Array<number> = []
      const error = yield* Effect.flip(
        Stream.runForEach(loader.stream, ({ size }) => Effect.sync(() => sizes.push(size)))
      )
      return { sizes, error, cursor: yield* loader.cursor }
    }).pipe(
      Effect.scoped,
      provided(silent({ budget: { samples: 4 } }), Workers.fibers({ workers: 2 })),
      Effect.runPromise
    )
    expect(part.error).toMatchObject({ _tag: "SkipBudgetExceeded", count: 5, budget: 4 })
    expect(part.cursor.skipped).toBe(4)
    const again = await errorOf(own, silent({ budget: { samples: 4 } }), Workers.fibers({ workers: 2 }), {
      from: part.cursor
    })
    expect(again).toMatchObject({ _tag: "SkipBudgetExceeded", count: 5 })
    const rest = await all(own, silent({ budget: { samples: 6 } }), Workers.fibers({ workers: 2 }), {
      from: part.cursor
    })
    expect(rest.digest).toBe(untouched.digest)
    expect([...part.sizes, ...rest.batches.map(({ size }) => size)]).toEqual(untouched.batches.map(({ size }) => size))
  })

  test("is told of in the log once for one reason, and with its count at 10, 100, 1000 samples", async () => {
    const lines: Array<string> = []
    const logger = Logger.make(({ message }) => {
      lines.push(String(message))
    })
    const dataset = Dataset.make({
      size: 400,
      get: (index) => {
        if (index === 7) throw new Error("another reason")
        if (index >= 50 && index < 250) throw new Error("the block is damaged")
        return index
      }
    })
    const run = Stream.runDrain(Scheduler.stream(Pipeline.from(dataset).pipe(Pipeline.batch(16)), { epochs: 1 }))
    const told = run.pipe(
      provided(FailurePolicy.skip({ budget: { share: 1 } }), Workers.fibers({ workers: 2 })),
      Effect.provide(Logger.replace(Logger.defaultLogger, logger))
    )
    await Effect.runPromise(told)
    expect(lines.map((line) => line.replace(/ failed at .* cannot be read:/, ":").split("\n")[0])).toEqual([
      'left out a sample after 1 try: stage "dataset": another reason',
      'left out a sample after 1 try: stage "dataset": the block is damaged',
      ...[10, 100].map(
        (count) =>
          `left out ${count} samples by now for one reason, of which few are logged (\`report\` is told of each): Error: the block is damaged`
      )
    ])
    // The next run of the same layer begins anew.
    lines.length = 0
    await Effect.runPromise(told)
    expect(lines.length).toBe(4)
  })

  test("is told of in the log where nobody asks for a report, and only `when` allows", async () => {
    const troubles: ReadonlyArray<Trouble> = [{ where: "plain", index: 4, times: 1e9 }]
    const lines: Array<string> = []
    const logger = Logger.replace(
      Logger.defaultLogger,
      Logger.make(({ message }) => {
        lines.push(String(message))
      })
    )
    const run = Stream.runDrain(Scheduler.stream(flaky({ ...sound, troubles }), { epochs: 1 })).pipe(
      provided(FailurePolicy.skip({ budget: { samples: 1 } }), Workers.fibers({ workers: 1 })),
      Effect.provide(logger)
    )
    await Effect.runPromise(run)
    expect(lines.filter((line) => line.startsWith('left out a sample after 1 try: stage "plain"')).length).toBe(1)
    const chosen = silent({ when: ({ stage }) => stage !== "plain" })
    expect(await errorOf(flaky({ ...sound, troubles }), chosen, Workers.fibers({ workers: 1 }))).toMatchObject({
      sample: 4
    })
  })
})

test(
  "a schedule or `when` that throws is an error at the place of the sample that it was asked about",
  async () => {
    const troubles: ReadonlyArray<Trouble> = [{ where: "plain", index: 14, times: 1e9 }]
    const broken = (): never => {
      throw new Error("mine")
    }
    const place = { _tag: "StageError", epoch: 0, batch: 1, sample: 14, position: 14, cause: new Error("mine") }
    const schedule = FailurePolicy.retry(Schedule.recurs(3).pipe(Schedule.whileInput(broken)))
    const when = FailurePolicy.skip({ budget: { samples: 8 }, report: () => Effect.void, when: broken })
    const threads = Workers.threads({ workers: 2, pipeline: module, config: { ...sound, troubles }, name: "flaky" })
    for (const workers of [Workers.fibers({ workers: 1 }), threads]) {
      for (const failures of [schedule, Layer.merge(schedule, leaving({ samples: 8 }))]) {
        const error = await errorOf(flaky({ ...sound, troubles }), failures, workers)
        expect(error).toMatchObject({ ...place, stage: "the schedule of the failure policy" })
      }
      const error = await errorOf(flaky({ ...sound, troubles }), when, workers)
      expect(error).toMatchObject({ ...place, stage: "when of the failure policy" })
    }
  },
  TIME
)

describe("a budget by share, over runs that continue from one another", () => {
  /** Of the 10 batches of epoch e, of 10 samples each, the first `failing(e)` fail as a whole. */
  const epochs = (failing: (epoch: number) => number, share: number) => {
    const rows = Pipeline.from(Dataset.range(100)).pipe(
      Pipeline.batch(10),
      Pipeline.map("check", (batch) => {
        if (batch.index < failing(batch.epoch)) throw new Error(`batch ${batch.index}`)
        return batch
      })
    )
    const failures = { skip: { budget: { share }, report: () => {} } }
    /** Takes a run's batches, at most `count`; the cursor behind them, or the number of the skip that was too many. */
    const leg = async (run: Run<unknown>, count = Number.POSITIVE_INFINITY): Promise<Cursor.Cursor | number> => {
      try {
        for (let taken = 0; taken < count; taken++) if ((await run.take()) === undefined) break
        await run.close()
        return run.cursor
      } catch (error) {
        if (error instanceof FailurePolicy.SkipBudgetExceeded) return error.count
        throw error
      }
    }
    return { rows, failures, leg }
  }

  /** Runs of one epoch each, each in `parts` legs; where each ends, and how many were left out by then. */
  const chain = async (
    failing: (epoch: number) => number,
    share: number,
    start: number,
    parts: ReadonlyArray<number>
  ) => {
    const { failures, leg, rows } = epochs(failing, share)
    const ends: Array<number | string> = []
    let from: Cursor.Cursor | undefined
    for (let epoch = start; epoch < start + 4; epoch++) {
      for (const part of [...parts, Number.POSITIVE_INFINITY]) {
        const end: Cursor.Cursor | number = await leg(furrow(rows, { epoch, from, failures, replay: true }), part)
        if (typeof end === "number") return [...ends, `${end} are too many`]
        // As it is stored.
        from = JSON.parse(JSON.stringify(end)) as Cursor.Cursor // what was a cursor
      }
      ends.push(from?.skipped ?? 0)
    }
    return ends
  }

  test("one batch of each epoch may fail in a loop of runs of one epoch, as in one run, resumed or not", async () => {
    for (const start of [0, 5]) {
      for (const parts of [[], [3], [1, 4]]) {
        expect(await chain(() => 1, 0.1, start, parts)).toEqual([10, 20, 30, 40])
        // What earlier epochs left of it may be used; what later ones would allow may not.
        expect(await chain((epoch) => (epoch === start + 3 ? 4 : 0), 0.1, start, parts)).toEqual([0, 0, 0, 40])
        expect(await chain((epoch) => (epoch === start + 3 ? 5 : 0), 0.1, start, parts)).toEqual([
          0,
          0,
          0,
          "50 are too many"
        ])
        expect(await chain((epoch) => (epoch === start ? 2 : 0), 0.1, start, parts)).toEqual(["20 are too many"])
      }
    }
    for (const failing of [4, 5]) {
      for (const stops of [[], [3], [10], [3, 14]]) {
        const { failures, leg, rows } = epochs((epoch) => (epoch === 3 ? failing : 0), 0.1)
        let end: Cursor.Cursor | number | undefined
        for (const stop of [...stops, Number.POSITIVE_INFINITY]) {
          const from: unknown = end
          end = await leg(furrow(rows, { epochs: 4, from, failures, replay: true }), stop)
        }
        expect(typeof end === "object" ? end.skipped : `${end} are too many`).toBe(
          failing === 4 ? 40 : "50 are too many"
        )
      }
    }
  })
})

test("a share allows as many samples as it is of them, whatever its product rounds to", () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 1000 }),
      fc.nat(1000),
      fc.integer({ min: 1, max: 1e6 }),
      (parts, part, times) => {
        const share = Math.min(part, parts) / parts
        expect(allowance({ share }, parts * times)).toBe(Math.min(part, parts) * times)
      }
    )
  )
  for (const [share, samples, allowed] of [
    [0.29, 100, 29],
    [0.57, 100, 57],
    [0.58, 50, 29],
    [0.289, 100, 28]
  ] as const) {
    expect(allowance({ share }, samples)).toBe(allowed)
  }
})

describe("timeouts", () => {
  const hanging = (index: number, times: number) => flaky({ ...sound, troubles: [{ where: "hang", index, times }] })
  const soon = Duration.millis(25)

  test("of a sample: an error with its place, a new try, or its place left empty", async () => {
    const error = await errorOf(hanging(9, 1), FailurePolicy.timeout({ sample: soon }), Workers.fibers({ workers: 1 }))
    expect(error).toMatchObject({ _tag: "StageError", stage: "effectful", sample: 9, cause: { _tag: "TimedOut" } })
    expect(String(error)).toContain("this sample was not done after 25 ms")
    const untouched = await all(flaky(sound), FailurePolicy.fail, Workers.fibers({ workers: 1 }))
    const again = Layer.merge(recurs(1), FailurePolicy.timeout({ sample: soon }))
    expect((await all(hanging(9, 1), again, Workers.fibers({ workers: 2 }))).digest).toBe(untouched.digest)
    const without = Layer.merge(leaving({ samples: 2 }), FailurePolicy.timeout({ sample: soon }))
    expect((await all(hanging(9, 1e9), without, Workers.fibers({ workers: 2 }))).skipped).toBe(2)
  })

  test("of a batch", async () => {
    const error = await errorOf(hanging(9, 1), FailurePolicy.timeout({ batch: soon }), Workers.fibers({ workers: 1 }))
    expect(error).toMatchObject({ _tag: "StageError", stage: "effectful", batch: 1, sample: undefined })
    const untouched = await all(flaky(sound), FailurePolicy.fail, Workers.fibers({ workers: 1 }))
    const again = Layer.merge(recurs(1), FailurePolicy.timeout({ batch: soon }))
    expect((await all(hanging(9, 1), again, Workers.fibers({ workers: 2 }))).digest).toBe(untouched.digest)
  })

  test(
    "of a batch on a thread end even a loop without end",
    async () => {
      const config: Config = { ...sound, troubles: [{ where: "hang", index: 9, times: 1 }] }
      const threads = Workers.threads({ workers: 2, pipeline: module, name: "endless", config, restarts: 0 })
      const limit = { batch: Duration.seconds(1) }
      const error = await errorOf(endless(config), FailurePolicy.timeout(limit), threads)
      expect(error).toMatchObject({ _tag: "StageError", batch: 1, cause: { _tag: "TimedOut", after: 1000 } })
      const policy = Layer.merge(leaving({ samples: 8 }), FailurePolicy.timeout(limit))
      const made = await all(endless(config), policy, threads, { epochs: 1 })
      expect(made.skipped).toBe(8)
      expect(made.batches.map(({ index }) => index)).toEqual([0, 2, 3, 4])
    },
    TIME
  )
})

describe("layers", () => {
  const soon = Duration.millis(25)
  const retry = recurs(1)
  const skip = leaving({ samples: 4 })
  const timeout = FailurePolicy.timeout({ sample: soon })
  const parts: ReadonlyArray<Failures> = [retry, skip, timeout]
  const orders = [
    [0, 1, 2],
    [0, 2, 1],
    [1, 0, 2],
    [1, 2, 0],
    [2, 0, 1],
    [2, 1, 0]
  ].map((places) => places.map((place) => parts[place] as Failures)) // there are three

  /** How often a run attempts a sample that hangs, and one that hangs once; what it leaves out, and after what. */
  const outcome = async (failures: (run: Effect.Effect<unknown, unknown, SeedPolicy.SeedPolicy>) => typeof run) => {
    const attempts = new Map<number, number>()
    const hanging = Pipeline.from(Dataset.range(8)).pipe(
      Pipeline.mapEffect("hang", (index) => {
        const attempt = (attempts.get(index) ?? 0) + 1
        attempts.set(index, attempt)
        return index === 3 || (index === 5 && attempt === 1) ? Effect.never : Effect.succeed(index)
      }),
      Pipeline.batch(4)
    )
    let found: { readonly skipped: number; readonly retried: number } | undefined
    const run = Effect.gen(function* () {
      const loader = yield* Scheduler.open(hanging, { epochs: 1 })
      yield* Stream.runDrain(loader.stream)
      found = yield* loader.stats
    }).pipe(Effect.scoped, Effect.provide(Workers.fibers({ workers: 1 })))
    await Effect.runPromise(Effect.provide(failures(run), seeds))
    return { attempts: [3, 5, 6].map((index) => attempts.get(index)), skipped: found?.skipped, retried: found?.retried }
  }

  test("compose in any order to a timeout within a retry within a skip", async () => {
    for (const layers of orders) {
      const [first = skip, second = skip, third = skip] = layers
      const composed: ReadonlyArray<(run: Effect.Effect<unknown, unknown, SeedPolicy.SeedPolicy>) => typeof run> = [
        Effect.provide(Layer.mergeAll(first, second, third)),
        Effect.provide(Layer.provideMerge(Layer.provideMerge(first, second), third)),
        (run) => run.pipe(Effect.provide(first), Effect.provide(second), Effect.provide(third))
      ]
      for (const failures of composed) {
        expect(await outcome(failures)).toEqual({ attempts: [2, 2, 1], skipped: 1, retried: 2 })
      }
    }
  })

  test("of a sample's timeout and a batch's both hold; an inner layer of one kind replaces an outer one", async () => {
    const both = Layer.merge(FailurePolicy.timeout({ batch: "1 minute" }), timeout)
    expect(await Effect.runPromise(Effect.provide(current, both))).toMatchObject({
      timeout: { sample: soon, batch: Duration.minutes(1) }
    })
    const inner = current.pipe(Effect.provide(FailurePolicy.timeout({ sample: "1 second" })), Effect.provide(both))
    expect(await Effect.runPromise(inner)).toMatchObject({
      timeout: { sample: Duration.seconds(1), batch: Duration.minutes(1) }
    })
    const none = current.pipe(Effect.provide(FailurePolicy.fail), Effect.provide(Layer.mergeAll(both, skip, retry)))
    expect(await Effect.runPromise(none)).toEqual(await Effect.runPromise(current))
  })
})

test("options that cannot be meant are refused with the way out", async () => {
  // Options as they come from code without types.
  const bad = (options: object) =>
    FailurePolicy.skip({ budget: { samples: 1 }, ...options } as FailurePolicy.SkipOptions)
  const beside: Array<unknown> = [{ timeout: { sample: "1 second" } }]
  const layers: ReadonlyArray<readonly [Failures, string]> = [
    [
      FailurePolicy.retry(Schedule.recurs(1), ...(beside as [])),
      "the second argument of FailurePolicy.retry must be left out: a timeout is a layer of its own, " +
        'FailurePolicy.timeout({ sample, batch }), got {"timeout":{"sample":"1 second"}}'
    ],
    [bad({ budget: { samples: -1 } }), "budget.samples must be a whole number of at least 0, got -1"],
    [bad({ budget: { samples: 1.5 } }), "budget.samples must be a whole number of at least 0, got 1.5"],
    [bad({ budget: { share: 1.5 } }), "budget.share must be a number from 0 to 1, got 1.5"],
    [bad({ budget: { share: Number.NaN } }), "budget.share must be a number from 0 to 1, got NaN"],
    [bad({ budget: 3 }), "budget must be { samples: 10 } or { share: 0.01 }, got 3"],
    [bad({ budget: null }), "budget must be { samples: 10 } or { share: 0.01 }, got null"],
    [bad({ fill: "zeros" }), 'fill must be "none" or "neighbor", got "zeros"'],
    [FailurePolicy.timeout({}), 'timeout must be one or both of its options, such as { sample: "1 minute" }, got {}'],
    [
      FailurePolicy.timeout({ sample: 0 }),
      'timeout.sample must be a duration of more than 0, such as "5 seconds", got 0'
    ],
    [
      FailurePolicy.timeout({ batch: -5 }),
      'timeout.batch must be a duration of more than 0, such as "5 seconds", got -5'
    ],
    [
      FailurePolicy.timeout({ batch: Number.NaN }),
      'timeout.batch must be a duration of more than 0, such as "5 seconds", got NaN'
    ]
  ]
  for (const [layer, message] of layers) {
    const error = await Effect.runPromise(Effect.flip(Effect.scoped(Layer.build(layer))))
    expect(error.message).toBe(message)
  }
})

test("a retried run repeats no draw", async () => {
  const troubles: ReadonlyArray<Trouble> = [
    { where: "plain", index: 4, times: 2 },
    { where: "mixed", index: 2, times: 1 }
  ]
  const audit = await Effect.gen(function* () {
    yield* Stream.runDrain(Scheduler.stream(flaky({ ...sound, troubles }), { epochs: 2 }))
    return yield* (yield* SeedAudit.SeedAudit).report
  }).pipe(
    Effect.provide(SeedAudit.counting(seeds)),
    Effect.provide(Workers.fibers({ workers: 2 })),
    Effect.provide(recurs(2)),
    Effect.runPromise
  )
  // An order is not drawn here; 80 samples in two stages, and ten batches in one behind `batch`.
  expect(audit).toMatchObject({ started: 170, repeated: 0 })
})
