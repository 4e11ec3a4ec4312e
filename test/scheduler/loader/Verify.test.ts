/**
 * Past batches made again: pure pipelines pass, impure ones are found and told of.
 */
import { describe, expect, test } from "bun:test"
import { Effect, Layer, Schedule, Stream } from "effect"
import fc from "fast-check"
import {
  type Batch,
  Dataset,
  FailurePolicy,
  InvalidOption,
  Parity,
  Pipeline,
  Sampler,
  Scheduler,
  SeedAudit,
  SeedPolicy,
  Tensor,
  Workers
} from "../../../src/index.ts"
import { scripted } from "../../../src/testing.ts"
import type { PartialOptions } from "../../support/options.ts"
import * as faults from "../../support/threaded/faults.ts"
import { pipeline as threaded } from "../../support/threaded/numbers.ts"

type PolicyLayer = Layer.Layer<SeedPolicy.SeedPolicy, unknown>

const drawing = Pipeline.from(Dataset.range(60)).pipe(
  Pipeline.sample(Sampler.shuffle),
  Pipeline.augment("noise", (x, rng) => ({ x, noise: rng.double() })),
  Pipeline.batch(4)
)

/** Runs to the end and has `count` batches made again. */
const verified = <C, E>(
  pipeline: Pipeline.Pipeline<Batch.Batch<C>, E, SeedPolicy.SeedPolicy>,
  count: number,
  options: PartialOptions = {},
  workers: Layer.Layer<Workers.Workers, unknown> = Workers.fibers({ workers: 2 }),
  policy: PolicyLayer = SeedPolicy.epochWorker({ seed: 42 })
) =>
  Effect.gen(function* () {
    const loader = yield* Scheduler.open(pipeline, { replay: true, epochs: 2, ...options, verify: count })
    yield* Stream.runDrain(loader.stream)
    return yield* loader.verify
  }).pipe(Effect.scoped, Effect.either, Effect.provide(policy), Effect.provide(workers), Effect.runPromise)

const impure = async <C, E>(...args: Parameters<typeof verified<C, E>>): Promise<Scheduler.ImpureBatch> => {
  const found = await verified(...args)
  if (found._tag === "Left" && found.left instanceof Scheduler.ImpureBatch) return found.left
  throw new Error(`no impure batch, but ${JSON.stringify(found)}`)
}

describe("a pure pipeline", () => {
  test("passes, under any policy, by any number of workers, from wherever it goes on", async () => {
    const policies: ReadonlyArray<PolicyLayer> = [
      SeedPolicy.epochWorker({ seed: 1 }),
      SeedPolicy.elastic({ seed: "name" }),
      Parity.pytorch({ torch: 3, shuffle: true }),
      Parity.pytorch({ torch: 3, persistentWorkers: true }),
      Parity.osEntropy({ torch: 3 }),
      scripted({ noise: [0.25] }, SeedAudit.counting(SeedPolicy.elastic({ seed: 1 })))
    ]
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 1, max: 4 }),
        fc.constantFrom(...policies),
        fc.constantFrom("plan" as const, "ready" as const),
        fc.integer({ min: 0, max: 40 }),
        async (workers, policy, order, count) => {
          const found = await verified(drawing, count, { order }, Workers.fibers({ workers }), policy)
          if (found._tag === "Left") throw found.left
          const places = found.right.map(({ batch, epoch }) => 15 * epoch + batch)
          expect(places).toEqual([...new Set(places)].toSorted((a, b) => a - b))
          expect(places.length).toBe(Math.min(count, 30))
        }
      ),
      { numRuns: 40 }
    )
  })

  test("on threads, too", async () => {
    const numbers = new URL("../../support/threaded/numbers.ts", import.meta.url)
    const found = await verified(threaded, 9, {}, Workers.threads({ workers: 2, pipeline: numbers, debug: true }))
    expect(found).toMatchObject({ _tag: "Right", right: { length: 9 } })
  }, 60_000)

  test("has all its batches chosen with the same odds, others under another seed, the same under the same", async () => {
    const times = new Array<number>(15).fill(0)
    const chosen = async (seed: number) => {
      const found = await verified(
        drawing,
        3,
        { epochs: 1 },
        Workers.fibers({ workers: 1 }),
        SeedPolicy.elastic({ seed })
      )
      if (found._tag === "Left") throw found.left
      return found.right.map(({ batch }) => batch)
    }
    for (let seed = 0; seed < 300; seed++)
      for (const batch of await chosen(seed)) times[batch] = (times[batch] ?? 0) + 1
    // 60 each on average, with a standard deviation of 7.
    for (const count of times) expect(Math.abs(count - 60)).toBeLessThan(35)
    expect(await chosen(7)).toEqual(await chosen(7))
  }, 60_000)

  test("is built once more, each sample once, also where streams are carried from batch to batch", async () => {
    for (const persistentWorkers of [false, true]) {
      const calls = new Map<string, number>()
      const counted = Pipeline.from(Dataset.range(40)).pipe(
        Pipeline.sample(Sampler.shuffle),
        Pipeline.augment("counted", (x, rng, { epoch }) => {
          const key = `${epoch}: ${x}`
          calls.set(key, (calls.get(key) ?? 0) + 1)
          return rng.double()
        }),
        Pipeline.batch(4)
      )
      const policy = Parity.pytorch({ torch: 3, shuffle: true, persistentWorkers })
      // All batches are kept; then each sample is made once for the run, and once for `verify`.
      const found = await verified(counted, 20, {}, Workers.fibers({ workers: 3 }), policy)
      expect(found).toMatchObject({ _tag: "Right", right: { length: 20 } })
      expect([...calls.values()]).toEqual(new Array<number>(80).fill(2))
      calls.clear()
      // Of some batches, it makes those between them, too, for their draws, and none of them twice.
      expect(await verified(counted, 6, {}, Workers.fibers({ workers: 3 }), policy)).toMatchObject({ _tag: "Right" })
      expect(calls.size).toBe(80)
      expect(Math.max(...calls.values())).toBe(2)
    }
  })

  test("draws nothing that an audit would count, and none when nothing was asked for", async () => {
    const run = Effect.gen(function* () {
      const loader = yield* Scheduler.open(drawing, { replay: true, epochs: 1, verify: 5 })
      yield* Stream.runDrain(loader.stream)
      const before = yield* (yield* SeedAudit.SeedAudit).report
      expect((yield* loader.verify).length).toBe(5)
      return { before, after: yield* (yield* SeedAudit.SeedAudit).report }
    }).pipe(
      Effect.scoped,
      Effect.provide(SeedAudit.counting(SeedPolicy.elastic({ seed: 1 }))),
      Effect.provide(Workers.fibers({ workers: 2 })),
      Effect.runPromise
    )
    const { after, before } = await run
    expect(after).toEqual(before)
    expect(await verified(drawing, 0)).toMatchObject({ _tag: "Right", right: [] })
    expect(await verified(drawing, -1)).toMatchObject({ _tag: "Left", left: { _tag: "InvalidOption" } })
  })

  test("is made again under the failure policy; batches of which something was left out are not chosen", async () => {
    let calls = 0
    const flaky = Pipeline.from(Dataset.range(20)).pipe(
      Pipeline.map("flaky", (x) => {
        if (x === 9) throw new Error("never")
        if (calls++ % 11 === 10) throw new Error("now and then")
        return x
      }),
      Pipeline.batch(4)
    )
    const found = await Effect.gen(function* () {
      const loader = yield* Scheduler.open(flaky, { epochs: 1, verify: 99 })
      yield* Stream.runDrain(loader.stream)
      return yield* loader.verify
    }).pipe(
      Effect.scoped,
      Effect.provide(Workers.fibers({ workers: 1 })),
      Effect.provide(
        Layer.merge(
          FailurePolicy.skip({ budget: { samples: 1 }, report: () => Effect.void }),
          FailurePolicy.retry(Schedule.recurs(3))
        )
      ),
      Effect.runPromise
    )
    expect(found.map(({ batch }) => batch)).toEqual([0, 1, 3, 4])
  })
})

describe("an impure stage is found", () => {
  test("that counts its calls", async () => {
    let calls = 0
    const counting = drawing.pipe(
      Pipeline.map("count", (batch) => ({
        ...batch,
        columns: { ...batch.columns, count: Tensor.make(Float64Array.of(calls++), [1]) }
      }))
    )
    const error = await impure(counting, 4)
    expect(error.columns).toEqual(["count"])
    expect(error.message).toMatch(
      /^batch \d+ of epoch \d \(worker \d of 2, policy epochWorker, seed 42\) came out otherwise when it was made again: column "count"/
    )
  })

  test("on a thread", async () => {
    const module = new URL("../../support/threaded/faults.ts", import.meta.url)
    const error = await impure(
      faults.counting,
      4,
      {},
      Workers.threads({ workers: 2, pipeline: module, name: "counting" })
    )
    expect(error.columns).toEqual([""])
  }, 60_000)

  test("that draws from what no seed governs", async () => {
    const leaving = Pipeline.from(Dataset.range(20)).pipe(
      Pipeline.ambient("leave"),
      Pipeline.map("luck", (x) => x + Math.random()),
      Pipeline.batch(4)
    )
    expect((await impure(leaving, 2)).columns).toEqual([""])
    const derived = Pipeline.from(Dataset.range(20)).pipe(
      Pipeline.ambient("derive"),
      Pipeline.map("luck", (x) => x + Math.random()),
      Pipeline.batch(4)
    )
    expect(await verified(derived, 4)).toMatchObject({ _tag: "Right" })
  })

  test("a dataset that changes its samples under it, and a batch that comes to nothing the second time", async () => {
    const data = Array.from({ length: 20 }, (_, index) => Float32Array.of(index))
    const shared = Pipeline.from(Dataset.fromArray(data)).pipe(
      Pipeline.map("in place", (sample) => {
        sample[0] = (sample[0] ?? 0) + 1
        return sample.slice()
      }),
      Pipeline.batch(4)
    )
    expect((await impure(shared, 3, { epochs: 1 })).columns).toEqual([""])
    let seen = 0
    const vanishing = Pipeline.from(Dataset.range(8)).pipe(
      Pipeline.filter("twice", () => seen++ < 8),
      Pipeline.batch(4)
    )
    expect((await impure(vanishing, 3, { epochs: 1 })).columns).toEqual([""])
  })

  test("columns that cannot be hashed are a typed error", async () => {
    const odd = Pipeline.from(Dataset.range(8)).pipe(Pipeline.batchWith(4, (samples) => ({ of: () => samples })))
    expect(await verified(odd, 1)).toMatchObject({ _tag: "Left", left: { _tag: "DigestError" } })
    expect(await verified(odd, 0)).toMatchObject({ _tag: "Right" })
    expect(InvalidOption).toBeDefined()
  })
})
