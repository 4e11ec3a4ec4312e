/**
 * What stages return that would vanish, or change what follows, without a word: refused with its place, on fibers and
 * on threads.
 */
import { describe, expect, test } from "bun:test"
import { Effect, type Layer, Schedule, Stream } from "effect"
import { Dataset, FailurePolicy, Pipeline, Scheduler, Workers } from "../../src/index.ts"
import { type Case, cases, refused } from "../support/threaded/results.ts"

const TIME = 60_000
const module = new URL("../support/threaded/results.ts", import.meta.url)

const errorOf = (name: Case, layer: Layer.Layer<Workers.Workers, unknown>, policy = FailurePolicy.fail) =>
  Stream.runDrain(Scheduler.stream(refused(name), { epochs: 1 })).pipe(
    Effect.flip,
    Effect.provide(layer),
    Effect.provide(policy),
    Effect.runPromise
  )

const named = Object.keys(cases) as ReadonlyArray<Case> // its own keys

describe("on fibers", () => {
  test.each(named)("%s", async (name) => {
    const { message, stage } = cases[name]
    for (const policy of [FailurePolicy.fail, FailurePolicy.retry(Schedule.recurs(5)) as typeof FailurePolicy.fail]) {
      const error = await errorOf(name, Workers.fibers({ workers: 2 }), policy)
      expect(error).toMatchObject({ _tag: "StageError", stage, batch: 0, cause: { _tag: "InvalidResult" } })
      expect(error.message).toContain(message)
    }
  })
})

test(
  "so it is on threads",
  async () => {
    for (const name of named) {
      const { message, stage } = cases[name]
      const error = await errorOf(
        name,
        Workers.threads({ workers: 1, pipeline: module, name: "refused", config: name })
      )
      expect(error).toMatchObject({ _tag: "StageError", stage, batch: 0, cause: { _tag: "InvalidResult" } })
      expect(error.message).toContain(message)
    }
  },
  TIME
)

test("a retry without a delay leaves timers and interrupts their turn", async () => {
  let calls = 0
  const hopeless = Pipeline.from(Dataset.range(4)).pipe(
    Pipeline.map("hopeless", () => {
      calls++
      throw new Error("never")
    }),
    Pipeline.batch(4)
  )
  let fired = 0
  const timer = setInterval(() => fired++, 1)
  const run = Stream.runDrain(Scheduler.stream(hopeless, { epochs: 1 })).pipe(
    Effect.provide(Workers.fibers({ workers: 1 })),
    Effect.provide(FailurePolicy.retry(Schedule.forever)),
    Effect.timeoutOption("200 millis"),
    Effect.runPromise
  )
  expect((await run)._tag).toBe("None")
  clearInterval(timer)
  expect(fired).toBeGreaterThan(2)
  expect(calls).toBeGreaterThan(8)
})
