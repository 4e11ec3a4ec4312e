import { describe, expect, test } from "bun:test"
import { Effect, Layer, Stream } from "effect"
import { birthday } from "../../src/audit/Run.ts"
import {
  Dataset,
  Image,
  Pipeline,
  Sampler,
  Scheduler,
  SeedAudit,
  SeedPolicy,
  Tensor,
  Workers
} from "../../src/index.ts"
import { constant } from "../../src/testing.ts"

const pipeline = Pipeline.from(Dataset.range(40)).pipe(
  Pipeline.sample(Sampler.shuffle),
  Pipeline.augment("noise", (value, rng) => value + rng.normal()),
  Pipeline.map("double", (value) => 2 * value),
  Pipeline.augment("flip", (value, rng) => (rng.bernoulli(0.5) ? -value : value)),
  Pipeline.batch(5)
)

const audit = <E>(
  layer: Parameters<typeof SeedAudit.run<unknown, never, SeedPolicy.SeedPolicy, E>>[1],
  options: SeedAudit.Options = {}
) => Effect.runSync(SeedAudit.run(pipeline, layer, options))

const counter = (words: (at: { epoch: number; worker: number; ordinal: number }) => ReadonlyArray<number>) =>
  SeedPolicy.fromFunction("counter", (at) => ({ algorithm: "philox4x32-10", words: words(at) }))

describe("run", () => {
  test("finds nothing under Furrow's policies, by construction, over neighbouring runs and several ranks", () => {
    for (const policy of [SeedPolicy.epochWorker, SeedPolicy.elastic]) {
      const report = audit((seed) => policy({ seed }), { ranks: 5, samples: 2 })
      // Two runs × three epochs × (an order; five ranks × four workers × at most two samples × two stages).
      expect(report).toMatchObject({
        verdict: "none by construction",
        repeated: 0,
        shifted: 0,
        meetings: [],
        orders: []
      })
      expect(report.streams).toBe(2 * 3 * (1 + 5 * 4 * 2 * 2))
      expect(report.seeds).toEqual(["42", "43"])
      expect(report.stages.map(({ name }) => name)).toEqual(["sample", "noise", "flip"])
      expect(report.cells).toHaveLength(2 * 3 * 5 * 4)
      expect(report.odds).toBeUndefined()
    }
  })

  test("looks at the very states that a run starts", async () => {
    const { report } = await Effect.gen(function* () {
      yield* Stream.runDrain(Scheduler.stream(pipeline, { epochs: 2 }))
      return { report: yield* (yield* SeedAudit.SeedAudit).report }
    }).pipe(
      Effect.provide(SeedAudit.counting(SeedPolicy.epochWorker({ seed: 42 }))),
      Effect.provide(Workers.fibers({ workers: 3 })),
      Effect.runPromise
    )
    const looked = audit(SeedPolicy.epochWorker({ seed: 42 }), { epochs: 2, workers: 3, samples: 40 })
    expect(looked.streams).toBe(report.started)
  })

  test("finds equal states: all of them under one seed for all places", () => {
    const report = audit(constant(1), { epochs: 2, workers: 2, samples: 3 })
    const { streams } = report
    expect(streams).toBe(2 + 2 * 2 * 3 * 2)
    expect(report).toMatchObject({ verdict: "repeats", repeated: streams - 1, shifted: 0 })
    // Every cell meets every cell, itself too.
    expect(report.meetings).toHaveLength(4 + (4 * 3) / 2)
    expect(report.examples[0]).toMatchObject({ kind: "state", shift: 0, runs: [0, 0] })
    expect(report.examples).toHaveLength(10)
    expect(report.orders).toEqual([{ first: { run: 0, epoch: 0 }, second: { run: 0, epoch: 1 } }])
  })

  test("finds equal draws from seeds that are not written alike", () => {
    // Without a counter a stream begins at 0, which may also be written out.
    const layer = counter(({ epoch, worker }) => (epoch === 0 ? [worker, 7] : [worker, 7, 0, 0, 0, 0]))
    const report = audit(layer, { epochs: 2, workers: 2, samples: 1 })
    const across = report.meetings.filter(({ first, second }) => first !== second)
    expect(across.map(({ first, second }) => [first, second])).toEqual([
      [0, 2],
      [1, 3]
    ])
    expect(report.examples.some(({ kind }) => kind === "draws")).toBe(true)
  })

  test("finds the diagonal of a sum, and says so as a pattern", () => {
    const report = audit(
      counter(({ epoch, ordinal, worker }) => [epoch + worker, ordinal]),
      { epochs: 3, workers: 3, samples: 1 }
    )
    const apart = report.patterns.filter(({ epoch, worker }) => epoch !== 0 || worker !== 0)
    expect(apart).toEqual([
      { run: 0, epoch: 1, rank: 0, worker: -1, met: 4, pairs: 4 },
      { run: 0, epoch: 2, rank: 0, worker: -2, met: 1, pairs: 1 }
    ])
  })

  test("finds streams that run into each other: counters that were added to", () => {
    const shifted = (step: number, shift?: number) =>
      audit(
        counter(({ worker }) => [1, 2, step * worker, 0, 0, 0]),
        { epochs: 1, workers: 2, samples: 1, ...(shift === undefined ? {} : { shift }) }
      )
    // A counter is a block of four words.
    const report = shifted(250)
    expect(report.verdict).toBe("repeats")
    expect(report.shifted).toBe(1)
    expect(report.meetings.find(({ first, second }) => first !== second)).toMatchObject({ shifted: 2, shift: 1000 })
    expect(report.examples.find(({ kind }) => kind === "shifted")).toMatchObject({ shift: 1000 })
    expect(shifted(251).shifted).toBe(0)
    expect(shifted(250, 999).shifted).toBe(0)
    expect(shifted(250, 0).shifted).toBe(0)
  })

  test("finds the epochs of run 42 that are epochs of run 43", () => {
    const additive = (seed: number | bigint | string) =>
      SeedPolicy.fromFunction("additive", ({ epoch, index, scope, stage }) => ({
        algorithm: "philox4x32-10",
        words: [Number(seed) + epoch, stage.id, 0, index, scope === "epoch" ? 1 : 0, 0]
      }))
    const report = audit(additive, { epochs: 2, workers: 2, samples: 40 })
    expect(report.orders).toEqual([{ first: { run: 0, epoch: 1 }, second: { run: 1, epoch: 0 } }])
    expect(report.patterns.every(({ epoch, run }) => run === 1 && epoch === -1)).toBe(true)
    expect(audit(additive(42), { epochs: 2, workers: 2 }).verdict).toBe("none seen")
  })

  test("tells the odds where a policy squeezes its seeds", () => {
    const narrow = Layer.map(SeedPolicy.epochWorker({ seed: 1 }), (context) => {
      const { injective: _, ...own } = Effect.runSync(Effect.provide(SeedPolicy.SeedPolicy, context))
      const service: SeedPolicy.Service = { ...own, bits: 32 }
      return Effect.runSync(
        Effect.provide(Effect.context<SeedPolicy.SeedPolicy>(), Layer.succeed(SeedPolicy.SeedPolicy, service))
      )
    })
    const report = audit(narrow, { epochs: 1, workers: 1 })
    expect(report.verdict).toBe("none seen")
    expect(report.odds).toEqual({ bits: 32, probability: birthday(report.streams, 32) })
    // 23 people, 365 days: with x = 23 · 22 / 2 / 365.25 ≈ 2^8.5 days the odds come to about a half.
    expect(birthday(23, Math.log2(365))).toBeCloseTo(0.5, 1)
    expect(birthday(2, 100)).toBe(2 ** -100)
    expect(birthday(1, 32)).toBe(0)
  })

  test("lists stages behind the batch, one stream a batch; a pipeline that draws nothing has nothing to repeat", () => {
    const digits = Dataset.fromArray(
      Array.from({ length: 8 }, () => ({ image: Tensor.make(new Uint8Array(4), [2, 2]), label: 0 }))
    )
    const mixed = Pipeline.from(digits).pipe(
      Pipeline.map("float", Image.normalize({ mean: 0, std: 1 })),
      Pipeline.batch(2),
      Pipeline.augment("mixup", Image.mixup({ classes: 2 }))
    )
    const report = Effect.runSync(SeedAudit.run(mixed, SeedPolicy.epochWorker({ seed: 0 }), { epochs: 1, workers: 2 }))
    expect(report.stages.map(({ name }) => name)).toEqual(["mixup"])
    expect(report.streams).toBe(4)

    const plain = Pipeline.from(Dataset.range(4)).pipe(Pipeline.batch(2))
    const none = Effect.runSync(SeedAudit.run(plain, SeedPolicy.epochWorker({ seed: 0 })))
    expect(none).toMatchObject({ streams: 0, stages: [], cells: [], verdict: "none by construction" })
  })

  test("ranks that cannot share the last batch equally are refused, as a run of theirs is, or told what becomes of it", () => {
    const thirteen = Pipeline.from(Dataset.range(13)).pipe(
      Pipeline.augment("noise", (x, rng) => x + rng.double()),
      Pipeline.batch(4)
    )
    const layer = SeedPolicy.epochWorker({ seed: 0 })
    const extent = { epochs: 1, workers: 1, ranks: 2, samples: 100 }
    const refused = Effect.runSync(Effect.flip(SeedAudit.run(thirteen, layer, extent)))
    expect(refused).toMatchObject({ _tag: "InvalidOption", option: "uneven", value: "error" })
    const streams = (uneven: "pad" | "drop") =>
      Effect.runSync(SeedAudit.run(thirteen, layer, { ...extent, uneven })).streams
    expect([streams("pad"), streams("drop")]).toEqual([16, 12])
  })

  test("options that cannot be meant are named; so is a place that has no seed", () => {
    const error = (options: SeedAudit.Options) =>
      Effect.runSync(Effect.flip(SeedAudit.run(pipeline, SeedPolicy.epochWorker({ seed: 0 }), options)))
    expect(error({ workers: 0 }).message).toContain("workers")
    expect(error({ epochs: 2.5 }).message).toContain("2.5")
    expect(error({ ranks: 3 }).message).toContain("batch size")
    const own = Effect.runSync(
      Effect.flip(
        SeedAudit.run(
          pipeline,
          counter(() => [])
        )
      )
    )
    expect(own).toMatchObject({ _tag: "CoordinatesError", policy: "counter" })
  })
})
