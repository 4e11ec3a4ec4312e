/**
 * Law 3. Inserting, removing or reordering a stage changes no other stage's draws; two stages with one id are refused.
 */
import { expect, test } from "bun:test"
import { Effect, Layer, Stream } from "effect"
import fc from "fast-check"
import { Dataset, Pipeline, Scheduler, type SeedPolicy, Workers } from "../../src/index.ts"
import { Recording, recording } from "../../src/testing.ts"
import { type Conditions, conditions, ordered, policyOf } from "../support/recipes.ts"

const NAMES = ["crop", "flip", "jitter", "noise", "erase"] as const

/** Samples that are read at random, by blocks, and in order. */
const orders = [
  { source: "range", sampler: "shuffle" },
  { source: "shards", sampler: "shuffleBlocks" },
  { source: "shards", format: "parquet", readsAgain: true, sampler: "shuffleBlocks" },
  { source: "stream", sampler: "shuffleWindow" }
] as const

/** What each stage draws, by stage, epoch and position. */
const draws = (
  names: ReadonlyArray<string>,
  own: Conditions,
  plain: boolean,
  order: (typeof orders)[number] = orders[0]
) => {
  const begun = ordered({ ...order, size: 23 })
  const stage = (name: string) =>
    Pipeline.augment(name, (index: number, rng) => {
      // Each stage draws another number of times: it must not push the others along.
      for (let times = name.length; times > 0; times--) rng.word()
      return index
    })
  const augmented = names.reduce((pipeline, name) => pipeline.pipe(stage(name)), begun)
  const pipeline = (plain ? augmented.pipe(Pipeline.map("between", (index) => index)) : augmented).pipe(
    Pipeline.batch(4)
  )
  const program = Effect.gen(function* () {
    yield* Stream.runDrain(Scheduler.stream(pipeline, { epochs: own.epochs }))
    return yield* (yield* Recording).draws
  })
  return program.pipe(
    Effect.map((all) => {
      const byPlace: Record<string, Array<unknown>> = {}
      for (const { coordinates, value } of all) {
        const key = `${coordinates.stage.name} ${coordinates.epoch} ${coordinates.position} ${coordinates.scope}`
        byPlace[key] = [...(byPlace[key] ?? []), value]
      }
      return byPlace
    }),
    Effect.provide(Layer.merge(recording(policyOf(own)), Workers.fibers({ workers: own.workers }))),
    Effect.runPromise
  )
}

test("whatever stands beside a stage, it draws the same", async () => {
  const some = fc.shuffledSubarray([...NAMES])
  await fc.assert(
    fc.asyncProperty(
      some,
      some,
      conditions,
      fc.boolean(),
      fc.constantFrom(...orders),
      async (one, other, own, plain, order) => {
        const [first, second] = [await draws(one, own, false, order), await draws(other, own, plain, order)]
        const shared = Object.keys(first).filter((key) => key in second)
        const common = one.filter((name) => other.includes(name)).length
        // Every draw of a stage that both have, and of the order, stands in both.
        expect(shared.length).toBe(own.epochs * (23 * common + 1))
        for (const key of shared) expect({ key, draws: second[key] }).toEqual({ key, draws: first[key] })
      }
    ),
    { numRuns: 40 }
  )
}, 60_000)

test("a stage under another name draws otherwise", async () => {
  const own: Conditions = { policy: "epochWorker", seed: 42, workers: 2, epochs: 1 }
  const [crop, flip] = [await draws(["crop"], own, false), await draws(["flip"], own, false)]
  for (const [key, value] of Object.entries(crop)) {
    if (key.startsWith("crop")) expect(flip[key.replace("crop", "flip")]).not.toEqual(value)
  }
})

test("two stages of one name are refused, with both positions", () => {
  fc.assert(
    fc.property(fc.array(fc.constantFrom(...NAMES), { minLength: 2, maxLength: 6 }), (names) => {
      const build = () =>
        names.reduce<Pipeline.Pipeline<number, never, SeedPolicy.SeedPolicy>>(
          (pipeline, name) => pipeline.pipe(Pipeline.augment(name, (index: number) => index)),
          Pipeline.from(Dataset.range(3))
        )
      const second = names.findIndex((name, place) => names.indexOf(name) < place)
      if (second === -1) {
        expect(build().stages).toHaveLength(names.length)
        return
      }
      const first = names.indexOf(names[second] as (typeof NAMES)[number]) // found just above
      let thrown: unknown
      try {
        build()
      } catch (error) {
        thrown = error
      }
      expect(thrown).toBeInstanceOf(Pipeline.DuplicateStage)
      expect(thrown).toMatchObject({ name: names[second], positions: [first + 1, second + 1] })
    })
  )
})
