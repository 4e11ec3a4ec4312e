/**
 * Whatever is thrown, anywhere, on any backend: a typed error with its place.
 */
import { afterAll, afterEach, describe, expect, test } from "bun:test"
import { mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { pathToFileURL } from "node:url"
import { Effect, Layer, Stream } from "effect"
import { shown } from "../../../../src/core/Show.ts"
import { type Batch, FailurePolicy, type Pipeline, Scheduler, SeedPolicy, Workers } from "../../../../src/index.ts"
import { encodeBatch } from "../../../../src/scheduler/backends/remote/BatchCodec.ts"
import { decodeError, encodeError } from "../../../../src/scheduler/backends/remote/ErrorCodec.ts"
import { reasonOf } from "../../../../src/scheduler/backends/remote/PipelineModule.ts"
import type { MemberStart } from "../../../../src/scheduler/backends/remote/Protocol.ts"
import * as RemoteBuilder from "../../../../src/scheduler/backends/remote/RemoteBuilder.ts"
import { shared } from "../../../support/backends/shared.ts"
import { odd, oddest } from "../../../support/odd.ts"
import { batches, one, pipeline, SIZE, sampled, samples } from "../../../support/threaded/odd.ts"
import * as undeliverable from "../../../support/threaded/undeliverable.ts"
import { fine } from "../../../support/threaded/unloadable.ts"

const TIME = 120_000
const folder = mkdtempSync(join(tmpdir(), "furrow-thrown-"))
afterAll(() => rmSync(folder, { recursive: true, force: true }))
const module = new URL("../../../support/threaded/odd.ts", import.meta.url)
const threads = (options: Partial<Workers.ThreadOptions>, count = 1) =>
  Workers.threads({ workers: count, pipeline: module, loading: "1 minute", ...options })

const unloadable = new URL("../../../support/threaded/unloadable.ts", import.meta.url)

type Any = Pipeline.Pipeline<Batch.Batch<unknown>, unknown, SeedPolicy.SeedPolicy>

/** All that a run leaves out. */
const leftOut = (own: Any, workers: Layer.Layer<Workers.Workers, unknown>) => {
  const skipped: Array<FailurePolicy.Skipped> = []
  const policy = FailurePolicy.skip({
    budget: { share: 1 },
    report: (one) => Effect.sync(() => skipped.push(one))
  })
  return Stream.runDrain(Scheduler.stream(own, { epochs: 1 })).pipe(
    Effect.provide(Layer.mergeAll(workers, policy, SeedPolicy.epochWorker({ seed: 42 }))),
    Effect.as(skipped),
    Effect.runPromise
  )
}

const failureOf = (own: Any, workers: Layer.Layer<Workers.Workers, unknown>) =>
  Stream.runDrain(Scheduler.stream(own, { epochs: 1 })).pipe(
    Effect.flip,
    Effect.provide(Layer.merge(workers, SeedPolicy.epochWorker({ seed: 42 }))),
    Effect.runPromise
  )

const placeOf = ({ batch, epoch, ordinal, position, sample, stage, worker }: Scheduler.StageError) => ({
  epoch,
  batch,
  sample,
  position,
  ordinal,
  stage,
  worker
})

/**
 * What a thread shows otherwise: instances of classes arrive as records, and of an error that cannot be shown at all a
 * thread sends what can be had of it.
 */
const SHOWN_OTHERWISE: ReadonlySet<string> = new Set([
  "a record whose constructor is null",
  "a record whose constructor throws",
  "a class instance",
  "a Proxy of an error whose trap get throws",
  "an error whose message throws",
  "an error whose message is a symbol",
  "an error whose message has no prototype",
  "an error whose name throws",
  "an error whose name is a symbol",
  "an error whose class names it by a symbol",
  "an error whose class's message throws",
  "an error of a null prototype",
  "a tagged error whose message throws",
  "an AbortSignal",
  "globalThis",
  "an Effect",
  "an Exit",
  "a Cause",
  "an Option"
])

test("there are more than a hundred odd values", () => {
  expect(SIZE).toBeGreaterThan(100)
  expect(new Set(odd.map(([name]) => name)).size).toBe(SIZE)
  expect(oddest.every((name) => odd.some(([own]) => own === name))).toBe(true)
})

describe("an odd value on its way from a thread", () => {
  test.each(odd.map(([name, make]) => [name, make] as const))("is sent: %s", (_, make) => {
    const thrown = encodeError(make())
    // A message is cloned; what cannot be would upset it.
    const arrived = decodeError(structuredClone(thrown))
    expect(typeof shown(arrived)).toBe("string")
  })
})

describe("on fibers and on threads", () => {
  const places = [...Object.keys(samples), ...Object.keys(batches)] as Array<Parameters<typeof pipeline>[0]>
  test.each(places)(
    "every odd value is a StageError with its place: %s",
    async (place) => {
      const own = pipeline(place) as Any
      const fiber = await leftOut(own, Workers.fibers({ workers: 1 }))
      const thread = await leftOut(own, threads({ config: place }))
      for (const skipped of [fiber, thread]) {
        expect(skipped.map(({ error: { batch, sample } }) => sample ?? batch)).toEqual(odd.map((_, at) => at))
      }
      const otherwise: Array<string> = []
      thread.forEach(({ error }, at) => {
        const there = fiber[at]?.error as Scheduler.StageError // as many as on a thread
        expect(error).toBeInstanceOf(Scheduler.StageError)
        expect(placeOf(error)).toEqual(placeOf(there))
        if (error.message !== there.message) otherwise.push(odd[at]?.[0] ?? "")
      })
      expect(otherwise.filter((name) => !SHOWN_OTHERWISE.has(name))).toEqual([])
    },
    TIME
  )
})

describe("where the first failure ends the run", () => {
  /** What runs on one pool of one thread fail with, each at another value of a list. */
  const failures = async (
    make: (which: SharedArrayBuffer) => Any,
    options: Pick<Workers.ThreadOptions, "pipeline"> & Partial<Workers.ThreadOptions>,
    values: ReadonlyArray<number>
  ) => {
    const which = new SharedArrayBuffer(4)
    const own = make(which)
    return shared(Workers.threads({ workers: 1, loading: "1 minute", ...options, config: which }), async (workers) => {
      const errors: Array<unknown> = []
      for (const value of values) {
        Atomics.store(new Int32Array(which), 0, value)
        errors.push(await failureOf(own, workers))
      }
      return errors
    })
  }

  const places = oddest.map((name) => odd.findIndex(([own]) => own === name))

  test(
    "an odd value is a StageError with its place, and the run ends",
    async () => {
      const expected = { _tag: "StageError", stage: "own", batch: 1, sample: 5, position: 5, worker: 0 }
      for (const error of await failures((which) => one(which) as Any, { pipeline: module, name: "one" }, places)) {
        expect(error).toMatchObject(expected)
      }
      for (const place of places) {
        const which = new SharedArrayBuffer(4)
        new Int32Array(which)[0] = place
        expect(await failureOf(one(which) as Any, Workers.fibers({ workers: 1 }))).toMatchObject(expected)
      }
    },
    TIME
  )

  test(
    "so is one that a sampler throws",
    async () => {
      const own = await failures((which) => sampled(which) as Any, { pipeline: module, name: "sampled" }, places)
      for (const error of own) expect(error).toMatchObject({ _tag: "StageError", stage: "sample", batch: 1 })
      const fiber = await failureOf(sampled(new SharedArrayBuffer(4)) as Any, Workers.fibers({ workers: 1 }))
      expect(fiber).toMatchObject({ _tag: "StageError", stage: "sample", batch: 1 })
    },
    TIME
  )

  /** A module that throws an odd value, of its own since none is loaded twice. */
  const throwing = (name: string): string => {
    const path = join(folder, `${name.replaceAll(/\W/g, "-")}.mjs`)
    const values = JSON.stringify(new URL("../../../support/odd.ts", import.meta.url).href)
    writeFileSync(path, `import { odd } from ${values}\nthrow new Map(odd).get(${JSON.stringify(name)})()\n`)
    return pathToFileURL(path).href
  }

  describe.each(["module", "function", "services"] as const)("what the module throws: %s", (where) => {
    const said = where === "services" ? "the layer `services` of" : where === "module" ? "cannot be loaded: " : ""
    afterEach(() => {
      process.env["FURROW_TEST_THROWS"] = ""
    })

    test("says, whatever it is, that the pipeline cannot be built", async () => {
      for (const name of oddest) {
        process.env["FURROW_TEST_THROWS"] = `${where}: ${name}`
        const start: MemberStart = {
          module: where === "module" ? throwing(name) : unloadable.href,
          name: "pipeline",
          config: { value: undefined, arrays: [] },
          fingerprint: "",
          workers: 1,
          rank: 0,
          world: 1,
          uneven: "error",
          resized: undefined,
          digest: false,
          limits: { careful: false, sample: undefined, fill: "none" },
          policy: undefined,
          records: false,
          observes: false,
          times: false
        }
        const made = Effect.scoped(RemoteBuilder.make({ start, encode: encodeBatch }))
        const reason = reasonOf(await Effect.runPromise(Effect.flip(made)))
        expect(reason).toContain(said)
        expect(reason).not.toContain("is not the one that is run")
      }
    })

    test(
      "is a BackendError on a thread, and the run ends",
      async () => {
        process.env["FURROW_TEST_THROWS"] = `${where}: a revoked Proxy of an error`
        const own = Workers.threads({ workers: 1, pipeline: unloadable, loading: "1 minute" })
        const error = await failureOf(fine as Any, own)
        expect(error).toMatchObject({ _tag: "BackendError", worker: 0, batch: undefined })
        expect((error as Error).message).toContain("failed before its first batch")
        expect((error as Error).message).toContain(said)
      },
      TIME
    )
  })

  test(
    "a batch that cannot be sent from its thread is a typed error with its place, the column and the way out",
    async () => {
      const pipeline = new URL("../../../support/threaded/undeliverable.ts", import.meta.url)
      const own = (which: SharedArrayBuffer) => undeliverable.pipeline(which) as Any
      const errors = await failures(own, { pipeline }, Array.from(undeliverable.names.keys()))
      for (const [place, name] of undeliverable.names.entries()) {
        const error = errors[place] as Error // as many as names
        expect({ name, error }).toMatchObject({ name, error: { _tag: "BackendError", worker: 0, epoch: 0, batch: 2 } })
        expect(`${name}: ${error.message}`).toContain("columns.own")
        expect(error.message).toContain("cannot be sent from where the batch was built")
      }
    },
    TIME
  )
})
