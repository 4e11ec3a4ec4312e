/**
 * Runs over stream sources. What they deliver is what runs over a dataset of the same samples deliver, wherever they are
 * resumed and however slowly the source comes; the source is read once and closed once.
 */

import { describe, expect, test } from "bun:test"
import { Readable } from "node:stream"
import { Effect, Exit, Layer, Logger, LogLevel, Option, Stream } from "effect"
import fc from "fast-check"
import {
  type Cursor,
  Dataset,
  FailurePolicy,
  furrow,
  Pipeline,
  Scheduler,
  SeedPolicy,
  Workers
} from "../../../src/index.ts"
import type { PartialOptions } from "../../support/options.ts"

const TIME = 60_000

interface Sample {
  readonly n: number
}

const samples = (count: number): ReadonlyArray<Sample> => Array.from({ length: count }, (_, n) => ({ n }))

/** A source that counts how often it is opened and closed, and how many samples it gave. */
const counted = (count: number, wait: (n: number) => Promise<void> | undefined = () => undefined) => {
  const counts = { opened: 0, closed: 0, given: 0 }
  const open = async function* (): AsyncGenerator<Sample> {
    counts.opened++
    try {
      for (const sample of samples(count)) {
        await wait(sample.n)
        counts.given++
        yield sample
      }
    } finally {
      counts.closed++
    }
  }
  return { counts, open }
}

/** The kinds of sources of so many samples. */
const kinds = {
  "an array": (count: number) => Dataset.fromStream(samples(count)),
  "an async generator": (count: number) => Dataset.fromStream(counted(count).open),
  "a Stream": (count: number) => Dataset.fromStream(Stream.rechunk(Stream.fromIterable(samples(count)), 3)),
  "a source that seeks": (count: number) =>
    Dataset.fromStream(() => samples(count), {
      seek: { after: ({ n }) => `behind ${n}`, open: (offset) => samples(count).slice(Number(offset.slice(7)) + 1) }
    })
}

interface Shape {
  /** 0 for the order of the source. */
  readonly window: number
  readonly batch: number
  readonly tail: "keep" | "drop" | "pad"
}

const staged = (start: Pipeline.Pipeline<Sample, unknown>, { batch, tail, window }: Shape) => {
  const drawn = (window === 0 ? start : start.pipe(Pipeline.shuffleWindow(window))).pipe(
    Pipeline.filter("some", ({ n }) => n % 5 !== 3),
    Pipeline.augment("draw", ({ n }, rng) => ({ n, word: rng.word() }))
  )
  const last = tail === "drop" ? { dropLast: true } : tail === "pad" ? { padLast: true } : {}
  return drawn.pipe(
    Pipeline.batch(batch, last),
    Pipeline.augment("mix", ({ columns, ...own }, rng) => ({ ...own, columns: { ...columns, mix: rng.word() } }))
  )
}

type Own = ReturnType<typeof staged>

const overStream = (source: Parameters<typeof Pipeline.from>[0], shape: Shape) =>
  staged(Pipeline.from(source as Dataset.StreamSource<Sample, unknown>), shape)

const overDataset = (count: number, shape: Shape) => staged(Pipeline.from(Dataset.fromArray(samples(count))), shape)

interface Conditions {
  readonly workers?: number
  readonly policy?: Layer.Layer<SeedPolicy.SeedPolicy, unknown>
  /** How many batches are taken; default all. */
  readonly take?: number
  readonly options?: PartialOptions
}

/** What a run delivers, its digest and its cursor; or why it ended, and what it had delivered. */
const run = (pipeline: Own, { options = {}, policy, take = Number.POSITIVE_INFINITY, workers = 1 }: Conditions = {}) =>
  Effect.runPromise(
    Effect.gen(function* () {
      const loader = yield* Scheduler.open(pipeline, { epochs: 2, digest: true, replay: true, ...options })
      const batches: Array<string> = []
      let error: unknown
      while (batches.length < take) {
        const next = yield* Effect.either(loader.take)
        if (next._tag === "Left") error = next.left
        if (next._tag === "Left" || Option.isNone(next.right)) break
        const { columns, epoch, index, indices } = next.right.value
        // What is read ahead is read.
        if (batches.length === take - 1) yield* Effect.sleep(1)
        batches.push(JSON.stringify([epoch, index, [...indices], [...columns.word.data], columns.mix]))
      }
      return { batches, digest: yield* loader.digest, cursor: yield* loader.cursor, error }
    }).pipe(
      Effect.scoped,
      Effect.provide(Layer.merge(policy ?? SeedPolicy.epochWorker({ seed: 42 }), Workers.fibers({ workers }))),
      Logger.withMinimumLogLevel(LogLevel.Warning)
    )
  )

const shape: fc.Arbitrary<Shape> = fc.record({
  window: fc.integer({ min: 0, max: 12 }),
  batch: fc.integer({ min: 1, max: 7 }),
  tail: fc.constantFrom("keep", "drop", "pad")
})

const kind = fc.constantFrom(...Object.keys(kinds)) as fc.Arbitrary<keyof typeof kinds>
const size = fc.integer({ min: 1, max: 40 })

describe("a run over a stream", () => {
  test(
    "delivers what a run over a dataset of the same samples delivers",
    async () => {
      const policies = [SeedPolicy.epochWorker({ seed: 1 }), SeedPolicy.elastic({ seed: 2 })]
      const property = fc.asyncProperty(
        kind,
        size,
        shape,
        fc.integer({ min: 1, max: 4 }),
        fc.nat(1),
        fc.boolean(),
        async (of, count, own, workers, at, isReady) => {
          // Padding makes indices come twice: policies that seed by index learn of that at once, and here before the end.
          const policy = own.tail === "pad" ? SeedPolicy.epochWorker({ seed: 1 }) : policies[at]
          const conditions = { workers, ...(policy === undefined ? {} : { policy }) }
          const { batches, digest } = await run(overDataset(count, own), conditions)
          const order = isReady ? "ready" : "plan"
          const over = await run(overStream(kinds[of](count), own), { ...conditions, options: { order } })
          expect(over.error).toBeUndefined()
          expect(over.digest).toBe(digest)
          expect(isReady ? over.batches.toSorted() : over.batches).toEqual(isReady ? batches.toSorted() : batches)
        }
      )
      await fc.assert(property, { numRuns: 30 })
    },
    TIME
  )

  test(
    "goes on from any cursor as if it had not been interrupted, among other workers, too",
    async () => {
      const property = fc.asyncProperty(
        kind,
        size,
        shape,
        fc.integer({ min: 1, max: 3 }),
        fc.integer({ min: 1, max: 3 }),
        fc.nat(30),
        async (of, count, own, workers, others, take) => {
          const policy = SeedPolicy.elastic({ seed: 3 })
          const pipeline = () => overStream(kinds[of](count), own)
          const whole = await run(pipeline(), { workers, policy })
          const first = await run(pipeline(), { workers, policy, take })
          const from: unknown = JSON.parse(JSON.stringify(first.cursor))
          expect(JSON.stringify(from).length).toBeLessThan(1024)
          const rest = await run(pipeline(), { workers: others, policy, options: { from } })
          expect(rest.error).toBeUndefined()
          expect([...first.batches, ...rest.batches]).toEqual(whole.batches)
          expect(rest.digest).toBe(whole.digest)
        }
      )
      await fc.assert(property, { numRuns: 30 })
    },
    TIME
  )

  test("gives ranks their shares of each batch, whatever their number", async () => {
    for (const tail of ["drop", "pad"] as const) {
      const own: Shape = { window: 6, batch: 4, tail }
      const policy = SeedPolicy.elastic({ seed: 4 })
      const one = await run(overDataset(26, own), { policy })
      const words = (batches: ReadonlyArray<string>) =>
        batches.map((batch) => JSON.parse(batch) as Array<Array<number>>)
      const ranks = [0, 1].map((rank) =>
        run(overStream(kinds["an array"](26), own), { policy, options: { rank, world: 2 } })
      )
      const [first = [], second = []] = (await Promise.all(ranks)).map(({ batches }) => words(batches))
      expect(first.length).toBe(one.batches.length)
      expect(second.length).toBe(first.length)
      const both = first.map((batch, at) => [...(batch[2] ?? []), ...(second[at]?.[2] ?? [])])
      expect(both).toEqual(words(one.batches).map((batch) => batch[2] ?? []))
    }
    const uneven = overStream(kinds["an array"](25), { window: 6, batch: 4, tail: "keep" })
    const { batches, error } = await run(uneven, { options: { world: 2 } })
    expect(batches.length).toBe(6)
    expect(error).toMatchObject({ _tag: "InvalidOption", option: "uneven" })
  })

  test("can be verified, and each batch and sample replayed", async () => {
    const { counts, open } = counted(23)
    const pipeline = overStream(Dataset.fromStream(open), { window: 5, batch: 4, tail: "keep" })
    const program = Effect.gen(function* () {
      const loader = yield* Scheduler.open(pipeline, { epochs: 2, verify: 5 })
      const batches = yield* Stream.runCollect(loader.stream)
      const verified = yield* loader.verify
      const third = yield* Scheduler.replay(pipeline, { epoch: 1, batch: 2, workers: 2 })
      const sample = yield* Scheduler.replay(pipeline, { epoch: 1, position: 9, workers: 2 })
      const beyond = yield* Effect.flip(Scheduler.replay(pipeline, { epoch: 1, batch: 6, workers: 2 }))
      return { batches: Array.from(batches), verified, third, sample, beyond }
    }).pipe(
      Effect.scoped,
      Effect.provide(SeedPolicy.epochWorker({ seed: 5 })),
      Effect.provide(Workers.fibers({ workers: 2 }))
    )
    const { batches, beyond, sample, third, verified } = await Effect.runPromise(program)
    expect(verified.length).toBe(5)
    const own = batches.find(({ epoch, index }) => epoch === 1 && index === 2)
    expect(Option.getOrThrow(third)).toMatchObject({ indices: own?.indices, columns: { mix: own?.columns.mix } })
    const at = Array.from(own?.indices ?? [])
    if (Option.isSome(sample)) expect(at).toContain((sample.value as Sample).n)
    expect(beyond).toMatchObject({ _tag: "InvalidOption", option: "batch" })
    expect(counts.closed).toBe(counts.opened)
  })
})

describe("the source of a run", () => {
  const own: Shape = { window: 8, batch: 4, tail: "keep" }

  test("is read once an epoch and closed once, by any number of workers", async () => {
    for (const tail of ["keep", "pad"] as const) {
      const { counts, open } = counted(102)
      await run(overStream(Dataset.fromStream(open), { ...own, tail }), { workers: 5 })
      expect(counts).toEqual({ opened: 2, closed: 2, given: 204 })
    }
  })

  test("is closed once when the run is closed, and read no further than two windows ahead", async () => {
    const { counts, open } = counted(10_000)
    for await (const { indices } of furrow(overStream(Dataset.fromStream(open), own), {
      epochs: 1,
      seed: 1,
      workers: 1,
      prefetch: 1
    })) {
      expect(indices.length).toBeGreaterThan(0)
      await new Promise((resolve) => setTimeout(resolve, 20))
      break
    }
    expect(counts.opened).toBe(1)
    expect(counts.closed).toBe(1)
    expect(counts.given).toBeLessThanOrEqual(5 * own.window)
  })

  test("is closed when the run is interrupted while the source waits", async () => {
    let isReleased = 0
    const stuck = Stream.asyncScoped<Sample>(() =>
      Effect.addFinalizer(() =>
        Effect.sync(() => {
          isReleased++
        })
      )
    )
    const exit = await Effect.runPromise(
      Scheduler.stream(overStream(Dataset.fromStream(stuck), own), { epochs: 1, replay: true }).pipe(
        Stream.runDrain,
        Effect.timeoutOption(30),
        Effect.provide(Layer.merge(SeedPolicy.epochWorker({ seed: 1 }), Workers.fibers({ workers: 2 }))),
        Effect.exit
      )
    )
    expect(Exit.isSuccess(exit)).toBe(true)
    expect(isReleased).toBe(1)
  })

  test("may be slow, or come in bursts", async () => {
    const whole = await run(overDataset(40, own), { workers: 3 })
    for (const every of [1, 7, 16]) {
      const slow = counted(40, (n) => (n % every === 0 ? new Promise((resolve) => setTimeout(resolve, 1)) : undefined))
      const { digest } = await run(overStream(Dataset.fromStream(slow.open), own), { workers: 3 })
      expect(digest).toBe(whole.digest)
    }
  })

  test("may fail: the error has the row, what came before is delivered, and the run can be resumed", async () => {
    const failing = { isBroken: true }
    const { counts, open } = counted(40, (n) => {
      if (n === 21 && failing.isBroken) throw new Error("the line is dead")
    })
    const pipeline = overStream(Dataset.fromStream(open, { name: "feed" }), own)
    const whole = await run(overDataset(40, own), { workers: 2 })
    const first = await run(pipeline, { workers: 2 })
    expect(first.batches).toEqual(whole.batches.slice(0, 4))
    expect(first.error).toMatchObject({
      _tag: "StageError",
      stage: "dataset",
      failure: { _tag: "StreamError", source: "feed", row: 21 }
    })
    expect(String(first.error)).toContain("stream feed failed at row 21")
    expect(String(first.error)).toContain("the line is dead")
    expect(counts).toMatchObject({ opened: 1, closed: 1 })
    failing.isBroken = false
    const rest = await run(pipeline, { workers: 2, options: { from: first.cursor } })
    expect([...first.batches, ...rest.batches]).toEqual(whole.batches)
    expect(rest.digest).toBe(whole.digest)
  })

  test("fails once and for all, and is not skipped", async () => {
    const { counts, open } = counted(40, (n) => {
      if (n === 9) throw new Error("no more")
    })
    const skip = FailurePolicy.skip({ budget: { samples: 1000 } })
    const program = Scheduler.stream(overStream(Dataset.fromStream(open), own), { epochs: 1, replay: true }).pipe(
      Stream.runDrain,
      Effect.provide(Layer.mergeAll(SeedPolicy.epochWorker({ seed: 1 }), Workers.fibers({ workers: 3 }), skip)),
      Effect.flip
    )
    expect(await Effect.runPromise(program)).toMatchObject({ failure: { _tag: "StreamError", row: 9 } })
    expect(counts.opened).toBe(1)
  })

  test("goes on where one worker was far ahead of another, and has nothing left of an epoch, or of the run", async () => {
    // Worker 1 stands at a batch, and worker 0 is past it: in the next epoch, or at the end of those that were declared.
    for (const { count, held, options, take } of [
      { count: 22, held: 9, take: 15, options: { epochs: 2 } },
      { count: 24, held: 1, take: 6, options: { epochs: 1, steps: 12, uneven: "drop" as const } }
    ]) {
      let isHeld = false
      const pipeline = Pipeline.from(Dataset.fromStream(samples(count), { name: "held" })).pipe(
        Pipeline.shuffleWindow(2),
        Pipeline.mapEffect("hold", (own) => (isHeld && own.n >> 1 === held ? Effect.never : Effect.succeed(own))),
        Pipeline.batch(2)
      )
      const from = (own: Scheduler.Options, most = Number.POSITIVE_INFINITY) =>
        Effect.gen(function* () {
          const loader = yield* Scheduler.open(pipeline, { ...options, digest: true, replay: true, ...own })
          for (let taken = 0; taken < most && Option.isSome(yield* loader.take); taken++);
          return { cursor: yield* loader.cursor, digest: yield* loader.digest }
        }).pipe(
          Effect.scoped,
          Effect.timeout(10_000),
          Effect.provide(Layer.merge(SeedPolicy.epochWorker({ seed: 42 }), Workers.fibers({ workers: 2 }))),
          Effect.runPromise
        )
      const whole = await from(options)
      isHeld = true
      const { cursor } = await from({ ...options, order: "ready", prefetch: 4 }, take)
      isHeld = false
      expect(cursor).toMatchObject({ epoch: 0, batch: held })
      expect(cursor.ahead.length).toBeGreaterThanOrEqual(5)
      for (const order of ["plan", "ready"] as const) {
        expect((await from({ ...options, order, prefetch: 1, from: cursor })).digest).toBe(whole.digest)
      }
    }
  }, 30_000)

  test("that interrupts itself fails as others do", async () => {
    const items = Stream.fromIterable(samples(40)).pipe(
      Stream.rechunk(1),
      Stream.mapEffect((sample) => (sample.n === 21 ? Effect.interrupt : Effect.succeed(sample)))
    )
    const { error } = await run(overStream(Dataset.fromStream(items, { name: "feed" }), own), { workers: 2 })
    expect(error).toMatchObject({
      _tag: "StageError",
      stage: "dataset",
      failure: { _tag: "StreamError", source: "feed", row: 21, cause: { _tag: "InterruptedException" } }
    })
  })

  test("that can be read once only serves one epoch, and says so", async () => {
    const { open } = counted(10)
    const { batches, error } = await run(overStream(Dataset.fromStream(open()), own))
    expect(batches.length).toBe(3)
    expect(String(error)).toContain("it can be read once only")
  })

  test("that a function returns again although it can be read once only is no empty epoch", async () => {
    const items = samples(10)
    const kept: ReadonlyArray<() => Iterable<{ readonly n: number }> | AsyncIterable<{ readonly n: number }>> = [
      () => items.values(),
      () => Readable.from(items),
      () =>
        new ReadableStream({
          start: (own) => {
            for (const item of items) own.enqueue(item)
            own.close()
          }
        })
    ]
    for (const make of kept) {
      const one = make()
      const { batches, error } = await run(
        overStream(
          Dataset.fromStream(() => one),
          own
        )
      )
      expect(batches.length).toBe(3)
      expect(String(error)).toContain("its function returned the same iterator again")
      const fresh = await run(overStream(Dataset.fromStream(make), own))
      expect([fresh.batches.length > 3, fresh.error]).toEqual([true, undefined])
    }
  })

  test("may be empty, or endless", async () => {
    expect((await run(overStream(Dataset.fromStream([]), own))).batches).toEqual([])
    const endless = function* () {
      for (let n = 0; ; n++) yield { n }
    }
    const { batches } = await run(overStream(Dataset.fromStream(endless), own), { take: 5 })
    expect(batches.length).toBe(5)
  })

  test("may require services", async () => {
    class Line extends Effect.Service<Line>()("Line", { succeed: { samples: samples(10) } }) {}
    const source = Dataset.fromStream(Stream.unwrap(Effect.map(Line, (line) => Stream.fromIterable(line.samples))))
    const pipeline = Pipeline.from(source).pipe(Pipeline.batch(5))
    const program = Scheduler.stream(pipeline, { epochs: 1 }).pipe(
      Stream.runCollect,
      Effect.provide(Workers.fibers({ workers: 2 })),
      Effect.provide(Line.Default)
    )
    expect((await Effect.runPromise(program)).length).toBe(2)
  })
})

describe("a cursor of a stream", () => {
  const own: Shape = { window: 8, batch: 4, tail: "keep" }
  const seeking = (open: (offset: string) => ReadonlyArray<Sample>) =>
    overStream(
      Dataset.fromStream(() => samples(40), { name: "log", seek: { after: ({ n }) => String(n + 1), open } }),
      own
    )

  test("holds where its source is read on", async () => {
    const offsets: Array<string> = []
    const pipeline = seeking((offset) => {
      offsets.push(offset)
      return samples(40).slice(Number(offset))
    })
    const whole = await run(pipeline)
    const { batches, cursor } = await run(pipeline, { take: 7 })
    expect(cursor.sources).toEqual({ log: '[24,0,[[0,24,"24"]]]' })
    const rest = await run(pipeline, { options: { from: cursor } })
    expect(offsets).toEqual(["24"])
    expect([...batches, ...rest.batches]).toEqual(whole.batches)
  })

  test("holds under any name, also one that records lose", async () => {
    const named = overStream(
      Dataset.fromStream(() => samples(40), { name: "__proto__" }),
      own
    )
    const { batches, cursor } = await run(named, { take: 7 })
    const stored: unknown = JSON.parse(JSON.stringify(cursor))
    expect(stored).toHaveProperty("sources", { '"__proto__"': "[24,0,[[0,24,null]]]" })
    const rest = await run(named, { options: { from: stored } })
    expect([...batches, ...rest.batches]).toEqual((await run(named)).batches)
  })

  test("is refused by another source, and where it is not what was written", async () => {
    const { cursor } = await run(
      seeking((offset) => samples(40).slice(Number(offset))),
      { take: 7 }
    )
    const other = overStream(
      Dataset.fromStream(() => samples(40), { name: "other" }),
      own
    )
    const refused = (pipeline: Own, from: Cursor.Cursor, allow: ReadonlyArray<Cursor.Field> = []) =>
      Effect.runPromise(
        Scheduler.open(pipeline, { from, allow }).pipe(
          Effect.scoped,
          Effect.provide(Layer.merge(SeedPolicy.epochWorker({ seed: 42 }), Workers.fibers({ workers: 1 }))),
          Effect.flip
        )
      )
    expect(await refused(other, cursor)).toMatchObject({ _tag: "CursorMismatch" })
    expect(await refused(other, cursor, ["dataset"])).toMatchObject({ _tag: "CursorError" })
  })
})
