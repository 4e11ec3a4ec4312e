import { describe, expect, test } from "bun:test"
import { mkdtempSync, realpathSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { pathToFileURL } from "node:url"
import { Deferred, Duration, Effect, FiberId, Layer, Logger, LogLevel, Option } from "effect"
import { cores } from "../../../src/core/runtime.ts"
import { Dataset, furrow, Parity, Pipeline, Scheduler, SeedPolicy, Workers } from "../../../src/index.ts"
import { type AutoOptions, auto } from "../../../src/scheduler/backends/Auto.ts"
import type { Backend, OpenBackend } from "../../../src/scheduler/backends/Backend.ts"
import { BackendError } from "../../../src/scheduler/backends/BackendError.ts"
import type { Choice } from "../../../src/scheduler/backends/Choice.ts"
import { fibers } from "../../../src/scheduler/backends/Fibers.ts"
import * as ProvidedPlan from "../../../src/scheduler/backends/ProvidedPlan.ts"
import { threads } from "../../../src/scheduler/backends/threads/Threads.ts"
import * as FailureServices from "../../../src/scheduler/loader/FailureServices.ts"
import { light } from "../../support/threaded/costs.ts"
import { pipeline as waiting } from "../../support/threaded/numbers.ts"
import { pipeline as plain } from "../../support/threaded/plain.ts"

const TIME = 60_000
const module = (name: string) => new URL(`../../support/threaded/${name}.ts`, import.meta.url)
const policy = SeedPolicy.epochWorker({ seed: 42 })

const BATCHES = 10_000
const WORKERS = 2
const PREFETCH = 2
const numbers = Pipeline.from(Dataset.range(4 * BATCHES)).pipe(Pipeline.batch(4))

/** What a batch costs the consumer, in milliseconds of the clock, on either backend. */
interface Costs {
  readonly fibers: number
  readonly threads: number
  /** The consumer's own step. */
  readonly step: number
}

interface RunOptions extends AutoOptions {
  readonly batches: number
  readonly pipeline: Pipeline.Pipeline<unknown>
  /** What threads do first when they end. */
  readonly ending: Effect.Effect<void>
}

/** A run under `auto` whose clock and whose consumer are moved by hand, a batch at a time. */
const run = (
  costs: Costs,
  { batches = BATCHES, ending = Effect.void, pipeline = numbers, ...options }: Partial<RunOptions> = {}
) =>
  Effect.gen(function* () {
    let at = 0
    let next = 0
    const consumer = { batches: 0, waited: 0 }
    const requested = { fibers: 0, threads: 0 }
    const seen = new Set<number>()
    const choices: Array<Choice & { readonly at: number; readonly taken: number }> = []
    const starts: Array<number> = []
    const ends: Array<number> = []
    const counting = (name: "fibers" | "threads"): Backend => ({
      name,
      open: (runPlan, settings) =>
        Effect.gen(function* () {
          if (name === "threads") starts.push(next)
          const own = yield* fibers().open(runPlan, settings)
          yield* Effect.addFinalizer(() => Effect.sync(() => (name === "threads" ? ends.push(next) : undefined)))
          if (name === "threads") yield* Effect.addFinalizer(() => ending)
          return {
            ...own,
            request: (coordinates, arrived) => {
              requested[name]++
              const { content, ...rest } = own.request(coordinates, arrived)
              const built = Effect.tap(content, () =>
                Effect.sync(() => {
                  expect(seen.has(coordinates.batch)).toBe(false)
                  seen.add(coordinates.batch)
                  at += costs[name]
                  consumer.waited += costs[name]
                })
              )
              return { ...rest, content: built }
            }
          } satisfies OpenBackend
        })
    })
    const runPlan = yield* ProvidedPlan.make(pipeline, WORKERS, {})
    const open = yield* auto({
      fibers: counting("fibers"),
      threads: counting("threads"),
      pays: { share: 0.05, rest: 1000 },
      cores: 2,
      now: () => at,
      said: (choice) => choices.push({ ...choice, at, taken: next }),
      ...options
    }).open(runPlan, {
      digest: false,
      prefetch: PREFETCH,
      batches,
      failures: FailureServices.rules(yield* FailureServices.current, () => undefined),
      consumer
    })
    /** Takes so many batches, one after the other. */
    const take = (count: number) =>
      Effect.gen(function* () {
        for (let taken = 0; taken < count; taken++) {
          const batch = next++
          const { content } = open.request({ epoch: 0, batch, worker: batch % WORKERS }, () => undefined)
          yield* content
          consumer.batches++
          at += costs.step
          // Whoever moves the run has a turn.
          yield* Effect.yieldNow()
          yield* Effect.yieldNow()
        }
      })
    const request = () => {
      const batch = next++
      return open.request({ epoch: 0, batch, worker: batch % WORKERS }, () => undefined)
    }
    /** Builds so many batches before the consumer takes its first. */
    const ahead = (count: number) =>
      Effect.gen(function* () {
        for (let built = 0; built < count; built++) yield* request().content
        consumer.waited = 0
      })
    /** Takes so many of those: others are requested in their place, and nothing is built. */
    const takeBuilt = (count: number) =>
      Effect.gen(function* () {
        for (let taken = 0; taken < count; taken++) {
          consumer.batches++
          at += costs.step
          request()
          yield* Effect.yieldNow()
          yield* Effect.yieldNow()
        }
      })
    /** The consumer's step takes so long from here on. */
    const steps = (step: number): void => {
      costs = { ...costs, step }
    }
    return { take, ahead, takeBuilt, requested, choices, starts, ends, steps }
  })

const lines: Array<string> = []
const logged = Logger.replace(
  Logger.defaultLogger,
  Logger.make(({ logLevel, message }) => lines.push(`${logLevel.label} ${String(message)}`))
)

const played = <A, E>(own: Effect.Effect<A, E, unknown>, least: LogLevel.LogLevel = LogLevel.Info) => {
  lines.length = 0
  return Effect.runPromise(
    // The content of batches may require anything; that of `numbers` requires nothing.
    own.pipe(Effect.scoped, Effect.provide(Layer.merge(logged, Logger.minimumLogLevel(least)))) as Effect.Effect<A, E>
  )
}

describe("a run", () => {
  test("begins on fibers, and moves within its first second if the consumer waits", async () => {
    const { choices, requested } = await played(
      Effect.tap(run({ fibers: 4, threads: 0, step: 6 }), ({ take }) => take(1000)),
      LogLevel.Debug
    )
    expect(choices.map(({ backend }) => backend)).toEqual(["fibers", "threads"])
    expect(choices[1]?.at).toBeLessThan(1000)
    expect(choices[1]?.reason).toBe("on fibers the consumer waited 40 % of the time, 4.00 ms a batch")
    // Some ten batches show that it waits.
    expect(requested.fibers).toBeLessThan(25)
    expect(requested.threads).toBe(1000 - requested.fibers)
    expect(lines).toEqual([
      "DEBUG workers on fibers: the run begins there, and its consumer has not waited long",
      "DEBUG workers on threads: on fibers the consumer waited 40 % of the time, 4.00 ms a batch"
    ])
  })

  test("starts its threads at once if it is long, and moves to them the sooner", async () => {
    const { choices, starts } = await played(
      Effect.tap(run({ fibers: 4, threads: 0, step: 6 }), ({ take }) => take(100))
    )
    expect(starts).toEqual([0])
    // Over 25 ms, each batch of which takes 10.
    expect(choices[1]?.taken).toBeLessThan(7)
    const short = await played(
      Effect.tap(run({ fibers: 40, threads: 0, step: 6 }, { batches: 999 }), ({ take }) => take(100))
    )
    // Once they are known to pay.
    expect(short.starts).toHaveLength(1)
    expect(short.starts[0]).toBeGreaterThan(2)
  })

  test("moves while its consumer takes what was built before its first step, by what that took", async () => {
    const { choices } = await played(
      Effect.tap(run({ fibers: 4, threads: 0, step: 6 }), ({ ahead, takeBuilt }) =>
        Effect.zipRight(ahead(30), takeBuilt(20))
      )
    )
    expect(choices.map(({ backend }) => backend)).toEqual(["fibers", "threads"])
    expect(choices[1]?.reason).toBe("on fibers the consumer would wait 67 % of the time, 4.00 ms a batch")
    expect(choices[1]?.taken).toBeLessThan(36)
  })

  test("ends threads that its consumer does not need within two seconds, and starts others if it does later", async () => {
    const { ends, starts, choices } = await played(
      Effect.gen(function* () {
        const own = yield* run({ fibers: 0.2, threads: 0, step: 10 })
        yield* own.take(150)
        expect(own.ends).toEqual([])
        yield* own.take(100)
        expect(own.ends).toHaveLength(1)
        own.steps(0.1)
        yield* own.take(2000)
        return own
      })
    )
    expect(choices.map(({ backend }) => backend)).toEqual(["fibers", "threads"])
    expect(starts).toHaveLength(2)
    expect(ends).toHaveLength(2)
  })

  test("ends threads at once that were started for what would not arrive from them as it is", async () => {
    class Boxes {}
    const pipeline = Pipeline.from(Dataset.range(4 * BATCHES)).pipe(
      Pipeline.batchWith(4, () => ({ boxes: new Boxes() }))
    )
    const { ends, starts } = await played(
      Effect.tap(run({ fibers: 4, threads: 0, step: 6 }, { pipeline }), ({ ends, take }) =>
        Effect.andThen(take(100), () => expect(ends).toHaveLength(1))
      )
    )
    expect(starts).toEqual([0])
    expect(ends).toHaveLength(1)
  })

  test("ends threads whole, also if it is closed while they end", async () => {
    class Boxes {}
    const pipeline = Pipeline.from(Dataset.range(4 * BATCHES)).pipe(
      Pipeline.batchWith(4, () => ({ boxes: new Boxes() }))
    )
    const begun = Deferred.unsafeMake<void>(FiberId.none)
    const ending = Effect.zipRight(Deferred.succeed(begun, undefined), Effect.sleep(5))
    const { ends } = await played(
      Effect.tap(run({ fibers: 4, threads: 0, step: 6 }, { ending, pipeline }), ({ ends, take }) =>
        Effect.andThen(Effect.zipRight(take(100), Deferred.await(begun)), () => expect(ends).toEqual([]))
      )
    )
    expect(ends).toHaveLength(1)
  })

  test("stays on threads if the consumer no longer waits there, and ends them with itself", async () => {
    const { choices, ends } = await played(
      Effect.tap(run({ fibers: 4, threads: 0, step: 6 }), ({ ends, take }) =>
        Effect.andThen(take(3000), () => expect(ends).toEqual([]))
      )
    )
    expect(choices).toHaveLength(2)
    expect(ends).toEqual([3000])
  })

  test("stays on fibers if the consumer does not wait", async () => {
    const { choices, requested } = await played(
      Effect.tap(run({ fibers: 0.2, threads: 0, step: 10 }), ({ take }) => take(2000))
    )
    expect(choices.map(({ backend }) => backend)).toEqual(["fibers"])
    expect(requested).toEqual({ fibers: 2000, threads: 0 })
  })

  test("stays on fibers if it ends soon", async () => {
    const { requested } = await played(
      Effect.tap(run({ fibers: 4, threads: 0, step: 6 }, { batches: 250 }), ({ take }) => take(250))
    )
    expect(requested).toEqual({ fibers: 250, threads: 0 })
  })

  test("goes back to fibers, for good, if the consumer waits no less on threads", async () => {
    const { choices, ends, requested } = await played(
      Effect.tap(run({ fibers: 4, threads: 5, step: 6 }), ({ take }) => take(4000)),
      LogLevel.Debug
    )
    expect(choices.map(({ backend }) => backend)).toEqual(["fibers", "threads", "fibers"])
    expect(choices[2]?.reason).toBe(
      "on threads the consumer waited 45 % of the time, 5.00 ms a batch, on fibers 4.00 ms"
    )
    // Two seconds of 11 ms each.
    expect(requested.threads).toBeGreaterThan(150)
    expect(requested.threads).toBeLessThan(250)
    expect(requested.fibers + requested.threads).toBe(4000)
    // The threads end once nothing of theirs can be on its way or with the consumer.
    expect(ends).toEqual([(choices[2]?.taken ?? 0) + WORKERS * (PREFETCH + 1)])
  })

  test("measures quick batches now and then, and finds the same", async () => {
    const { choices, requested } = await played(
      Effect.tap(run({ fibers: 0.1, threads: 0, step: 0.1 }, { batches: 1e6 }), ({ take }) => take(4000))
    )
    expect(choices[1]?.reason).toMatch(/^on fibers the consumer waited (4|5)\d % of the time, 0\.1\d ms a batch$/)
    expect(requested.threads).toBeGreaterThan(2000)
  })
})

describe("a run that cannot move", () => {
  test("says once, and why, where there is no module", async () => {
    const { choices, requested } = await played(
      Effect.tap(run({ fibers: 4, threads: 0, step: 6 }, { threads: undefined }), ({ take }) => take(2000))
    )
    expect(requested).toEqual({ fibers: 2000, threads: 0 })
    expect(lines).toHaveLength(1)
    expect(lines[0]).toContain("INFO workers on fibers: the consumer waited 40 % of the time, 4.00 ms a batch, and")
    expect(lines[0]).toContain('{ module: import.meta.resolve("./digits.ts") }')
    expect(choices.at(-1)?.backend).toBe("fibers")
  })

  test("says nothing where its consumer does not wait", async () => {
    await played(
      Effect.tap(run({ fibers: 0.2, threads: 0, step: 10 }, { threads: undefined }), ({ take }) => take(2000))
    )
    expect(lines).toEqual([])
  })

  test.each([
    ["fails", Effect.fail("no memory is left"), "no memory is left"],
    ["dies", Effect.die(new Error("a fault")), "a fault"]
  ])("warns, and goes on, where starting threads %s", async (_, starting, reason) => {
    const nowhere = { worker: 0, module: "m", epoch: undefined, batch: undefined, stage: undefined }
    const backend: Backend = {
      name: "threads",
      open: () => Effect.mapError(starting, (own) => new BackendError({ backend: "threads", reason: own, ...nowhere }))
    }
    const { choices, requested } = await played(
      Effect.tap(run({ fibers: 4, threads: 0, step: 6 }, { threads: backend }), ({ take }) => take(500))
    )
    expect(requested).toEqual({ fibers: 500, threads: 0 })
    expect(lines).toHaveLength(1)
    expect(lines[0]).toContain("WARN the run stays on fibers: ")
    expect(lines[0]).toContain(reason)
    expect(choices.at(-1)?.reason).toContain(reason)
  })

  test("fails when it opens, not when it would move, if the module's file is not there", async () => {
    const missing = new URL("./there-is-none.ts", import.meta.url)
    const opened = furrow(numbers, { epochs: 1, module: missing })
    const told = await opened.open().catch((error: unknown) => error)
    expect(told).toMatchObject({ _tag: "BackendError", module: missing.href })
    expect(String(told)).toContain("there is no such file")
    await opened.close()
    for (const there of [module("plain"), `${module("plain")}?v=1`, module("plain").href.replace(".ts", "")]) {
      const run = furrow(numbers, { epochs: 1, module: there })
      await run.open()
      await run.close()
    }
  })

  class Boxes {}
  test.each<[string, number, unknown, string]>([
    ["an instance of a class", 0, { boxes: new Boxes() }, "columns.boxes cannot be sent from a thread as it is ("],
    ["a Buffer, in a later batch", 1, { bytes: [Buffer.from("abc")] }, "columns.bytes[0] cannot be sent"],
    ["a function", 0, { deep: { run: () => 1 } }, "columns.deep.run cannot be sent"]
  ])("stays, and names the column, where a batch has %s", async (_, from, odd, reason) => {
    const pipeline = Pipeline.from(Dataset.range(4 * BATCHES)).pipe(
      Pipeline.batchWith(4, ([first = 0]): unknown => (first >= 4 * from ? odd : { first }))
    )
    const { choices, requested } = await played(
      Effect.tap(run({ fibers: 4, threads: 0, step: 6 }, { pipeline }), ({ take }) => take(500))
    )
    expect(requested).toEqual({ fibers: 500, threads: 0 })
    expect(lines).toHaveLength(1)
    expect(lines[0]).toContain(
      `INFO workers on fibers: the consumer waited 40 % of the time, 4.00 ms a batch, and ${reason}`
    )
    expect(choices.at(-1)?.backend).toBe("fibers")
  })

  test("is told so at once", async () => {
    const { choices, take } = await played(run({ fibers: 4, threads: 0, step: 6 }, { cores: 1 }))
    expect(choices).toEqual([{ backend: "fibers", reason: "there is one core", at: 0, taken: 0 }])
    await played(take(500))
    expect(choices).toHaveLength(1)
  })
})

/** The digest of a run, and what was chosen; the consumer stops at its 20th batch until `until`. */
const delivered = (
  pipeline: Parameters<typeof Scheduler.open>[0],
  workers: Layer.Layer<Workers.Workers, unknown>,
  seeded: Layer.Layer<SeedPolicy.SeedPolicy, unknown> = policy,
  until: Effect.Effect<void> = Effect.void
) =>
  Effect.gen(function* () {
    const loader = yield* Scheduler.open(pipeline as Pipeline.Pipeline<never, never, SeedPolicy.SeedPolicy>, {
      replay: true,
      epochs: 4,
      digest: true,
      profile: true
    })
    let taken = 0
    yield* loader.forEach(() => (++taken === 20 ? until : Effect.void))
    const profile = Option.getOrThrow(yield* loader.profile)
    return { taken, digest: yield* loader.digest, choice: Option.getOrUndefined(yield* Workers.chosen), profile }
  }).pipe(Effect.scoped, Effect.provide(Layer.merge(seeded, workers)), Effect.runPromise)

describe("through the scheduler", () => {
  test(
    "fibers and then threads deliver what fibers do",
    async () => {
      let at = 0
      const choices: Array<Choice> = []
      const moved = Deferred.unsafeMake<void>(Effect.runSync(Effect.fiberId))
      const backend = auto({
        fibers: fibers({}),
        threads: threads({
          module: module("costs").href,
          name: "light",
          threads: 1,
          config: undefined,
          restarts: 0,
          loading: Duration.seconds(60),
          timeout: undefined,
          prefetchBytes: undefined,
          debug: true
        }),
        pays: { share: 0.05, rest: 1000 },
        cores: 2,
        // Each look at the clock takes 30 ms: batches seem slow from the first.
        now: () => (at += 30),
        said: (choice) => {
          choices.push(choice)
          if (choice.backend === "threads") Deferred.unsafeDone(moved, Effect.void)
        }
      })
      const workers = Layer.succeed(Workers.Workers, { count: 2, backend })
      const own = await delivered(light, workers, policy, Deferred.await(moved))
      const plain = await delivered(light, Workers.fibers({ workers: 2 }))
      expect({ taken: own.taken, digest: own.digest }).toEqual({ taken: 400, digest: plain.digest })
      expect(choices[1]).toEqual({ backend: "threads", reason: expect.stringContaining("the consumer waited") })
      expect(own.profile.chosen?.backend).toMatch(/threads|fibers/)
      expect(plain.profile.chosen).toBeUndefined()
      expect(Scheduler.formatProfile(own.profile)).toContain(`workers on ${own.profile.chosen?.backend}: `)
    },
    TIME
  )

  test("stays on fibers for what waits, and under policies whose streams go on", async () => {
    const own = await delivered(waiting, Workers.auto({ workers: 2, pipeline: module("numbers") }))
    const reason = "stage tag is an effect, and fibers wait for many at once"
    const single = { backend: "fibers", reason: "there is one core" }
    expect(own.choice).toEqual(cores() < 2 ? single : { backend: "fibers", reason })
    expect(own.digest).toBe((await delivered(waiting, Workers.fibers({ workers: 2 }))).digest)
    const torch = Parity.pytorch({ torch: 42, shuffle: true })
    const carried = await delivered(
      light,
      Workers.auto({ workers: 2, pipeline: module("costs"), name: "light" }),
      torch
    )
    expect(carried.choice?.backend).toBe("fibers")
    if (cores() > 1) expect(carried.choice?.reason).toContain("carries streams on")
    const read = Pipeline.from(Dataset.effect({ size: 40, get: Effect.succeed })).pipe(Pipeline.batch(4))
    const reads = await delivered(read, Workers.auto({ workers: 2 }))
    if (cores() > 1) expect(reads.choice?.reason).toContain("is read by effects")
  })

  test.skipIf(cores() < 2)(
    "a run whose consumer waits moves to threads by itself, where it is told the module and nothing else",
    async () => {
      const run = furrow(plain, { seed: 42, epochs: 1_000_000, module: module("plain"), profile: true, replay: true })
      await run.open()
      expect(run.profile?.chosen?.backend).toBe("fibers")
      // It does nothing but take: it always waits.
      while (run.profile?.chosen?.backend !== "threads") await run.take()
      await run.close()
    },
    TIME
  )

  test.skipIf(cores() < 2)(
    "a run does not move to threads if its module may have changed since this process loaded it",
    async () => {
      const folder = mkdtempSync(join(realpathSync(tmpdir()), "furrow-auto-"))
      try {
        writeFileSync(join(folder, "later.ts"), "export const pipeline = undefined\n")
        const url = pathToFileURL(join(folder, "later.ts")).href
        const busy = Pipeline.from(Dataset.range(4000)).pipe(
          Pipeline.map("busy", (x) => {
            const until = performance.now() + 1
            while (performance.now() < until);
            return x
          }),
          Pipeline.batch(4)
        )
        const pays = { share: 0, rest: "1 millis" } as const
        const said = Effect.gen(function* () {
          const loader = yield* Scheduler.open(busy, { epochs: 1 })
          for (let taken = 0; taken < 500 && lines.length === 0; taken++) yield* loader.take
        }).pipe(Effect.provide(Workers.auto({ workers: 1, pipeline: url, pays })))
        await played(said)
        expect(lines).toHaveLength(1)
        expect(lines[0]).toContain("WARN the run stays on fibers")
        expect(lines[0]).toContain(`${url} was changed after this process began`)
      } finally {
        rmSync(folder, { recursive: true })
      }
    },
    TIME
  )

  test("builds as far ahead as threads would, if it may move to them", async () => {
    const prefetchOf = (layer: Layer.Layer<Workers.Workers, unknown>) =>
      Effect.runPromise(
        Effect.provide(
          Effect.map(Workers.Workers, ({ backend }) => backend.prefetch),
          layer
        )
      )
    const given = { workers: 2, pipeline: module("costs") }
    const own = await prefetchOf(Workers.auto(given))
    expect(own).toBeGreaterThan(2)
    expect(own).toBe(await prefetchOf(Workers.threads(given)))
    expect(await prefetchOf(Workers.auto({ workers: 2 }))).toBeUndefined()
  })

  test("is what a run gets that is given no workers", async () => {
    const choice = Workers.chosen.pipe(Effect.map(Option.getOrUndefined))
    const opened = Effect.scoped(Scheduler.open(numbers, { epochs: 1 }))
    const own = await Effect.runPromise(Effect.zipRight(opened, choice))
    expect(own?.backend).toBe("fibers")
  })
})

test("options that are none are refused, before a run", async () => {
  for (const count of [0, 1.5, 10_000]) {
    const failed = Effect.flip(Layer.build(Workers.auto({ workers: count, pipeline: module("costs") }))).pipe(
      Effect.scoped
    )
    expect(await Effect.runPromise(failed)).toMatchObject({ _tag: "InvalidOption", value: count })
  }
  const off = [
    [{ pipeline: "./costs.ts" }, "./costs.ts"],
    [{ pays: { rest: 0 } }, 0],
    [{ pays: { share: -1 } }, -1],
    [{ pays: { share: 1.5 } }, 1.5],
    [{ threads: 0, pipeline: module("costs") }, 0]
  ] as const
  for (const [options, value] of off) {
    const failed = Effect.flip(Layer.build(Workers.auto({ workers: 2, ...options }))).pipe(Effect.scoped)
    expect(await Effect.runPromise(failed)).toMatchObject({ _tag: "InvalidOption", value })
  }
})
