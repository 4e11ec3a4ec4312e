/**
 * Law 1. Batch b of epoch e is a function of (pipeline, dataset, policy, seed, e, b), and of the worker count only where
 * the policy says so. Never of timing, prefetch, the order of delivery, or of what was made before.
 */
import { describe, expect, test } from "bun:test"
import { Effect, Layer, Option, Stream } from "effect"
import fc from "fast-check"
import { Scheduler, Sink, Store } from "../../src/index.ts"
import { oracle } from "../support/oracle.ts"
import {
  blocksOf,
  type Conditions,
  conditions,
  pipelineOf,
  policyOf,
  type Recipe,
  recipes
} from "../support/recipes.ts"
import { layerOf, plain, run } from "../support/run.ts"
import { MOST_ROWS, numbersIn } from "../support/shards/EveryFormat.ts"

const TIME = 60_000

test(
  "a run delivers what a plain loop makes",
  async () => {
    await fc.assert(
      fc.asyncProperty(recipes(), conditions, fc.integer({ min: 1, max: 4 }), async (recipe, own, prefetch) => {
        const { batches, stats } = await run(recipe, own, { prefetch })
        const expected = oracle(recipe, own)
        expect(batches).toEqual([...expected])
        expect(stats.batches).toBe(expected.length)
        expect(stats.samples).toBe(expected.reduce((sum, { indices }) => sum + indices.length, 0))
      }),
      { numRuns: 60 }
    )
  },
  TIME
)

test("the shards of the recipes have blocks of three rows in every format, and read as the numbers that they are", async () => {
  for (const [format, { datasets, numberOf }] of numbersIn) {
    for (const dataset of Object.values(datasets)) {
      expect({ format, blocks: dataset.blocks }).toEqual({
        format,
        blocks: blocksOf({ size: MOST_ROWS, source: "shards" })
      })
      const all = Array.from({ length: MOST_ROWS }, (_, index) => index)
      expect((await Effect.runPromise(dataset.getMany(all))).map(numberOf)).toEqual(all)
    }
  }
})

test(
  "as ready: the same batches, each worker's in its own order, and the same digest",
  async () => {
    const byPlan = (a: { epoch: number; index: number }, b: { epoch: number; index: number }) =>
      a.epoch - b.epoch || a.index - b.index
    await fc.assert(
      fc.asyncProperty(recipes(), conditions, fc.integer({ min: 1, max: 4 }), async (recipe, own, prefetch) => {
        const ready = await run(recipe, own, { order: "ready", prefetch })
        const planned = await run(recipe, own)
        expect(ready.batches.toSorted(byPlan)).toEqual(planned.batches)
        expect(ready.digest).toBe(planned.digest)
        for (let worker = 0; worker < own.workers; worker++) {
          const lane = ready.batches.filter((batch) => batch.worker === worker)
          expect(lane).toEqual(lane.toSorted(byPlan))
        }
      }),
      { numRuns: 30 }
    )
  },
  TIME
)

test(
  "a sink writes the rows that a plain loop makes, in the same shards to the byte, whoever builds the batches and when",
  async () => {
    const folder = "memory://out"
    /** Writes the rows of a run; returns what it wrote. */
    const written = (recipe: Recipe, own: Conditions, sink: Sink.Sink, prefetch: number) =>
      Effect.runPromise(
        Effect.gen(function* () {
          const store = yield* Store.Store
          const { content, shards } = yield* Sink.run(pipelineOf(recipe), sink, { epochs: own.epochs, prefetch })
          const texts = yield* Effect.forEach(shards, ({ name }) =>
            Effect.gen(function* () {
              const info = yield* store.stat({ location: `${folder}/${name}` })
              return Buffer.from(yield* store.read(info, 0, info.size)).toString("latin1")
            })
          )
          return { content, shards, texts }
        }).pipe(Effect.provide(Layer.merge(layerOf(own), Store.memory({}))))
      )
    const cuts = fc.oneof(
      fc.record({ rows: fc.integer({ min: 1, max: 40 }) }),
      fc.record({ bytes: fc.integer({ min: 1, max: 900 }) })
    )
    await fc.assert(
      fc.asyncProperty(
        recipes(),
        conditions,
        fc.integer({ min: 1, max: 9 }),
        fc.constantFrom("jsonl" as const, "jsonl" as const, "parquet" as const, "arrow" as const),
        cuts,
        async (recipe, given, workers, format, cut) => {
          const own = { ...given, policy: "elastic" } as const
          const sink = Sink[format](folder, { ...cut, blockBytes: 200 })
          const one = await written(recipe, own, sink, 1)
          expect(await written(recipe, { ...own, workers }, sink, 4)).toEqual(one)
          if (format !== "jsonl") return
          const lines = one.texts.flatMap((text) => text.trimEnd().split("\n"))
          const rows = oracle(recipe, own).flatMap(({ indices, traces }) =>
            indices.map((index, row) => {
              const width = traces.length / indices.length
              return { index, trace: traces.slice(row * width, (row + 1) * width) }
            })
          )
          expect(lines.map((line): unknown => JSON.parse(line))).toEqual(rows)
        }
      ),
      { numRuns: 25 }
    )
  },
  TIME
)

test(
  "any batch, and any sample, comes out the same when it is made alone",
  async () => {
    await fc.assert(
      fc.asyncProperty(recipes(), conditions, fc.nat(), async (recipe, own, choice) => {
        const all = oracle(recipe, own)
        const expected = all[choice % Math.max(all.length, 1)]
        if (expected === undefined) return
        const pipeline = pipelineOf(recipe)
        const { epoch, index, traces } = expected
        const replay = (what: { batch: number } | { position: number }) =>
          Effect.runPromise(
            Scheduler.replay(pipeline, { epoch, workers: own.workers, ...what }).pipe(Effect.provide(policyOf(own)))
          )
        const batch = await replay({ batch: index })
        // A batch of the recipe's pipeline.
        expect(plain(Option.getOrThrow(batch) as Parameters<typeof plain>[0])).toEqual(expected)
        const sample = await replay({ position: index * recipe.batchSize })
        if (recipe.behind.length === 0 && !recipe.stages.some(({ kind }) => kind === "filter")) {
          const width = traces.length / expected.indices.length
          expect(Option.getOrThrow(sample)).toEqual({ index: expected.indices[0], trace: traces.slice(0, width) })
        }
      }),
      { numRuns: 60 }
    )
  },
  TIME
)

test(
  "iterating gives what streaming gives; runs side by side do not touch each other",
  async () => {
    await fc.assert(
      fc.asyncProperty(recipes(), conditions, async (recipe, own) => {
        const pipeline = pipelineOf(recipe)
        const iterated = async () => {
          const batches: Array<ReturnType<typeof plain>> = []
          for await (const batch of Scheduler.iterate(pipeline, layerOf(own), { replay: true, epochs: own.epochs }))
            batches.push(plain(batch))
          return batches
        }
        const streamed = Stream.runCollect(Scheduler.stream(pipeline, { epochs: own.epochs })).pipe(
          Effect.map((batches) => Array.from(batches, plain)),
          Effect.provide(layerOf(own)),
          Effect.runPromise
        )
        const [one, other, third] = await Promise.all([iterated(), iterated(), streamed])
        expect(other).toEqual(one)
        expect(third).toEqual(one)
        expect(one).toEqual([...oracle(recipe, own)])
      }),
      { numRuns: 25 }
    )
  },
  TIME
)

test(
  "equal runs, equal digests; a run that differs anywhere, another digest",
  async () => {
    await fc.assert(
      fc.asyncProperty(recipes(), conditions, conditions, async (recipe, own, other) => {
        const [first, again, different] = [await run(recipe, own), await run(recipe, own), await run(recipe, other)]
        expect(again.digest).toBe(first.digest)
        const content = ({ batches }: typeof first) =>
          JSON.stringify(batches.map(({ indices, traces }) => [indices, traces]))
        expect(different.digest === first.digest).toBe(content(different) === content(first))
      }),
      { numRuns: 30 }
    )
  },
  TIME
)

describe("pinned: the same on every runtime, machine and version", () => {
  const recipe: Recipe = {
    size: 100,
    sampler: "shuffle",
    stages: [
      { kind: "augment", name: "one" },
      { kind: "filter", name: "some" },
      { kind: "augmentEffect", name: "two" }
    ],
    batchSize: 8,
    dropLast: false,
    behind: ["mix"]
  }
  const of = (policy: Conditions["policy"], sampler: Recipe["sampler"]) =>
    run({ ...recipe, sampler }, { policy, seed: 42, workers: 3, epochs: 2 })

  test.each([
    ["epochWorker", "shuffle", "b7249dbddbc5b4c40071a0197afcd2adf7df87930141217e4bde7dd6c5c34a12"],
    ["elastic", "shuffle", "16a5da6020220f0da8a05e813bdbda34ed3109aebe35327f35959797cac1c983"],
    ["elastic", "withReplacement", "bdc64412eb636907922c24bf5873326cdf6b14e60e54b73dde0261fd431061d4"],
    ["epochWorker", "sequential", "d0c136327d3047b7f94b273fb504f9366a113f6ec613663fbde4884a6bcd5bc7"]
  ] as const)("%s over %s", async (policy, sampler, digest) => {
    expect((await of(policy, sampler)).digest).toBe(digest)
  })
})
