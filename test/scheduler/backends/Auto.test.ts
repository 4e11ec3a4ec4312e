import { describe, expect, test } from "bun:test"
import { Effect, Layer, Option, Stream } from "effect"
import { cores } from "../../../src/core/runtime.ts"
import { Parity, type Pipeline, Scheduler, SeedPolicy, Workers } from "../../../src/index.ts"
import { heavy, light } from "../../support/threaded/costs.ts"
import { pipeline as waiting } from "../../support/threaded/numbers.ts"

const TIME = 60_000
const module = (name: string) => new URL(`../../support/threaded/${name}.ts`, import.meta.url)

const run = (
  pipeline: Parameters<typeof Scheduler.open>[0],
  workers: Layer.Layer<Workers.Workers, unknown>,
  policy: Layer.Layer<SeedPolicy.SeedPolicy, unknown> = SeedPolicy.epochWorker({ seed: 42 })
) =>
  Effect.gen(function* () {
    const loader = yield* Scheduler.open(pipeline as Pipeline.Pipeline<never, never, SeedPolicy.SeedPolicy>, {
      replay: true,
      epochs: 4,
      digest: true
    })
    yield* Stream.runDrain(loader.stream)
    return { digest: yield* loader.digest, choice: Option.getOrUndefined(yield* Workers.chosen) }
  }).pipe(Effect.scoped, Effect.provide(Layer.merge(policy, workers)), Effect.runPromise)

describe("workers that choose", () => {
  test(
    "go on threads where batches cost much, stay on fibers where they do not, and deliver the same",
    async () => {
      const always = { batch: "1 nanos", run: "1 nanos" } as const
      for (const [backend, pays] of [["threads", always] as const, ["fibers", { batch: "1 hour" }] as const]) {
        const auto = await run(light, Workers.auto({ workers: 2, pipeline: module("costs"), name: "light", pays }))
        expect(auto.digest).toBe((await run(light, Workers.fibers({ workers: 2 }))).digest)
        expect(auto.choice?.backend).toBe(cores() > 1 ? backend : "fibers")
        if (cores() > 1) expect(auto.choice?.reason).toMatch(/a batch takes \d+\.\d\d ms/)
      }
      const short = await run(heavy, Workers.auto({ workers: 2, pipeline: module("costs"), name: "heavy" }))
      expect(short.choice?.backend).toBe("fibers")
    },
    TIME
  )

  test.skipIf(cores() < 2)(
    "stay on fibers for stages that wait, and under policies whose streams go on",
    async () => {
      const one = await run(waiting, Workers.auto({ workers: 2, pipeline: module("numbers") }))
      expect(one.choice).toEqual({
        backend: "fibers",
        reason: "stage tag is an effect, and fibers wait for many at once"
      })
      expect(one.digest).toBe((await run(waiting, Workers.fibers({ workers: 2 }))).digest)
      const policy = Parity.pytorch({ torch: 42, shuffle: true })
      const carried = await run(light, Workers.auto({ workers: 2, pipeline: module("costs"), name: "light" }), policy)
      expect(carried.choice?.backend).toBe("fibers")
      expect(carried.choice?.reason).toContain("carries streams on")
    },
    TIME
  )

  test(
    "stay where they are when a thread cannot start",
    async () => {
      const pays = { batch: "1 nanos", run: "1 nanos" } as const
      const auto = await run(heavy, Workers.auto({ workers: 2, pipeline: module("missing"), name: "heavy", pays }))
      expect(auto.digest).toBe((await run(heavy, Workers.fibers({ workers: 2 }))).digest)
    },
    TIME
  )

  test("refuse options that are none, before a run", async () => {
    for (const count of [0, 1.5, 10_000]) {
      const failed = Effect.flip(Layer.build(Workers.auto({ workers: count, pipeline: module("costs") }))).pipe(
        Effect.scoped
      )
      expect(await Effect.runPromise(failed)).toMatchObject({ _tag: "InvalidOption", value: count })
    }
    const off = [
      [{ pipeline: "./costs.ts" }, "./costs.ts"],
      [{ pipeline: module("costs"), pays: { run: 0 } }, 0],
      [{ pipeline: module("costs"), pays: { batch: -1 } }, -1]
    ] as const
    for (const [options, value] of off) {
      const failed = Effect.flip(Layer.build(Workers.auto({ workers: 2, ...options }))).pipe(Effect.scoped)
      expect(await Effect.runPromise(failed)).toMatchObject({ _tag: "InvalidOption", value })
    }
  })
})
