/**
 * Runs that fail: their readers are told, and whoever comes after that is given a fresh run, since what they failed of may be
 * mended.
 */
import { expect, test } from "bun:test"
import { Effect, Fiber, Layer, Schedule } from "effect"
import { Dataset, Pipeline, Workers } from "../../src/index.ts"
import { Service } from "../../src/service.ts"

/** Batches of 2 MB, of which a connection holds a few, and a run's window all. The sixth fails as long as the disk is offline. */
const failing = () => {
  const disk = { isOffline: true }
  const pipeline = Pipeline.from(Dataset.range(12)).pipe(
    Pipeline.map("read", (value) => {
      if (value === 5 && disk.isOffline) throw new Error("disk offline")
      return { row: new Float32Array(2 ** 19).fill(value) }
    }),
    Pipeline.batch(1)
  )
  return { disk, pipelines: { pipeline } }
}

/** Workers of which it is known how many were opened, and closed. */
const counted = () => {
  const seen = { opened: 0, closed: 0 }
  const workersOf: Service.WorkersOf = (workers) =>
    Layer.merge(
      Workers.fibers({ workers }),
      Layer.scopedDiscard(
        Effect.acquireRelease(
          Effect.sync(() => seen.opened++),
          () => Effect.sync(() => seen.closed++)
        )
      )
    )
  return { seen, workersOf }
}

const connected = (url: string, from?: unknown) =>
  Service.connect(url, { epochs: 1, attempts: Schedule.stop, ...(from === undefined ? {} : { from }) })

/** The batches that a trainer is given, how its run ended, and where. */
const read = (url: string, from?: unknown) =>
  Effect.scoped(
    Effect.gen(function* () {
      const loader = yield* connected(url, from)
      const places: Array<number> = []
      const end = yield* loader
        .forEach(({ index }) => Effect.sync(() => places.push(index)))
        .pipe(Effect.match({ onFailure: String, onSuccess: () => "done" }))
      return { places, end, cursor: yield* loader.cursor }
    })
  )

const ALL = Array.from({ length: 12 }, (_, at) => at)

const until = (isSo: () => boolean) =>
  Effect.timeout(Effect.repeat(Effect.sleep("5 millis"), { until: isSo }), "3 seconds")

test("a run that has failed is opened again for whoever comes after its readers were told, also if there is room for one only", () =>
  Effect.gen(function* () {
    const { disk, pipelines } = failing()
    const { seen, workersOf } = counted()
    const { runs, url } = yield* Service.serve({ pipelines, workersOf, runs: 1 })
    const first = yield* read(url)
    expect([first.places, first.end]).toEqual([ALL.slice(0, 5), expect.stringContaining("disk offline")])
    // It is tried again each time.
    expect((yield* read(url, first.cursor)).end).toContain("disk offline")
    expect(seen.opened).toBe(2)
    disk.isOffline = false
    const { end, places } = yield* read(url, first.cursor)
    expect([places, end]).toEqual([ALL.slice(5), "done"])
    // One that has ended is left once all of it has arrived.
    yield* until(() => Effect.runSync(runs)[0]?.readers === 0)
    expect((yield* read(url)).places).toEqual(ALL)
    yield* until(() => seen.closed === 3)
    expect([seen.opened, (yield* runs).length]).toEqual([4, 1])
  }).pipe(Effect.scoped, Effect.runPromise))

test("readers that are still before the error of a run share it with those who come, until one of them is told", () =>
  Effect.gen(function* () {
    const { disk, pipelines } = failing()
    const { seen, workersOf } = counted()
    const { runs, url } = yield* Service.serve({ pipelines, workersOf })
    const slow = yield* connected(url)
    yield* slow.take
    yield* until(() => Effect.runSync(runs)[0]?.batches === 5)
    yield* Effect.sleep("50 millis")
    disk.isOffline = false
    const shared = yield* read(url)
    expect([shared.places, shared.end]).toEqual([ALL.slice(0, 5), expect.stringContaining("disk offline")])
    expect(seen.opened).toBe(1)
    // The slow one still reads what has failed.
    expect((yield* read(url)).places).toEqual(ALL)
    expect([seen.opened, seen.closed, (yield* runs).length]).toEqual([2, 0, 2])
    expect(String(yield* Effect.flip(slow.forEach(() => Effect.void)))).toContain("disk offline")
    yield* until(() => seen.closed === 1)
    expect((yield* runs).length).toBe(1)
  }).pipe(Effect.scoped, Effect.runPromise))

test("a run that has failed ahead of its readers is opened again if all of them have left", () =>
  Effect.gen(function* () {
    const { disk, pipelines } = failing()
    const { seen, workersOf } = counted()
    const { runs, url } = yield* Service.serve({ pipelines, workersOf })
    yield* Effect.scoped(
      Effect.gen(function* () {
        yield* (yield* connected(url)).take
        yield* until(() => Effect.runSync(runs)[0]?.batches === 5)
        yield* Effect.sleep("50 millis")
      })
    )
    yield* until(() => seen.closed === 1)
    disk.isOffline = false
    expect((yield* read(url)).places).toEqual(ALL)
  }).pipe(Effect.scoped, Effect.runPromise))

test("trainers that are told of a failure at once, and come back at once, share the run that is opened again", () =>
  Effect.gen(function* () {
    const { disk, pipelines } = failing()
    const { seen, workersOf } = counted()
    const { url } = yield* Service.serve({ pipelines, workersOf })
    const loaders = yield* Effect.forEach([1, 2, 3, 4], () => connected(url))
    const fibers = yield* Effect.forEach(loaders, (loader) =>
      Effect.fork(
        Effect.gen(function* () {
          expect(String(yield* Effect.flip(loader.forEach(() => Effect.void)))).toContain("disk offline")
          disk.isOffline = false
          return (yield* read(url, yield* loader.cursor)).places
        })
      )
    )
    expect(yield* Effect.forEach(fibers, Fiber.join)).toEqual([1, 2, 3, 4].map(() => ALL.slice(5)))
    expect(seen.opened).toBe(2)
  }).pipe(Effect.scoped, Effect.runPromise))
