/**
 * Runs that take long to open: those who ask for the same wait together, all others are not delayed, and there are no more runs
 * than there may be.
 */
import { expect, test } from "bun:test"
import { Data, Deferred, Effect, Exit, Fiber, Layer, Option, Schedule, Scope } from "effect"
import { Dataset, Pipeline, Workers } from "../../src/index.ts"
import { Service } from "../../src/service.ts"

const fast = Pipeline.from(Dataset.range(40)).pipe(Pipeline.batch(4))
const slow = Pipeline.from(Dataset.range(20)).pipe(Pipeline.batch(4))
const pipelines = { fast, slow }

class NoStore extends Data.TaggedError("NoStore")<{ readonly message: string }> {}

/** Workers of which those of `slow` come once the gate is open, or fail with it. */
const gated = Effect.gen(function* () {
  const gate = yield* Deferred.make<void, NoStore>()
  const seen = { opened: 0, givenUp: 0 }
  const workersOf: Service.WorkersOf = (workers, name) => {
    const own = Workers.fibers({ workers })
    if (name !== "slow") return own
    const opened = Effect.suspend(() => {
      seen.opened++
      return Effect.as(Deferred.await(gate), own)
    }).pipe(
      Effect.onInterrupt(() =>
        Effect.sync(() => {
          seen.givenUp++
        })
      )
    )
    return Layer.unwrapEffect(opened) as ReturnType<Service.WorkersOf> // another error than a service's own
  }
  return { gate, seen, workersOf }
})

/** How many batches a trainer is given. */
const count = (url: string, pipeline: "fast" | "slow", seed = 1) =>
  Effect.scoped(
    Effect.gen(function* () {
      const loader = yield* Service.connect(url, { pipeline, seed, epochs: 1, attempts: Schedule.stop })
      yield* loader.forEach(() => Effect.void)
      return (yield* loader.stats).batches
    })
  )

const soon = Effect.timeout("3 seconds")
const until = (isSo: () => boolean) => soon(Effect.repeat(Effect.sleep("5 millis"), { until: isSo }))

test("a run that takes long to open delays no other, whether that is open or is opened meanwhile", () =>
  Effect.gen(function* () {
    const { gate, seen, workersOf } = yield* gated
    const { url } = yield* Service.serve({ pipelines, workersOf })
    expect(yield* count(url, "fast")).toBe(10)
    const [one, other] = [yield* Effect.fork(count(url, "slow", 1)), yield* Effect.fork(count(url, "slow", 2))]
    yield* until(() => seen.opened === 2)
    expect(yield* soon(count(url, "fast"))).toBe(10)
    expect(yield* soon(count(url, "fast", 2))).toBe(10)
    yield* Deferred.succeed(gate, undefined)
    expect([yield* Fiber.join(one), yield* Fiber.join(other)]).toEqual([5, 5])
  }).pipe(Effect.scoped, Effect.runPromise))

test("those who ask for a run while it opens share it, also if the one who came first leaves", () =>
  Effect.gen(function* () {
    const { gate, seen, workersOf } = yield* gated
    const { runs, url } = yield* Service.serve({ pipelines, workersOf })
    const first = yield* Effect.fork(count(url, "slow"))
    yield* until(() => seen.opened === 1)
    const others = yield* Effect.forEach([1, 2, 3], () => Effect.fork(count(url, "slow")))
    yield* Effect.sleep("100 millis")
    yield* Fiber.interrupt(first)
    yield* Effect.sleep("50 millis")
    yield* Deferred.succeed(gate, undefined)
    expect(yield* soon(Effect.forEach(others, Fiber.join))).toEqual([5, 5, 5])
    expect(seen).toEqual({ opened: 1, givenUp: 0 })
    const [run] = yield* runs
    expect([(yield* runs).length, run?.batches]).toEqual([1, 5])
    yield* until(() => Effect.runSync(runs)[0]?.readers === 0)
  }).pipe(Effect.scoped, Effect.runPromise))

test("a run that cannot be opened is told to all who wait for it, and a later one tries again", () =>
  Effect.gen(function* () {
    const { gate, seen, workersOf } = yield* gated
    const { url } = yield* Service.serve({ pipelines, workersOf, runs: 1 })
    const all = yield* Effect.forEach([1, 2, 3], () => Effect.fork(Effect.flip(count(url, "slow"))))
    yield* until(() => seen.opened === 1)
    yield* Effect.sleep("100 millis")
    yield* Deferred.fail(gate, new NoStore({ message: "the bucket is closed" }))
    for (const error of yield* soon(Effect.forEach(all, Fiber.join)))
      expect(error).toMatchObject({ kind: "run", tag: "NoStore", reason: "the bucket is closed" })
    expect(seen.opened).toBe(1)
    expect(yield* Effect.flip(count(url, "slow"))).toMatchObject({ tag: "NoStore" })
    expect(seen.opened).toBe(2)
    // It takes none of the runs that there may be.
    expect(yield* count(url, "fast")).toBe(10)
  }).pipe(Effect.scoped, Effect.runPromise))

test("a run that nobody waits for any more leaves its place to another", () =>
  Effect.gen(function* () {
    const { seen, workersOf } = yield* gated
    const { url } = yield* Service.serve({ pipelines, workersOf, runs: 1 })
    const only = yield* Effect.fork(count(url, "slow"))
    yield* until(() => seen.opened === 1)
    expect(yield* Effect.flip(count(url, "fast"))).toMatchObject({ kind: "unreachable" })
    yield* Fiber.interrupt(only)
    // It is given up for another one, whose next attempt has its place.
    const patient = count(url, "fast").pipe(Effect.retry(Schedule.spaced("20 millis")), soon)
    expect(yield* patient).toBe(10)
    expect(seen).toEqual({ opened: 1, givenUp: 1 })
  }).pipe(Effect.scoped, Effect.runPromise))

test("a trainer that is too impatient for its run to open finds it open when it comes back", () =>
  Effect.gen(function* () {
    const { gate, seen, workersOf } = yield* gated
    const { runs, url } = yield* Service.serve({ pipelines, workersOf, runs: 1 })
    const impatient = Effect.timeoutOption(count(url, "slow"), "50 millis")
    for (let again = 0; again < 3; again++) expect(Option.isNone(yield* impatient)).toBe(true)
    yield* Deferred.succeed(gate, undefined)
    yield* until(() => Effect.runSync(runs).length === 1)
    expect(yield* count(url, "slow")).toBe(5)
    expect(seen).toEqual({ opened: 1, givenUp: 0 })
  }).pipe(Effect.scoped, Effect.runPromise))

test("runs that are being opened count among those that there may be, and all of these can be had", () =>
  Effect.gen(function* () {
    const { gate, seen, workersOf } = yield* gated
    const { runs, url } = yield* Service.serve({ pipelines, workersOf, runs: 3 })
    const seeds = Array.from({ length: 8 }, (_, seed) => seed)
    const all = yield* Effect.forEach(seeds, (seed) => Effect.fork(count(url, "slow", seed)))
    yield* until(() => seen.opened === 3)
    yield* Effect.sleep("100 millis")
    expect(seen.opened).toBe(3)
    yield* Deferred.succeed(gate, undefined)
    const exits = yield* soon(Effect.forEach(all, Fiber.await))
    expect(exits.filter(Exit.isSuccess).length).toBe(3)
    expect((yield* runs).length).toBe(3)
  }).pipe(Effect.scoped, Effect.runPromise))

test("a service that drains waits for those whose run is still opening, and serves them or says why it cannot", () =>
  Effect.gen(function* () {
    for (const isMended of [true, false]) {
      const { gate, seen, workersOf } = yield* gated
      const scope = yield* Scope.make()
      const { drain, url } = yield* Scope.extend(Service.serve({ pipelines, workersOf }), scope)
      const ask = Effect.promise(async () => {
        const answer = await fetch(`${url}/batches?pipeline=slow&seed=1&epochs=1&format=ndjson`)
        return { status: answer.status, lines: (await answer.text()).trim().split("\n") }
      })
      const waits = yield* Effect.fork(ask)
      yield* until(() => seen.opened === 1)
      let isDrained = false
      const drained = yield* Effect.fork(
        Effect.zipRight(
          drain,
          Effect.sync(() => (isDrained = true))
        )
      )
      yield* Effect.sleep("120 millis")
      expect(isDrained).toBe(false)
      expect(yield* ask).toMatchObject({ status: 503, lines: [expect.stringContaining('"error":"Draining"')] })
      yield* isMended
        ? Deferred.succeed(gate, undefined)
        : Deferred.fail(gate, new NoStore({ message: "the bucket is closed" }))
      yield* soon(Fiber.join(drained))
      // What its trainers were not sent by now is lost.
      yield* Scope.close(scope, Exit.void)
      const { lines, status } = yield* soon(Fiber.join(waits))
      if (isMended) expect([status, lines.length]).toEqual([200, 1 + 5 + 1])
      else expect([status, ...lines]).toEqual([500, '{"error":"NoStore","message":"the bucket is closed"}'])
    }
  }).pipe(Effect.scoped, Effect.runPromise))
