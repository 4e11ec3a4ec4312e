import { describe, expect, test } from "bun:test"
import { Effect } from "effect"
import { Dataset, furrow, Pipeline } from "../../src/index.ts"

type Many = (indices: ArrayLike<number>) => unknown

/** A dataset as code without types may write it. */
const own = (getMany: Many, get: (index: number) => unknown = (index) => Effect.succeed(index)) => {
  const { pipe } = Dataset.range(1)
  const reads: object = { get, getMany }
  return Object.assign({ name: "mine", size: 8, pipe } as Dataset.Dataset<number>, reads)
}

const views: Readonly<Record<string, (dataset: Dataset.Dataset<number>) => Dataset.Dataset<number, unknown>>> = {
  itself: (dataset) => dataset,
  slice: (dataset) => Dataset.slice(dataset, 0, 8),
  concat: (dataset) => Dataset.concat(dataset, Dataset.range(4)),
  map: (dataset) => Dataset.map(dataset, (value) => value + 1),
  mapEffect: (dataset) => Dataset.mapEffect(dataset, (value) => Effect.succeed(value + 1))
}

const first = async (dataset: Dataset.Dataset<number, unknown>) => {
  const run = furrow(Pipeline.from(dataset).pipe(Pipeline.batch(4)), { epochs: 1 })
  try {
    return Array.from((await run.take())?.indices ?? [])
  } finally {
    await run.close()
  }
}

describe("a getMany of one's own that breaks its contract", () => {
  const broken: ReadonlyArray<readonly [Many, string]> = [
    [(indices) => Effect.succeed(Array.from(indices).slice(1)), "getMany was asked for 4 samples and gave 3"],
    [(indices) => Effect.succeed([...Array.from(indices), 9]), "getMany was asked for 4 samples and gave 5"],
    [() => Effect.succeed(null), "getMany was asked for 4 samples and gave null"],
    [() => Effect.succeed("abcd"), "getMany was asked for 4 samples and gave abcd"],
    [
      async (indices) => Array.from(indices),
      "it returned a Promise instead of an Effect; wrap what waits: Effect.promise(() => …)"
    ],
    [() => undefined, "it gave undefined instead of an effect"]
  ]

  for (const [view, of] of Object.entries(views)) {
    test(`is one error, read through ${view}`, async () => {
      for (const [getMany, message] of broken) {
        await expect(first(of(own(getMany)))).rejects.toMatchObject({
          _tag: "StageError",
          stage: "dataset",
          cause: { _tag: "DatasetError", dataset: "mine", cause: { message } }
        })
      }
    })
  }

  test("is an error of `filter`, which would else keep other samples", async () => {
    for (const getMany of [
      (indices: ArrayLike<number>) => Effect.succeed(Array.from(indices).filter((index) => index !== 2)),
      (indices: ArrayLike<number>) => Effect.succeed(Array.from(indices).flatMap((index) => [index, index])),
      () => Effect.succeed([])
    ]) {
      const filtered = Dataset.filter(own(getMany), (value) => value % 2 === 0)
      expect(await Effect.runPromise(Effect.flip(filtered))).toMatchObject({ _tag: "DatasetError", dataset: "mine" })
    }
  })

  test("cannot write to the indices of the batch", async () => {
    const writes: Many = (indices) => {
      if ("fill" in indices) (indices as Float64Array).fill(3)
      return Effect.succeed([0, 1, 2, 3])
    }
    for (const of of Object.values(views)) expect(await first(of(own(writes)))).toEqual([0, 1, 2, 3])
  })
})

test("a get of one's own that gives no effect is an error at its sample", async () => {
  const dataset = own(
    () => Effect.fail("not now"),
    (index) => (index === 2 ? Promise.resolve(index) : Effect.succeed(index))
  )
  const run = furrow(Pipeline.from(dataset).pipe(Pipeline.batch(4)), {
    epochs: 1,
    failures: { retry: { times: 1, delay: 1 } }
  })
  await expect(run.take()).rejects.toMatchObject({ sample: 2, cause: { _tag: "DatasetError", index: 2 } })
  await run.close()
})
