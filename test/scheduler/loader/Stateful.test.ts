/**
 * What is expected of a loader that has a state, as users of torchdata's StatefulDataLoader, Grain and MosaicML's
 * StreamingDataset know it: to be stopped, stored, loaded and iterated anew, in every order.
 */
import { describe, expect, test } from "bun:test"
import { Effect, Layer, Option, type Scope, Stream } from "effect"
import fc from "fast-check"
import {
  type Batch,
  Cursor,
  Dataset,
  Pipeline,
  Sampler,
  Scheduler,
  SeedPolicy,
  type Tensor,
  Workers
} from "../../../src/index.ts"
import type { PartialOptions } from "../../support/options.ts"

type Numbers = Batch.Batch<Tensor.Tensor<Float64Array>>
type Own = Pipeline.Pipeline<Numbers, unknown, SeedPolicy.SeedPolicy>

const TIME = 60_000
const policy = SeedPolicy.epochWorker({ seed: 42 })

const numbers = (size: number, batch = 4): Own =>
  Pipeline.from(Dataset.range(size)).pipe(
    Pipeline.sample(Sampler.shuffle),
    Pipeline.augment("noise", (x, rng) => x + rng.double()),
    Pipeline.batch(batch)
  )

const kept = ({ columns, epoch, index, indices }: Numbers) => ({
  epoch,
  index,
  indices: Array.from(indices),
  data: Array.from(columns.data)
})

/** As a cursor comes out of a file. */
const stored = (cursor: Cursor.Cursor): unknown => JSON.parse(JSON.stringify(cursor))

const running = <A, E>(run: Effect.Effect<A, E, SeedPolicy.SeedPolicy | Workers.Workers | Scope.Scope>, workers = 2) =>
  run.pipe(Effect.scoped, Effect.provide(policy), Effect.provide(Workers.fibers({ workers })), Effect.runPromise)

/** Takes up to `count` batches. */
const take = (loader: Scheduler.Loader<Tensor.Tensor<Float64Array>, unknown>, count = Number.POSITIVE_INFINITY) =>
  Effect.gen(function* () {
    const taken: Array<ReturnType<typeof kept>> = []
    while (taken.length < count) {
      const batch = yield* loader.take
      if (Option.isNone(batch)) break
      taken.push(kept(batch.value))
    }
    return taken
  })

const whole = (pipeline: Own, options: PartialOptions = {}, workers = 2) =>
  running(
    Effect.gen(function* () {
      const loader = yield* Scheduler.open(pipeline, { replay: true, epochs: 1, digest: true, ...options })
      const batches = yield* take(loader)
      return { batches, digest: yield* loader.digest }
    }),
    workers
  )

describe("the state", () => {
  test("is there at the start, in the middle and at the end, reads alike twice, and goes on from each", async () => {
    const { batches, digest } = await whole(numbers(22), { epochs: 2 })
    for (let at = 0; at <= batches.length; at++) {
      const cursor = await running(
        Effect.gen(function* () {
          const loader = yield* Scheduler.open(numbers(22), { replay: true, epochs: 2, digest: true })
          yield* take(loader, at)
          const first = yield* loader.cursor
          expect(yield* loader.cursor).toEqual(first)
          return stored(first)
        })
      )
      expect(JSON.stringify(cursor).length).toBeLessThan(1024)
      const rest = await whole(numbers(22), { epochs: 2, from: cursor })
      expect(rest.batches).toEqual(batches.slice(at))
      expect(rest.digest).toBe(digest)
    }
  })

  test("of a run that is at its end gives no batch, and stays what it is", async () => {
    const end = await running(
      Effect.gen(function* () {
        const loader = yield* Scheduler.open(numbers(10), { epochs: 1, digest: true })
        yield* take(loader)
        return stored(yield* loader.cursor)
      })
    )
    const again = await running(
      Effect.gen(function* () {
        const loader = yield* Scheduler.open(numbers(10), { epochs: 1, digest: true, from: end })
        const batches = yield* take(loader)
        return { batches, cursor: stored(yield* loader.cursor) }
      })
    )
    expect(again).toEqual({ batches: [], cursor: end })
  })

  test("counts what was taken and not what was made ahead", async () => {
    await running(
      Effect.gen(function* () {
        const loader = yield* Scheduler.open(numbers(64), { epochs: 1, prefetch: 8 })
        yield* take(loader, 3)
        yield* Effect.sleep(20)
        const { batch, batches, epoch, samples } = yield* loader.cursor
        expect({ batch, batches, epoch, samples }).toEqual({ batch: 3, batches: 3, epoch: 0, samples: 12 })
      }),
      4
    )
  })

  test("of several loaders at once is each one's own, also when they share a pipeline", async () => {
    const pipeline = numbers(40)
    const { batches } = await whole(pipeline)
    await running(
      Effect.gen(function* () {
        const one = yield* Scheduler.open(pipeline, { replay: true, epochs: 1 })
        const other = yield* Scheduler.open(pipeline, { epochs: 1 })
        const first = [...(yield* take(one, 2)), ...(yield* take(other, 5)).slice(2)]
        const [here, there] = [yield* one.cursor, yield* other.cursor]
        expect([here.batch, there.batch]).toEqual([2, 5])
        // Into a loader of its own while the others run on.
        const third = yield* Scheduler.open(pipeline, { epochs: 1, from: stored(here) })
        expect([...first, ...(yield* take(other))]).toEqual(batches)
        expect(yield* take(third)).toEqual(batches.slice(2))
        expect(yield* take(one)).toEqual(batches.slice(2))
      })
    )
  })

  test(
    "goes on any number of times in a row without drifting",
    async () => {
      await fc.assert(
        fc.asyncProperty(
          fc.array(fc.integer({ min: 0, max: 5 }), { minLength: 1, maxLength: 12 }),
          fc.constantFrom("plan" as const, "ready" as const),
          async (parts, order) => {
            const { batches, digest } = await whole(numbers(46), { epochs: 2 })
            const seen: typeof batches = []
            let from: unknown
            let last = ""
            for (const count of [...parts, 1000]) {
              const part = await running(
                Effect.gen(function* () {
                  const options = { epochs: 2, digest: true, order, ...(from === undefined ? {} : { from }) }
                  const loader = yield* Scheduler.open(numbers(46), { replay: true, ...options })
                  const taken = yield* take(loader, count)
                  return { taken, from: stored(yield* loader.cursor), digest: yield* loader.digest }
                })
              )
              seen.push(...part.taken)
              from = part.from
              last = part.digest
            }
            expect(seen.toSorted((a, b) => a.epoch - b.epoch || a.index - b.index)).toEqual(batches)
            expect(last).toBe(digest)
          }
        ),
        { numRuns: 25 }
      )
    },
    TIME
  )
})

describe("a new iterator", () => {
  test("after a part of an epoch starts afresh; leaving the loop early ends its workers", async () => {
    let open = 0
    const watched = numbers(40).pipe(
      Pipeline.mapEffect("watch", (batch) =>
        Effect.acquireUseRelease(
          Effect.sync(() => open++),
          () => Effect.delay(Effect.succeed(batch), 1),
          () => Effect.sync(() => open--)
        )
      )
    )
    const batches = Scheduler.iterate(watched, Layer.merge(policy, Workers.fibers({ workers: 3 })), {
      replay: true,
      epochs: 1
    })
    const first: Array<number> = []
    for await (const { index } of batches) {
      first.push(index)
      if (first.length === 3) break
    }
    expect(open).toBe(0)
    const second: Array<number> = []
    for await (const { index } of batches) second.push(index)
    expect(first).toEqual([0, 1, 2])
    expect(second).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9])
    const thrown = async () => {
      for await (const { index } of batches) if (index === 2) throw new Error("out of the loop")
    }
    await expect(thrown()).rejects.toThrow("out of the loop")
    expect(open).toBe(0)
  })

  test("loading a state starts workers for what is left, and none where nothing is", async () => {
    const started: Array<number> = []
    const counted = Pipeline.from(Dataset.range(24)).pipe(
      Pipeline.map("count", (_, { batch, worker }) => {
        if (!started.includes(worker)) started.push(worker)
        return batch
      }),
      Pipeline.batch(4)
    )
    const part = (count: number, from?: unknown) =>
      running(
        Effect.gen(function* () {
          started.length = 0
          const loader = yield* Scheduler.open(counted, { epochs: 1, from })
          yield* take(loader, count)
          return { cursor: stored(yield* loader.cursor), started: [...started] }
        }),
        6
      )
    const early = await part(4)
    // Workers of batches that nobody has waited for yet may have begun, too.
    expect(early.started).toEqual(expect.arrayContaining([0, 1, 2, 3]))
    const late = await part(99, early.cursor)
    // Each of six workers makes one batch of the epoch; those of the first four are done.
    expect(late.started.toSorted()).toEqual([4, 5])
    expect((await part(99, late.cursor)).started).toEqual([])
  })
})

describe("data", () => {
  test("that grew between two runs is another plan: refused by name, or followed where that is allowed", async () => {
    const cursor = await running(
      Effect.gen(function* () {
        const loader = yield* Scheduler.open(numbers(20), { epochs: 2 })
        yield* take(loader, 5)
        return stored(yield* loader.cursor)
      })
    )
    const grown = (allow: ReadonlyArray<Cursor.Field>) =>
      running(
        Effect.either(
          Effect.gen(function* () {
            const loader = yield* Scheduler.open(numbers(28), { epochs: 2, from: cursor, allow })
            return yield* take(loader)
          })
        )
      )
    expect(await grown([])).toMatchObject({ _tag: "Left", left: { _tag: "CursorMismatch" } })
    const followed = await grown(["dataset", "batch"])
    const { batches } = await whole(numbers(28), { epochs: 2 })
    // Its place is the second epoch's start by the old plan, and the sixth batch of the first one's by the new.
    expect(Option.getOrThrow(Option.fromNullable(followed._tag === "Right" ? followed.right[0] : undefined))).toEqual(
      batches[7] as (typeof batches)[number]
    )
  })

  test("that grows while a run is open is a typed error, and what was taken before stands", async () => {
    const items = Array.from({ length: 20 }, (_, index) => index)
    const growing = Pipeline.from(Dataset.fromArray(items)).pipe(Pipeline.batch(4))
    const found = await running(
      Effect.gen(function* () {
        const loader = yield* Scheduler.open(growing, { epochs: 2, prefetch: 1 })
        yield* take(loader, 2)
        items.push(20)
        const error = yield* Effect.flip(take(loader))
        return { error, cursor: yield* loader.cursor }
      }),
      1
    )
    expect(found.error).toMatchObject({ _tag: "DatasetChanged", from: 20, to: 21 })
    expect(found.cursor.batch).toBeGreaterThanOrEqual(2)
    expect(found.cursor.batch).toBeLessThanOrEqual(4)
  })

  test("put together with an empty part is what it is without", async () => {
    const parts = (...sizes: ReadonlyArray<number>): Own =>
      Pipeline.from(Dataset.concat(...sizes.map((size) => Dataset.range(size)))).pipe(
        Pipeline.sample(Sampler.shuffle),
        Pipeline.augment("noise", (x, rng) => x + rng.double()),
        Pipeline.batch(3)
      )
    const plain = await whole(parts(7, 6))
    for (const sizes of [
      [0, 7, 6],
      [7, 0, 6],
      [7, 6, 0],
      [0, 7, 0, 0, 6, 0]
    ]) {
      expect((await whole(parts(...sizes))).digest).toBe(plain.digest)
    }
  })

  test("of more than 2^31 samples goes on in its middle at once, up to 2^53 - 1; more is a typed error", async () => {
    const sizes = [2 ** 31 + 5, 10 ** 9, 2 ** 40, 2 ** 53 - 1]
    for (const size of sizes) {
      const pipeline = numbers(size, 64)
      const { cursor, next } = await running(
        Effect.gen(function* () {
          const loader = yield* Scheduler.open(pipeline, { epochs: 1 })
          yield* take(loader, 2)
          const cursor = yield* loader.cursor
          return { cursor, next: yield* take(loader, 2) }
        })
      )
      // As far on as a run of days would be.
      const last = Math.ceil(size / 64) - 3
      const far = { ...cursor, batch: last, batches: last }
      expect(JSON.stringify(cursor).length).toBeLessThan(1024)
      const rest = await running(
        Effect.flatMap(Scheduler.open(pipeline, { epochs: 1, from: stored(cursor) }), (loader) => take(loader, 2))
      )
      expect(rest).toEqual(next)
      for (const { indices } of rest) for (const index of indices) expect(index).toBeLessThan(size)
      expect(await running(Effect.either(Scheduler.open(pipeline, { from: far })))).toMatchObject({
        _tag: "Left",
        left: { _tag: "CursorError" }
      })
    }
    expect(() => numbers(2 ** 53)).toThrow("a whole number of at least 0, got 9007199254740992")
  })
})

describe("every sampler goes on to the bit", () => {
  const weights = Float64Array.from({ length: 37 }, (_, index) => 1 + (index % 5))
  const samplers = {
    sequential: Sampler.sequential,
    shuffle: Sampler.shuffle,
    "with replacement": Sampler.withReplacement({ count: 50 }),
    weighted: Sampler.weighted(weights, { count: 45 }),
    subset: Sampler.subset(
      Array.from({ length: 20 }, (_, index) => index + 9),
      Sampler.shuffle
    ),
    limited: Sampler.limited(Sampler.shuffle, 17)
  } as const

  for (const [name, sampler] of Object.entries(samplers)) {
    test(
      `${name}, with filters, left anywhere`,
      async () => {
        const pipeline: Own = Pipeline.from(Dataset.range(37)).pipe(
          Pipeline.sample(sampler as Sampler.Sampler<SeedPolicy.SeedPolicy>), // one that does not draw is one, too
          Pipeline.filter("some", (x) => x % 4 !== 1),
          Pipeline.augment("noise", (x, rng) => x + rng.double()),
          Pipeline.batch(4)
        )
        const { batches, digest } = await whole(pipeline, { epochs: 2 })
        for (let at = 0; at <= batches.length; at += 2) {
          const cursor = await running(
            Effect.gen(function* () {
              const loader = yield* Scheduler.open(pipeline, { replay: true, epochs: 2, digest: true })
              yield* Stream.runDrain(Stream.take(loader.stream, at))
              return stored(yield* loader.cursor)
            })
          )
          const rest = await whole(pipeline, { epochs: 2, from: cursor })
          expect(rest.batches).toEqual(batches.slice(at))
          expect(rest.digest).toBe(digest)
        }
      },
      TIME
    )
  }

  test("a cursor decodes to what it was", async () => {
    const cursor = await running(Effect.flatMap(Scheduler.open(numbers(9), { epochs: 1 }), (loader) => loader.cursor))
    expect(await Effect.runPromise(Cursor.decode(stored(cursor)))).toEqual(cursor)
  })
})
