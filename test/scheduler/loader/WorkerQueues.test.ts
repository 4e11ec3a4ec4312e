/**
 * What the consumer's thread does for a batch that is built elsewhere, counted: how often it looks for what is there, and in how
 * many lots it requests what it may.
 */
import { expect, test } from "bun:test"
import { Effect, Layer } from "effect"
import { Dataset, Pipeline, Scheduler, Workers } from "../../../src/index.ts"
import type { Backend } from "../../../src/scheduler/backends/Backend.ts"
import { fibers } from "../../../src/scheduler/backends/Fibers.ts"

const BATCHES = 200
const WORKERS = 4
const PREFETCH = 8

const pipeline = Pipeline.from(Dataset.range(2 * BATCHES)).pipe(Pipeline.batch(2))

/** A run over batches that are there as soon as they are looked for, and what was asked of their backend. */
const run = (options: Partial<Scheduler.Options> = {}) =>
  Effect.gen(function* () {
    let polls = 0
    let taken = 0
    /** How many batches had been taken at each request. */
    const requests: Array<number> = []
    const backend: Backend = {
      name: "ready at once",
      prefetch: PREFETCH,
      open: (runPlan, settings) =>
        Effect.map(fibers().open(runPlan, settings), (own) => {
          /** Those that are built, and not looked for yet. */
          let arrivals: Array<() => void> = []
          return {
            request: (coordinates, arrived) => {
              requests.push(taken)
              const { build, content } = own.request(coordinates, arrived)
              let isPending = true
              const settle = (): void => {
                isPending = false
                arrived()
              }
              arrivals.push(settle)
              return {
                isLazy: false,
                isPending: () => isPending,
                want: () => (isPending ? settle() : undefined),
                take: () => build?.(),
                content
              }
            },
            poll: () => {
              polls++
              const all = arrivals
              arrivals = []
              for (const arrived of all) arrived()
            }
          }
        })
    }
    const workers = Layer.succeed(Workers.Workers, { count: WORKERS, backend })
    const rows = yield* Effect.gen(function* () {
      const loader = yield* Scheduler.open(pipeline, { epochs: 1, ...options })
      const seen: Array<number> = []
      yield* loader.forEach((batch) => {
        taken++
        seen.push(...batch.indices)
        return Effect.void
      })
      return seen
    }).pipe(Effect.scoped, Effect.provide(workers))
    return { polls, lots: new Set(requests).size, rows }
  }).pipe(Effect.runPromise)

const rows = Array.from({ length: 2 * BATCHES }, (_, row) => row)

test("what has come is looked for once for several batches, and requested by all workers in one lot", async () => {
  const { lots, polls, rows: own } = await run()
  expect(own).toEqual(rows)
  expect(polls).toBeLessThan(BATCHES / 2)
  // Nine batches and more a lot, once a worker may request three.
  expect(lots).toBeLessThan(BATCHES / 8)
})

test("a profile that says how full queues were looks at each batch", async () => {
  const { polls, rows: own } = await run({ profile: true })
  expect(own).toEqual(rows)
  expect(polls).toBeGreaterThanOrEqual(BATCHES)
})

test("in the order of readiness all batches come, too", async () => {
  const { polls, rows: own } = await run({ order: "ready" })
  expect(own.toSorted((one, other) => one - other)).toEqual(rows)
  expect(polls).toBeLessThan(BATCHES / 2)
})
