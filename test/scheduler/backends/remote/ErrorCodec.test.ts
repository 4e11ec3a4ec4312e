/**
 * Whatever is thrown, anywhere, on any backend: a typed error with its place.
 */
import { describe, expect, test } from "bun:test"
import { Effect, Layer, Stream } from "effect"
import { shown } from "../../../../src/core/Show.ts"
import { type Batch, FailurePolicy, type Pipeline, Scheduler, SeedPolicy, Workers } from "../../../../src/index.ts"
import { decodeError, encodeError } from "../../../../src/scheduler/backends/remote/ErrorCodec.ts"
import { odd, oddest } from "../../../support/odd.ts"
import { batches, one, pipeline, SIZE, sampled, samples } from "../../../support/threaded/odd.ts"
import { undeliverable } from "../../../support/threaded/undeliverable.ts"
import { fine } from "../../../support/threaded/unloadable.ts"

const TIME = 120_000
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
  // Each takes a thread of its own; all of them are thrown from every place above.
  const some = oddest.filter((_, place) => place % 3 === 0)

  test(
    "an odd value is a StageError with its place, and the run ends",
    async () => {
      for (const name of oddest) {
        for (const workers of [Workers.fibers({ workers: 1 }), threads({ name: "one", config: name })]) {
          expect(await failureOf(one(name) as Any, workers)).toMatchObject({
            _tag: "StageError",
            stage: "own",
            batch: 1,
            sample: 5,
            position: 5,
            worker: 0
          })
        }
      }
    },
    TIME
  )

  test(
    "so is one that a sampler throws",
    async () => {
      for (const name of some) {
        for (const workers of [Workers.fibers({ workers: 1 }), threads({ name: "sampled", config: name })]) {
          expect(await failureOf(sampled(name) as Any, workers)).toMatchObject({
            _tag: "StageError",
            stage: "sample",
            batch: 1
          })
        }
      }
    },
    TIME
  )

  test.each(["module", "function", "services"] as const)(
    "what the module throws is a BackendError, and the run ends: %s",
    async (where) => {
      for (const name of some) {
        process.env["FURROW_TEST_THROWS"] = `${where}: ${name}`
        const error = await failureOf(
          fine as Any,
          Workers.threads({ workers: 1, pipeline: unloadable, loading: "1 minute" })
        )
        process.env["FURROW_TEST_THROWS"] = ""
        expect(error).toMatchObject({ _tag: "BackendError", worker: 0, batch: undefined })
        expect((error as Error).message).toContain(
          where === "services" ? "the layer `services` of" : "failed before its first batch"
        )
      }
    },
    TIME
  )
})

describe("a batch that cannot be sent from its thread", () => {
  test.each(Object.keys(undeliverable) as Array<keyof typeof undeliverable>)(
    "is a typed error with its place, the column and the way out: %s",
    async (name) => {
      const own = Workers.threads({
        workers: 1,
        pipeline: new URL("../../../support/threaded/undeliverable.ts", import.meta.url),
        config: name
      })
      const error = await failureOf(undeliverable[name] as Any, own)
      expect(error).toMatchObject({ _tag: "BackendError", worker: 0, epoch: 0, batch: 2 })
      expect((error as Error).message).toContain("columns.own")
      expect((error as Error).message).toContain("cannot be sent from where the batch was built")
    },
    TIME
  )
})
