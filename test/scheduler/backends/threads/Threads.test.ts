/**
 * Workers that own threads, held against workers that are fibers.
 */
import { afterAll, describe, expect, test } from "bun:test"
import { existsSync, mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { Cause, Effect, Fiber, Layer, Logger, LogLevel, Stream } from "effect"
import {
  Batch,
  Dataset,
  InvalidOption,
  Parity,
  Pipeline,
  Scheduler,
  SeedAudit,
  SeedPolicy,
  type Tensor,
  Workers
} from "../../../../src/index.ts"
import { constant, Recording, recording, scripted } from "../../../../src/testing.ts"
import { held } from "../../../support/held.ts"
import type { PartialOptions } from "../../../support/options.ts"
import * as faults from "../../../support/threaded/faults.ts"
import { levels, logging, pipeline } from "../../../support/threaded/numbers.ts"

const TIME = 60_000
const folder = mkdtempSync(join(tmpdir(), "furrow-threads-"))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

const numbers = new URL("../../../support/threaded/numbers.ts", import.meta.url)
const module = new URL("../../../support/threaded/faults.ts", import.meta.url)

/** One thread builds the batches of all workers, unless more are asked for. */
const fault = (name: keyof typeof faults, options: Partial<Workers.ThreadOptions> = {}, count = 2) =>
  Workers.threads({ workers: count, threads: 1, pipeline: module, name, ...options })

type PolicyLayer = Layer.Layer<SeedPolicy.SeedPolicy, unknown>

const usual: PolicyLayer = SeedPolicy.epochWorker({ seed: 42 })

type Loaded<A> = Pipeline.Pipeline<Batch.Batch<A>, unknown, SeedPolicy.SeedPolicy>

const digestOf = <A>(
  own: Loaded<A>,
  workers: Layer.Layer<Workers.Workers, unknown>,
  policy: PolicyLayer = usual,
  options: PartialOptions = {}
) =>
  Effect.gen(function* () {
    const loader = yield* Scheduler.open(own, { replay: true, epochs: 2, digest: true, ...options })
    const sizes = yield* Stream.runFold(loader.stream, 0, (sum, { size }) => sum + size)
    return { digest: yield* loader.digest, sizes }
  }).pipe(Effect.scoped, Effect.provide(policy), Effect.provide(workers), Effect.runPromise)

test(
  "threads log from the minimum level of the run on",
  async () => {
    const batches = await Stream.runCollect(Scheduler.stream(levels, { epochs: 1 })).pipe(
      Effect.provide(Workers.threads({ workers: 1, pipeline: numbers, name: "levels" })),
      Logger.withMinimumLogLevel(LogLevel.Error),
      Effect.runPromise
    )
    expect(Array.from(batches, ({ columns }) => columns.level)).toEqual([["Error", "Error"]])
  },
  TIME
)

test(
  "what stages log on threads goes to the loggers of the run, as on fibers",
  async () => {
    const logs = async (workers: Layer.Layer<Workers.Workers, unknown>, least: LogLevel.LogLevel) => {
      const seen: Array<unknown> = []
      const now = Date.now()
      const logger = Logger.make(({ annotations, cause, logLevel, message, spans }) => {
        for (const { startTime } of spans) expect(Math.abs(startTime - now)).toBeLessThan(TIME)
        const why = Cause.isEmpty(cause) ? undefined : String(Cause.squash(cause))
        // An error arrives by its name, not with its class.
        const messages = [message].flat().map((own) => (own instanceof Error ? String(own) : own))
        const places = Array.from(spans, ({ label }) => label)
        seen.push([logLevel.label, messages, Object.fromEntries(annotations), places, why])
      })
      const run = Stream.runDrain(Scheduler.stream(logging, { epochs: 1, replay: true }))
      await run.pipe(
        Effect.provide(workers),
        Effect.provide(Logger.replace(Logger.defaultLogger, logger)),
        Logger.withMinimumLogLevel(least),
        Effect.runPromise
      )
      return seen
    }
    for (const least of [LogLevel.Info, LogLevel.Debug]) {
      const fibers = await logs(Workers.fibers({ workers: 1 }), least)
      const threads = await logs(Workers.threads({ workers: 1, pipeline: numbers, name: "logging" }), least)
      expect(threads).toEqual(fibers)
      expect(threads.length).toBe(least === LogLevel.Info ? 18 : 27)
    }
  },
  TIME
)

const errorOf = <A>(own: Loaded<A>, workers: Layer.Layer<Workers.Workers, unknown>) =>
  Stream.runDrain(Scheduler.stream(own, { epochs: 1 })).pipe(
    Effect.flip,
    Effect.provide(usual),
    Effect.provide(workers),
    Effect.runPromise
  )

describe("a run on threads", () => {
  test.each([
    ["epochWorker", usual, 1, "plan"],
    ["epochWorker", usual, 3, "ready"],
    ["elastic", SeedPolicy.elastic({ seed: "name" }), 2, "plan"],
    ["the double `constant`", constant(3), 2, "plan"],
    ["the double `scripted`", scripted({ tag: [7], crop: [1, 2] }), 2, "plan"],
    ["a policy of PyTorch's, whose streams go on", Parity.pytorch({ torch: 42, shuffle: true }), 2, "plan"]
  ] as const)(
    "delivers what one on fibers does: under %s, %#",
    async (_, policy, count, order) => {
      const threads = await digestOf(pipeline, Workers.threads({ workers: count, pipeline: numbers }), policy, {
        order
      })
      expect(threads).toEqual(await digestOf(pipeline, Workers.fibers({ workers: count }), policy, { order }))
      expect(threads.sizes).toBeGreaterThan(500)
    },
    TIME
  )

  test(
    "makes a rank's part, too",
    async () => {
      for (const rank of [0, 1]) {
        const ranks = { rank, world: 2 }
        const own = Workers.threads({ workers: 2, threads: 1, pipeline: numbers })
        const threads = await digestOf(pipeline, own, usual, ranks)
        expect(threads).toEqual(await digestOf(pipeline, Workers.fibers({ workers: 2 }), usual, ranks))
      }
    },
    TIME
  )

  test(
    "is recorded and audited as on fibers",
    async () => {
      // One recording, seen by the audit and by the run alike.
      const own = recording(usual)
      const audited = SeedAudit.counting(own)
      const draws = (workers: Layer.Layer<Workers.Workers, unknown>) =>
        Effect.gen(function* () {
          yield* Stream.runDrain(Scheduler.stream(pipeline, { replay: true, epochs: 1 }))
          return {
            draws: yield* (yield* Recording).draws,
            report: yield* (yield* SeedAudit.SeedAudit).report
          }
        }).pipe(Effect.provide(audited), Effect.provide(workers), Effect.runPromise)
      const threads = await draws(Workers.threads({ workers: 2, pipeline: numbers }))
      const fibers = await draws(Workers.fibers({ workers: 2 }))
      expect(threads.draws.length).toBeGreaterThan(900)
      // An order, two draws for each of 300 samples, and one for each of 19 batches.
      expect(threads.report.started).toBe(620)
      expect(threads).toEqual(fibers)
      // Without a recording, seeds come back in shared memory.
      const audit = (workers: Layer.Layer<Workers.Workers, unknown>) =>
        Effect.gen(function* () {
          yield* Stream.runDrain(Scheduler.stream(pipeline, { replay: true, epochs: 1 }))
          return yield* (yield* SeedAudit.SeedAudit).report
        }).pipe(Effect.provide(SeedAudit.counting(usual)), Effect.provide(workers), Effect.runPromise)
      const report = await audit(Workers.threads({ workers: 2, pipeline: numbers }))
      expect(report).toEqual(await audit(Workers.fibers({ workers: 2 })))
    },
    TIME
  )

  test(
    "fails with what an observer of its seeds throws, as on fibers, and calls it once",
    async () => {
      const refused = async (workers: Layer.Layer<Workers.Workers, unknown>) => {
        let calls = 0
        const observing = Layer.effect(
          SeedPolicy.SeedPolicy,
          Effect.map(SeedPolicy.SeedPolicy, (policy) => ({
            ...policy,
            observe: ({ batch, scope }: Parameters<NonNullable<SeedPolicy.Service["observe"]>>[0]) => {
              if (scope === "epoch" || batch !== 3) return
              calls++
              throw new Error("enough")
            }
          }))
        ).pipe(Layer.provide(usual))
        const error = await Stream.runDrain(Scheduler.stream(pipeline, { replay: true, epochs: 1 })).pipe(
          Effect.flip,
          Effect.provide(observing),
          Effect.provide(workers),
          Effect.runPromise
        )
        return { calls, error: String(error) }
      }
      const threads = await refused(Workers.threads({ workers: 1, pipeline: numbers }))
      expect(threads.error).toContain("its `observe` threw Error: enough")
      expect(threads).toEqual(await refused(Workers.fibers({ workers: 1 })))
      expect(threads.calls).toBe(1)
    },
    TIME
  )

  test(
    "brings what is no tensor, too, and batches larger than those before",
    async () => {
      const all = <A>(own: Loaded<A>, workers: Layer.Layer<Workers.Workers, unknown>) =>
        Scheduler.stream(own, { epochs: 1 }).pipe(
          Stream.map((batch) => Batch.copy(batch)),
          Stream.runCollect,
          Effect.map((chunk) => Array.from(chunk)),
          Effect.provide(usual),
          Effect.provide(workers),
          Effect.runPromise
        )
      expect(await all(faults.shapes, fault("shapes"))).toEqual(
        await all(faults.shapes, Workers.fibers({ workers: 2 }))
      )
      const related = await all(faults.children, fault("children"))
      expect(related).toEqual(await all(faults.children, Workers.fibers({ workers: 2 })))
      expect(related[1]?.children).toEqual(Float64Array.of(1, 2, 0, 1))
      expect(await all(faults.growing, fault("growing", {}, 1))).toEqual(
        await all(faults.growing, Workers.fibers({ workers: 1 }))
      )
    },
    TIME
  )
})

describe("a batch in borrowed memory", () => {
  const data = ({ columns }: Batch.Batch<unknown>) => (columns as { readonly data: Tensor.Tensor<Float32Array> }).data

  test(
    "can be read until the next is taken; hold and copy keep it; who comes late is told",
    async () => {
      const loaded = await Effect.gen(function* () {
        const loader = yield* Scheduler.open(faults.shapes, { epochs: 1, lend: true })
        const take = Effect.flatMap(loader.take, (option) => option)
        const first = yield* take
        const [early] = data(first).data
        const view = data(first).data
        const second = yield* take
        const letGo = Batch.hold(second)
        const copied = Batch.copy(second)
        const third = yield* take
        yield* take
        const held = Array.from(data(second).data)
        const kept = Array.from(data(copied).data)
        letGo()
        return { early, first, second, third, held, kept, view: Array.from(view) }
      }).pipe(
        Effect.scoped,
        Effect.provide(usual),
        Effect.provide(fault("shapes", { debug: true }, 1)),
        Effect.runPromise
      )
      expect(loaded.early).toBe(0)
      expect(loaded.held).toEqual(loaded.kept)
      expect(loaded.held.slice(0, 4)).toEqual([4, 4, 4, 5])
      for (const late of [loaded.first, loaded.second, loaded.third]) {
        expect(() => data(late).data).toThrow("Batch.hold")
        expect(() => Batch.copy(late)).toThrow("given back")
        expect(() => Batch.hold(late)).toThrow("given back")
      }
      // What was taken from the tensor before cannot be guarded; in debug mode it is overwritten, here by NaN.
      expect(loaded.view.every(Number.isNaN)).toBe(true)
    },
    TIME
  )

  test("on fibers a batch has memory of its own, and is never stale", async () => {
    const batches = await Effect.runPromise(
      Stream.runCollect(Scheduler.stream(faults.shapes, { epochs: 1 })).pipe(
        Effect.provide(usual),
        Effect.provide(Workers.fibers({ workers: 1 }))
      )
    )
    const rows = Array.from(batches)
    rows.forEach((batch, index) => {
      Batch.hold(batch)()
      expect(data(Batch.copy(batch)).data[0]).toBe(4 * index)
    })
  })
})

describe("what goes wrong on a thread", () => {
  test(
    "a stage that throws or fails is the error that it is on fibers",
    async () => {
      const both = { throwing: faults.throwing, failing: faults.failing }
      for (const name of ["throwing", "failing"] as const) {
        const thread = await errorOf<unknown>(both[name], fault(name))
        const fiber = await errorOf<unknown>(both[name], Workers.fibers({ workers: 2 }))
        expect(thread).toMatchObject({ _tag: "StageError", batch: 3, sample: 13, worker: 1 })
        expect((thread as Error).message).toBe((fiber as Error).message)
        const expected = name === "failing" ? { _tag: "Refused", value: 13 } : undefined
        expect((thread as Scheduler.StageError).failure).toEqual(expected && expect.objectContaining(expected))
      }
    },
    TIME
  )

  test(
    "a thread that dies is replaced, and its batch made again, the same to the bit",
    async () => {
      const marker = join(folder, "died")
      process.env["FURROW_TEST_MARKER"] = ""
      const untouched = await digestOf(faults.dyingOnce, Workers.fibers({ workers: 2 }))
      process.env["FURROW_TEST_MARKER"] = marker
      expect(await digestOf(faults.dyingOnce, fault("dyingOnce", { threads: 2 }))).toEqual(untouched)
      expect(existsSync(marker)).toBe(true)

      // Where streams go on, the new thread first makes what the dead one had made.
      const carried = Parity.pytorch({ torch: 42 })
      rmSync(marker)
      const threads = await digestOf(faults.dyingOnce, fault("dyingOnce", { threads: 2 }), carried)
      expect(existsSync(marker)).toBe(true)
      process.env["FURROW_TEST_MARKER"] = ""
      expect(threads).toEqual(await digestOf(faults.dyingOnce, Workers.fibers({ workers: 2 }), carried))
    },
    TIME
  )

  test(
    "one that dies again and again is an error that names batch, worker and cause",
    async () => {
      const error = await errorOf<unknown>(faults.dying, fault("dying", { restarts: 2 }))
      expect(error).toMatchObject({ _tag: "BackendError", worker: 1, epoch: 0, batch: 5, stage: "die" })
      expect((error as Error).message).toContain("exit code 7")
    },
    TIME
  )

  test(
    "threads without memory to share deliver the same, by messages",
    async () => {
      const poor = new URL("../../../support/threaded/poor.ts", import.meta.url)
      const threads = await digestOf(pipeline, Workers.threads({ workers: 2, pipeline: poor }))
      expect(threads).toEqual(await digestOf(pipeline, Workers.fibers({ workers: 2 })))
    },
    TIME
  )

  test(
    "columns that cannot be sent are an error that says so",
    async () => {
      const error = await errorOf<unknown>(faults.unsendable, fault("unsendable"))
      expect(error).toMatchObject({ _tag: "BackendError", epoch: 0, batch: 0 })
      expect((error as Error).message).toContain("DataCloneError")
    },
    TIME
  )

  test(
    "one that is at a batch for too long is ended",
    async () => {
      const layer = fault("looping", { restarts: 0, timeout: "500 millis" })
      const error = await errorOf<unknown>(faults.looping, layer)
      expect(error).toMatchObject({ _tag: "BackendError", worker: 0, batch: 2, stage: "loop" })
      expect((error as Error).message).toContain(
        "at epoch 0, batch 2, in stage loop: it was not done after the timeout of"
      )
    },
    TIME
  )

  test.each([
    ["missing.ts", { pipeline: new URL("./missing.ts", import.meta.url) }, "missing.ts"],
    ["an export that is none", { pipeline: module, name: "nowhere" }, "no export `nowhere`"],
    [
      "a module that throws",
      { pipeline: new URL("../../../support/threaded/throws.ts", import.meta.url) },
      "no such luck"
    ],
    [
      "another pipeline",
      { pipeline: numbers },
      "is not the one that is run: they differ in its dataset, and its stages"
    ]
  ] as const)(
    "a module that cannot serve is refused before the first batch: %s",
    async (_, options, said) => {
      const error = await errorOf<unknown>(faults.shapes, Workers.threads({ workers: 1, ...options }))
      expect(error).toMatchObject({ _tag: "BackendError", batch: undefined })
      expect((error as Error).message).toContain(said)
    },
    TIME
  )

  test(
    "a module that builds its pipeline by a function is taken, and held against what is run",
    async () => {
      const error = await errorOf<unknown>(faults.different(), fault("different"))
      expect((error as Error).message).toContain("is not the one that is run")
      const built = await faults.built({ size: 20, factor: 3 })
      const threads = await digestOf(built, fault("built", { config: { size: 20, factor: 3 } }))
      expect(threads).toEqual(await digestOf(built, Workers.fibers({ workers: 2 })))
    },
    TIME
  )

  test.each([
    [0, {}, "workers"],
    [1.5, {}, "1.5"],
    [10_000, {}, "10000"],
    [1, { pipeline: "./digits.ts" }, "URL"],
    [1, { restarts: -1 }, "restarts"],
    [1, { timeout: 0 }, "timeout"],
    [1, { config: { transform: { size: 3, run: () => 3 } } }, "config.transform.run"],
    [1, { config: [1, Symbol("x")] }, "config.1"]
  ])("options that are none are refused: %j %j", async (count, options, said) => {
    const layer = Workers.threads({ workers: count, pipeline: module, ...options })
    const error = await Effect.runPromise(Effect.flip(Effect.scoped(Layer.build(layer))))
    expect(error).toBeInstanceOf(InvalidOption.InvalidOption)
    expect(error.message).toContain(said)
  })
})

const numbersOf = (run: (x: number) => Effect.Effect<number>) =>
  Pipeline.from(Dataset.range(40)).pipe(Pipeline.mapEffect("at work", run, { concurrency: 4 }), Pipeline.batch(8))

describe("endings", () => {
  test(
    "of a thousand runs on fibers, each interrupted somewhere, leave none at work",
    async () => {
      let at = 0
      let most = 0
      const own = numbersOf((x) =>
        Effect.acquireUseRelease(
          Effect.sync(() => {
            most = Math.max(most, ++at)
          }),
          () => Effect.as(Effect.yieldNow(), x),
          () => Effect.sync(() => void at--)
        )
      )
      for (let round = 0; round < 1000; round++) {
        const fiber = Effect.runFork(
          Stream.runDrain(Scheduler.stream(own, { epochs: 100 })).pipe(Effect.provide(Workers.fibers({ workers: 3 })))
        )
        for (let turn = 0; turn < round % 7; turn++) await Promise.resolve()
        if (round % 50 === 0) await new Promise((resolve) => setTimeout(resolve, 1))
        await Effect.runPromise(Fiber.interrupt(fiber))
        expect(at).toBe(0)
      }
      expect(most).toBeGreaterThan(1)
      // Whatever went on would count up again.
      await new Promise((resolve) => setTimeout(resolve, 20))
      expect(at).toBe(0)
    },
    TIME
  )

  test(
    "leave no thread: at the end, by an error, by an interrupt while a thread starts or works",
    async () => {
      await digestOf(faults.shapes, fault("shapes"))
      const before = held("threads")
      for (let round = 0; round < 6; round++) {
        const working = Promise.withResolvers<void>()
        const fiber = Effect.runFork(
          Stream.runForEach(Scheduler.stream(pipeline, { epochs: 100 }), () => Effect.sync(working.resolve)).pipe(
            Effect.provide(usual),
            Effect.provide(Workers.threads({ workers: 2, pipeline: numbers }))
          )
        )
        if (round % 3 === 2) await working.promise
        else await new Promise((resolve) => setTimeout(resolve, round % 3 === 0 ? 5 : 60))
        await Effect.runPromise(Fiber.interrupt(fiber))
      }
      for await (const _ of Scheduler.iterate(
        pipeline,
        Layer.merge(usual, Workers.threads({ workers: 2, pipeline: numbers })),
        {
          epochs: 1
        }
      ))
        break
      // The system needs a moment to take them down; each run had two, so 14 would be left over.
      for (let wait = 0; wait < 100 && held("threads") > before + 4; wait++) {
        await new Promise((resolve) => setTimeout(resolve, 50))
      }
      expect(held("threads")).toBeLessThanOrEqual(before + 4)
    },
    TIME
  )
})
