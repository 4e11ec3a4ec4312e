/**
 * What is copied by spread from a value of this library, and has other functions, is one of the user's own: a cursor of
 * the one is not accepted for the other.
 */
import { describe, expect, test } from "bun:test"
import { Effect, Layer } from "effect"
import { descriptionOf, isCopied, madeFor } from "../../src/core/MadeFor.ts"
import { Cursor, Dataset, furrow, Pipeline, Sampler, SeedAudit, SeedPolicy } from "../../src/index.ts"
import { constant, recording, scripted } from "../../src/testing.ts"

const numbers = Dataset.fromArray([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12])

const reading = <A>(of: Dataset.Dataset<A>, read: (index: number) => A): Dataset.Dataset<A> => ({
  ...of,
  read,
  get: (index: number) => Effect.succeed(read(index)),
  getMany: (indices: ArrayLike<number>) => Effect.succeed(Array.from(indices, read))
})

interface Made {
  readonly dataset?: Dataset.Dataset<number>
  readonly sampler?: Sampler.Sampler<SeedPolicy.SeedPolicy>
  readonly policy?: Layer.Layer<SeedPolicy.SeedPolicy, unknown>
}

const pipelineOf = ({ dataset = numbers, sampler = Sampler.sequential }: Made) =>
  Pipeline.from(dataset).pipe(
    Pipeline.sample(sampler),
    Pipeline.augment("noise", (x, rng) => x + rng.double(), { parameters: {} }),
    Pipeline.batch(4)
  )

const usual = SeedPolicy.elastic({ seed: 1 })

const cursorOf = async (made: Made) => {
  const run = furrow(pipelineOf(made), { policy: made.policy ?? usual, epochs: 1, replay: true })
  await run.take()
  const { cursor } = run
  await run.close()
  return cursor
}

/** Whether a run of `other` goes on from a cursor of `one`, and what of it cursors do not compare. */
const resumed = async (one: Made, other: Made) => {
  const run = furrow(pipelineOf(other), { policy: other.policy ?? usual, from: await cursorOf(one), replay: true })
  const outcome = await run.take().then(
    () => "accepted",
    (error: Cursor.CursorMismatch) => error.differences.map(({ field }) => field).join()
  )
  await run.close()
  return { outcome, unseen: Cursor.unseen(pipelineOf(other)) }
}

const backwards: Sampler.Sampler<SeedPolicy.SeedPolicy> = {
  ...Sampler.sequential,
  order: (size) => (position) => size - 1 - position
}
const twice = reading(numbers, (index) => 2 * index)
const serviceOf = (seed: number) => Effect.runSync(Effect.provide(SeedPolicy.SeedPolicy, SeedPolicy.elastic({ seed })))
const otherSeeds = Layer.succeed(SeedPolicy.SeedPolicy, { ...serviceOf(1), seeds: serviceOf(9).seeds })

describe("a copy with other functions is refused where the original is expected, and the other way round", () => {
  test.each([
    ["a sampler", { sampler: backwards }, { sampler: Sampler.sequential }, "pipeline"],
    [
      "a sampler within another",
      { sampler: Sampler.limited(backwards, 8) },
      { sampler: Sampler.limited(Sampler.sequential, 8) },
      "pipeline"
    ],
    [
      "the count of a sampler",
      { sampler: { ...Sampler.shuffle, count: (size: number) => size - 0 } },
      { sampler: Sampler.shuffle },
      "pipeline"
    ],
    ["a dataset of content", { dataset: twice }, {}, "dataset"],
    [
      "a dataset without content",
      { dataset: reading(Dataset.range(12), (index) => 2 * index) },
      { dataset: Dataset.range(12) },
      "dataset"
    ],
    [
      "a view of a dataset",
      { dataset: Dataset.slice(twice, 0, 8) },
      { dataset: Dataset.slice(numbers, 0, 8) },
      "dataset"
    ],
    ["a policy", { policy: otherSeeds }, { policy: usual }, "policy"]
  ] satisfies ReadonlyArray<readonly [string, Made, Made, string]>)("%s", async (_, copy, original, field) => {
    expect((await resumed(original, original)).outcome).toBe("accepted")
    expect((await resumed(original, copy)).outcome).toBe(field)
    expect((await resumed(copy, original)).outcome).toBe(field)
  })
})

test("what a copy does is listed as unseen", async () => {
  expect(Cursor.unseen(pipelineOf({}))).toEqual([])
  expect(Cursor.unseen(pipelineOf({ sampler: backwards }))).toEqual(['the order of sampler "sequential"'])
  expect(Cursor.unseen(pipelineOf({ dataset: twice }))).toEqual(['the content of dataset "array"'])
})

test("what a user declares for a copy counts", () => {
  const own = { ...backwards, name: "backwards", parameters: { version: 1 } }
  expect(Cursor.unseen(pipelineOf({ sampler: own }))).toEqual([])
  const declared = { ...twice, content: "numbers, twice" }
  expect(Cursor.unseen(pipelineOf({ dataset: declared }))).toEqual([])
})

test("a copy with the same functions is what it was copied from", async () => {
  const same: Made = { sampler: { ...Sampler.shuffle }, dataset: { ...numbers } }
  expect((await resumed({ sampler: Sampler.shuffle }, same)).outcome).toBe("accepted")
  const halves = { ...Sampler.sequential, lanes: (size: number) => [size / 2, size / 2] }
  expect((await resumed({ sampler: halves }, { sampler: halves })).outcome).toBe("accepted")
  expect((await resumed({ sampler: Sampler.sequential }, { sampler: halves })).outcome).toBe("batch")
  expect(Cursor.unseen(pipelineOf({ sampler: halves }))).toEqual([])
})

test("audits, recordings and doubles keep the fingerprint of the policy that they wrap, or have their own", async () => {
  const policyIn = async (policy: Layer.Layer<SeedPolicy.SeedPolicy, unknown>) =>
    (await cursorOf({ policy })).fingerprints.policy
  expect(await policyIn(usual)).toBe("elastic")
  expect(await policyIn(SeedAudit.counting(usual))).toBe("elastic")
  expect(await policyIn(recording(usual))).toBe("elastic")
  expect(await policyIn(scripted({ noise: [0.5] }, usual))).toBe("scripted")
  expect(await policyIn(constant(1))).toBe("constant")
  expect(await policyIn(otherSeeds)).toBe("elastic(?)")
  expect(await policyIn(recording(otherSeeds))).toBe("elastic(?)")
})

test("a value that describes nothing is taken as it is", () => {
  const own = { run: () => 1, parameters: 3 }
  expect(descriptionOf(own, "parameters")).toBe(3)
  const made = madeFor({ ...own }, ["run"], ["parameters"])
  expect(isCopied(made, "parameters")).toBe(false)
  expect(isCopied({ ...made, run: () => 1 }, "parameters")).toBe(true)
  expect(descriptionOf({ ...made, run: () => 1, parameters: 4 }, "parameters")).toBe(4)
})
