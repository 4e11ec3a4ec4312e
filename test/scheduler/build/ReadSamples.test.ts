/**
 * What reading a batch in which samples are bad costs: each function of a user's is called once for a sample, and only another
 * attempt is counted.
 */
import { describe, expect, test } from "bun:test"
import { Effect, Logger } from "effect"
import { Dataset, FailurePolicy, Pipeline, Scheduler, SeedPolicy } from "../../../src/index.ts"
import { ShardError } from "../../../src/sources/formats/Format.ts"
import * as Format from "../../../src/sources/formats/Formats.ts"
import { memoryStore } from "../../support/shards/MemoryStore.ts"

interface Row {
  readonly n: number
}

const BAD = new Set([7, 13, 30])
const lines = (from: number, to: number): string =>
  Array.from({ length: to - from }, (_, at) => `${BAD.has(from + at) ? "?" : `{"n":${from + at}}`}\n`).join("")

/** How often the sample was seen by a function, by `n`. */
type Calls = Map<number, number>
const count = (calls: Calls, { n }: Row): void => void calls.set(n, (calls.get(n) ?? 0) + 1)

/** Runs over a dataset in batches of 8; bad samples are skipped. */
const outcome = (dataset: Dataset.Dataset<Row, unknown>) =>
  Effect.gen(function* () {
    const warnings: Array<string> = []
    const skipped: Array<number | undefined> = []
    const logger = Logger.make(({ message }) => void warnings.push(String(message)))
    const rows: Array<number> = []
    const stats = yield* Effect.gen(function* () {
      const run = yield* Scheduler.open(Pipeline.from(dataset).pipe(Pipeline.batch(8)), { epochs: 1, replay: true })
      yield* run.forEach(({ columns }) => Effect.sync(() => rows.push(...columns.n.data)))
      return yield* run.stats
    }).pipe(
      Effect.scoped,
      Effect.provide(SeedPolicy.epochWorker({ seed: 0 })),
      Effect.provide(
        FailurePolicy.skip({
          budget: { samples: 40 },
          report: ({ error }) => Effect.sync(() => skipped.push(error.sample))
        })
      ),
      Effect.provide(Logger.replace(Logger.defaultLogger, logger))
    )
    return { warnings, skipped, rows, retried: stats.retried }
  })

const good = Array.from({ length: 40 }, (_, n) => n).filter((n) => !BAD.has(n))
const sound = { warnings: [], skipped: [7, 13, 30], rows: good, retried: 0 }

/** 40 rows in two shards, of which three are bad. */
const opened = (options: Partial<Dataset.OpenOptions<Row>> = {}) => {
  const store = memoryStore({ "d/a": lines(0, 20), "d/b": lines(20, 40) })
  return Dataset.open("d/", {
    format: Format.jsonl<Row>({ blockBytes: 40 }),
    index: false,
    name: "d",
    ...options
  }).pipe(Effect.provide(store.layer))
}

describe("bad rows of shards fail alone, and no other row is read a second time", () => {
  const views: Readonly<Record<string, (rows: Dataset.Dataset<Row, unknown>) => Dataset.Dataset<Row, unknown>>> = {
    "by themselves": (rows) => rows,
    "in a slice": (rows) => Dataset.slice(rows, 0),
    "behind rows in memory": (rows) =>
      Dataset.concat(Dataset.fromArray([{ n: 0 }, { n: 1 }]), Dataset.slice(rows, 2, 25), Dataset.slice(rows, 25))
  }
  for (const [name, view] of Object.entries(views)) {
    test(name, async () => {
      expect(await Effect.runPromise(Effect.flatMap(opened(), (rows) => outcome(view(rows))))).toEqual(sound)
    })
  }

  test("through a schema and functions of a user's, each called once", async () => {
    const [schema, mapped, later]: ReadonlyArray<Calls> = [new Map(), new Map(), new Map()]
    const seen = await Effect.runPromise(
      Effect.gen(function* () {
        const rows = yield* opened({
          schema: {
            "~standard": {
              version: 1,
              vendor: "own",
              validate: (value) => {
                const row = value as Row // a row of the shards
                count(schema as Calls, row)
                return row.n === 4 ? { issues: [{ message: "four" }] } : { value: row }
              }
            }
          }
        })
        const plain = Dataset.map(rows, (row) => {
          count(mapped as Calls, row)
          if (row.n === 9) throw new Error("nine")
          return row
        })
        const all = Dataset.mapEffect(plain, (row) => {
          count(later as Calls, row)
          return row.n === 10 ? Effect.fail("ten") : Effect.succeed(row)
        })
        return yield* outcome(all)
      })
    )
    expect({ ...seen, skipped: seen.skipped.toSorted((a, b) => Number(a) - Number(b)) }).toEqual({
      warnings: [],
      skipped: [4, 7, 9, 10, 13, 30],
      rows: good.filter((n) => n !== 4 && n !== 9 && n !== 10),
      retried: 0
    })
    const once = (numbers: ReadonlyArray<number>): Calls => new Map(numbers.map((n) => [n, 1]))
    expect(schema).toEqual(once(good))
    expect(mapped).toEqual(once(good.filter((n) => n !== 4)))
    expect(later).toEqual(once(good.filter((n) => n !== 4 && n !== 9)))
  })
})

test("a block of columns that cannot be decoded is no other attempt, either", async () => {
  const jsonl = Format.jsonl<Row>({ blockBytes: 40 })
  let decoded = 0
  const format: Format.Format<Row> = {
    ...jsonl,
    hasColumns: true,
    decode: (bytes, block, place) => {
      if (!new TextDecoder().decode(bytes).includes('"n":16')) return jsonl.decode(bytes, block, place)
      decoded++
      throw new ShardError({ shard: "d/a", format: "jsonl", reason: "a block of columns" })
    }
  }
  const seen = await Effect.runPromise(Effect.flatMap(opened({ format }), outcome))
  const lost = seen.skipped.filter((n) => !BAD.has(n ?? 0))
  expect(lost).toContain(16)
  expect(lost.length).toBeLessThan(8)
  expect(seen).toMatchObject({ warnings: [], rows: good.filter((n) => !lost.includes(n)), retried: 0 })
  // Once for each of the batches that it has rows of.
  expect(decoded).toBe(new Set(lost.map((n) => Math.floor((n ?? 0) / 8))).size)
})

test("bad blocks of columns are each decoded once, in a view, too; the error names the first row of the batch", async () => {
  const jsonl = Format.jsonl<Row>({ blockBytes: 40 })
  const decoded: Array<number> = []
  const format: Format.Format<Row> = {
    ...jsonl,
    hasColumns: true,
    decode: (bytes, block, place) => {
      decoded.push(place.firstRow)
      const own = jsonl.decode(bytes, block, place)
      if (place.firstRow < 10) return own
      const error = Effect.fail(new ShardError({ shard: "d/a", format: "jsonl", reason: `of ${place.firstRow}` }))
      // What comes first in the batch fails last.
      return place.firstRow > 15 ? Effect.delay(error, 5) : error
    }
  }
  const [named, read] = await Effect.runPromise(
    Effect.gen(function* () {
      const rows = Dataset.slice(yield* opened({ format }), 1, 20)
      const indices = [18, 15, 12, 10, 2]
      const gathered = rows.gather?.(indices)
      const error = yield* Effect.flip(Effect.isEffect(gathered) ? gathered : Effect.succeed(gathered))
      return [error, yield* rows.getEach?.(indices, error) ?? Effect.fail("nothing")] as const
    })
  )
  const bad = [...new Set(decoded)].filter((row) => row >= 10)
  expect(bad.length).toBeGreaterThan(1)
  expect(decoded.toSorted()).toEqual([...new Set(decoded)].toSorted())
  expect(String(named)).toContain(`of ${Math.max(...bad)}`)
  expect([...read.failed.keys()].toSorted()).toEqual([0, 1, 2, 3])
  expect(read.samples[4]).toEqual({ n: 3 })
})

test("a getMany of a user's that fails says not which sample it is: each is read on its own, is counted, and logged", async () => {
  const rows = Dataset.effect<Row, string, never>({
    size: 16,
    get: (n) => (n === 3 ? Effect.fail("three") : Effect.succeed({ n })),
    getMany: (indices) =>
      indices.includes(3) ? Effect.fail("one of them") : Effect.succeed(indices.map((n) => ({ n })))
  })
  const { retried, rows: read, skipped, warnings } = await Effect.runPromise(outcome(rows))
  expect({ retried, skipped, count: read.length }).toEqual({ retried: 8, skipped: [3], count: 15 })
  expect(warnings.length).toBe(1)
  expect(warnings[0]).toContain("a read of 8 samples failed, so each is read on its own")
  // A copy that is read otherwise is not read by the functions of the one it was copied from.
  const own = await Effect.runPromise(opened())
  const copy = { ...own, getMany: () => Effect.fail("my own") }
  const failed = await Effect.runPromise(outcome(copy))
  expect(failed.retried).toBe(40)
  // Five reads failed for one reason.
  expect(failed.warnings).toEqual([expect.stringContaining("failed, so each is read on its own: ")])
})

test("of reads that fail for one reason the first is logged, and then their count at 10, 100 …", async () => {
  const rows = Dataset.effect<Row, string, never>({
    size: 200,
    get: (n) => Effect.succeed({ n }),
    getMany: () => Effect.fail("all of them")
  })
  const { rows: read, warnings } = await Effect.runPromise(outcome(rows))
  expect(read.length).toBe(200)
  expect(warnings).toEqual([
    expect.stringMatching(/^a read of 8 samples failed, so each is read on its own: .*all of them/),
    "10 reads failed so far, and each of their samples was read on its own: all of them"
  ])
})
