/**
 * A run that several read at speeds of their own: each is given all of its batches in their order, whatever the others do; each
 * batch is built once for all who stand within the window, and what is kept is bounded by it.
 */
import { describe, expect, test } from "bun:test"
import { Effect, Exit, Fiber, Scope } from "effect"
import fc from "fast-check"
import { Dataset, Pipeline, Scheduler, SeedPolicy, Tensor } from "../../src/index.ts"
import { placeOf } from "../../src/service/Frame.ts"
import { SharedRun } from "../../src/service/SharedRun.ts"

const BATCHES = 12
/** Bytes of a batch, of which its frame has some more. */
const BYTES = 2000
const FRAME = 4096

/** A run of which one batch fails, or another never comes. */
const opened = (windowBytes: number, { fails = -1, stuck = -1 } = {}) =>
  Effect.gen(function* () {
    const counts = { built: 0 }
    const pipeline = Pipeline.from(Dataset.range(BATCHES)).pipe(
      Pipeline.mapEffect("gate", (id) => (id === stuck ? Effect.never : Effect.succeed(id))),
      Pipeline.batchWith(1, ([id]: ReadonlyArray<number>) => {
        counts.built++
        if (id === fails) throw new Error("not this one")
        return { id, row: new Tensor.Tensor(new Uint8Array(BYTES), [1, BYTES]) }
      })
    )
    const scope = yield* Effect.acquireRelease(Scope.make(), (own) => Scope.close(own, Exit.void))
    const loader = yield* Scope.extend(
      Scheduler.open(pipeline, { epochs: 1, lend: true, replay: true }).pipe(
        Effect.provide(SeedPolicy.epochWorker({ seed: 1 }))
      ),
      scope
    )
    const start = yield* loader.cursor
    const runtime = yield* Effect.runtime<never>()
    return { run: new SharedRun(loader, start, { runtime, scope, windowBytes }), scope, counts }
  })

/** How many batches a reader took before it was done, or was left behind what is kept. */
const reader = (run: SharedRun, pauses: ReadonlyArray<number>, seen: (bytes: number) => void) =>
  Effect.gen(function* () {
    const places: Array<number> = []
    let cursor = run.start
    for (let turn = 0; ; turn++) {
      for (let pause = pauses[turn % pauses.length] ?? 0; pause > 0; pause--) yield* Effect.yieldNow()
      const step = run.ready(placeOf(cursor)) ?? (yield* run.at(placeOf(cursor)))
      seen(run.bytes)
      if (step === undefined) return { places, isBehind: true }
      step.sent()
      if (step.isLast) return { places, isBehind: false }
      places.push(step.cursor.batch)
      cursor = step.cursor
    }
  })

const ALL = Array.from({ length: BATCHES }, (_, at) => (at + 1) % BATCHES)

describe("a shared run", () => {
  test("gives each of its readers all batches in order, or says that they are gone, and keeps no more than its window", () => {
    const pauses = fc.array(fc.nat(40), { minLength: 1, maxLength: 4 })
    const windows = fc.constantFrom(0, 1, FRAME, 3 * FRAME, 2 ** 26)
    return fc.assert(
      fc.asyncProperty(windows, fc.array(pauses, { minLength: 1, maxLength: 4 }), (windowBytes, speeds) =>
        Effect.gen(function* () {
          const { counts, run } = yield* opened(windowBytes)
          let most = 0
          const seen = (bytes: number) => {
            most = Math.max(most, bytes)
          }
          const found = yield* Effect.all(
            speeds.map((own) => reader(run, own, seen)),
            { concurrency: "unbounded" }
          )
          for (const { isBehind, places } of found) {
            expect(places).toEqual(ALL.slice(0, places.length))
            if (!isBehind) expect(places.length).toBe(BATCHES)
          }
          // The first of them is never behind.
          expect(found.some(({ isBehind }) => !isBehind)).toBe(true)
          if (windowBytes === 2 ** 26) expect(found.every(({ isBehind }) => !isBehind)).toBe(true)
          expect(counts.built).toBe(BATCHES)
          // What is kept is the window, the newest, and what is built ahead of the first reader, half of a window at most.
          expect(most).toBeLessThanOrEqual(windowBytes + windowBytes / 2 + 2 * FRAME)
        }).pipe(Effect.scoped, Effect.runPromise)
      ),
      { numRuns: 40 }
    )
  })

  test("builds ahead of its first reader, as far as half of the window goes, and no further", async () => {
    await Effect.gen(function* () {
      for (const [windowBytes, ahead] of [
        [0, 0],
        [4 * FRAME, 3],
        [2 ** 26, BATCHES]
      ] as const) {
        const { run } = yield* opened(windowBytes)
        const step = yield* run.at(placeOf(run.start))
        expect(step?.cursor.batch).toBe(1)
        for (let turn = 0; turn < 500; turn++) yield* Effect.yieldNow()
        yield* Effect.sleep("5 millis")
        expect([windowBytes, run.built <= 1 + ahead, ahead === 0 || run.built > 1]).toEqual([windowBytes, true, true])
      }
    }).pipe(Effect.scoped, Effect.runPromise)
  })

  test("goes on for the others where a reader is interrupted while it waits, and builds nothing twice", async () => {
    await Effect.gen(function* () {
      const { counts, run } = yield* opened(2 ** 26)
      const waits = yield* Effect.fork(run.at(placeOf(run.start)))
      yield* Effect.yieldNow()
      yield* Fiber.interrupt(waits)
      const { places } = yield* reader(run, [0], () => undefined)
      expect(places).toEqual(ALL)
      expect(counts.built).toBe(BATCHES)
    }).pipe(Effect.scoped, Effect.runPromise)
  })

  test("that is closed interrupts those who wait, and leaves nobody waiting", async () => {
    await Effect.gen(function* () {
      const { run, scope } = yield* opened(2 ** 26, { stuck: 3 })
      const all = yield* Effect.forEach([0, 1, 2], () => Effect.fork(reader(run, [0], () => undefined)))
      yield* Effect.repeat(Effect.yieldNow(), { until: () => run.built === 3 })
      yield* Scope.close(scope, Exit.void)
      for (const own of all) {
        const exit = yield* Effect.timeout(Fiber.await(own), "2 seconds")
        expect(Exit.isInterrupted(exit)).toBe(true)
      }
    }).pipe(Effect.scoped, Effect.runPromise)
  })

  test("whose batch fails tells all of its readers the same error, behind the batches before it", async () => {
    await Effect.gen(function* () {
      const { run } = yield* opened(2 ** 26, { fails: 5 })
      const found = yield* Effect.all([reader(run, [0], () => undefined), reader(run, [9], () => undefined)], {
        concurrency: 2
      })
      for (const { places } of found) expect(places).toEqual(ALL.slice(0, 5))
    }).pipe(Effect.scoped, Effect.runPromise)
  })
})
