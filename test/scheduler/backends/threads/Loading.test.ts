/**
 * What a thread's module does while it is loaded: threads inside threads, and modules that never finish.
 */
import { afterAll, describe, expect, test } from "bun:test"
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { type Duration, Effect, Layer, Metric, Stream } from "effect"
import { InvalidOption, Scheduler, Workers } from "../../../../src/index.ts"
import * as Metrics from "../../../../src/scheduler/loader/Metrics.ts"
import { script } from "../../../support/script.ts"
import * as crashing from "../../../support/threaded/crashing.ts"
import { fine } from "../../../support/threaded/unloadable.ts"

const TIME = 90_000
const folder = mkdtempSync(join(tmpdir(), "furrow-loading-"))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

const unguarded = async (act: string) => {
  const loads = join(folder, act.replaceAll(" ", "-"))
  writeFileSync(loads, "")
  const left = await script(new URL("../../../support/threaded/unguarded.ts", import.meta.url), {
    FURROW_TEST_CASE: act,
    FURROW_TEST_LOADS: loads
  })
  return { ...left, loads: readFileSync(loads, "utf8").length }
}

const GUARD = "import.meta.main"

describe("a program without a guard", () => {
  test.each(["swallows", "floats", "then waits", "then leaves", "then spins"])(
    "is told of it in its main thread, and opens no threads in its threads: %s",
    async (act) => {
      const { code, loads, stdout } = await unguarded(act)
      expect(stdout).toMatch(/main: BackendError: backend threads, member [01] /)
      expect(stdout).toContain(GUARD)
      expect(stdout).toContain("isMainThread")
      expect(code).toBe(0)
      expect(loads).toBeLessThanOrEqual(3)
    },
    TIME
  )

  test(
    "ends with an error where nothing catches it",
    async () => {
      const { code, loads, stderr } = await unguarded("rejects")
      expect(stderr).toContain(GUARD)
      expect(code).toBe(1)
      expect(loads).toBeLessThanOrEqual(3)
    },
    TIME
  )

  test(
    "stays on fibers under Workers.auto, and is told why",
    async () => {
      const { code, loads, stderr, stdout } = await unguarded("auto")
      expect(stdout + stderr).toContain("the run stays on fibers")
      expect(stdout + stderr).toContain(GUARD)
      expect(stdout.match(/1200 rows/g)?.length).toBe(1)
      expect(code).toBe(0)
      expect(loads).toBeLessThanOrEqual(3)
    },
    TIME
  )

  test.each([
    ["hangs", "it was not ready after 3s"],
    ["spins", "it was not ready after 3s"],
    // Bun and Node end a thread in which nothing is left to be done, Deno keeps it.
    ["never", /it was not ready after 3s|it ended while it loaded/],
    ["leaves", "it ended with exit code 3"]
  ])(
    "is told of a thread that does not finish loading it: %s",
    async (act, said) => {
      const { code, loads, stdout } = await unguarded(act)
      expect(stdout).toMatch(said)
      expect(stdout).toContain("unguarded.ts")
      expect(stdout).toContain(GUARD)
      expect(code).toBe(0)
      expect(loads).toBeLessThanOrEqual(3)
    },
    TIME
  )
})

const failureOf = (options: Omit<Workers.ThreadOptions, "workers">) =>
  Stream.runDrain(Scheduler.stream(fine, { epochs: 1 })).pipe(
    Effect.flip,
    Effect.provide(Workers.threads({ workers: 1, ...options })),
    Effect.runPromise
  )

describe("a module without the export", () => {
  const module = new URL("../../../support/threaded/unloadable.ts", import.meta.url)

  test(
    "is told which ones it has",
    async () => {
      const { message } = await failureOf({ pipeline: module, name: "train" })
      expect(message).toContain("has no export `train`")
      expect(message).toContain("it exports `fine`, `pipeline`, `services`")
      expect(message).toContain("`name`")
    },
    TIME
  )

  test(
    "is told what an export is instead",
    async () => {
      const { message } = await failureOf({ pipeline: module, name: "services" })
      expect(message).toContain("`services` is")
      const odd = new URL("../../../support/threaded/crashing.ts", import.meta.url)
      expect((await failureOf({ pipeline: odd, name: "nothing" })).message).toContain(
        "`nothing` is a function that gave undefined"
      )
    },
    TIME
  )

  test.each([0, -1, "soon"])("a time for loading that is none is refused: %j", async (loading) => {
    // What a caller without types may give.
    const layer = Workers.threads({ workers: 1, pipeline: module, loading: loading as Duration.DurationInput })
    const error = await Effect.runPromise(Effect.flip(Effect.scoped(Layer.build(layer))))
    expect(error).toBeInstanceOf(InvalidOption.InvalidOption)
    expect(error.message).toContain("loading")
  })
})

describe("what nothing catches in a thread", () => {
  const module = new URL("../../../support/threaded/crashing.ts", import.meta.url)

  const { late, lateCycle, lateProxy, lateSymbol, rejected } = crashing
  test.each(Object.entries({ late, lateSymbol, lateProxy, lateCycle, rejected }))(
    "ends the thread, is made up for as often as the run may, and is told then: %s",
    async (name, own) => {
      const error = await Stream.runDrain(Scheduler.stream(own, { epochs: 1 })).pipe(
        Effect.flip,
        // One of them shows that another thread meets the same.
        Effect.provide(Workers.threads({ workers: 1, pipeline: module, name, restarts: name === "late" ? 1 : 0 })),
        Effect.runPromise
      )
      expect(error).toMatchObject({ _tag: "BackendError", worker: 0, epoch: 0, batch: 1, stage: "wait" })
      // Each runtime says what a revoked Proxy is in words of its own.
      expect(error.message).toMatch(name === "lateProxy" ? /proxy|cannot be shown/i : /odd/)
    },
    TIME
  )

  test(
    "each replacement is counted",
    async () => {
      const count = Effect.map(Metric.value(Metrics.replaced), ({ count }) => Number(count))
      const replaced = await Effect.gen(function* () {
        const before = yield* count
        const error = yield* Effect.flip(Stream.runDrain(Scheduler.stream(crashing.dying, { epochs: 1 })))
        return { count: (yield* count) - before, tag: error._tag }
      }).pipe(
        Effect.provide(Workers.threads({ workers: 1, pipeline: module, name: "dying", restarts: 2 })),
        Effect.runPromise
      )
      expect(replaced).toEqual({ count: 2, tag: "BackendError" })
    },
    TIME
  )
})
