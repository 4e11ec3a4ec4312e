/**
 * Batches of a stream that are filled with the epoch's first samples: a run that is resumed behind those reads them again,
 * beside what its workers read on, and delivers what the whole run does.
 */
import { describe, expect, test } from "bun:test"
import { Effect, Layer, Logger, LogLevel, Option } from "effect"
import fc from "fast-check"
import { type Cursor, Dataset, Pipeline, Scheduler, SeedPolicy, Workers } from "../../../src/index.ts"

/** A run that has not answered by then stands still. */
const PATIENCE = "5 seconds"

interface Shape {
  readonly ranks: "batches" | "windows" | "source"
  readonly rows: number
  /** 0 for the order of the source. */
  readonly window: number
  /** Rows of a batch for each rank. */
  readonly share: number
  readonly world: number
  readonly rank: number
  /** How many batches an epoch has, where the source gives each rank its own rows. */
  readonly steps: number
  readonly prefetch: number
  readonly workers: number
}

const run = ({ prefetch, rank, ranks, rows, share, steps, window, workers, world }: Shape, from?: Cursor.Cursor) => {
  const isDeclared = ranks === "source" && world > 1
  const own = isDeclared ? Math.min(rows, share * steps) : rows
  const source = Dataset.fromStream(() => Array.from({ length: own }, (_, n) => ({ n })), { ranks, name: "numbers" })
  const start = Pipeline.from(source)
  const pipeline = (window === 0 ? start : start.pipe(Pipeline.shuffleWindow(window))).pipe(
    Pipeline.batch(share * world)
  )
  const declared = isDeclared ? { steps } : {}
  const options = { epochs: 2, rank, world, uneven: "pad", prefetch, replay: true, ...declared } as const
  return Effect.gen(function* () {
    const loader = yield* Scheduler.open(pipeline, from === undefined ? options : { ...options, from })
    const batches: Array<string> = []
    const cursors: Array<Cursor.Cursor> = []
    for (;;) {
      const next = yield* loader.take
      if (Option.isNone(next)) return { batches, cursors }
      batches.push(`${next.value.epoch}: ${next.value.columns.n.data.join()}`)
      cursors.push(yield* loader.cursor)
    }
  }).pipe(
    Effect.scoped,
    Effect.timeout(PATIENCE),
    Effect.provide(Layer.merge(SeedPolicy.elastic({ seed: 7 }), Workers.fibers({ workers }))),
    Logger.withMinimumLogLevel(LogLevel.Warning),
    Effect.runPromise
  )
}

const shape: fc.Arbitrary<Shape> = fc
  .record({
    ranks: fc.constantFrom("batches", "windows", "source"),
    rows: fc.integer({ min: 1, max: 40 }),
    window: fc.integer({ min: 0, max: 9 }),
    share: fc.integer({ min: 1, max: 5 }),
    world: fc.integer({ min: 1, max: 3 }),
    rank: fc.nat(2),
    steps: fc.integer({ min: 1, max: 16 }),
    prefetch: fc.integer({ min: 1, max: 4 }),
    workers: fc.integer({ min: 1, max: 4 })
  })
  .map((own) => ({ ...own, rank: own.rank % own.world, rows: Math.max(own.rows, own.world) }))

/** The worker that is behind has begun its batch, and cannot begin another before the one that is ahead is built. */
const STUCK: Shape = {
  ranks: "source",
  rows: 32,
  window: 2,
  share: 3,
  world: 2,
  rank: 0,
  steps: 18,
  prefetch: 1,
  workers: 2
}

describe("batches filled with the first samples of a stream", () => {
  test("are delivered wherever a run is resumed", async () => {
    const property = fc.asyncProperty(shape, fc.nat(40), async (own, taken) => {
      const { batches, cursors } = await run(own)
      const after = taken % batches.length
      const rest = await run(own, cursors[after])
      expect(rest.batches).toEqual(batches.slice(after + 1))
    })
    await fc.assert(property, { numRuns: 40, endOnFailure: true, examples: [[STUCK, 12]] })
  }, 60_000)
})
