/**
 * The plain door: runs without Effect. It delivers what the Effect door delivers, to the bit; what is looked at here is
 * how it opens, ends and fails.
 */
import { afterAll, beforeAll, describe, expect, test } from "bun:test"
import { spawnSync } from "node:child_process"
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { Chunk, Context, Effect, Layer, Logger, Stream } from "effect"
import * as Format from "../src/checkpoint/Format.ts"
import { runtime } from "../src/core/runtime.ts"
import {
  Checkpoint,
  Dataset,
  FailurePolicy,
  furrow,
  InvalidOption,
  Pipeline,
  type Run,
  Sampler,
  Scheduler,
  SeedPolicy,
  Workers
} from "../src/index.ts"
import { recorded, recording, scripted } from "../src/testing.ts"
import { root } from "./support/examples.ts"
import { pipeline as threaded } from "./support/threaded/epochs.ts"

const TIME = 60_000
const config = { size: 20, batch: 3 }
const numbers = threaded(config)
const module = new URL("./support/threaded/epochs.ts", import.meta.url)
const backends = {
  fibers: { workers: 2 },
  threads: { workers: 2, threads: { pipeline: module, config } }
}
const quiet = { seed: 42, replay: true } as const

const valuesOf = async (run: Run<{ readonly data: ArrayLike<number> }>) => {
  const all: Array<string> = []
  for await (const { columns, epoch, index } of run) all.push(`${epoch}.${index}: ${Array.from(columns.data).join()}`)
  return all
}

const reasonOf = (promise: Promise<unknown>): Promise<unknown> =>
  promise.then(
    () => "it resolved",
    (reason: unknown) => reason
  )

/** By the Effect door. */
const expected = (options: Scheduler.Options) =>
  Effect.gen(function* () {
    const loader = yield* Scheduler.open(numbers, { replay: true, ...options })
    const all = yield* Stream.runCollect(loader.stream)
    return {
      batches: Chunk.toReadonlyArray(all).map(
        ({ columns, epoch, index }) => `${epoch}.${index}: ${Array.from(columns.data).join()}`
      ),
      digest: options.digest === true ? yield* loader.digest : undefined,
      cursor: yield* loader.cursor
    }
  }).pipe(
    Effect.scoped,
    Effect.provide(SeedPolicy.epochWorker({ seed: 42 })),
    Effect.provide(Workers.fibers({ workers: 2 })),
    Effect.runPromise
  )

for (const [backend, own] of Object.entries(backends)) {
  describe(`furrow on ${backend}`, () => {
    test(
      "delivers what the Effect door delivers, and counts the same",
      async () => {
        for (const order of ["plan", "ready"] as const) {
          const wanted = await expected({ epochs: 2, digest: true })
          const run = furrow(numbers, { ...quiet, ...own, epochs: 2, order, digest: true, profile: true })
          const found = await valuesOf(run)
          if (order === "plan") expect(found).toEqual(wanted.batches)
          expect(found.toSorted()).toEqual(wanted.batches.toSorted())
          expect<string | undefined>(run.digest).toBe(wanted.digest)
          expect(run.cursor).toEqual(wanted.cursor)
          expect(run.stats).toMatchObject({ batches: 14, samples: 40, skipped: 0 })
          expect(run.profile?.stages.length).toBeGreaterThan(0)
        }
      },
      TIME
    )

    test(
      "has epochs, which resume in the middle and can be left early",
      async () => {
        const wanted = await expected({ epochs: 3 })
        const first = furrow(numbers, { ...quiet, ...own, epochs: 3 })
        const seen: Array<string> = []
        for await (const epoch of first.epochs) {
          for await (const { columns, index } of epoch) {
            seen.push(`${epoch.number}.${index}: ${Array.from(columns.data).join()}`)
            if (epoch.number === 1 && index === 2) break
          }
          if (epoch.number === 1) break
        }
        expect(seen).toEqual(wanted.batches.slice(0, 10))
        expect(first.cursor).toMatchObject({ epoch: 1, batch: 3, end: 3 })
        await using rest = furrow(numbers, { ...quiet, ...own, from: JSON.parse(JSON.stringify(first.cursor)) })
        const found: Array<string> = []
        const sizes: Array<readonly [number, number]> = []
        for await (const epoch of rest.epochs) {
          const before = found.length
          for await (const { columns, index } of epoch) {
            found.push(`${epoch.number}.${index}: ${Array.from(columns.data).join()}`)
          }
          sizes.push([epoch.number, found.length - before])
        }
        expect(found).toEqual(wanted.batches.slice(10))
        expect(sizes).toEqual([
          [1, 4],
          [2, 7]
        ])
      },
      TIME
    )

    test(
      "ends with a close, at any time; what it counted can be read, and nothing hangs",
      async () => {
        const run = furrow(numbers, { ...quiet, ...own, epochs: 3 })
        for (const read of ["batches", "cursor", "stats", "profile", "digest"] as const) {
          expect(() => run[read]).toThrow(Scheduler.RunNotOpen)
        }
        await run.open()
        expect(run.cursor).toMatchObject({ epoch: 0, batch: 0 })
        // It would be that of any other run without one.
        expect(() => run.digest).toThrow("digest must be true to be read")
        const { batches } = run
        const iterator = run[Symbol.asyncIterator]()
        await iterator.next()
        await run.close()
        await run.close()
        expect(run.cursor).toMatchObject({ epoch: 0, batch: 1 })
        expect(run.stats.batches).toBe(1)
        const uses = [run.take(), iterator.next(), run.epochs[Symbol.asyncIterator]().next()]
        for (const use of uses) {
          expect(await reasonOf(use)).toMatchObject({ _tag: "RunClosed", at: { epoch: 0, batch: 1 } })
        }
        const whole = furrow(numbers, { ...quiet, ...own, epochs: 1 })
        await valuesOf(whole)
        expect([whole.batches, run.batches]).toEqual([whole.stats.batches, batches])
        const never = furrow(numbers, { ...quiet, ...own, epochs: 3 })
        await never.close()
        expect(await reasonOf(never.take())).toMatchObject({ _tag: "RunClosed", at: undefined })
        expect(await reasonOf(never.open())).toMatchObject({ _tag: "RunClosed" })
      },
      TIME
    )

    test(
      "ends with its signal: whoever waits gets the signal's reason, once all workers have ended",
      async () => {
        const reason = new Error("enough")
        const controller = new AbortController()
        const run = furrow(numbers, { ...quiet, ...own, epochs: 1000, signal: controller.signal })
        let seen = 0
        const loop = async () => {
          for await (const _ of run) if (++seen === 5) controller.abort(reason)
        }
        expect(await reasonOf(loop())).toBe(reason)
        expect(run.stats.batches).toBe(5)
        expect(await reasonOf(run.take())).toBe(reason)
        // By convention, an AbortError where none is given.
        const late = furrow(numbers, { ...quiet, ...own, epochs: 1, signal: AbortSignal.abort() })
        expect(await reasonOf(late.take())).toMatchObject({ name: "AbortError" })
        expect(await reasonOf(late.epochs[Symbol.asyncIterator]().next())).toMatchObject({ name: "AbortError" })
      },
      TIME
    )

    test(
      "throws errors as they are, with all workers ended",
      async () => {
        const broken = { ...config, fails: { epoch: 0, position: 7 } }
        const threads = "threads" in own ? { threads: { pipeline: module, config: broken } } : {}
        const run = furrow(threaded(broken), { ...quiet, ...own, ...threads, epochs: 1 })
        const error = await reasonOf(valuesOf(run))
        expect(error).toBeInstanceOf(Scheduler.StageError)
        expect(error).toMatchObject({ _tag: "StageError", epoch: 0, batch: 2, stage: "noise" })
        expect(run.stats.batches).toBe(2)
        expect(await reasonOf(run.take())).toMatchObject({ _tag: "RunClosed", at: { epoch: 0, batch: 2 } })
      },
      TIME
    )

    const broken = { ...config, fails: { epoch: 0, position: 7 } }
    const withBroken = { ...own, ...("threads" in own ? { threads: { pipeline: module, config: broken } } : {}) }
    type Report = (run: Run<unknown>, controller: AbortController) => void | Promise<void>

    /** A run that leaves out a sample of its third batch. */
    const leavingOut = (report: Report) => {
      const controller = new AbortController()
      const { signal } = controller
      const run: Run<{ readonly data: ArrayLike<number> }> = furrow(threaded(broken), {
        ...quiet,
        ...withBroken,
        epochs: 2,
        signal,
        failures: { skip: { budget: { samples: 1 }, report: () => report(run, controller) } }
      })
      return run
    }

    test(
      "ends with a close or an abort within `report`, whether it waits for the close or never settles",
      async () => {
        const closing = leavingOut((run) => run.close())
        expect(await reasonOf(valuesOf(closing))).toMatchObject({ _tag: "RunClosed" })
        const reason = new Error("enough")
        const aborting = leavingOut(async (run, controller) => {
          controller.abort(reason)
          await run.close()
        })
        expect(await reasonOf(valuesOf(aborting))).toBe(reason)
        const reported = Promise.withResolvers<void>()
        const silent = leavingOut(() => {
          reported.resolve()
          return new Promise(() => undefined)
        })
        const waiting = reasonOf(valuesOf(silent))
        await reported.promise
        await silent.close()
        expect(await waiting).toMatchObject({ _tag: "RunClosed" })
        expect(await reasonOf(silent.take())).toMatchObject({ _tag: "RunClosed" })
      },
      TIME
    )

    test(
      "asks `when` for a boolean, and fails with a StageError that names it for anything else",
      async () => {
        const returned: ReadonlyArray<readonly [() => unknown, string]> = [
          [async () => false, "returned a Promise"],
          [() => Promise.reject(new Error("nobody waits for this")), "returned a Promise"],
          [() => "no", "returned no"],
          [() => undefined, "returned undefined"]
        ]
        for (const [own, what] of returned) {
          const when = own as () => boolean // from code without types
          const run = furrow(threaded(broken), {
            ...quiet,
            ...withBroken,
            epochs: 1,
            failures: { skip: { budget: { samples: 1 }, when } }
          })
          const error = await reasonOf(valuesOf(run))
          expect(error).toBeInstanceOf(Scheduler.StageError)
          expect(error).toMatchObject({
            epoch: 0,
            batch: 2,
            position: 7,
            stage: "when of the failure policy",
            cause: { _tag: "InvalidResult", what }
          })
          expect(String(error)).toContain('it was asked about stage "noise": Error: broken')
          expect(run.stats.skipped).toBe(0)
        }
        for (const allows of [true, false]) {
          const skip = { budget: { samples: 1 }, report: () => undefined, when: () => allows }
          const run = furrow(threaded(broken), { ...quiet, ...withBroken, epochs: 1, failures: { skip } })
          const error = await reasonOf(valuesOf(run))
          if (allows) expect(run.stats.skipped).toBe(1)
          else expect(error).toMatchObject({ _tag: "StageError", stage: "noise" })
        }
      },
      TIME
    )

    test(
      "verifies while it is open and after its end; not after a close or an abort",
      async () => {
        const reason = new Error("enough")
        const controller = new AbortController()
        const { signal } = controller
        const ended = furrow(numbers, { ...quiet, ...own, epochs: 1, verify: 3, signal })
        expect(await reasonOf(ended.verify())).toMatchObject({ _tag: "RunNotOpen" })
        await ended.take()
        expect((await ended.verify()).length).toBe(1)
        await valuesOf(ended)
        expect((await ended.verify()).length).toBe(3)
        // An iteration that comes too late is told so, and changes nothing else.
        expect(await reasonOf(valuesOf(ended))).toMatchObject({ _tag: "RunClosed" })
        expect(await ended.take()).toBeUndefined()
        expect((await ended.verify()).length).toBe(3)
        expect(ended.stats.verified).toBe(7)
        const all = furrow(numbers, { ...quiet, ...own, epochs: 1, verify: 3 })
        await Promise.all(Array.from({ length: 9 }, () => all.take()))
        expect((await all.verify()).length).toBe(3)
        const closed = furrow(numbers, { ...quiet, ...own, epochs: 1, verify: 3 })
        await closed.take()
        await closed.close()
        expect(await reasonOf(closed.verify())).toMatchObject({ _tag: "RunClosed", at: { epoch: 0, batch: 1 } })
        await all.close()
        expect(await reasonOf(all.verify())).toMatchObject({ _tag: "RunClosed" })
        controller.abort(reason)
        expect(await reasonOf(ended.verify())).toBe(reason)
      },
      TIME
    )

    test(
      "tells the iterator of an epoch that is over, and goes on with the epoch that it is in",
      async () => {
        const wanted = await expected({ epochs: 2 })
        await using run = furrow(numbers, { ...quiet, ...own, epochs: 2 })
        const epochs = run.epochs[Symbol.asyncIterator]()
        const [first, second] = [await epochs.next(), await epochs.next()]
        const old = first.value?.[Symbol.asyncIterator]()
        expect(await reasonOf(old?.next() ?? Promise.resolve())).toMatchObject({
          _tag: "EpochPassed",
          epoch: 0,
          current: 1
        })
        expect(await old?.next()).toEqual({ done: true, value: undefined })
        const found: Array<string> = []
        for await (const { columns, epoch, index } of second.value ?? []) {
          found.push(`${epoch}.${index}: ${Array.from(columns.data).join()}`)
        }
        expect(found).toEqual(wanted.batches.slice(7))
        expect((await epochs.next()).done).toBe(true)
      },
      TIME
    )

    test(
      "is not kept alive by its signal once it is forgotten; what is waited for, or has to be released, still ends with it",
      () => {
        const program = join(root, "test", "support", "threaded", "forgotten.ts")
        const flags = runtime.name === "deno" ? ["run", "-A", "--no-check", "--v8-flags=--expose-gc"] : ["run"]
        const ended = spawnSync(process.execPath, [...flags, program, backend], {
          cwd: root,
          encoding: "utf8",
          timeout: TIME / 2
        })
        const lines = [
          "waited: enough",
          "ended: enough",
          "released",
          ...(backend === "fibers" ? ["few listeners"] : []),
          ""
        ]
        expect([ended.stdout.split("\n"), ended.stderr, ended.status]).toEqual([lines, "", 0])
      },
      TIME
    )
  })
}

describe("furrow", () => {
  test("ends with a close within an effect of a stage", async () => {
    const run: Run<unknown> = furrow(
      Pipeline.from(Dataset.range(4)).pipe(
        Pipeline.mapEffect("closing", () => Effect.promise(() => run.close())),
        Pipeline.batch(2)
      ),
      { epochs: 1 }
    )
    expect(await reasonOf(run.take())).toMatchObject({ _tag: "RunClosed" })
  })

  test("ends a verification with a close and with its signal, at any time", async () => {
    let built = 0
    const hanging = Pipeline.from(Dataset.range(4)).pipe(
      Pipeline.mapEffect("read", (x) => (++built > 4 ? Effect.never : Effect.succeed(x))),
      Pipeline.batch(2)
    )
    const reason = new Error("enough")
    for (const isWhole of [false, true]) {
      for (const isAborted of [false, true]) {
        built = 0
        const controller = new AbortController()
        const run = furrow(hanging, { epochs: 1, verify: 2, prefetch: 2, signal: controller.signal })
        await run.take()
        while (isWhole && (await run.take()) !== undefined);
        while (built < 4) await new Promise((resolve) => setTimeout(resolve, 1))
        const verifying = reasonOf(run.verify())
        while (built === 4) await new Promise((resolve) => setTimeout(resolve, 1))
        if (isAborted) controller.abort(reason)
        else await run.close()
        const ended = isAborted ? reason : { _tag: "RunClosed" }
        expect(await verifying).toMatchObject(ended)
        expect(await reasonOf(run.verify())).toMatchObject(ended)
      }
    }
  })

  for (const backend of ["fibers", "threads"]) {
    test(
      `does not keep the process alive where a run is forgotten: ${backend}`,
      () => {
        const program = join(root, "test", "support", "threaded", "abandoned.ts")
        const flags = runtime.name === "deno" ? ["run", "-A", "--no-check"] : ["run"]
        const ended = spawnSync(process.execPath, [...flags, program, backend], {
          cwd: root,
          encoding: "utf8",
          timeout: TIME / 2
        })
        expect([ended.stdout, ended.status, ended.signal]).toEqual(["took 0\n", 0, null])
      },
      TIME
    )
  }

  test("at its end is over: take says so, another loop is told", async () => {
    const run = furrow(numbers, { ...quiet, epochs: 1 })
    expect((await valuesOf(run)).length).toBe(7)
    expect(await run.take()).toBeUndefined()
    expect(await reasonOf(valuesOf(run))).toMatchObject({ _tag: "RunClosed" })
    const empty = furrow(numbers, { ...quiet, epochs: 0 })
    expect(await valuesOf(empty)).toEqual([])
    const done = furrow(numbers, { ...quiet, from: run.cursor })
    expect(await valuesOf(done)).toEqual([])
  })

  test("waits for nobody after an abort or a close while a batch is waited for", async () => {
    let released = 0
    const stuck = Pipeline.from(
      Dataset.effect({
        size: 4,
        get: () => Effect.onInterrupt(Effect.never, () => Effect.sync(() => void released++))
      })
    ).pipe(Pipeline.batch(2))
    const controller = new AbortController()
    const aborted = furrow(stuck, { epochs: 1, workers: 2, signal: controller.signal })
    const waiting = reasonOf(aborted.take())
    await new Promise((resolve) => setTimeout(resolve, 5))
    controller.abort("stop")
    expect(await waiting).toBe("stop")
    expect(released).toBe(4)
    const closed = furrow(stuck, { epochs: 1 })
    const other = reasonOf(closed.take())
    await new Promise((resolve) => setTimeout(resolve, 5))
    await closed.close()
    expect(await other).toMatchObject({ _tag: "RunClosed", at: { epoch: 0, batch: 0 } })
  })

  test("leaves no listener at a signal that outlives it", async () => {
    const { signal } = new AbortController()
    const listeners = new Set<unknown>()
    const add = signal.addEventListener.bind(signal)
    const remove = signal.removeEventListener.bind(signal)
    signal.addEventListener = (type: string, listener: never) => {
      listeners.add(listener)
      add(type, listener)
    }
    signal.removeEventListener = (type: string, listener: never) => {
      listeners.delete(listener)
      remove(type, listener)
    }
    const run = furrow(numbers, { ...quiet, epochs: 1, signal })
    await run.take()
    expect(listeners.size).toBe(1)
    await valuesOf(run)
    expect(listeners.size).toBe(0)
    const verified = furrow(numbers, { ...quiet, epochs: 1, verify: 1, signal })
    await valuesOf(verified)
    const verifying = Promise.all([verified.verify(), verified.verify()])
    expect(listeners.size).toBe(1)
    await verifying
    expect(listeners.size).toBe(0)
  })

  test("takes batches in turn when they are asked for all at once", async () => {
    const run = furrow(numbers, { ...quiet, epochs: 1 })
    const all = await Promise.all(Array.from({ length: 9 }, () => run.take()))
    expect(all.map((batch) => batch?.index)).toEqual([0, 1, 2, 3, 4, 5, 6, undefined, undefined])
  })

  test("is seeded by name or by value", async () => {
    const elastic = await valuesOf(furrow(numbers, { ...quiet, policy: "elastic", workers: 3, epochs: 1 }))
    const value = SeedPolicy.elastic({ seed: 42 })
    expect(await valuesOf(furrow(numbers, { policy: value, workers: 1, epochs: 1, replay: true }))).toEqual(elastic)
    expect(await valuesOf(furrow(numbers, { ...quiet, workers: 1, epochs: 1 }))).not.toEqual(elastic)
    const failed = furrow(numbers, { seed: -1, epochs: 1 })
    expect(await reasonOf(failed.take())).toMatchObject({ _tag: "SeedError" })
  })

  test("takes test doubles, and gives what a recording has recorded", async () => {
    const run = furrow(numbers, { policy: recording(), epochs: 1, replay: true })
    expect(await reasonOf(recorded(run))).toMatchObject({ _tag: "RunNotOpen" })
    await valuesOf(run)
    const draws = await recorded(run)
    expect(draws.filter(({ coordinates }) => coordinates.stage.name === "noise").length).toBe(20)
    const plain = furrow(numbers, { ...quiet, epochs: 1 })
    await plain.open()
    expect(await reasonOf(recorded(plain))).toMatchObject({ _tag: "InvalidOption", option: "policy" })
    await plain.close()
    const told = furrow(numbers, { policy: scripted({ noise: [0.5] }), epochs: 1, replay: true })
    for await (const { columns } of told) for (const value of columns.data) expect(value % 1).toBe(0.25)
  })

  test("retries and leaves out by plain words, or by a policy as a value", async () => {
    const calls = new Map<number, number>()
    const flaky = Pipeline.from(Dataset.range(8)).pipe(
      Pipeline.map("flaky", (x) => {
        calls.set(x, (calls.get(x) ?? 0) + 1)
        if (x === 5 || (x === 2 && calls.get(x) === 1)) throw new Error("busy")
        return x
      }),
      Pipeline.batch(4)
    )
    const left: Array<number | undefined> = []
    const failures = {
      retry: { times: 2, delay: "1 millis" },
      skip: { budget: { samples: 1 }, report: async ({ error }: FailurePolicy.Skipped) => void left.push(error.sample) }
    } as const
    const run = furrow(flaky, { epochs: 1, failures })
    const rows: Array<number> = []
    for await (const { columns } of run) rows.push(...columns.data)
    expect(rows).toEqual([0, 1, 2, 3, 4, 6, 7])
    expect(left).toEqual([5])
    expect([calls.get(5), run.stats.skipped]).toEqual([3, 1])
    const value = furrow(flaky, { epochs: 1, failures: FailurePolicy.skip({ budget: { samples: 0 } }) })
    expect(await reasonOf(valuesOf(value))).toMatchObject({ _tag: "SkipBudgetExceeded" })
    const late = furrow(Pipeline.from(Dataset.effect({ size: 2, get: () => Effect.never })).pipe(Pipeline.batch(2)), {
      epochs: 1,
      failures: { timeout: { sample: "5 millis" } }
    })
    expect(await reasonOf(late.take())).toMatchObject({ _tag: "StageError", cause: { _tag: "TimedOut" } })
    const rude = furrow(flaky, {
      epochs: 1,
      failures: {
        skip: {
          budget: { samples: 1 },
          report: () => {
            throw new Error("the reporter's own")
          }
        }
      }
    })
    expect(await reasonOf(valuesOf(rude))).toMatchObject({ message: "the reporter's own" })
  })

  test("has the services of a layer, its loggers among them, and releases them when it is closed", async () => {
    class Disk extends Context.Tag("Disk")<Disk, { readonly offset: number }>() {}
    let open = 0
    const lines: Array<unknown> = []
    const layer = Layer.merge(
      Layer.scoped(
        Disk,
        Effect.acquireRelease(
          Effect.sync(() => {
            open++
            return { offset: 100 }
          }),
          () => Effect.sync(() => void open--)
        )
      ),
      Logger.replace(
        Logger.defaultLogger,
        Logger.make(({ message }) => void lines.push(message))
      )
    )
    const served = Pipeline.from(Dataset.range(2)).pipe(
      Pipeline.mapEffect("read", (x) =>
        Effect.gen(function* () {
          yield* Effect.log(`reading ${x}`)
          return x + (yield* Disk).offset
        })
      ),
      Pipeline.batch(2)
    )
    const run = furrow(served, { epochs: 1, layer })
    const batch = await run.take()
    expect(open).toBe(1)
    expect(Array.from(batch?.columns.data ?? [])).toEqual([100, 101])
    expect(lines.flat()).toEqual(["reading 0", "reading 1"])
    await run.close()
    expect(open).toBe(0)
  })

  test("verifies at its end, too", async () => {
    const run = furrow(numbers, { ...quiet, epochs: 1, verify: 3 })
    await valuesOf(run)
    expect((await run.verify()).length).toBe(3)
  })

  test("ends a verification of plain stages with a close, between two batches", async () => {
    let built = 0
    const slow = Pipeline.from(Dataset.range(400)).pipe(
      Pipeline.map("slow", (x) => {
        built++
        const start = performance.now()
        while (performance.now() - start < 1);
        return x
      }),
      Pipeline.batch(4)
    )
    const controller = new AbortController()
    const run = furrow(slow, { epochs: 1, verify: 100, signal: controller.signal })
    for await (const _ of run);
    built = 0
    const verifying = reasonOf(run.verify())
    setTimeout(() => controller.abort("enough"), 0)
    expect(await verifying).toBe("enough")
    expect(built).toBeLessThan(400)
  })

  test("refuses options that cannot be meant, at once and by name", () => {
    const skip = { budget: { samples: 1 } }
    const bad: ReadonlyArray<readonly [options: unknown, option: string]> = [
      [undefined, "the run"],
      [{}, "the run"],
      [{ seed: 42 }, "the run"],
      [{ seed: 42, epochs: 1, epoch: 1 }, "epochs"],
      [{ seed: 42, epochs: 1, workers: 0 }, "workers"],
      [{ seed: 42, epochs: 1, workers: "4" }, "workers"],
      [{ seed: 42, epochs: 1, policy: "elastik" }, "policy"],
      [{ seed: 42, epochs: 1, policy: "toString" }, "policy"],
      [{ epochs: 1, policy: "elastic" }, "seed"],
      [{ seed: 42, epochs: 1, policy: SeedPolicy.elastic({ seed: 42 }) }, "seed"],
      [{ seed: 42, epochs: 1, workers: Workers.fibers({ workers: 2 }), threads: { pipeline: module } }, "threads"],
      [{ seed: 42, epochs: 1, workers: Workers.fibers({ workers: 2 }), module }, "module"],
      [{ seed: 42, epochs: 1, module, threads: { pipeline: module } }, "module"],
      [{ seed: 42, epochs: 1, module: "./digits.ts" }, "the module of the pipeline"],
      [{ seed: 42, epochs: 1, layer: {} }, "layer"],
      [{ seed: 42, epochs: 1, signal: {} }, "signal"],
      [{ seed: 42, epochs: 1, order: "fast" }, "order"],
      [{ seed: 42, epochs: 1, failures: { retry: { times: -1 } } }, "failures.retry.times"],
      [{ seed: 42, epochs: 1, failures: { retry: { times: 1, delay: "soon" } } }, "failures.retry.delay"],
      ...["seeed", "prefech", "worker", "shuffle", "failure", "timeout"].map(
        (name) => [{ seed: 42, epochs: 1, [name]: 3 }, "an option of furrow"] as const
      ),
      ...["skip", [], 5, true, Symbol("skip"), () => skip].map(
        (failures) => [{ seed: 42, epochs: 1, failures }, "failures"] as const
      ),
      ...(
        [
          [{ skp: skip }, "an option of failures"],
          [{ retry: { times: 3, dely: 5 } }, "an option of failures.retry"],
          [{ retry: {} }, "failures.retry.times"],
          [{ retry: null }, "retry"],
          [{ retry: 3 }, "the options of failures.retry"],
          [{ skip: null }, "skip"],
          [{ skip: { ...skip, whn: () => true } }, "an option of failures.skip"],
          [{ skip: { ...skip, report: "x" } }, "failures.skip.report"],
          [{ skip: { ...skip, when: true } }, "when"],
          [{ skip: { ...skip, fill: "last" } }, "fill"],
          [{ skip: {} }, "budget"],
          [{ skip: { budget: { samples: 1, share: 0.5 } } }, "budget"],
          [{ skip: { budget: { samples: -1 } } }, "budget.samples"],
          [{ skip: { budget: { share: 2 } } }, "budget.share"],
          [{ skip: { budget: { sample: 2 } } }, "an option of budget"],
          [{ timeout: { sample: "soon" } }, "timeout.sample"],
          [{ timeout: { smple: 5 } }, "an option of FailurePolicy.timeout"],
          [{ retry: { times: 1 }, timeout: 5 }, "the options of FailurePolicy.timeout"]
        ] as const
      ).map(([failures, option]) => [{ seed: 42, epochs: 1, failures }, option] as const),
      ...["digest", "profile", "replay"].flatMap((flag) =>
        ["no", Number.NaN, {}, 0, 1].map((value) => [{ seed: 42, epochs: 1, [flag]: value }, flag] as const)
      ),
      ...[
        "order",
        "prefetch",
        "verify",
        "rank",
        "world",
        "uneven",
        "seed",
        "policy",
        "workers",
        "module",
        "threads",
        "failures",
        "layer",
        "signal",
        "digest",
        "profile",
        "replay",
        "allow",
        "epochs",
        "epoch"
      ].map((name) => [{ seed: 42, epochs: 1, [name]: null }, name] as const),
      [{ seed: 42, epochs: 1, allow: ["sed"] }, "allow"],
      [{ seed: 42, epochs: 1, allow: "seed" }, "allow"],
      [{ seed: 42, epochs: 1, rank: 1 }, "rank"],
      [{ seed: 42, epochs: 1, rank: 0.5, world: 2 }, "rank"],
      [{ seed: 42, epochs: 1, world: 0 }, "world"],
      [{ seed: 42, epochs: 1, uneven: "fill" }, "uneven"],
      [{ seed: 42, epochs: 1, threads: {} }, "the module of the pipeline"],
      [{ seed: 42, epochs: 1, threads: { pipeline: module, nam: "x" } }, "an option of threads"],
      [{ seed: 42, epochs: 1, threads: { pipeline: module, workers: 3 } }, "an option of threads"],
      [{ seed: 42, epochs: 1, threads: { pipeline: module, restarts: -1 } }, "restarts"],
      [{ seed: 42, epochs: 1, threads: module.href }, "threads"]
    ]
    for (const [options, option] of bad) {
      let thrown: unknown
      try {
        furrow(numbers, options as { readonly seed: 42; readonly epochs: 1 })
      } catch (error) {
        thrown = error
      }
      expect(thrown).toBeInstanceOf(InvalidOption.InvalidOption)
      expect(thrown).toMatchObject({ option })
    }
  })

  test("takes options that are `undefined` as left out", async () => {
    const names = ["order", "prefetch", "digest", "profile", "verify", "replay", "allow", "rank", "world", "uneven"]
    const own = ["epoch", "from", "policy", "workers", "module", "threads", "failures", "layer", "signal"]
    const all = Object.fromEntries([...names, ...own].map((name) => [name, undefined]))
    const run = furrow(numbers, { ...all, seed: 42, epochs: 1 } as { readonly seed: 42; readonly epochs: 1 })
    expect((await valuesOf(run)).length).toBe(7)
    const nothing = { retry: undefined, skip: undefined, timeout: undefined }
    expect((await valuesOf(furrow(numbers, { ...quiet, epochs: 1, failures: nothing as object }))).length).toBe(7)
  })

  test("without a seed is refused where the types are bypassed, too", async () => {
    const run = furrow(numbers, { epochs: 1 } as { readonly seed: 42; readonly epochs: 1 })
    expect(await reasonOf(run.take())).toMatchObject({ _tag: "InvalidOption", option: "SeedPolicy" })
  })
})

describe("checkpoints without Effect", () => {
  test("bring a killed training to the same weight: data and model in one piece", async () => {
    const rows = Pipeline.from(Dataset.range(100)).pipe(Pipeline.sample(Sampler.shuffle), Pipeline.batch(4))
    const directory = mkdtempSync(join(tmpdir(), "furrow-"))
    /** Saves every third step, and is left after so many, without a word. */
    const train = async (folder: string, steps: number) => {
      await using checkpoints = await Checkpoint.open({ directory: join(directory, folder), keep: 2 })
      const saved = await checkpoints.latest()
      await using run = furrow(rows, { ...quiet, policy: "elastic", epochs: 2, digest: true, from: saved?.cursor })
      const weight = new Float64Array(saved?.state.bytes["weight"]?.buffer ?? new ArrayBuffer(8))
      for (let step = 1; step <= steps; step++) {
        const batch = await run.take()
        if (batch === undefined) break
        weight[0] = batch.columns.data.reduce((w, x) => 0.999 * w + 0.001 * x, weight[0] ?? 0)
        const bytes = { weight: new Uint8Array(weight.buffer) }
        if (step % 3 === 0) await checkpoints.save({ cursor: run.cursor, state: { bytes } })
      }
      return { weight: weight[0], digest: run.digest, list: await checkpoints.list() }
    }
    const whole = await train("whole", 1000)
    for (const steps of [7, 11, 20]) await train("parts", steps)
    const rest = await train("parts", 1000)
    expect(rest.weight).toBe(whole.weight)
    expect(rest.digest).toBe(whole.digest)
    expect(rest.list.length).toBe(2)
    rmSync(directory, { recursive: true })
  })

  test("hold the step at which they were asked for, though the next one changes the state in place", async () => {
    const rows = Pipeline.from(Dataset.range(64)).pipe(Pipeline.batch(4))
    for (const ranks of [{}, { rank: 1, world: 2 }]) {
      const directory = mkdtempSync(join(tmpdir(), "furrow-"))
      await using checkpoints = await Checkpoint.open({ directory, keep: 5, ...ranks })
      const run = furrow(rows, { epochs: 1, ...ranks })
      const weights = new Uint32Array(50_000)
      const log = { steps: [0] }
      const own = () => ({ json: log, bytes: { weights: new Uint8Array(weights.buffer) } })
      const found: Array<unknown> = []
      const queued: Array<Promise<unknown>> = []
      for (let step = 1; step <= 4; step++) {
        await run.take()
        weights.fill(step)
        log.steps.push(step)
        const saving = checkpoints.save({ cursor: run.cursor, state: own() })
        // In the same tick, and while it is written.
        weights.fill(-step)
        log.steps[0] = step
        if (step > 2) {
          queued.push(saving)
          continue
        }
        await saving
        if (ranks.world === 2) continue
        const saved = await checkpoints.latest()
        const [first] = new Uint32Array(saved?.state.bytes["weights"]?.slice().buffer ?? new ArrayBuffer(4))
        found.push([saved?.cursor.batches, first, saved?.state.json])
      }
      await Promise.all(queued)
      expect(found).toEqual(
        ranks.world === 2
          ? []
          : [
              [1, 1, { steps: [0, 1] }],
              [2, 2, { steps: [1, 1, 2] }]
            ]
      )
      const [newest] = await checkpoints.list()
      const stored = readFileSync(newest?.path ?? "")
      const { cursor, state } = await Effect.runPromise(Format.decode("it", stored))
      expect(cursor.batches).toBe(4)
      expect(state.json).toEqual({ steps: [3, 1, 2, 3, 4] })
      expect(new Set(new Uint32Array(state.bytes["weights"]?.slice().buffer ?? new ArrayBuffer(0)))).toEqual(
        new Set([4])
      )
      await run.close()
      rmSync(directory, { recursive: true })
    }
  })

  test("are locked while they are open, refused when they are closed, and reject with what is wrong", async () => {
    const directory = mkdtempSync(join(tmpdir(), "furrow-"))
    const one = await Checkpoint.open({ directory })
    expect(await reasonOf(Checkpoint.open({ directory }))).toMatchObject({ _tag: "CheckpointError", kind: "locked" })
    expect(await one.latest()).toBeUndefined()
    expect(await reasonOf(one.save({ cursor: {} as never }))).toMatchObject({ _tag: "CheckpointError" })
    await one.close()
    await one.close()
    expect(await reasonOf(one.latest())).toMatchObject({ _tag: "CheckpointError", path: directory })
    const again = await Checkpoint.open({ directory })
    await again.close()
    expect(await reasonOf(Checkpoint.open({ directory, keep: 0 }))).toMatchObject({ _tag: "InvalidOption" })
    writeFileSync(join(directory, "file"), "")
    expect(await reasonOf(Checkpoint.open({ directory: join(directory, "file", "deeper") }))).toMatchObject({
      _tag: "CheckpointError"
    })
    rmSync(directory, { recursive: true })
  })
})

// Types are the compiler's business and the same on both runtimes.
describe.skipIf(runtime.name !== "bun")("a forgotten seed", () => {
  const folder = join(root, "test", ".generated", "furrow-types")
  let said = ""

  beforeAll(() => {
    mkdirSync(folder, { recursive: true })
    writeFileSync(
      join(folder, "forgetful.ts"),
      [
        'import { Dataset, furrow, Pipeline, Sampler, Scheduler, Workers } from "furrow"',
        "const own = Pipeline.from(Dataset.range(9)).pipe(Pipeline.sample(Sampler.shuffle), Pipeline.batch(3))",
        "furrow(own, { epochs: 1 })",
        "Scheduler.iterate(own, Workers.fibers({ workers: 2 }), { epochs: 1 })",
        "furrow(own, { seed: 42 })",
        "const options: { seed?: number } = {}",
        "furrow(own, { epochs: 1, ...options })"
      ].join("\n")
    )
    writeFileSync(
      join(folder, "tsconfig.json"),
      JSON.stringify({ extends: "../../../tsconfig.json", include: ["./*.ts"] })
    )
    const tsc = join(root, "node_modules", ".bin", "tsc")
    said = spawnSync(tsc, ["-p", folder], { cwd: folder, encoding: "utf8" }).stdout
  }, 60_000)

  afterAll(() => rmSync(folder, { recursive: true, force: true }))

  test("is a sentence of the compiler's through both doors", () => {
    expect(said).toContain(
      "This pipeline draws random numbers, so it needs a seed: give { seed: 42 }, or a policy as a value"
    )
    expect(said).toContain(
      "This pipeline draws random numbers, so it needs a seed: put SeedPolicy.epochWorker({ seed: 42 }) into the layer"
    )
    expect(said).toContain("required in type 'SeedNeeded<\"This pipeline draws random numbers, so it needs a seed")
    expect(said).not.toContain("TagClassShape")
  })

  test("and forgotten epochs are named by their option", () => {
    expect(said).toContain("Property 'epochs' is missing in type '{ seed: number; }'")
  })
})
