/**
 * Whatever is thrown, anywhere, on any backend: a typed error with its place.
 */
import { describe, expect, test } from "bun:test"
import { Effect, Layer, Stream } from "effect"
import { type Batch, FailurePolicy, type Pipeline, Scheduler, SeedPolicy, Workers } from "../../src/index.ts"
import { shown } from "../../src/InvalidOption.ts"
import { decode, encode } from "../../src/scheduler/threads/Thrown.ts"
import { odd, oddest } from "../support/odd.ts"
import { batches, one, pipeline, SIZE, samples } from "../support/threaded/odd.ts"

const TIME = 120_000
const module = new URL("../support/threaded/odd.ts", import.meta.url)
const threads = (options: Partial<Workers.ThreadOptions>, count = 1) =>
  Workers.threads(count, { pipeline: module, loading: "1 minute", ...options })

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

test("there are more than a hundred odd values", () => {
  expect(SIZE).toBeGreaterThan(100)
  expect(new Set(odd.map(([name]) => name)).size).toBe(SIZE)
  expect(oddest.every((name) => odd.some(([own]) => own === name))).toBe(true)
})

describe("an odd value on its way from a thread", () => {
  test.each(odd.map(([name, make]) => [name, make] as const))("is sent: %s", (_, make) => {
    const thrown = encode(make())
    // A message is cloned; what cannot be would upset it.
    const arrived = decode(structuredClone(thrown))
    expect(shown(arrived)).toBeTypeOf("string")
  })
})

describe("on fibers and on threads", () => {
  const places = [...Object.keys(samples), ...Object.keys(batches)] as Array<Parameters<typeof pipeline>[0]>
  test.each(places)(
    "every odd value is a StageError with its place: %s",
    async (place) => {
      const own = pipeline(place) as Any
      const fiber = await leftOut(own, Workers.fibers(1))
      const thread = await leftOut(own, threads({ config: place }))
      const differ: Array<unknown> = []
      for (const skipped of [fiber, thread]) {
        expect(skipped.map(({ error: { batch, sample } }) => sample ?? batch)).toEqual(odd.map((_, at) => at))
      }
      thread.forEach(({ error }, at) => {
        const there = fiber[at]?.error
        expect(error).toBeInstanceOf(Scheduler.StageError)
        expect(placeOf(error)).toEqual(placeOf(there as Scheduler.StageError))
        if (error.message !== there?.message) differ.push([odd[at]?.[0], there?.message.slice(0,300).split("seed")[1], error.message.slice(0, 300).split("seed")[1]])
      })
      console.log(differ)
    },
    TIME
  )
})
