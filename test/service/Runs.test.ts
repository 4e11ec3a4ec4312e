/**
 * The runs of a service while others are opened or closed, which can take any time.
 */
import { expect, test } from "bun:test"
import { Clock, Deferred, Duration, Effect, Fiber, Layer, Option, Schedule } from "effect"
import { Dataset, Pipeline, Workers } from "../../src/index.ts"
import { Service } from "../../src/service.ts"

const small = Pipeline.from(Dataset.range(40)).pipe(Pipeline.batch(4))

/** Batches of 4 MB: neither a socket nor the window of the run holds all of them. */
const large = Pipeline.from(Dataset.range(12)).pipe(
  Pipeline.map("row", (value) => ({ row: new Float32Array(2 ** 20).fill(value) })),
  Pipeline.batch(1)
)

const rows = Pipeline.from(Dataset.range(40)).pipe(
  Pipeline.map("row", (value) => ({ row: new Float32Array(2 ** 20).fill(value) }))
)
const longer = rows.pipe(Pipeline.batch(1))
const pairs = rows.pipe(Pipeline.batch(2))

/** A clock whose sleeps take a hundredth of their time: signs of life come every 50 ms. */
const hasty = Effect.map(
  Effect.clock,
  (real): Clock.Clock => ({
    [Clock.ClockTypeId]: Clock.ClockTypeId,
    unsafeCurrentTimeMillis: () => real.unsafeCurrentTimeMillis(),
    unsafeCurrentTimeNanos: () => real.unsafeCurrentTimeNanos(),
    currentTimeMillis: real.currentTimeMillis,
    currentTimeNanos: real.currentTimeNanos,
    sleep: (duration) => Effect.withClock(Effect.sleep(Duration.times(duration, 1 / 100)), real)
  })
)

const until = (milliseconds: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, milliseconds))

test("a straggler gets a run of its own, however many signs of life it is sent while that opens", async () => {
  await Effect.gen(function* () {
    let opened = 0
    const workersOf: Service.WorkersOf = (workers) =>
      Layer.unwrapEffect(
        Effect.promise(async () => {
          if (++opened > 1) await until(500)
          return Workers.fibers({ workers })
        })
      )
    const { url } = yield* Service.serve({ pipelines: { large }, workersOf, windowBytes: 2 ** 24 })
    const first = yield* Service.connect(url, { epochs: 1, silence: "1 hour" })
    const straggler = yield* Service.connect(url, { epochs: 1, silence: "1 hour" })
    yield* first.forEach(() => Effect.void)
    const places: Array<number> = []
    yield* straggler.forEach(({ index }) => Effect.sync(() => places.push(index)))
    expect(places).toEqual(Array.from({ length: 12 }, (_, at) => at))
    // The first try was the last one: nothing that was opened was thrown away.
    expect(opened).toBe(2)
  }).pipe(Effect.scoped, Effect.provide(Layer.unwrapEffect(Effect.map(hasty, Layer.setClock))), Effect.runPromise)
}, 20_000)

test("a run whose resources take long to close keeps nobody waiting", async () => {
  await Effect.gen(function* () {
    const gate = yield* Deferred.make<void>()
    let closing = 0
    const workersOf: Service.WorkersOf = (workers) =>
      Layer.merge(
        Workers.fibers({ workers }),
        Layer.scopedDiscard(
          Effect.addFinalizer(() => Effect.suspend(() => (closing++ === 0 ? Deferred.await(gate) : Effect.void)))
        )
      )
    const { url } = yield* Service.serve({ pipelines: { small }, workersOf, runs: 1 })
    const size = (seed: number) =>
      Effect.scoped(
        Effect.flatMap(Service.connect(url, { seed, epochs: 1 }), ({ take }) =>
          Effect.map(
            take,
            Option.map((batch) => batch.size)
          )
        )
      )
    expect(yield* size(1)).toEqual(Option.some(4))
    expect(yield* Effect.timeoutOption(size(2), "5 seconds")).toEqual(Option.some(Option.some(4)))
    expect(closing).toBe(1)
    yield* Deferred.succeed(gate, undefined)
  }).pipe(Effect.scoped, Effect.runPromise)
}, 20_000)

test("a trainer that falls behind while all runs are taken goes on once one has ended", async () => {
  await Effect.gen(function* () {
    const { url } = yield* Service.serve({ pipelines: { longer }, runs: 1, windowBytes: 2 ** 24 })
    const options = { epochs: 1, attempts: Schedule.spaced("20 millis"), silence: "20 seconds" } as const
    const first = yield* Service.connect(url, options)
    const straggler = yield* Service.connect(url, options)
    const late = yield* Effect.forkScoped(
      Effect.gen(function* () {
        const places: Array<number> = []
        yield* straggler.forEach(({ index }) => {
          places.push(index)
          return index === 0 ? Effect.sleep("500 millis") : Effect.void
        })
        return { places, reconnected: (yield* straggler.stats).reconnected }
      })
    )
    // The run stays open for as long as this trainer is at this batch: those behind it are more than connections hold.
    yield* first.forEach(({ index }) => (index === 25 ? Effect.sleep("1500 millis") : Effect.void))
    const { places, reconnected } = yield* Fiber.join(late)
    expect(places).toEqual(Array.from({ length: 40 }, (_, at) => at))
    expect(reconnected).toBeGreaterThan(0)
  }).pipe(Effect.scoped, Effect.runPromise)
}, 20_000)

test("ranks that are more than the runs of a service are told so, and how many it takes", () =>
  Effect.gen(function* () {
    const { url } = yield* Service.serve({ pipelines: { pairs }, runs: 1 })
    const rank = (rank: number) => Service.connect(url, { seed: 1, epochs: 1, rank, world: 2, attempts: Schedule.stop })
    yield* rank(0)
    expect((yield* Effect.flip(rank(1))).message).toContain(
      "each of the 2 ranks of this run is one: start the service with `runs` of 2 or more (--runs of serve.ts)"
    )
  }).pipe(Effect.scoped, Effect.runPromise))

test("a service that has all runs that it may have says how many these are", () => {
  expect(new Service.TooManyRuns({ runs: 1 }).message).toMatch(/^1 run is open, as many as/)
  expect(new Service.TooManyRuns({ runs: 16 }).message).toMatch(/^16 runs are open, as many as/)
})
