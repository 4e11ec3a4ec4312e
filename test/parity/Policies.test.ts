/**
 * The policies of the article: what they seed, held against the article's own tables, and what an audit says of them.
 */
import { describe, expect, test } from "bun:test"
import { readFileSync } from "node:fs"
import { Effect, Layer, Option, Stream } from "effect"
import {
  Dataset,
  NumPy,
  Parity,
  Pipeline,
  PyTorch,
  Rng,
  Sampler,
  Scheduler,
  SeedAudit,
  SeedPolicy,
  Workers
} from "../../src/index.ts"

type PolicyLayer = Layer.Layer<SeedPolicy.SeedPolicy, unknown>

const article = JSON.parse(readFileSync(new URL("./reference/article.json", import.meta.url), "utf8"))

/** The article's dataset: 8 samples of three draws, in batches of 2. */
const eight = Pipeline.from(Dataset.range(8)).pipe(
  Pipeline.augment("draw", (_, rng) => [rng.integer(1000), rng.integer(1000), rng.integer(1000)]),
  Pipeline.batchWith(2, (samples) => samples)
)

const batches = (layer: PolicyLayer, workers: number, epochs = 1) =>
  Scheduler.stream(eight, { replay: true, epochs }).pipe(
    Stream.map(({ columns, epoch, worker }) => ({ columns, epoch, worker })),
    Stream.runCollect,
    Effect.map((chunk) => Array.from(chunk)),
    Effect.provide(layer),
    Effect.provide(Workers.fibers({ workers })),
    Effect.runPromise
  )

/** A NumPy that nobody seeded. */
const unseeded = NumPy.RandomState.unseeded(20211123n)

describe("the article's tables", () => {
  test("the first fix, whatever the entropy of the unseeded NumPy", async () => {
    for (const numpy of [unseeded, NumPy.RandomState.unseeded(1), 2147483648]) {
      const made = await batches(Parity.stateWorker({ torch: 1, numpy }), 2)
      for (const worker of [0, 1]) {
        const own = made.filter((batch) => batch.worker === worker).map(({ columns }) => columns)
        expect<unknown>(own).toEqual(article.naive_fix.batches_by_worker[worker])
      }
    }
  })

  test("the first fix over epochs: each is the first again", async () => {
    const { epochs, every_epoch, num_workers } = article.naive_fix_epochs
    const made = await batches(Parity.stateWorker({ torch: 1, numpy: unseeded }), num_workers, epochs)
    for (let epoch = 0; epoch < epochs; epoch++) {
      const own = made.filter((batch) => batch.epoch === epoch).map(({ columns }) => columns)
      expect<unknown>(own).toEqual(every_epoch)
    }
  })

  test("the bug: all workers of all epochs draw alike", async () => {
    const made = await batches(Parity.forked({ torch: 1, numpy: unseeded }), 4, 3)
    for (const { columns } of made) expect(columns).toEqual(made[0]?.columns as typeof columns)
  })

  test("the second fix: worker 1 of an epoch is worker 0 of the next", async () => {
    const made = await batches(Parity.stateEpochWorker({ torch: 1, numpy: unseeded }), 4, 3)
    const at = (epoch: number, worker: number) =>
      made.find((batch) => batch.epoch === epoch && batch.worker === worker)?.columns
    for (const epoch of [0, 1])
      for (const worker of [1, 2, 3]) expect(at(epoch + 1, worker - 1)).toEqual(at(epoch, worker))
  })
})

test("a pipeline that came from PyTorch draws what it drew there", async () => {
  const pipeline = Pipeline.from(Dataset.range(8)).pipe(
    Pipeline.sample(PyTorch.randomSampler),
    Pipeline.augment("crop", (index, rng) => ({ index, top: rng.integer(9) })),
    Pipeline.augment("noise", (sample, rng) => [sample.index, sample.top, rng.float()]),
    Pipeline.batchWith(2, (samples) => samples)
  )
  const rows = await Scheduler.stream(pipeline, { epochs: 1 }).pipe(
    Stream.map(({ columns }) => columns),
    Stream.runCollect,
    Effect.map((chunk) => Array.from(chunk)),
    Effect.provide(Parity.pytorch({ torch: 42, shuffle: true, libraries: { noise: "torch" } })),
    Effect.provide(Workers.fibers({ workers: 2 })),
    Effect.runPromise
  )
  // PyTorch 1.13.0, NumPy 1.24.2: torch.manual_seed(42), DataLoader(…, batch_size=2, num_workers=2, shuffle=True) over
  // (index, np.random.randint(9), torch.rand(()).item()).
  expect<unknown>(rows).toEqual([
    [
      [0, 5, 0.2458815574645996],
      [5, 1, 0.716747522354126]
    ],
    [
      [1, 4, 0.14417147636413574],
      [6, 7, 0.4532977342605591]
    ],
    [
      [3, 2, 0.9121302366256714],
      [4, 7, 0.3616752624511719]
    ],
    [
      [2, 7, 0.3550304174423218],
      [7, 7, 0.8555757403373718]
    ]
  ])
})

/** A pipeline that gives every worker a batch in each epoch. */
const wide = Pipeline.from(Dataset.range(16)).pipe(
  Pipeline.sample(Sampler.shuffle),
  Pipeline.augment("draw", (x, rng) => x + rng.float()),
  Pipeline.batch(2)
)

const audit = (layer: (seed: bigint) => PolicyLayer, options: SeedAudit.Options = {}) =>
  Effect.runPromise(SeedAudit.run(wide, (seed) => layer(BigInt(seed)), options))

/** Patterns as text: the differences in run, epoch and worker, and whether all pairs so far apart meet. */
const patterns = ({ patterns }: SeedAudit.RunReport) =>
  patterns
    .map(({ epoch, met, pairs, run, worker }) => `${run} ${epoch} ${worker} ${met === pairs ? "all" : "some"}`)
    .toSorted()

const parent = (seed: bigint) => ({ torch: seed, numpy: Number(seed), shuffle: true })

describe("an audit of each policy", () => {
  const extent = { epochs: 2, workers: 2 }

  test("forked: every worker and epoch of a run, but no other run", async () => {
    const report = await audit((seed) => Parity.forked(parent(seed)), extent)
    expect(report.verdict).toBe("repeats")
    expect(patterns(report)).toEqual(["0 0 1 all", "0 1 -1 all", "0 1 0 all", "0 1 1 all"])
  })

  test("stateWorker: the same worker of every epoch, and the next worker of the run before", async () => {
    const report = await audit((seed) => Parity.stateWorker(parent(seed)), extent)
    expect(patterns(report)).toEqual(["0 1 0 all", "1 -1 -1 all", "1 0 -1 all", "1 1 -1 all"])
  })

  test("stateEpochWorker: the diagonal, within a run and between runs", async () => {
    const report = await audit((seed) => Parity.stateEpochWorker(parent(seed)), extent)
    expect(patterns(report)).toEqual(["0 1 -1 all", "1 -1 0 all", "1 0 -1 all"])
  })

  test("globalStep: under its condition all runs are one; beyond it epochs overlap, too", async () => {
    const holding = { length: 8, workers: 2 }
    expect(Parity.globalStepHolds(holding)).toBe(true)
    const held = await audit((seed) => Parity.globalStep({ torch: seed, length: holding.length }), extent)
    expect(patterns(held)).toEqual(["1 0 0 all"])
    expect(Parity.globalStepHolds({ length: 1, workers: 2 })).toBe(false)
    const beyond = await audit((seed) => Parity.globalStep({ torch: seed, length: 1 }), extent)
    expect(patterns(beyond)).toEqual(["0 1 -1 all", "1 -1 1 all", "1 0 0 all", "1 1 -1 all"])
  })

  test("additive: an epoch of run 42 is the one before of run 43, order and draws", async () => {
    const report = await audit((seed) => Parity.additive({ seed }), extent)
    expect(patterns(report)).toEqual(["1 -1 0 all"])
    expect(report.orders).toEqual([{ first: { run: 0, epoch: 1 }, second: { run: 1, epoch: 0 } }])
    const alone = await Effect.runPromise(SeedAudit.run(wide, Parity.additive({ seed: 42 }), extent))
    expect(alone.verdict).toBe("none seen")
  })

  test("initialSeed, workerInfoSeed, pytorch: none seen, with the odds of 32 bits", async () => {
    for (const policy of [Parity.initialSeed, Parity.workerInfoSeed, Parity.pytorch]) {
      const report = await audit((seed) => policy({ torch: seed, shuffle: true }), { epochs: 5, workers: 4 })
      expect(report).toMatchObject({ verdict: "none seen", repeated: 0, shifted: 0, odds: { bits: 32 } })
      expect(report.odds?.probability).toBeCloseTo((report.streams * (report.streams - 1)) / 2 ** 33, 12)
    }
  })

  test("osEntropy and spawned: none seen; epochWorker and elastic: none by construction", async () => {
    for (const policy of [Parity.osEntropy, Parity.spawned]) {
      const report = await audit((seed) => policy({ torch: seed }), extent)
      expect(report).toMatchObject({ verdict: "none seen", repeated: 0 })
    }
    for (const policy of [SeedPolicy.epochWorker, SeedPolicy.elastic]) {
      expect((await audit((seed) => policy({ seed }))).verdict).toBe("none by construction")
    }
  })

  test("ranks that are all seeded alike draw alike; with seeds of their own they do not", async () => {
    const ranks = { ...extent, ranks: 2 }
    const same = await audit((seed) => Parity.pytorch({ torch: seed }), ranks)
    expect(same.patterns.some(({ epoch, rank, run, worker }) => rank === 1 && run + epoch + worker === 0)).toBe(true)
    const own = await audit((seed) => Parity.pytorch({ torch: (rank) => seed + 1000n * BigInt(rank) }), ranks)
    expect(own.verdict).toBe("none seen")
  })
})

describe("entropy of the operating system", () => {
  test.each([
    ["osEntropy", Parity.osEntropy],
    ["spawned", Parity.spawned]
  ] as const)("%s draws anew in each run, and the same again from what was recorded", async (_, policy) => {
    const run = (recorded?: ReadonlyArray<Parity.Recorded>) =>
      Effect.gen(function* () {
        const made = yield* Stream.runCollect(Scheduler.stream(eight, { replay: true, epochs: 2 }))
        return {
          rows: Array.from(made, ({ columns }) => columns),
          recorded: yield* (yield* Parity.Entropy).recorded
        }
      }).pipe(
        Effect.provide(policy({ torch: 1, ...(recorded === undefined ? {} : { recorded }) })),
        Effect.provide(Workers.fibers({ workers: 2 })),
        Effect.runPromise
      )
    const first = await run()
    const other = await run()
    expect(other.rows).not.toEqual(first.rows)
    expect(first.recorded).toHaveLength(4)
    const again = await run(JSON.parse(JSON.stringify(first.recorded)))
    expect(again.rows).toEqual(first.rows)
  })

  test("what was recorded is checked", async () => {
    for (const entropy of ["", "-1", "x", String(2n ** 128n)]) {
      const layer = Parity.osEntropy({ torch: 1, recorded: [{ epoch: 0, rank: 0, worker: 0, entropy }] })
      const error = await Effect.runPromise(Effect.flip(Effect.scoped(Layer.build(layer))))
      expect(error).toMatchObject({ _tag: "InvalidOption", option: "entropy", value: entropy })
    }
  })

  test("NumPy's state of its own entropy has 2^31 as its first word", () => {
    expect(NumPy.RandomState.make(unseeded).state().words[0]).toBe(2147483648)
  })
})

describe("options", () => {
  const built = (layer: PolicyLayer) => Effect.runPromise(Effect.either(Effect.scoped(Layer.build(layer))))

  test.each([
    ["NumPy's seed", () => Parity.forked({ torch: 0, numpy: 2 ** 32 }), "4294967296"],
    ["NumPy's seed", () => Parity.stateWorker({ torch: 0, numpy: -1 }), "-1"],
    ["NumPy's seed", () => Parity.stateEpochWorker({ torch: 0, numpy: 1.5 }), "1.5"],
    ["torch's seed", () => Parity.pytorch({ torch: 2n ** 64n }), "18446744073709551616"],
    ["torch's seed", () => Parity.initialSeed({ torch: -(2n ** 63n) - 1n }), "-9223372036854775809"],
    ["a length", () => Parity.globalStep({ torch: 0, length: -1 }), "-1"],
    ["a seed", () => Parity.additive({ seed: -5 }), "-5"]
  ] as const)("%s out of range is refused when the layer is built: %#", async (_, layer, value) => {
    const result = await built(layer())
    expect(result).toMatchObject({ _tag: "Left", left: { _tag: "InvalidOption" } })
    expect(result._tag === "Left" ? String(result.left) : "").toContain(value)
  })

  test("a stage draws from the library that it is told; other streams of an epoch are apart", async () => {
    const own = Pipeline.from(Dataset.range(2)).pipe(
      Pipeline.augment("numpy", (_, rng) => [rng.integer(1000)]),
      Pipeline.augment("python", (x, rng) => [...x, rng.integer(1000)]),
      Pipeline.augment("torch", (x, rng) => [...x, rng.integer(1000)]),
      Pipeline.batchWith(2, (samples) => samples)
    )
    const layer = Parity.initialSeed({ torch: 42, libraries: { python: "python", torch: "torch" } })
    const made = await Effect.runPromise(
      Scheduler.replay(own, { epoch: 0, batch: 0, workers: 1 }).pipe(Effect.provide(layer))
    )
    // torch.manual_seed(42); DataLoader(…, num_workers=1): the reference's own case of that seed has these.
    const base = PyTorch.epochSeeds({ torch: 42 })(0).base
    const numpy = NumPy.randomState(Number(base & 0xffffffffn))
    const rows = (Option.getOrThrow(made) as { columns: ReadonlyArray<ReadonlyArray<number>> }).columns
    expect(rows.map(([first]) => first)).toEqual([numpy.randint(0, 1000), numpy.randint(0, 1000)])
    const torch = PyTorch.manualSeed(base)
    expect(rows.map(([, , third]) => third)).toEqual([torch.randint(0, 1000), torch.randint(0, 1000)])

    const weights = (epoch: number) => Effect.runPromise(Effect.provide(SeedPolicy.stream("weights", epoch), layer))
    const [first, again, next] = [await weights(0), await weights(0), await weights(1)]
    expect(first.word()).toBe(again.word())
    expect(Rng.make(first.seed).word()).not.toBe(next.word())
  })
})
