/**
 * Runs over batches of varying size in epochs whose end nobody knows before: they deliver what a plain loop delivers, on any
 * number of workers, in any order, and resumed anywhere.
 */
import { describe, expect, test } from "bun:test"
import { Effect, Option, Stream } from "effect"
import fc from "fast-check"
import { type Batch, Dataset, Pipeline, Scheduler, SeedPolicy, type Tensor, Workers } from "../../../src/index.ts"
import { allCuts, fake, withCuts } from "../../support/cuts.ts"
import type { PartialOptions } from "../../support/options.ts"
import { type Config, pipeline } from "../../support/threaded/cuts.ts"

type Numbers = Batch.Batch<Tensor.Tensor<Float64Array>>

const TIME = 60_000
const module = new URL("../../support/threaded/cuts.ts", import.meta.url)

const workersOn = (backend: "fibers" | "threads", workers: number, config: Config) =>
  backend === "fibers"
    ? Workers.fibers({ workers })
    : Workers.threads({ workers, pipeline: module, config: { ...config } })

const kept = ({ columns, epoch, index, indices }: Numbers) => ({
  epoch,
  index,
  indices: Array.from(indices),
  // A rank that never has a row does not know its columns.
  data: indices.length === 0 ? [] : Array.from(columns.data)
})

interface Conditions {
  readonly config: Config
  readonly workers: number
  readonly options: PartialOptions & { readonly epochs: number }
  readonly backend?: "fibers" | "threads"
  readonly policy?: typeof elastic
}

const elastic = SeedPolicy.elastic({ seed: 3 })

/** Takes at most `count` batches, then leaves the run and says where it stood. */
const part = ({ backend = "fibers", config, options, policy = elastic, workers }: Conditions, count = Infinity) =>
  Effect.gen(function* () {
    const loader = yield* Scheduler.open(pipeline(config), { replay: true, digest: true, ...options })
    expect(loader.batches).toBeUndefined()
    const taken: Array<ReturnType<typeof kept>> = []
    while (taken.length < count) {
      const batch = yield* loader.take
      if (Option.isNone(batch)) break
      taken.push(kept(batch.value))
    }
    const cursor = JSON.parse(JSON.stringify(yield* loader.cursor)) as Record<string, number>
    return { taken, cursor, digest: yield* loader.digest, stats: yield* loader.stats }
  }).pipe(Effect.scoped, Effect.provide(policy), Effect.provide(workersOn(backend, workers, config)), Effect.runPromise)

const configs = fc.record({
  size: fc.integer({ min: 1, max: 40 }),
  batch: fc.integer({ min: 1, max: 7 }),
  salt: fc.nat({ max: 999 }),
  early: fc.nat({ max: 40 })
})

const conditions = fc.record({
  config: configs,
  workers: fc.integer({ min: 1, max: 4 }),
  options: fc.record({
    epochs: fc.integer({ min: 0, max: 4 }),
    prefetch: fc.integer({ min: 1, max: 3 }),
    order: fc.constantFrom<"plan" | "ready">("plan", "ready")
  })
})

const sorted = (all: ReadonlyArray<ReturnType<typeof kept>>) =>
  all.toSorted((one, other) => one.epoch - other.epoch || one.index - other.index)

test(
  "a run over a pipeline without a shuffle delivers what a plain loop over the cuts delivers",
  async () => {
    await fc.assert(
      fc.asyncProperty(conditions, async ({ config, options, workers }) => {
        const { batch, size, ...own } = config
        const plain = withCuts(Pipeline.from(Dataset.range(size)).pipe(Pipeline.batch(batch)), fake(own))
        const batches = await Effect.runPromise(
          Stream.runCollect(Scheduler.stream(plain, options)).pipe(Effect.provide(Workers.fibers({ workers })))
        )
        const expected = Array.from({ length: options.epochs }, (_, epoch) =>
          allCuts(own, epoch, size, batch).map((cut, index) => ({
            epoch,
            index,
            indices: Array.from({ length: cut.size }, (_, row) => cut.position + row)
          }))
        ).flat()
        expect(sorted(Array.from(batches, kept)).map(({ data: _, ...rest }) => rest)).toEqual(expected)
      })
    )
  },
  TIME
)

for (const [backend, numRuns] of [
  ["fibers", 100],
  ["threads", 3]
] as const) {
  describe(`batches of varying size on ${backend}`, () => {
    test(
      "are the same, with the same digest, whatever the workers, the prefetch and the order",
      async () => {
        await fc.assert(
          fc.asyncProperty(conditions, async (own) => {
            const expected = await part({ ...own, workers: 1, options: { epochs: own.options.epochs } })
            const found = await part({ ...own, backend })
            expect(own.options.order === "plan" ? found.taken : sorted(found.taken)).toEqual(expected.taken)
            expect(found.digest).toBe(expected.digest)
            expect(found.cursor).toMatchObject({ epoch: own.options.epochs, position: 0, batch: 0, ahead: [] })
          }),
          { numRuns }
        )
      },
      TIME
    )
  })
}

test(
  "a run that is left anywhere, and resumed with other workers, delivers the rest, also past an end that it had not found",
  async () => {
    await fc.assert(
      fc.asyncProperty(
        conditions,
        fc.array(fc.record({ count: fc.nat({ max: 12 }), workers: fc.integer({ min: 1, max: 3 }) }), { maxLength: 4 }),
        async (own, stops) => {
          const whole = await part({ ...own, workers: 1, options: { epochs: own.options.epochs } })
          const taken: Array<ReturnType<typeof kept>> = []
          let cursor: unknown
          for (const { count, workers } of [...stops, { count: Infinity, workers: own.workers }]) {
            const options = { ...own.options, ...(cursor === undefined ? {} : { from: cursor }) }
            const next = await part({ ...own, workers, options }, count)
            taken.push(...next.taken)
            cursor = next.cursor
            // A cursor counts positions, and says where its batch begins.
            const { batch = 0, epoch = 0, position = 0 } = next.cursor
            const { batch: most, size, ...fakes } = own.config
            const cuts = allCuts(fakes, epoch, size, most)
            const last = cuts.at(-1)
            expect(position).toBe(
              cuts[batch]?.position ?? (batch === 0 ? 0 : (last?.position ?? 0) + (last?.size ?? 0))
            )
            if (cursor !== undefined && count === Infinity) expect(next.digest).toBe(whole.digest)
          }
          expect(sorted(taken)).toEqual(whole.taken)
        }
      )
    )
  },
  TIME
)

test(
  "epoch by epoch, each delivers its own batches and ends at its own end",
  async () => {
    await fc.assert(
      fc.asyncProperty(conditions, fc.nat({ max: 3 }), async ({ config, options, workers }, leave) => {
        const expected = await part({ config, workers: 1, options: { epochs: options.epochs } })
        const epochs = await Effect.gen(function* () {
          const loader = yield* Scheduler.open(pipeline(config), { replay: true, ...options })
          const found: Array<ReadonlyArray<ReturnType<typeof kept>>> = []
          yield* Stream.runForEach(loader.epochs, ({ number, take }) =>
            Effect.gen(function* () {
              const own: Array<ReturnType<typeof kept>> = []
              // One epoch is left early.
              while (number !== leave || own.length < 2) {
                const batch = yield* take
                if (Option.isNone(batch)) break
                own.push(kept(batch.value))
              }
              found.push(own)
            })
          )
          expect(yield* loader.take).toEqual(Option.none())
          return found
        }).pipe(Effect.scoped, Effect.provide(elastic), Effect.provide(Workers.fibers({ workers })), Effect.runPromise)
        expect(epochs).toHaveLength(options.epochs)
        for (const [epoch, found] of epochs.entries()) {
          const own = expected.taken.filter((batch) => batch.epoch === epoch)
          if (epoch !== leave) expect(sorted(found)).toEqual(own)
          else expect(own).toEqual(expect.arrayContaining([...found]))
        }
      })
    )
  },
  TIME
)

test(
  "ranks deliver the same number of batches, and shares that differ by at most one sample",
  async () => {
    await fc.assert(
      fc.asyncProperty(conditions, fc.integer({ min: 1, max: 3 }), async (own, world) => {
        const config = { ...own.config, batch: own.config.batch * world }
        const whole = await part({ ...own, config, workers: 1, options: { epochs: own.options.epochs } })
        const ranks = await Promise.all(
          Array.from({ length: world }, (_, rank) => part({ ...own, config, options: { ...own.options, rank, world } }))
        )
        for (const { taken } of ranks) expect(taken).toHaveLength(whole.taken.length)
        for (const [at, batch] of whole.taken.entries()) {
          const shares = ranks.map(({ taken }) => sorted(taken)[at])
          expect(shares.flatMap((share) => share?.indices ?? [])).toEqual(batch.indices)
          expect(shares.flatMap((share) => share?.data ?? [])).toEqual(batch.data)
          const sizes = shares.map((share) => share?.indices.length ?? 0)
          expect(Math.max(...sizes) - Math.min(...sizes)).toBeLessThanOrEqual(1)
        }
      }),
      { numRuns: 50 }
    )
  },
  TIME
)

test(
  "no two rows of a worker have one ordinal, and no two rows draw the same",
  async () => {
    await fc.assert(
      fc.asyncProperty(configs, fc.integer({ min: 1, max: 4 }), async (config, workers) => {
        const policy = SeedPolicy.epochWorker({ seed: 3 })
        const { taken } = await part({ config, workers, options: { epochs: 2 }, policy })
        const draws = taken.flatMap(({ data, indices }) => data.map((value, row) => value - (indices[row] ?? 0)))
        expect(new Set(draws).size).toBe(draws.length)
      })
    )
  },
  TIME
)

test("what the cuts throw, and sizes that are none, are errors of stage batch", async () => {
  for (const [at, message] of [
    [() => ({ position: 0, size: 0 }), "the size of batch 0 of epoch 0 must be a whole number from 1 to 4, got 0"],
    [() => ({ position: 0, size: 5 }), "from 1 to 4, got 5"],
    [
      () => {
        throw new Error("the costs are lost")
      },
      "the costs are lost"
    ]
  ] as const) {
    const plain = withCuts(Pipeline.from(Dataset.range(9)).pipe(Pipeline.batch(4)), {
      name: "bad",
      parameters: {},
      cut: () => ({ at })
    })
    const error = await Effect.runPromise(Effect.flip(Stream.runDrain(Scheduler.stream(plain, { epochs: 1 }))))
    expect(error).toMatchObject({ _tag: "StageError", stage: "batch", epoch: 0, batch: 0 })
    expect(String(error)).toContain(message)
  }
})

test("dropLast, padLast, uneven and lanes are refused beside cuts of a stage's own", async () => {
  const own = fake({ salt: 1, early: 0 })
  const plain = (options: Pipeline.LastOptions) =>
    withCuts(Pipeline.from(Dataset.range(9)).pipe(Pipeline.batch(4, options)), own)
  for (const [pipeline, options] of [
    [plain({ dropLast: true }), {}],
    [plain({ padLast: true }), {}],
    [plain({}), { uneven: "pad" }],
    [plain({}), { uneven: "drop" }]
  ] as const) {
    const error = await Effect.runPromise(
      Effect.flip(Stream.runDrain(Scheduler.stream(pipeline, { epochs: 1, ...options })))
    )
    expect(error).toMatchObject({ _tag: "InvalidOption", option: "uneven, dropLast and padLast" })
  }
})
