/**
 * A service and its trainers: what arrives is what a local run delivers.
 */
import { describe, expect, test } from "bun:test"
import { Effect, Option, Redacted, type Scope, Stream } from "effect"
import { type Batch, Dataset, Pipeline, Sampler, Scheduler, SeedPolicy, Workers } from "../../src/index.ts"
import { Service } from "../../src/service.ts"

const noisy = Pipeline.from(Dataset.range(100)).pipe(
  Pipeline.sample(Sampler.shuffle),
  Pipeline.augment("noise", (value, rng) => ({ value: value + rng.float(), name: `#${value}` })),
  Pipeline.batch(8)
)

const scoped = <A, E>(effect: Effect.Effect<A, E, Scope.Scope>) => Effect.runPromise(Effect.scoped(effect))

/** Everything that a local run of two epochs delivers. */
const local = Effect.gen(function* () {
  const loader = yield* Scheduler.open(noisy, { epochs: 2, digest: true, replay: true })
  const cursors: Array<unknown> = []
  const batches: Array<Batch.Batch<unknown>> = []
  for (;;) {
    const next = yield* loader.take
    if (Option.isNone(next)) break
    batches.push({ ...next.value })
    cursors.push(yield* loader.cursor)
  }
  return { batches, cursors, digest: yield* loader.digest }
}).pipe(
  Effect.scoped,
  Effect.provide(SeedPolicy.epochWorker({ seed: 7 })),
  Effect.provide(Workers.fibers({ workers: 2 }))
)

const asked = { seed: 7, epochs: 2, workers: 2, digest: true } as const

describe("a run of a service", () => {
  test("is the local run: batches, cursors, digest", async () => {
    const expected = await Effect.runPromise(local)
    const [batches, cursors, digest] = await scoped(
      Effect.gen(function* () {
        const { url } = yield* Service.serve({ pipelines: { noisy } })
        const loader = yield* Service.connect(url, asked)
        const batches: Array<unknown> = []
        const cursors: Array<unknown> = []
        for (;;) {
          const next = yield* loader.take
          if (Option.isNone(next)) break
          batches.push(next.value)
          cursors.push(yield* loader.cursor)
        }
        return [batches, cursors, yield* loader.digest] as const
      })
    )
    expect(cursors).toEqual(expected.cursors)
    expect(digest).toBe(expected.digest)
    expect(batches.length).toBe(26)
    expect(batches).toEqual(expected.batches)
  })

  test("counts the time until it is open as waited", () =>
    scoped(
      Effect.gen(function* () {
        const { url } = yield* Service.serve({ pipelines: { noisy } })
        const loader = yield* Service.connect(url, asked)
        expect((yield* loader.stats).waited).toBeGreaterThan(0)
      })
    ))

  test("goes on from any cursor, of its own or of a local run", async () => {
    const expected = await Effect.runPromise(local)
    await scoped(
      Effect.gen(function* () {
        const { url } = yield* Service.serve({ pipelines: { noisy } })
        for (const at of [0, 5, 12, 13, 25]) {
          const loader = yield* Service.connect(url, { ...asked, from: expected.cursors[at] })
          const rest = yield* Stream.runCollect(loader.stream)
          expect(rest.length).toBe(25 - at)
          expect(yield* loader.digest).toBe(expected.digest)
        }
      })
    )
  })

  test("goes on from a cursor of a run that is another one: more epochs, one epoch, a digest, other workers", async () => {
    const elastic = { seed: 7, epochs: 2, policy: "elastic" } as const
    await scoped(
      Effect.gen(function* () {
        const { url } = yield* Service.serve({ pipelines: { noisy } })
        const three = yield* Service.connect(url, elastic)
        yield* Stream.runDrain(Stream.take(three.stream, 3))
        const from = yield* three.cursor
        const left = (options: Service.ConnectOptions) =>
          Effect.flatMap(Service.connect(url, { ...options, from }), ({ stream }) => Stream.runCount(stream))
        expect(yield* left({ ...elastic, epochs: 5 })).toBe(5 * 13 - 3)
        expect(yield* left({ seed: 7, policy: "elastic", epoch: 0 })).toBe(10)
        expect(yield* left({ ...elastic, workers: 3 })).toBe(23)
      })
    )
  })

  test("goes on from another run's cursor by allow, as a local run does, and trainers that ask for it share it", async () => {
    const { cursors } = await Effect.runPromise(local)
    const from = cursors[4]
    const range = { epochs: 3, digest: true } as const
    const options = { ...range, seed: 8 }
    const expected = Scheduler.open(noisy, { ...range, from, allow: ["workers", "seed"], replay: true }).pipe(
      Effect.flatMap((loader) => Effect.zipRight(Stream.runDrain(loader.stream), loader.digest)),
      Effect.scoped,
      Effect.provide(SeedPolicy.epochWorker({ seed: 8 })),
      Effect.provide(Workers.fibers({ workers: 3 }))
    )
    await scoped(
      Effect.gen(function* () {
        const { runs, url } = yield* Service.serve({ pipelines: { noisy }, workers: 3 })
        const open = (allow?: Service.ConnectOptions["allow"]) =>
          Service.connect(url, { ...options, from, ...(allow === undefined ? {} : { allow }) })
        const one = yield* open(["workers", "seed"])
        const other = yield* open(["seed", "workers"])
        // Its run is open there, which is no reason to let one in that does not accept the difference.
        const refused = yield* Effect.flip(open())
        expect(refused).toMatchObject({ kind: "refused", tag: "CursorMismatch" })
        expect(refused.message).toContain('allow: ["seed", "workers"]')
        for (const loader of [one, other]) {
          expect(yield* Stream.runCount(loader.stream)).toBe(3 * 13 - 5)
          expect(yield* loader.digest).toBe(yield* expected)
        }
        expect((yield* runs).map(({ batches }) => batches)).toEqual([3 * 13 - 5])
      })
    )
  })

  test("of several ranks whose filter leaves nothing has the digests of local ones, and their cursor at its end", async () => {
    const few = Pipeline.from(Dataset.range(32)).pipe(
      Pipeline.filter("late", (value) => value > 29),
      Pipeline.batch(8)
    )
    for (const rank of [0, 1]) {
      const options = { epochs: 1, rank, world: 2, digest: true } as const
      const end = Effect.gen(function* () {
        const loader = yield* Scheduler.open(few, { ...options, replay: true })
        yield* loader.forEach(() => Effect.void)
        return yield* loader.cursor
      }).pipe(Effect.provide(SeedPolicy.epochWorker({ seed: 0 })))
      await scoped(
        Effect.gen(function* () {
          const { url } = yield* Service.serve({ pipelines: { few } })
          const loader = yield* Service.connect(url, options)
          yield* loader.forEach(() => Effect.void)
          expect(yield* loader.cursor).toEqual(yield* end)
          expect(yield* loader.digest).toBe((yield* loader.cursor).digest ?? "")
        })
      )
    }
  })

  test("of ranks that read different rows of a stream has the steps that it is given, and is refused without", async () => {
    const rows = ({ rank }: Dataset.SourceRank) => Array.from({ length: 20 }, (_, at) => 2 * at + rank)
    const dealt = Pipeline.from(Dataset.fromStream(rows, { name: "dealt", ranks: "source" })).pipe(Pipeline.batch(4))
    const options = { epochs: 2, rank: 1, world: 2, uneven: "drop", digest: true } as const
    const end = Scheduler.open(dealt, { ...options, steps: 3 }).pipe(
      Effect.flatMap((loader) => Effect.zipRight(Stream.runDrain(loader.stream), loader.digest)),
      Effect.scoped,
      Effect.provide(SeedPolicy.epochWorker({ seed: 0 }))
    )
    await scoped(
      Effect.gen(function* () {
        const { url } = yield* Service.serve({ pipelines: { dealt } })
        const refused = yield* Effect.flip(Service.connect(url, options))
        expect(String(refused)).toContain("steps must be given")
        const three = yield* Service.connect(url, { ...options, steps: 3 })
        expect(three.batches).toBe(3)
        expect(yield* Stream.runCount(three.stream)).toBe(6)
        expect(yield* three.digest).toBe(yield* end)
        // Another number of steps is another run.
        const five = yield* Service.connect(url, { ...options, steps: 5 })
        expect(yield* Stream.runCount(five.stream)).toBe(10)
        let rows = 0
        const two = Service.remote(url, { ...options, steps: 2 })
        yield* Effect.promise(() =>
          two.forEach(({ size }) => {
            rows += size
          })
        )
        expect(rows).toBe(2 * 2 * 2)
      })
    )
  })

  test("is built once for trainers that ask for the same, and anew for one that comes behind what is kept", async () => {
    let calls = 0
    const counted = Pipeline.from(Dataset.range(400)).pipe(
      Pipeline.map("count", (value) => {
        calls++
        return value
      }),
      Pipeline.batch(4)
    )
    await scoped(
      Effect.gen(function* () {
        const { url } = yield* Service.serve({ pipelines: { counted } })
        const digest = Effect.gen(function* () {
          const loader = yield* Service.connect(url, { epochs: 1, digest: true })
          yield* loader.forEach(() => Effect.void)
          return yield* loader.digest
        })
        const digests = yield* Effect.all([digest, digest, digest, digest], { concurrency: 4 })
        expect(new Set(digests).size).toBe(1)
        expect(calls).toBe(400)
      })
    )
    calls = 0
    await scoped(
      Effect.gen(function* () {
        const { runs, url } = yield* Service.serve({ pipelines: { counted }, windowBytes: 0 })
        const first = yield* Service.connect(url, { epochs: 1, digest: true })
        const late = yield* Service.connect(url, { epochs: 1, digest: true })
        yield* first.forEach(() => Effect.void)
        yield* late.forEach(() => Effect.void)
        expect(yield* late.digest).toBe(yield* first.digest)
        expect((yield* runs).length).toBe(2)
        expect(calls).toBeGreaterThan(400)
        expect(calls).toBeLessThanOrEqual(800)
      })
    )
  })

  test("skips to the next epoch as a local run does", async () => {
    const expected = await Effect.runPromise(local)
    const seen = await scoped(
      Effect.gen(function* () {
        const { url } = yield* Service.serve({ pipelines: { noisy } })
        const loader = yield* Service.connect(url, asked)
        const seen: Array<unknown> = []
        yield* Stream.runForEach(loader.epochs, ({ number, stream }) =>
          Effect.gen(function* () {
            const batches = yield* Stream.runCollect(number === 0 ? Stream.take(stream, 3) : stream)
            seen.push(...Array.from(batches, ({ epoch, index }) => `${epoch}.${index}`))
          })
        )
        return seen
      })
    )
    expect(seen).toEqual(
      expected.batches
        .filter(({ epoch, index }) => epoch === 1 || index < 3)
        .map(({ epoch, index }) => `${epoch}.${index}`)
    )
  })

  test("by for await, with a token, and its end is the end", async () => {
    await scoped(
      Effect.gen(function* () {
        const token = "a token of some length"
        const { url } = yield* Service.serve({ pipelines: { noisy }, host: "127.0.0.1", token: Redacted.make(token) })
        yield* Effect.promise(async () => {
          const run = Service.remote(url, { ...asked, token })
          let samples = 0
          for await (const { size } of run) samples += size
          expect(samples).toBe(200)
          expect(run.stats.batches).toBe(26)
          expect(await run.take()).toBeUndefined()
          const stepped = Service.remote(url, { ...asked, token })
          const seen: Array<number> = []
          const ended = stepped.forEach(async ({ index }) => {
            seen.push(index)
            if (index < 2) return
            expect(await stepped.take().catch((error: unknown) => error)).toMatchObject({ _tag: "RunInUse" })
            throw "enough"
          })
          expect(await ended.catch((error: unknown) => error)).toBe("enough")
          expect(seen).toEqual([0, 1, 2])
          expect(stepped.cursor.batch).toBe(3)
          expect(await stepped.take().catch((error: unknown) => error)).toMatchObject({ _tag: "RunClosed" })
          const all = Service.remote(url, { ...asked, token })
          let steps = 0
          await all.forEach(() => steps++)
          expect([steps, all.digest]).toEqual([26, run.digest])
          const misnamed = { ...asked, token, signal: AbortSignal.abort() }
          expect(await Service.remote(url, misnamed).take().catch(String)).toMatch(
            /^InvalidOption: an option of Service\.remote must be one of .*, got "signal"$/
          )
          const refused = Service.remote(url, { ...asked, token: "another one of that length" })
          expect(await refused.take().catch((error: unknown) => (error as Error).message)).toContain(
            "asks for a token, and the one given is wrong"
          )
        })
      })
    )
  })
})
