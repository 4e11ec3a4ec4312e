/**
 * What ranks are dealt of a stream: whole shards, every so many-th window, or what the source gives each. Held against a loop
 * over the same rows; all ranks deliver the same number of batches, wherever they are resumed.
 */
import { describe, expect, test } from "bun:test"
import { Effect, Layer, Logger, LogLevel, Option, Stream } from "effect"
import fc from "fast-check"
import { Dataset, Format, Pipeline, Scheduler, SeedPolicy, Store, Workers } from "../../../src/index.ts"
import type { PartialOptions } from "../../support/options.ts"

const TIME = 60_000

interface Row {
  readonly n: number
}

type Source = Dataset.StreamSource<Row, unknown>

interface Shape {
  /** How many rows each shard has. */
  readonly shards: ReadonlyArray<number>
  readonly atOnce: number
  readonly world: number
  /** 0 for the order of the source. */
  readonly window: number
  /** Rows of a batch for each rank. */
  readonly share: number
  readonly uneven: "error" | "drop" | "pad"
}

const name = (shard: number): string => `memory://part-${String(shard).padStart(2, "0")}.jsonl`

/** Row k of shard s is the number 1000 s + k. */
const opened = (shards: ReadonlyArray<number>, atOnce: number, ranks: "shards" | "windows"): Source => {
  const lines = shards.map((rows, shard) => Array.from({ length: rows }, (_, row) => `{"n":${1000 * shard + row}}\n`))
  const objects = Object.fromEntries(lines.map((own, shard) => [name(shard), new TextEncoder().encode(own.join(""))]))
  return Effect.runSync(
    Dataset.openStream(
      shards.map((_, shard) => name(shard)),
      { format: Format.jsonl<Row>(), atOnce, ranks, name: "parts" }
    ).pipe(Effect.provide(Store.memory(objects)))
  )
}

/** The rows of some shards, `atOnce` of them in turns. */
const interleaved = (shards: ReadonlyArray<number>, numbers: ReadonlyArray<number>, atOnce: number) => {
  const slots = Math.max(1, Math.min(atOnce, numbers.length))
  const left = Array.from({ length: slots }, (_, slot) =>
    numbers
      .filter((_, place) => place % slots === slot)
      .map((shard) => Array.from({ length: shards[shard] ?? 0 }, (_, row) => 1000 * shard + row))
  )
  const rows: Array<number> = []
  for (let turn = 0; left.some((own) => own.length > 0); turn = (turn + 1) % slots) {
    const own = left[turn] ?? []
    while (own[0]?.length === 0) own.shift()
    const row = own[0]?.shift()
    if (row !== undefined) rows.push(row)
  }
  return rows
}

const windowOf = ({ share, window, world }: Shape): number => (window === 0 ? share * world : window)

/** The windows of each rank, each a set of rows: which of them a rank has, whatever their order. */
const dealt = (shape: Shape, by: "shards" | "windows"): ReadonlyArray<ReadonlyArray<ReadonlyArray<number>>> => {
  const { atOnce, shards, world } = shape
  const size = windowOf(shape)
  const ranks = Array.from({ length: world }, (_, rank) => rank)
  const cut = (rows: ReadonlyArray<number>): Array<Array<number>> =>
    Array.from({ length: Math.ceil(rows.length / size) }, (_, at) => rows.slice(at * size, (at + 1) * size))
  if (by === "shards" && shards.length >= world) {
    const all = [...shards.keys()]
    return ranks.map((rank) =>
      cut(
        interleaved(
          shards,
          all.filter((shard) => shard % world === rank),
          atOnce
        )
      )
    )
  }
  const rows = interleaved(shards, [...shards.keys()], atOnce)
  const rounds = Math.floor(rows.length / (size * world))
  const rest = rows.slice(rounds * size * world)
  return ranks.map((rank) => [
    ...Array.from({ length: rounds }, (_, round) => {
      const first = (round * world + rank) * size
      return rows.slice(first, first + size)
    }),
    rest.slice(Math.floor((rank * rest.length) / world), Math.floor(((rank + 1) * rest.length) / world))
  ])
}

const pipelineEnd = (
  start: Pipeline.Pipeline<Row, unknown, SeedPolicy.SeedPolicy>,
  { share, world }: Pick<Shape, "share" | "world">
) =>
  start.pipe(
    Pipeline.augment("draw", ({ n }, rng) => ({ n, word: rng.word() })),
    Pipeline.batch(share * world)
  )

const pipelineOf = (source: Source, { share, window, world }: Shape) => {
  const start = Pipeline.from(source)
  return pipelineEnd(window === 0 ? start : start.pipe(Pipeline.shuffleWindow(window)), { share, world })
}

interface Conditions {
  readonly workers?: number
  readonly take?: number
  readonly options?: PartialOptions
}

const run = (
  pipeline: ReturnType<typeof pipelineOf>,
  { options = {}, take = Number.POSITIVE_INFINITY, workers = 1 }: Conditions
) =>
  Effect.runPromise(
    Effect.gen(function* () {
      const loader = yield* Scheduler.open(pipeline, { epochs: 2, digest: true, replay: true, ...options })
      const batches: Array<{ readonly rows: ReadonlyArray<number>; readonly words: ReadonlyArray<number> }> = []
      const indices: Array<number> = []
      let error: unknown
      while (batches.length < take) {
        const next = yield* Effect.either(loader.take)
        if (next._tag === "Left") error = next.left
        if (next._tag === "Left" || Option.isNone(next.right)) break
        const { columns, epoch, indices: own } = next.right.value
        batches.push({ rows: [...columns.n.data], words: [...columns.word.data] })
        if (epoch === 0) indices.push(...own)
      }
      return { batches, indices, error, digest: yield* loader.digest, cursor: yield* loader.cursor }
    }).pipe(
      Effect.scoped,
      Effect.catchAll((error) =>
        Effect.succeed({ batches: [], indices: [], error: error as unknown, digest: "", cursor: undefined })
      ),
      Effect.provide(Layer.merge(SeedPolicy.elastic({ seed: 7 }), Workers.fibers({ workers }))),
      Logger.withMinimumLogLevel(LogLevel.Warning)
    )
  )

const shape: fc.Arbitrary<Shape> = fc.record({
  shards: fc.array(fc.integer({ min: 0, max: 12 }), { minLength: 1, maxLength: 7 }),
  atOnce: fc.integer({ min: 1, max: 4 }),
  world: fc.integer({ min: 2, max: 4 }),
  window: fc.integer({ min: 0, max: 6 }),
  share: fc.integer({ min: 1, max: 4 }),
  uneven: fc.constantFrom("error", "drop", "pad")
})

const total = (windows: ReadonlyArray<ReadonlyArray<number>>): number =>
  windows.reduce((sum, own) => sum + own.length, 0)

/** What a rank delivers of one epoch, as sets of rows by window; `undefined` if it is an error. */
const expected = (own: Shape, by: "shards" | "windows", steps: number | undefined, rank: number) => {
  const { share, uneven } = own
  const all = dealt(own, by)
  const counts = all.map(total)
  const [least, most] = [Math.min(...counts), Math.max(...counts)]
  const mine = counts[rank] ?? 0
  if (steps !== undefined) {
    if (uneven === "drop") return mine >= steps * share ? steps : undefined
    if (uneven === "pad") return mine > 0 && mine <= steps * share ? steps : undefined
    return mine === steps * share ? steps : undefined
  }
  if (uneven === "drop") return Math.floor(least / share)
  if (uneven === "pad") return least === 0 && most > 0 ? undefined : Math.ceil(most / share)
  return least === most ? Math.ceil(most / share) : undefined
}

describe("ranks over a stream", () => {
  test(
    "have whole shards or every so many-th window, deliver the same number of batches, and go on from any cursor",
    async () => {
      const property = fc.asyncProperty(
        shape,
        fc.constantFrom("shards" as const, "windows" as const),
        fc.integer({ min: 1, max: 6 }),
        fc.integer({ min: 1, max: 3 }),
        fc.nat(12),
        async (own, by, declared, workers, take) => {
          const isByShard = by === "shards" && own.shards.length >= own.world
          const steps = isByShard ? declared : undefined
          const windows = dealt(own, by)
          const seen: Array<number> = []
          const counts: Array<number> = []
          for (let rank = 0; rank < own.world; rank++) {
            const pipeline = pipelineOf(opened(own.shards, own.atOnce, by), own)
            const options = { rank, world: own.world, uneven: own.uneven, ...(steps === undefined ? {} : { steps }) }
            const whole = await run(pipeline, { workers, options })
            const batches = expected(own, by, steps, rank)
            if (batches === undefined) {
              expect(whole.error).toMatchObject({ _tag: "InvalidOption" })
              continue
            }
            expect(whole.error).toBeUndefined()
            expect(whole.batches.length).toBe(2 * batches)
            counts.push(batches)
            seen.push(...whole.indices)
            // Its rows, window by window.
            const rows = whole.batches.slice(0, batches).flatMap((batch) => batch.rows)
            const mine = windows[rank] ?? []
            const given = mine.flat().slice(0, rows.length)
            let at = 0
            for (const window of mine) {
              const delivered = rows.slice(at, at + window.length)
              const isCut = delivered.length < window.length
              const of = delivered.filter((row) => window.includes(row))
              expect(of.length).toBe(delivered.length)
              if (!isCut) expect(delivered.toSorted((a, b) => a - b)).toEqual(window.toSorted((a, b) => a - b))
              if (own.window === 0 && !isCut) expect(delivered).toEqual([...window])
              at += window.length
            }
            for (const row of rows.slice(given.length)) expect(mine.flat()).toContain(row)
            if (rank !== take % own.world) continue
            // Killed and resumed.
            const first = await run(pipeline, { workers, take, options })
            const stored: unknown = JSON.parse(JSON.stringify(first.cursor))
            const rest = await run(pipeline, { workers: 3, options: { ...options, from: stored } })
            expect(rest.error).toBeUndefined()
            expect([...first.batches, ...rest.batches]).toEqual(whole.batches)
            expect(rest.digest).toBe(whole.digest)
          }
          expect(new Set(counts).size).toBeLessThanOrEqual(1)
          // No two samples of an epoch have one index, on whichever ranks they are.
          if (own.uneven !== "pad") expect(new Set(seen).size).toBe(seen.length)
        }
      )
      await fc.assert(property, { numRuns: 25 })
    },
    TIME
  )

  test("read no shard but their own, and say that `steps` is needed", async () => {
    const own: Shape = { shards: [4, 4, 4, 4], atOnce: 2, world: 2, window: 0, share: 2, uneven: "error" }
    const source = opened(own.shards, own.atOnce, "shards")
    const asked: Array<string | undefined> = []
    const told: Source = {
      ...source,
      shards: source.shards.map((shard) => ({
        ...shard,
        open: (...given: Parameters<typeof shard.open>) => {
          asked.push(shard.name)
          return shard.open(...given)
        }
      }))
    }
    const second = await run(pipelineOf(told, own), { options: { rank: 1, world: 2, steps: 4, epochs: 1 } })
    expect(asked.toSorted()).toEqual([name(1), name(3)])
    expect(second.batches.flatMap(({ rows }) => rows)).toEqual([1000, 3000, 1001, 3001, 1002, 3002, 1003, 3003])
    const undeclared = await run(pipelineOf(told, own), { options: { rank: 1, world: 2 } })
    expect(undeclared.error).toMatchObject({ _tag: "InvalidOption", option: "steps" })
    const few = await run(pipelineOf(told, own), { options: { rank: 0, world: 2, steps: 3, epochs: 1 } })
    expect(few.error).toMatchObject({ _tag: "InvalidOption", option: "steps", value: 3 })
    const many = await run(pipelineOf(told, own), { options: { rank: 0, world: 2, steps: 5, epochs: 1 } })
    expect(many.error).toMatchObject({ _tag: "InvalidOption", option: "steps", value: 5 })
    expect(String(many.error)).toContain("at most 4")
    const dataset = Pipeline.from(Dataset.range(4)).pipe(Pipeline.batch(2))
    const counted = Scheduler.open(dataset, { epochs: 1, steps: 2 }).pipe(
      Effect.scoped,
      Effect.provide(Workers.fibers({ workers: 1 })),
      Effect.flip
    )
    expect(await Effect.runPromise(counted)).toMatchObject({ _tag: "InvalidOption", option: "steps" })
  })

  test("all fail alike where there are fewer samples than ranks, and some have none to fill a batch", async () => {
    for (const ranks of ["windows", "shards"] as const) {
      const own: Shape = { shards: [2], atOnce: 1, world: 3, window: 0, share: 1, uneven: "pad" }
      const source = opened(own.shards, own.atOnce, ranks)
      for (const rank of [0, 1, 2]) {
        const { batches, error } = await run(pipelineOf(source, own), { options: { rank, world: 3, uneven: "pad" } })
        expect(batches).toEqual([])
        expect(error).toMatchObject({ _tag: "InvalidOption", option: "ranks of stream parts", value: ranks })
        expect(String(error)).toContain('"batches"')
        const dropped = await run(pipelineOf(source, own), { options: { rank, world: 3, uneven: "drop" } })
        expect(dropped.batches).toEqual([])
        expect(dropped.error).toBeUndefined()
      }
    }
  })

  test("are told what helps where their own rows fill no batch", async () => {
    const own: Shape = { shards: [4, 0], atOnce: 1, world: 2, window: 0, share: 2, uneven: "error" }
    const source = opened(own.shards, own.atOnce, "shards")
    const given = Dataset.fromStream(({ rank }) => (rank === 0 ? [{ n: 1 }] : []), { name: "parts", ranks: "source" })
    for (const uneven of ["pad", "drop", "error"] as const) {
      const options = { rank: 1, world: 2, steps: 2, uneven }
      const sharded = await run(pipelineOf(source, own), { options })
      expect(sharded.error).toMatchObject({ option: "ranks of stream parts", value: "shards" })
      expect(String(sharded.error)).toContain('"windows" or "batches"')
      const empty = await run(pipelineOf(given, own), { options })
      expect(empty.error).toMatchObject({ option: "ranks of stream parts", value: "source" })
    }
    // One sample, for batches of two.
    const few = await run(pipelineOf(given, own), { options: { rank: 0, world: 2, steps: 2 } })
    expect(few.error).toMatchObject({ option: "steps" })
    expect(String(few.error)).toContain('given with uneven: "pad"')
    const padded = await run(pipelineOf(given, own), { options: { rank: 0, world: 2, steps: 2, uneven: "pad" } })
    expect(padded.error).toBeUndefined()
    expect(padded.batches.length).toBe(4)
    const whole = await run(pipelineOf(opened(own.shards, 1, "windows"), own), { options: { rank: 1, world: 2 } })
    expect(whole.error).toBeUndefined()
  })

  test("may each be given their own rows by the source", async () => {
    const told: Array<unknown> = []
    const partition = (whose: { readonly rank: number; readonly world: number }) => {
      told.push(whose)
      return Array.from({ length: 6 }, (_, at) => ({ n: at * whose.world + whose.rank }))
    }
    const source = Dataset.fromStream(partition, { name: "topic", ranks: "source" })
    const own: Shape = { shards: [], atOnce: 1, world: 2, window: 3, share: 2, uneven: "error" }
    const options = { world: 2, steps: 3, epochs: 1 }
    const first = await run(pipelineOf(source, own), { options: { ...options, rank: 0 } })
    const second = await run(pipelineOf(source, own), { options: { ...options, rank: 1 } })
    const rows = [first, second].map(({ batches }) => batches.flatMap((batch) => batch.rows).toSorted((a, b) => a - b))
    expect(rows).toEqual([
      [0, 2, 4, 6, 8, 10],
      [1, 3, 5, 7, 9, 11]
    ])
    // No two ranks have a sample of the same index.
    expect(first.indices.toSorted((a, b) => a - b)).toEqual([0, 2, 4, 6, 8, 10])
    expect(second.indices.toSorted((a, b) => a - b)).toEqual([1, 3, 5, 7, 9, 11])
    expect(told).toEqual([
      { rank: 0, world: 2 },
      { rank: 1, world: 2 }
    ])
    expect(() => Dataset.fromStream([{ n: 1 }], { ranks: "source" })).toThrow("the source a function")
    for (const ranks of ["shards", "window", null, 3, { windows: 0 }, { windows: 2, by: 3 }]) {
      expect(() => Dataset.fromStream(() => [{ n: 1 }], { ranks: ranks as never })).toThrow("ranks")
    }
    const other = Pipeline.from(Dataset.fromStream([{ n: 1 }], { ranks: { windows: 4 } }))
    const misfit = await run(
      other.pipe(Pipeline.shuffleWindow(3), (start) => pipelineEnd(start, own)),
      {}
    )
    expect(misfit.error).toMatchObject({ _tag: "InvalidOption", value: 4 })
    // A source that is shared gives all, whoever asks.
    told.length = 0
    await run(pipelineOf(Dataset.fromStream(partition), own), { options: { rank: 1, world: 2, epochs: 1 } })
    expect(told).toEqual([{ rank: 0, world: 1 }])
  })

  test("stay ranks of their number within an epoch, and may change between two", async () => {
    const own: Shape = { shards: [8, 8], atOnce: 2, world: 2, window: 0, share: 2, uneven: "error" }
    const pipeline = pipelineOf(opened(own.shards, 2, "shards"), own)
    const options = { world: 2, steps: 4 }
    const within = await run(pipeline, { take: 3, options: { ...options, rank: 0 } })
    const refused = await run(pipeline, { options: { ...options, rank: 1, from: within.cursor } })
    expect(refused.error).toMatchObject({ _tag: "CursorError" })
    expect(String(refused.error)).toContain("change them between two epochs")
    const between = await run(pipeline, { take: 4, options: { ...options, rank: 0 } })
    const other = await run(pipeline, { options: { ...options, rank: 1, from: between.cursor } })
    expect(other.batches.flatMap(({ rows }) => rows)).toEqual([1000, 1001, 1002, 1003, 1004, 1005, 1006, 1007])
  })

  test("tell the shard, the row and the byte where their shard cannot be read on", async () => {
    const bytes = new TextEncoder().encode('{"n":0}\n{"n":1}\n{"n":2}\n')
    const store = Effect.runSync(
      Store.Store.pipe(Effect.provide(Store.memory({ [name(0)]: bytes, [name(1)]: bytes, [name(2)]: bytes })))
    )
    const broken: Store.StoreService = {
      ...store,
      stream: (info, offset) =>
        info.location === name(1)
          ? Stream.concat(
              Stream.succeed(bytes.slice(0, 16)),
              Stream.fail(new Store.StoreError({ location: info.location, kind: "unavailable", reason: "gone" }))
            )
          : store.stream(info, offset)
    }
    const source = Effect.runSync(
      Dataset.openStream([name(0), name(1), name(2)], {
        format: Format.jsonl<Row>(),
        ranks: "shards",
        name: "parts"
      }).pipe(Effect.provideService(Store.Store, broken))
    )
    const own: Shape = { shards: [], atOnce: 1, world: 3, window: 2, share: 1, uneven: "error" }
    const options = { world: 3, steps: 3, epochs: 1 }
    expect((await run(pipelineOf(source, own), { options: { ...options, rank: 2 } })).error).toBeUndefined()
    const { batches, error } = await run(pipelineOf(source, own), { options: { ...options, rank: 1 } })
    expect(batches.length).toBe(2)
    expect(error).toMatchObject({
      _tag: "StageError",
      failure: { _tag: "StreamError", source: "parts", shard: name(1), row: 2, byte: 16 }
    })
  })
})
