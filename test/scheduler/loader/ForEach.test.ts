import { describe, expect, test } from "bun:test"
import { Cause, Effect, Exit, Fiber, FiberId, Option, Scheduler as Scheduling } from "effect"
import { Dataset, Pipeline, Scheduler, Workers } from "../../../src/index.ts"

const pipeline = Pipeline.from(Dataset.range(40)).pipe(Pipeline.batch(4))

type Kind = "a value" | "an effect" | "one that waits"

/** Runs `forEach` whose fiber is interrupted from within the third step; what comes of it, and of the run. */
const interrupted = (around: <A, E>(own: Effect.Effect<A, E>) => Effect.Effect<A, E>, kind: Kind) =>
  Effect.gen(function* () {
    const loader = yield* Scheduler.open(pipeline, { epochs: 1 })
    const seen: Array<number> = []
    const step = ({ index }: { readonly index: number }) => {
      const own = (fiber: Fiber.RuntimeFiber<unknown, unknown>): Effect.Effect<void> => {
        seen.push(index)
        if (index === 2) fiber.unsafeInterruptAsFork(FiberId.none)
        return kind === "one that waits" ? Effect.yieldNow() : Effect.void
      }
      return kind === "a value"
        ? own(Option.getOrThrow(Fiber.getCurrentFiber()))
        : Effect.withFiberRuntime<void>((fiber) => own(fiber))
    }
    const fiber = yield* Effect.fork(around(loader.forEach(step)))
    const exit = yield* Fiber.await(fiber)
    const { batch, batches } = yield* loader.cursor
    const next = yield* loader.take
    return {
      isInterrupted: Exit.isFailure(exit) && Cause.isInterrupted(exit.cause),
      seen,
      batch,
      batches,
      next: Option.getOrUndefined(Option.map(next, ({ index }) => index))
    }
  }).pipe(Effect.scoped, Effect.provide(Workers.fibers({ workers: 2 })), Effect.runPromise)

describe.each(["a value", "an effect", "one that waits"] as const)(
  "an interrupt that a step brings about, %s",
  (kind) => {
    test("takes effect before the next batch is taken, which is neither lost nor accounted for", async () => {
      const outcome = await interrupted((own) => own, kind)
      expect(outcome).toEqual({ isInterrupted: true, seen: [0, 1, 2], batch: 3, batches: 3, next: 3 })
    })

    test("waits for the end of a region that cannot be interrupted", async () => {
      const { isInterrupted, seen } = await interrupted(Effect.uninterruptible, kind)
      expect({ isInterrupted, seen }).toEqual({ isInterrupted: true, seen: [0, 1, 2, 3, 4, 5, 6, 7, 8, 9] })
    })
  }
)

test("a step that throws ends the loop; its batch is accounted for", async () => {
  const run = Effect.gen(function* () {
    const loader = yield* Scheduler.open(pipeline, { epochs: 1 })
    const fault = new Error("the step's own")
    const exit = yield* Effect.exit(
      loader.forEach(({ index }) => {
        if (index === 1) throw fault
        return Effect.void
      })
    )
    const next = yield* loader.take
    return [Exit.isFailure(exit) && Cause.squash(exit.cause) === fault, Option.map(next, ({ index }) => index)]
  })
  expect(await Effect.runPromise(Effect.scoped(run))).toEqual([true, Option.some(2)])
})

test("an event loop that is starved has its turn between plain steps", async () => {
  const run = Effect.gen(function* () {
    const loader = yield* Scheduler.open(Pipeline.from(Dataset.range(1e6)).pipe(Pipeline.batch(1)), { epochs: 1 })
    let fired = false
    let steps = 0
    setTimeout(() => {
      fired = true
    }, 1)
    yield* Effect.ignore(loader.forEach(() => (++steps && fired ? Effect.fail("the timer") : Effect.void)))
    return { fired, ended: steps === 1e6 }
  })
  expect(await Effect.runPromise(Effect.scoped(run))).toEqual({ fired: true, ended: false })
})

test("Effect can give other fibers their turn between steps that leave nothing to run, at each sixteenth", async () => {
  const { defaultScheduler } = Scheduling
  let turns = 0
  const scheduler: Scheduling.Scheduler = {
    scheduleTask: (task, priority) => defaultScheduler.scheduleTask(task, priority),
    shouldYield: () => {
      turns++
      return false
    }
  }
  const run = Effect.gen(function* () {
    const loader = yield* Scheduler.open(Pipeline.from(Dataset.range(16_000)).pipe(Pipeline.batch(1)), { epochs: 1 })
    let steps = 0
    yield* loader.forEach(() => {
      if (++steps === 1) turns = 0
      return Effect.void
    })
    return { steps, turns }
  })
  const { steps, turns: counted } = await Effect.runPromise(Effect.withScheduler(Effect.scoped(run), scheduler))
  expect(steps).toBe(16_000)
  // Two effects or more at each sixteenth step; without, only the event loop's own turns bring some about.
  expect(counted >= 1500).toBe(true)
})

test("an error of a step behind others that left nothing to run ends the loop, and each batch is accounted for", async () => {
  const run = Effect.gen(function* () {
    const loader = yield* Scheduler.open(pipeline, { epochs: 1 })
    const exit = yield* Effect.exit(loader.forEach(({ index }) => (index === 5 ? Effect.fail("own") : Effect.void)))
    const next = yield* loader.take
    return [exit, Option.map(next, ({ index }) => index), (yield* loader.stats).batches]
  })
  expect(await Effect.runPromise(Effect.scoped(run))).toEqual([Exit.fail("own"), Option.some(6), 7])
})
