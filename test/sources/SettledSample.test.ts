/** Samples that nobody waits for are refused where they are read: stages would see objects without fields. */
import { describe, expect, test } from "bun:test"
import { Effect } from "effect"
import { Dataset, furrow, Pipeline } from "../../src/index.ts"

const WAY = "read what has to wait by Dataset.effect({ size, get: (index) => "

const later = async (id: number): Promise<{ readonly id: number }> => {
  if (id > 0) throw new Error("no file")
  return { id }
}

/** What comes from code without types: the spread of a promise has no fields. */
const noisy = (rows: Pipeline.Pipeline<unknown, unknown>) =>
  rows.pipe(
    Pipeline.augment("noise", (row, rng) => ({ ...Object(row), noise: rng.float() })),
    Pipeline.batchWith(2, (own) => own.length)
  )

const promises = (): ReadonlyArray<Promise<unknown>> => [later(0), later(0)]
const range = Dataset.range(4)

const cases = {
  "an async get": [Pipeline.from(Dataset.make({ name: "a", size: 4, get: later })), "it returned a Promise; "],
  "a get that is async at times": [
    Pipeline.from(Dataset.make({ name: "a", size: 4, get: (index) => (index === 1 ? later(index) : index) })),
    "it returned a Promise; "
  ],
  "a get that returns an Effect": [
    Pipeline.from(Dataset.make({ name: "a", size: 4, get: (index) => Effect.succeed({ index }) })),
    "it returned an Effect; "
  ],
  "an async map": [Pipeline.from(Dataset.map(range, later, { name: "a" })), "it returned a Promise; "],
  "effects that give promises": [
    Pipeline.from(Dataset.effect({ name: "a", size: 4, get: (index) => Effect.succeed(later(index)) })),
    "it is a Promise; "
  ],
  "effects of which some give promises": [
    Pipeline.from(
      Dataset.effect({ name: "a", size: 4, get: (index) => Effect.succeed(index === 1 ? later(index) : { index }) })
    ),
    "it is a Promise; "
  ],
  "a stream of promises": [Pipeline.from(Dataset.fromStream(promises, { name: "a" })), "it is a Promise; "],
  "a stream that has a promise among its samples": [
    Pipeline.from(Dataset.fromStream(() => [{ id: 0 }, later(1)], { name: "a" })),
    "it is a Promise; "
  ]
} as const

describe("is a DatasetError that names the dataset, the sample and the way out", () => {
  test.each(Object.entries(cases))("%s", async (_, [pipeline, message]) => {
    for (const failures of [{ retry: { times: 1 } }, { skip: { budget: { samples: 4 } } }]) {
      const run = furrow(noisy(pipeline), { epochs: 1, seed: 1, failures })
      const error = await run.take().then(String, (own: unknown) => own)
      await run.close()
      expect(error).toMatchObject({ _tag: "StageError", batch: 0, cause: { _tag: "DatasetError", dataset: "a" } })
      expect(String(error)).toContain(`of dataset a cannot be read: ${message}${WAY}`)
    }
  })
})

test.each([
  [
    "a promise",
    () => [{ id: 0 }, later(1)],
    /item 1 must be neither a promise .*Dataset\.fromArray\(await Promise\.all\(items\)\)/
  ],
  ["an Effect", () => [Effect.succeed(0)], /item 0 must be .* run the Effects first, got/]
] as const)("an array is refused for an item that is %s", (_, items, message) => {
  expect(() => Dataset.fromArray<unknown>(items())).toThrow(message)
})

test("an array that is given a promise later is refused by the batch that begins with it", async () => {
  const items: Array<unknown> = [{ id: 0 }, { id: 1 }]
  const run = furrow(noisy(Pipeline.from(Dataset.fromArray(items, { name: "a" }))), { epochs: 1, seed: 1 })
  items[0] = later(0)
  const error = await run.take().then(String, (own: unknown) => own)
  await run.close()
  expect(String(error)).toContain(`sample 0 of dataset a cannot be read: it is a Promise; ${WAY}`)
})

test("a DatasetError outside of a run", () => {
  const error = Effect.runSync(Effect.flip(Dataset.make({ name: "a", size: 4, get: later }).get(3)))
  expect(error.message).toContain(`sample 3 of dataset a cannot be read: it returned a Promise; ${WAY}`)
})
