/**
 * Rows with coordinates of their own, from the order of an epoch to seeds, records, audits and errors.
 */
import { describe, expect, test } from "bun:test"
import { Effect, type Layer, Stream } from "effect"
import {
  type Coordinates,
  Dataset,
  Pipeline,
  Sampler,
  Scheduler,
  SeedAudit,
  SeedPolicy,
  Workers
} from "../../../src/index.ts"
import { failing, Recording, recording } from "../../../src/testing.ts"
import { processes } from "../../support/backends/Processes.ts"
import { children, mix, originOf, packed } from "../../support/threaded/rowOrigins.ts"

const pipelines = { mix, children, packed } as const
type Name = keyof typeof pipelines

const module = new URL("../../support/threaded/rowOrigins.ts", import.meta.url)

const elastic = SeedPolicy.elastic({ seed: 42 })
const epochWorker = SeedPolicy.epochWorker({ seed: 42 })

const run = (
  name: Name,
  policy: Layer.Layer<SeedPolicy.SeedPolicy, unknown>,
  workers: Layer.Layer<Workers.Workers, unknown>,
  ranks: { readonly rank?: number; readonly world?: number } = {}
) =>
  Effect.gen(function* () {
    const loader = yield* Scheduler.open(pipelines[name], { replay: true, epochs: 2, digest: true, ...ranks })
    const made = yield* Stream.runCollect(Stream.map(loader.stream, ({ columns }) => Array.from(columns.second.data)))
    return {
      rows: Array.from(made),
      digest: yield* loader.digest,
      draws: yield* (yield* Recording).draws,
      report: yield* (yield* SeedAudit.SeedAudit).report
    }
  }).pipe(
    Effect.scoped,
    Effect.provide(SeedAudit.counting(recording(policy))),
    Effect.provide(workers),
    Effect.runPromise
  )

/** What of a sample's coordinates its order says. */
const expected = (name: Name, position: number): Partial<Coordinates.Coordinates> => {
  if (name === "mix") return originOf(position)
  if (name === "children") return { index: Math.floor(position / 3), child: position % 3 }
  return { window: Math.floor(position / 12), child: position % 12 }
}

describe.each(["mix", "children", "packed"] as const)("%s", (name) => {
  test("every draw says where its row comes from, and no state starts twice", async () => {
    for (const policy of [elastic, epochWorker]) {
      const { draws, report } = await run(name, policy, Workers.fibers({ workers: 2 }))
      expect(report.repeated).toBe(0)
      // In each of two epochs the first stage draws for 48 samples, the second for those that are left.
      expect(draws.filter(({ coordinates }) => coordinates.stage.name === "first")).toHaveLength(96)
      for (const { coordinates } of draws) {
        const { scope, position } = coordinates
        if (scope === "sample") expect(coordinates).toMatchObject(expected(name, position))
        else expect(Object.keys(coordinates)).not.toContain("child")
      }
    }
  })

  test("under the elastic policy samples draw the same on any number of workers and ranks", async () => {
    const one = await run(name, elastic, Workers.fibers({ workers: 1 }))
    const three = await run(name, elastic, Workers.fibers({ workers: 3 }))
    expect(three.digest).toBe(one.digest)
    const ranks = await Promise.all(
      [0, 1, 2].map((rank) => run(name, elastic, Workers.fibers({ workers: 2 }), { rank, world: 3 }))
    )
    const rowsOf = (batch: number) => ranks.flatMap(({ rows }) => rows[batch] ?? [])
    expect(one.rows.map((_, batch) => rowsOf(batch))).toEqual(one.rows)
  })

  test("threads and processes draw and record what fibers do", async () => {
    const fibers = await run(name, elastic, Workers.fibers({ workers: 2 }))
    const threads = await run(name, elastic, Workers.threads({ workers: 2, pipeline: module, name }))
    expect(threads).toEqual(fibers)
    const others = await run(name, elastic, processes({ workers: 2, processes: 1, module: module.href, name }))
    expect(others).toEqual(fibers)
  }, 60_000)

  test("an error names the row's origin", async () => {
    const at = name === "mix" ? { pass: 1, component: 1, index: 2 } : { child: 2 }
    const own = name === "mix" ? "component 1, pass 1, sample 2" : "child 2 (position"
    const error = await Effect.runPromise(
      Stream.runDrain(Scheduler.stream(pipelines[name], { epochs: 1 })).pipe(
        Effect.flip,
        Effect.provide(failing(at, elastic)),
        Effect.provide(Workers.fibers({ workers: 2 }))
      )
    )
    expect(error._tag).toBe("CoordinatesError")
    expect(error.message).toContain(own)
  })
})

test("without them the same indices start the same states", async () => {
  const indexed: Sampler.Sampler = {
    ...Sampler.sequential,
    name: "indexed",
    count: () => 48,
    order: () => (position) => originOf(position).index
  }
  const pipeline = Pipeline.from(Dataset.range(48)).pipe(
    Pipeline.sample(indexed),
    Pipeline.augment("first", (x, rng) => x + rng.word()),
    Pipeline.batch(5)
  )
  const report = await Effect.gen(function* () {
    yield* Stream.runDrain(Scheduler.stream(pipeline, { epochs: 1 }))
    return yield* (yield* SeedAudit.SeedAudit).report
  }).pipe(
    Effect.provide(SeedAudit.counting(elastic)),
    Effect.provide(Workers.fibers({ workers: 2 })),
    Effect.runPromise
  )
  expect(report).toMatchObject({ started: 48, repeated: 40 })
})

test("an audit of the pipeline asks for the rows' seeds, too", () => {
  const report = Effect.runSync(SeedAudit.run(mix, (seed) => SeedPolicy.elastic({ seed }), { shift: 0 }))
  expect(report.verdict).toBe("none by construction")
})

test("rows that the order says too little of are a CoordinatesError", async () => {
  const short: Sampler.Sampler = {
    ...Sampler.sequential,
    name: "short",
    order: () => Object.assign((position: number) => position, { rows: () => ({ children: [0] }) })
  }
  const pipeline = Pipeline.from(Dataset.range(4)).pipe(
    Pipeline.sample(short),
    Pipeline.augment("first", (x, rng) => x + rng.word()),
    Pipeline.batch(2)
  )
  const error = await Effect.runPromise(
    Stream.runDrain(Scheduler.stream(pipeline, { epochs: 1 })).pipe(
      Effect.flip,
      Effect.provide(elastic),
      Effect.provide(Workers.fibers({ workers: 1 }))
    )
  )
  expect(error).toMatchObject({ _tag: "CoordinatesError", coordinates: { position: 1 } })
})
