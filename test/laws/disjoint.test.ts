/**
 * Law 2. Two different coordinates never start from the same generator state; what does not fit is a typed error.
 */
import { describe, expect, test } from "bun:test"
import { Effect, Either, Layer, Stream } from "effect"
import fc from "fast-check"
import { Coordinates, Dataset, Pipeline, Sampler, Scheduler, SeedAudit, SeedPolicy, Workers } from "../../src/index.ts"
import { seedAt } from "../../src/seeding/Request.ts"
import { conditions, pipelineOf, policyOf, recipes, seeds } from "../support/recipes.ts"

const policies = { epochWorker: SeedPolicy.epochWorker, elastic: SeedPolicy.elastic }
type Name = keyof typeof policies

const serviceOf = (name: Name, seed: number | bigint | string): SeedPolicy.Service =>
  Effect.runSync(SeedPolicy.SeedPolicy.pipe(Effect.provide(policies[name]({ seed }))))

/** Coordinates from the whole of what each policy holds, with the edges of its fields among them. */
const field = (bits: number) =>
  fc.oneof(
    fc.constantFrom(0, 1, 2 ** bits - 1),
    fc.integer({ min: 0, max: 2 ** Math.min(bits, 31) - 1 }),
    fc.maxSafeNat().map((value) => value % 2 ** bits)
  )

const coordinates = fc.record({
  scope: fc.constantFrom<Coordinates.Scope>("epoch", "batch", "sample"),
  stage: fc.constantFrom("crop", "flip", "sample", "mix").map(Coordinates.stageId),
  epoch: field(24),
  rank: field(16),
  worker: field(12),
  batch: field(40),
  ordinal: field(40),
  index: field(53),
  distinct: fc.boolean()
})
type At = typeof coordinates extends fc.Arbitrary<infer A> ? A : never

const requestOf = (at: At): SeedPolicy.Request => ({
  ...at,
  world: 2 ** 16,
  workers: 2 ** 12,
  position: at.index,
  indices: [at.index]
})

const state = (policy: SeedPolicy.Service, at: At): string =>
  seedAt(Either.getOrThrow(policy.seeds(requestOf(at))), 0).words.join()

/** What of the coordinates a policy keys by: two that agree here are one place to it. */
const place = (name: Name, at: At): string => {
  const { batch, distinct, epoch, index, ordinal, rank, scope, stage, worker } = at
  if (scope === "epoch") return JSON.stringify([scope, stage.id, epoch])
  if (name === "epochWorker") return JSON.stringify([scope, stage.id, epoch, rank, worker, ordinal])
  if (scope === "batch") return JSON.stringify([scope, stage.id, epoch, rank, batch])
  return JSON.stringify([scope, stage.id, epoch, distinct, index])
}

describe.each(["epochWorker", "elastic"] as const)("%s", (name) => {
  test("two places start from two states, one place from one, at the edges of every field too", () => {
    fc.assert(
      fc.property(
        seeds,
        coordinates,
        coordinates,
        fc.subarray(["scope", "stage", "epoch", "rank", "worker", "batch", "ordinal", "index", "distinct"] as const),
        (seed, one, other, differing) => {
          // Near places are the ones that a careless packing would fold together: the second differs in few fields.
          const near: At = { ...one }
          for (const key of differing) Object.assign(near, { [key]: other[key] })
          const policy = serviceOf(name, seed)
          expect(state(policy, near) === state(policy, one)).toBe(place(name, near) === place(name, one))
        }
      ),
      { numRuns: 500 }
    )
  })

  test("what does not fit is a CoordinatesError that names it, never a wrap-around", () => {
    const policy = serviceOf(name, 42)
    const inside: At = {
      scope: "sample",
      stage: Coordinates.stageId("crop"),
      epoch: 0,
      rank: 0,
      worker: 0,
      batch: 0,
      ordinal: 0,
      index: 0,
      distinct: true
    }
    const limits =
      name === "epochWorker"
        ? ([
            ["epoch", 2 ** 24],
            ["rank", 2 ** 16],
            ["worker", 2 ** 12],
            ["ordinal", 2 ** 40]
          ] as const)
        : ([
            ["epoch", 2 ** 32],
            ["index", 2 ** 53]
          ] as const)
    for (const [key, limit] of limits) {
      const last = policy.seeds(requestOf({ ...inside, [key]: limit - 1 }))
      expect(Either.isRight(last)).toBe(true)
      for (const value of [limit, limit * 2, -1, 0.5, Number.NaN]) {
        const beyond = Either.getOrThrow(Either.flip(policy.seeds(requestOf({ ...inside, [key]: value }))))
        expect(beyond).toBeInstanceOf(Coordinates.CoordinatesError)
        expect(beyond.message).toContain(`${key} ${value}`)
      }
    }
  })
})

test("a whole run starts no state twice", async () => {
  await fc.assert(
    fc.asyncProperty(recipes(), conditions, async (recipe, own) => {
      const program = Effect.gen(function* () {
        yield* Stream.runDrain(Scheduler.stream(pipelineOf(recipe), { epochs: own.epochs }))
        return yield* (yield* SeedAudit.SeedAudit).report
      })
      const report = await program.pipe(
        Effect.provide(Layer.merge(SeedAudit.counting(policyOf(own)), Workers.fibers({ workers: own.workers }))),
        Effect.runPromise
      )
      expect(report.repeated).toBe(0)
    }),
    { numRuns: 40 }
  )
}, 60_000)

test("nor do the ranks of one run, nor runs of neighbouring seeds, nor an epoch with replacement", async () => {
  const pipeline = (sampler: Sampler.Sampler<SeedPolicy.SeedPolicy>) =>
    Pipeline.from(Dataset.range(64)).pipe(
      Pipeline.sample(sampler),
      Pipeline.augment("draw", (index, rng) => index + rng.float()),
      Pipeline.batch(16),
      Pipeline.augment("mix", (batch, rng) => {
        rng.word()
        return batch
      })
    )
  for (const name of ["epochWorker", "elastic"] as const) {
    const seen = new Map<string, string>()
    const runs = [
      [42, Sampler.shuffle],
      [43, Sampler.shuffle],
      [44, Sampler.withReplacement({ count: 64 })]
    ] as const
    for (const [seed, sampler] of runs) {
      for (let rank = 0; rank < 4; rank++) {
        const inner = serviceOf(name, seed)
        // Every request that is made, with the states it got. The order of an epoch is meant to be one for all ranks.
        const spy: SeedPolicy.Service = {
          ...inner,
          observe: (request, given) => {
            for (let row = 0; row < request.indices.length; row++) {
              const where = request.scope === "epoch" ? `${seed}` : `${seed} ${rank} ${row}`
              const key = `${where} ${request.scope} ${request.stage.name} ${request.epoch} ${request.batch}`
              const words = seedAt(given, row).words.join()
              expect(seen.get(words) ?? key).toBe(key)
              seen.set(words, key)
            }
          }
        }
        const layer = Layer.merge(Layer.succeed(SeedPolicy.SeedPolicy, spy), Workers.fibers({ workers: 3 }))
        await Effect.runPromise(
          Stream.runDrain(Scheduler.stream(pipeline(sampler), { epochs: 3, rank, world: 4 })).pipe(
            Effect.provide(layer)
          )
        )
      }
    }
    expect(seen.size).toBeGreaterThan(3 * 3 * 64)
  }
})

test("run 42's epoch 1 is not run 43's epoch 0", () => {
  const draws = (seed: number, epoch: number): ReadonlyArray<string> => {
    const policy = serviceOf("epochWorker", seed)
    const at = (ordinal: number): At => ({
      scope: "sample",
      stage: Coordinates.stageId("crop"),
      epoch,
      rank: 0,
      worker: 0,
      batch: 0,
      ordinal,
      index: 0,
      distinct: true
    })
    return Array.from({ length: 200 }, (_, ordinal) => state(policy, at(ordinal)))
  }
  const all = [42, 43, 44].flatMap((seed) => [0, 1, 2].flatMap((epoch) => draws(seed, epoch)))
  expect(new Set(all).size).toBe(3 * 3 * 200)
})
