/**
 * Streams that a worker carries on from sample to sample, held against the loop that a loader of that kind runs.
 */
import { describe, expect, test } from "bun:test"
import { Effect, Either, Layer, Option, Stream } from "effect"
import fc from "fast-check"
import { Dataset, Pipeline, Rng, Scheduler, type Seed, SeedAudit, SeedPolicy, Workers } from "../../../src/index.ts"
import { Recording, recording, scripted } from "../../../src/testing.ts"

const seedOf = (epoch: number, worker: number, slot: string): Seed.Seed => ({
  algorithm: "philox4x32-10",
  words: [epoch, worker, slot.length, 0, 0, 0]
})

/** Seeds each worker once in a span, with a stream for each of two slots: stage `other` has its own. */
const carrying = (span: SeedPolicy.Carries): Layer.Layer<SeedPolicy.SeedPolicy> =>
  Layer.succeed(SeedPolicy.SeedPolicy, {
    name: "carrying",
    seed: "none",
    elastic: false,
    carries: span,
    seeds: ({ epoch, stage, worker }) => {
      const slot = stage.name === "other" ? "b" : "aaa"
      return Either.right({ _tag: "Carried", slot, seed: seedOf(span === "run" ? 0 : epoch, worker, slot) })
    }
  })

const effectful = (x: ReadonlyArray<number>, rng: Rng.Rng) => Effect.sync(() => [...x, rng.integer(1000)])

const pipeline = (size: number, batchSize: number, effects = false) => {
  const first = Pipeline.from(Dataset.range(size)).pipe(
    Pipeline.augment("one", (x, rng) => [x, rng.integer(1000)]),
    Pipeline.filter("even", ([, drawn = 0]) => drawn % 5 !== 0),
    Pipeline.augment("other", (x, rng) => [...x, rng.integer(1000)])
  )
  const last = effects
    ? Pipeline.augmentEffect("two", effectful, { concurrency: 4 })(first)
    : Pipeline.augment("two", (x: ReadonlyArray<number>, rng) => [...x, rng.integer(1000)])(first)
  return last.pipe(Pipeline.batchWith(batchSize, (samples) => samples))
}

/** What a loader with seeded workers makes: plain loops, a sample after the other. */
const expected = (span: SeedPolicy.Carries, size: number, batchSize: number, workers: number, epochs: number) => {
  const rows: Array<ReadonlyArray<ReadonlyArray<number>>> = []
  const streams: Array<readonly [Rng.Rng, Rng.Rng]> = []
  for (let epoch = 0; epoch < epochs; epoch++) {
    if (span === "epoch" || epoch === 0) {
      for (let worker = 0; worker < workers; worker++) {
        streams[worker] = [Rng.make(seedOf(epoch, worker, "aaa")), Rng.make(seedOf(epoch, worker, "b"))]
      }
    }
    for (let start = 0, batch = 0; start < size; start += batchSize, batch++) {
      const [a, b] = streams[batch % workers] as readonly [Rng.Rng, Rng.Rng] // one a worker
      const made: Array<ReadonlyArray<number>> = []
      for (let index = start; index < Math.min(start + batchSize, size); index++) {
        const one = a.integer(1000)
        if (one % 5 !== 0) made.push([index, one, b.integer(1000), a.integer(1000)])
      }
      if (made.length > 0) rows.push(made)
    }
  }
  return rows
}

const run = (
  size: number,
  batchSize: number,
  workers: number,
  epochs: number,
  span: SeedPolicy.Carries,
  effects = false
) =>
  Scheduler.stream(pipeline(size, batchSize, effects), { replay: true, epochs }).pipe(
    Stream.map(({ columns }) => columns),
    Stream.runCollect,
    Effect.map((chunk) => Array.from(chunk)),
    Effect.provide(carrying(span)),
    Effect.provide(Workers.fibers({ workers })),
    Effect.runPromise
  )

const runs = fc.record({
  size: fc.integer({ min: 1, max: 40 }),
  batchSize: fc.integer({ min: 1, max: 6 }),
  workers: fc.integer({ min: 1, max: 5 }),
  epochs: fc.integer({ min: 1, max: 3 }),
  span: fc.constantFrom<SeedPolicy.Carries>("epoch", "run"),
  effects: fc.boolean()
})

describe("a policy that carries streams on", () => {
  test("draws sample by sample, stage by stage, worker by worker, as a plain loop does", async () => {
    await fc.assert(
      fc.asyncProperty(runs, async ({ batchSize, effects, epochs, size, span, workers }) => {
        const rows = await run(size, batchSize, workers, epochs, span, effects)
        expect<unknown>(rows).toEqual(expected(span, size, batchSize, workers, epochs))
      }),
      { numRuns: 60 }
    )
  })

  test("a replay makes what came before, so that it gives what the run gave", async () => {
    for (const span of ["epoch", "run"] as const) {
      const rows = expected(span, 24, 4, 3, 3)
      expect(rows).toHaveLength(3 * 6)
      for (const [epoch, batch] of [
        [0, 0],
        [0, 5],
        [1, 2],
        [2, 4]
      ] as const) {
        const made = Scheduler.replay(pipeline(24, 4), { epoch, batch, workers: 3 }).pipe(
          Effect.provide(carrying(span)),
          Effect.runSync
        )
        expect(Option.getOrThrow(made)).toMatchObject({ columns: rows[epoch * 6 + batch] })
      }
    }
  })

  test("a replay of one sample gives that sample, or none where a filter left it out", () => {
    const at = (position: number) =>
      Scheduler.replay(pipeline(23, 4), { epoch: 0, position, workers: 3 }).pipe(
        Effect.provide(carrying("epoch")),
        Effect.runSync,
        Option.getOrUndefined
      )
    const kept = new Map(expected("epoch", 23, 4, 3, 1).flatMap((rows) => rows.map((row) => [row[0], row])))
    expect(kept.size).toBeLessThan(23)
    for (let position = 0; position < 23; position++) expect(at(position)).toEqual(kept.get(position))
  })

  test("is counted by the audit as one start a slot, worker and span", async () => {
    const report = (span: SeedPolicy.Carries) =>
      Effect.gen(function* () {
        yield* Stream.runDrain(Scheduler.stream(pipeline(20, 2), { replay: true, epochs: 3 }))
        return yield* (yield* SeedAudit.SeedAudit).report
      }).pipe(
        Effect.provide(SeedAudit.counting(carrying(span))),
        Effect.provide(Workers.fibers({ workers: 2 })),
        Effect.runPromise
      )
    expect(await report("epoch")).toMatchObject({ started: 3 * 2 * 2, repeated: 0 })
    expect(await report("run")).toMatchObject({ started: 2 * 2, repeated: 0 })
  })

  test("forks, and draws that are ambient, go on too: no two samples have the same", async () => {
    const own = Pipeline.from(Dataset.range(12)).pipe(
      Pipeline.augment("one", (_, rng) => [rng.fork("x").integer(2 ** 30), Math.floor(Math.random() * 2 ** 30)]),
      Pipeline.ambient("derive"),
      Pipeline.batchWith(3, (samples) => samples)
    )
    const rows = await Scheduler.stream(own, { epochs: 1 }).pipe(
      Stream.map(({ columns }) => columns.flat()),
      Stream.runCollect,
      Effect.map((chunk) => Array.from(chunk).flat()),
      Effect.provide(carrying("run")),
      Effect.provide(Workers.fibers({ workers: 2 })),
      Effect.runPromise
    )
    expect(rows).toHaveLength(24)
    expect(new Set(rows).size).toBe(24)
  })

  test("is recorded, and scripted, a stage at a time", async () => {
    const draws = await Effect.gen(function* () {
      yield* Stream.runDrain(Scheduler.stream(pipeline(6, 2), { epochs: 1 }))
      return yield* (yield* Recording).draws
    }).pipe(
      Effect.provide(recording(carrying("epoch"))),
      Effect.provide(Workers.fibers({ workers: 2 })),
      Effect.runPromise
    )
    const rows = expected("epoch", 6, 2, 2, 1).flat()
    const drawn = draws.filter(({ coordinates }) => coordinates.stage.name === "two").map(({ value }) => value)
    expect(drawn.map(Number).toSorted()).toEqual(rows.map((row) => Number(row[3])).toSorted())

    const scriptedRun = (script: Parameters<typeof scripted>[0]) =>
      Scheduler.stream(pipeline(4, 2), { epochs: 1 }).pipe(
        Stream.runCollect,
        Effect.map((chunk) => Array.from(chunk).flatMap(({ columns }) => columns.map((row) => row[2]))),
        Effect.provide(scripted(script, carrying("epoch"))),
        Effect.provide(Workers.fibers({ workers: 1 })),
        Effect.either,
        Effect.runPromise
      )
    expect(await scriptedRun({ other: [7] })).toMatchObject({ _tag: "Right", right: [7, 7, 7, 7] })
    const some = await scriptedRun(({ index, stage }) => (stage.name === "other" && index === 1 ? [7] : undefined))
    expect(some).toMatchObject({ _tag: "Left", left: { _tag: "CoordinatesError", coordinates: { index: 0 } } })
  })

  test("has to say so: a stream to carry on from any other policy is refused", async () => {
    const silent = Layer.map(carrying("epoch"), (context) => {
      const { carries: _, ...service } = Effect.runSync(Effect.provide(SeedPolicy.SeedPolicy, context))
      return Effect.runSync(
        Effect.provide(Effect.context<SeedPolicy.SeedPolicy>(), Layer.succeed(SeedPolicy.SeedPolicy, service))
      )
    })
    const error = await Stream.runDrain(Scheduler.stream(pipeline(4, 2), { epochs: 1 })).pipe(
      Effect.flip,
      Effect.provide(silent),
      Effect.provide(Workers.fibers({ workers: 1 })),
      Effect.runPromise
    )
    expect(error).toMatchObject({
      _tag: "CoordinatesError",
      reason: "it gave a stream to carry on, but has no `carries`"
    })
  })
})
