/**
 * Law 8. All ranks deliver the same number of batches an epoch, by a stated rule, whatever filters and the failure policy
 * leave of them; side by side they are the batches of one rank.
 */
import { expect, test } from "bun:test"
import { Effect, Layer, Stream } from "effect"
import fc from "fast-check"
import { type Batch, FailurePolicy, Scheduler, SeedPolicy, Tensor, Workers } from "../../src/index.ts"
import { oracle } from "../support/oracle.ts"
import { type Columns, conditions, type Recipe, recipes, samplerOf } from "../support/recipes.ts"
import { plain } from "../support/run.ts"
import { type RanksConfig, pipeline as ranked } from "../support/threaded/ranks.ts"

const TIME = 120_000

const module = new URL("../support/threaded/ranks.ts", import.meta.url)

type Backend = "fibers" | "threads"

const workersOf = (backend: Backend, count: number, config: RanksConfig): Layer.Layer<Workers.Workers, unknown> =>
  backend === "fibers"
    ? Workers.fibers({ workers: count })
    : Workers.threads({ workers: count, pipeline: module, config })

/** Samples that fail are left out, as many as may be. */
const skipping = FailurePolicy.skip({
  budget: { samples: Number.MAX_SAFE_INTEGER },
  report: () => Effect.void
})

interface Setting {
  readonly config: RanksConfig
  readonly policy: "epochWorker" | "elastic"
  readonly workers: number
  readonly backend: Backend
  readonly options: Scheduler.Options
}

/** All that a rank delivers. */
const delivered = ({ backend, config, options, policy, workers }: Setting) =>
  Effect.gen(function* () {
    const loader = yield* Scheduler.open(ranked(config), { replay: true, ...options })
    const batches = Array.from(yield* Stream.runCollect(Stream.map(loader.stream, kept)))
    return { batches, digest: yield* loader.digest, stats: yield* loader.stats, cursor: yield* loader.cursor }
  }).pipe(
    Effect.scoped,
    Effect.provide(
      Layer.mergeAll(
        SeedPolicy[policy]({ seed: 42 }),
        workersOf(backend, workers, config),
        config.breakEvery === 0 ? FailurePolicy.fail : skipping
      )
    ),
    Effect.runPromise
  )

/** A batch in the oracle's form, with what its columns are. */
const kept = (batch: Batch.Batch<Columns>) => ({
  ...plain(batch),
  size: batch.size,
  rank: batch.rank,
  form: formOf(batch.columns)
})

/** Names, element types and inner shapes. */
const formOf = (columns: unknown): string =>
  columns instanceof Tensor.Tensor
    ? `${columns.dtype}[${columns.shape.slice(1)}]`
    : JSON.stringify(Object.entries(columns as object).map(([name, column]) => [name, formOf(column)]))

/** As the oracle has it, with the samples that fail taken for filtered out. */
const expectedOf = (
  { breakEvery, recipe }: RanksConfig,
  policy: Setting["policy"],
  workers: number,
  epochs: number,
  at: { readonly rank: number; readonly world: number; readonly uneven: "pad" | "drop" }
) =>
  oracle(recipe, { policy, seed: 42, workers, epochs }, at.rank, at.world, at.uneven, (index) =>
    breakEvery === 0 ? true : index % breakEvery !== 1 % breakEvery
  )

const inStep = async (setting: Omit<Setting, "options">, world: number, uneven: "pad" | "drop", epochs: number) => {
  const { config, policy, workers } = setting
  const { recipe } = config
  const common = { epochs, uneven, digest: true }
  const ranks = []
  for (let rank = 0; rank < world; rank++) {
    ranks.push(await delivered({ ...setting, options: { ...common, rank, world } }))
  }
  const [first] = ranks
  if (first === undefined) throw new Error("a world has a rank")
  const count = samplerOf(recipe).count(recipe.size)
  const perEpoch = Math[uneven === "pad" ? "ceil" : "floor"](count / recipe.batchSize)
  ranks.forEach((own, rank) => {
    // The same steps on each rank, and they are all of the plan's.
    expect(own.batches.map(({ epoch, index }) => `${epoch} ${index}`)).toEqual(
      world === 1
        ? own.batches.map(({ epoch, index }) => `${epoch} ${index}`)
        : Array.from({ length: epochs * perEpoch }, (_, at) => `${Math.floor(at / perEpoch)} ${at % perEpoch}`)
    )
    const expected = expectedOf(config, policy, workers, epochs, { rank, world, uneven })
    expect(own.batches.map(({ form: _, rank: __, size: ___, ...rest }) => rest)).toEqual([...expected])
    const filled = own.batches.find(({ size }) => size > 0)
    for (const batch of own.batches) {
      expect(batch.rank).toBe(rank)
      expect(batch.size).toBe(batch.indices.length)
      // An empty batch has the columns of the others.
      expect(batch.form).toBe(filled === undefined ? "[]" : filled.form)
    }
    const samples = own.batches.reduce((sum, { size }) => sum + size, 0)
    expect(own.stats).toMatchObject({ batches: own.batches.length, samples })
    expect(own.cursor).toMatchObject({ batches: own.batches.length, samples, epoch: perEpoch === 0 ? 0 : epochs })
  })
  return ranks.map(({ batches }) => batches)
}

const worlds = fc.constantFrom(1, 2, 3, 4)

const configs = fc
  .record({
    recipe: recipes({ samplers: ["sequential", "shuffle", "withReplacement", "weighted", "subset"] }),
    world: worlds,
    share: fc.integer({ min: 1, max: 4 }),
    breakEvery: fc.constantFrom(0, 0, 1, 2, 3)
  })
  .map(({ breakEvery, recipe, share, world }) => ({
    world,
    config: { breakEvery, recipe: { ...recipe, batchSize: share * world, dropLast: false } satisfies Recipe }
  }))
  // An epoch that is shorter than a batch cannot be dropped.
  .filter(({ config: { recipe } }) => samplerOf(recipe).count(recipe.size) >= recipe.batchSize)

/** The union of the ranks' samples is one rank's run; under `elastic` and without stages behind batch, to the bit. */
const together = async (
  setting: Omit<Setting, "options">,
  world: number,
  uneven: "pad" | "drop",
  epochs: number
): Promise<void> => {
  const ranks = await inStep(setting, world, uneven, epochs)
  const one: Omit<Setting, "options"> = { ...setting, backend: "fibers", workers: 1 + (setting.workers % 3) }
  const alone = (await inStep(one, 1, uneven, epochs))[0] ?? []
  const steps = new Map(alone.map((batch) => [`${batch.epoch} ${batch.index}`, batch]))
  for (const [step, { epoch, index }] of (ranks[0] ?? []).entries()) {
    const parts = ranks.map((batches) => batches[step])
    const whole = steps.get(`${epoch} ${index}`)
    expect(parts.flatMap((part) => part?.indices ?? [])).toEqual([...(whole?.indices ?? [])])
    if (setting.policy === "elastic" && setting.config.recipe.behind.length === 0) {
      expect(parts.flatMap((part) => part?.traces ?? [])).toEqual([...(whole?.traces ?? [])])
    }
  }
}

test(
  "on fibers, for any size, batch, world, filter, skip and policy",
  async () => {
    await fc.assert(
      fc.asyncProperty(
        configs,
        conditions,
        fc.constantFrom("pad" as const, "drop" as const),
        ({ config, world }, { epochs, policy, workers }, uneven) =>
          together({ config, policy, workers, backend: "fibers" }, world, uneven, epochs)
      ),
      { numRuns: 60 }
    )
  },
  TIME
)

test(
  "on threads, for any size, batch, world, filter, skip and policy",
  async () => {
    await fc.assert(
      fc.asyncProperty(
        // A stream is read by the main thread.
        configs.filter(({ config, world }) => world === 2 && config.recipe.source !== "stream"),
        fc.constantFrom("epochWorker" as const, "elastic" as const),
        fc.constantFrom("pad" as const, "drop" as const),
        ({ config, world }, policy, uneven) =>
          together({ config, policy, workers: 2, backend: "threads" }, world, uneven, 2)
      ),
      { numRuns: 3 }
    )
  },
  TIME
)
