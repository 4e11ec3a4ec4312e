/**
 * The end of threads: native work is let finish, and a run that is dropped lets the process end.
 */
import { describe, expect, test } from "bun:test"
import { Duration, Effect } from "effect"
import { Scheduler, Workers } from "../../../../src/index.ts"
import { script } from "../../../support/script.ts"
import { pipeline as posting } from "../../../support/threaded/posting.ts"
import { waiting } from "../../../support/threaded/waiting.ts"

const TIME = 120_000

test(
  "native work that a thread is at when it is replaced, interrupted or no longer wanted does no harm",
  async () => {
    const ended = await script(
      new URL("../../../support/threaded/native-runs.ts", import.meta.url),
      { FURROW_TEST_ROUNDS: "1" },
      TIME
    )
    const each = ["break", "timeout BackendError", "interrupt"]
    // The thread that is replaced leaves a warning.
    const [said, warned] = [ended.stdout.trim().split("\n"), / level=WARN .*replaces its member 0/]
    expect(said.filter((line) => !warned.test(line))).toEqual([...each, ...each, "done"])
    expect(ended).toMatchObject({ code: 0, signal: null })
  },
  TIME
)

test(
  "work that never ends does not hold up the end for ever",
  async () => {
    const run = Effect.gen(function* () {
      const loader = yield* Scheduler.open(waiting, { epochs: 1 })
      yield* Effect.timeout(loader.take, Duration.millis(500)).pipe(Effect.ignore)
    })
    const layer = Workers.threads({
      workers: 2,
      pipeline: new URL("../../../support/threaded/waiting.ts", import.meta.url),
      name: "waiting"
    })
    await run.pipe(Effect.scoped, Effect.provide(layer), Effect.runPromise)
  },
  TIME
)

test(
  "messages that a module posts from its thread are nobody's, and end nothing",
  async () => {
    const run = Effect.gen(function* () {
      const loader = yield* Scheduler.open(posting, { epochs: 1, digest: true })
      yield* loader.forEach(() => Effect.void)
      return yield* loader.digest
    })
    const module = new URL("../../../support/threaded/posting.ts", import.meta.url)
    const digests = [Workers.fibers({ workers: 2 }), Workers.threads({ workers: 2, pipeline: module })].map((layer) =>
      run.pipe(Effect.scoped, Effect.provide(layer), Effect.runPromise)
    )
    const [fibers, threads] = await Promise.all(digests)
    expect(threads).toBe(fibers)
  },
  TIME
)

describe("an iterator that is dropped", () => {
  test.each([
    ["fibers", 1],
    ["threads", 1],
    ["threads", 3],
    ["timed", 1],
    ["native", 1]
  ] as const)(
    "lets the process end: %s, %i taken",
    async (what, taken) => {
      const ended = await script(new URL("../../../support/threaded/dropped.ts", import.meta.url), {
        FURROW_TEST_CASE: what,
        FURROW_TEST_TAKEN: String(taken)
      })
      expect(ended).toMatchObject({ code: 0, signal: null, stdout: "taken\n".repeat(taken) })
    },
    TIME
  )

  test.each([0, 2])(
    "keeps it alive until a pending next is answered: after %i",
    async (taken) => {
      const ended = await script(new URL("../../../support/threaded/dropped.ts", import.meta.url), {
        FURROW_TEST_CASE: "pending",
        FURROW_TEST_TAKEN: String(taken)
      })
      expect(ended).toMatchObject({ code: 0, signal: null, stdout: `${"taken\n".repeat(taken)}answered\n` })
    },
    TIME
  )
})
