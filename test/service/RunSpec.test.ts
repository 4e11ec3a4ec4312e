/**
 * Which run a query asks for, and what a trainer writes into it.
 */
import { describe, expect, test } from "bun:test"
import { Effect, Either } from "effect"
import { InvalidOption } from "../../src/core/InvalidOption.ts"
import { Dataset, Pipeline } from "../../src/index.ts"
import * as Seed from "../../src/random/Seed.ts"
import { checkedRun, fromQuery, type RunSpec, toQuery } from "../../src/service/RunSpec.ts"
import { Service } from "../../src/service.ts"

const read = (query: string) => fromQuery(new URLSearchParams(query), [])
const root = (seed: Seed.RootInput) => Either.getOrThrow(Seed.root(seed))

describe("a seed", () => {
  test("is the same at the service as in a local run: a text stays a text", () => {
    const texts = ["42", " 42", "42 ", "042", "1e3", "-1", "", "18446744073709551616", "é & = \u0000", '"42"', "name:1"]
    for (const seed of [42, 0, 2 ** 53 - 1, 42n, 2n ** 64n - 1n, ...texts]) {
      const query = toQuery(checkedRun({ seed, epochs: 1 }))
      expect(fromQuery(new URLSearchParams(query.toString()), []).root).toEqual(root(seed))
    }
  })

  test("of a query by hand is read as that of a command line, and is of one run however it is written", () => {
    expect(read("seed=42&epochs=1").root).toEqual(root(42))
    expect(read("seed=name&epochs=1").root).toEqual(root("name"))
    expect(read("seedText=42&epochs=1").root).toEqual(root("42"))
    const key = ({ key }: { readonly key: string }) => key
    expect(key(read("seed=042&epochs=1"))).toBe(key(read("seed=42&epochs=1")))
    expect(key(read("seed=name&epochs=1"))).toBe(key(read("seedText=name&epochs=1")))
    expect(key(read("seedText=42&epochs=1"))).not.toBe(key(read("seed=42&epochs=1")))
    expect(() => read("seed=1&seedText=1&epochs=1")).toThrow("seedText must be left out beside seed")
    expect(() => read("seed=1e3&epochs=1")).toThrow("seed must be a seed: a number must be whole")
  })
})

test("a run that states a default is one with a run that leaves it out", () => {
  const plain = read("seed=1&epochs=1")
  expect(read("seed=1&epochs=1&rank=0&world=1&uneven=error&digest=false&policy=epochWorker").key).toBe(plain.key)
  for (const other of ["world=2", "rank=1&world=2", "uneven=pad", "digest=true"])
    expect(read(`seed=1&epochs=1&${other}`).key).not.toBe(plain.key)
})

test("a run that states a default of its service is one with a run that leaves it out, and others are not", async () => {
  const numbers = Pipeline.from(Dataset.range(40)).pipe(Pipeline.batch(4))
  await Effect.gen(function* () {
    const keys = ({ runs, url }: Service.Service, all: ReadonlyArray<RunSpec>) =>
      Effect.gen(function* () {
        for (const own of all) {
          const loader = yield* Service.connect(url, { seed: 1, epochs: 1, ...own })
          yield* loader.forEach(() => Effect.void)
        }
        return (yield* runs).map(({ run }) => run)
      })
    const one = yield* Service.serve({ pipelines: { numbers }, workers: 3 })
    const asked: ReadonlyArray<RunSpec> = [{}, { pipeline: "numbers" }, { workers: 3 }]
    expect(yield* keys(one, asked)).toEqual(["seed=1&policy=epochWorker&epochs=1"])
    expect((yield* keys(one, [{ workers: 1 }])).length).toBe(2)
    const two = yield* Service.serve({ pipelines: { numbers, others: numbers } })
    expect(yield* keys(two, [{ pipeline: "numbers", workers: 1 }, { pipeline: "others" }])).toEqual([
      "pipeline=numbers&seed=1&policy=epochWorker&epochs=1",
      "pipeline=others&seed=1&policy=epochWorker&epochs=1"
    ])
  }).pipe(Effect.scoped, Effect.runPromise)
})

test("what a local run refuses is refused before anything is sent", async () => {
  const bad: ReadonlyArray<Readonly<Record<string, unknown>>> = [
    ...[-1, 1.5, Number.NaN, 2 ** 53, 2n ** 64n, -1n, null, true, {}, [], "\ud800"].map((seed) => ({ seed })),
    ...["1", 1.5, -1, null, true].map((epochs) => ({ epochs })),
    ...[{ digest: "true" }, { digest: 1 }, { policy: "none" }, { policy: null }, { uneven: "" }, { rank: "0" }],
    ...[{ world: 0 }, { world: 65_537 }, { workers: 4097 }, { steps: 0 }]
  ]
  for (const own of bad) {
    const options = { epochs: 1, ...own } as RunSpec // what a caller without types may give
    const refused = await Effect.runPromise(Effect.flip(Effect.scoped(Service.connect("http://127.0.0.1:9", options))))
    expect([refused instanceof InvalidOption && refused.option, own]).toEqual([Object.keys(own)[0] ?? "", own])
  }
})
