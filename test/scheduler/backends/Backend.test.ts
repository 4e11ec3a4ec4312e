/**
 * A backend of Furrow's is wrapped by spread: its functions need no `this`.
 */
import { describe, expect, test } from "bun:test"
import { Effect, Layer, Option } from "effect"
import { Scheduler, SeedPolicy, Workers } from "../../../src/index.ts"
import type { RequestedBatch } from "../../../src/scheduler/backends/Backend.ts"
import { processes } from "../../support/backends/Processes.ts"
import { pipeline } from "../../support/threaded/numbers.ts"

const TIME = 60_000
const module = new URL("../../support/threaded/numbers.ts", import.meta.url).href

const onFibers = Workers.fibers({ workers: 3 })

const backends: ReadonlyArray<readonly [string, Layer.Layer<Workers.Workers, unknown>]> = [
  ["fibers", onFibers],
  ["threads", Workers.threads({ workers: 3, threads: 2, pipeline: module })],
  ["auto", Workers.auto({ workers: 3, threads: 2, pipeline: module })],
  ["processes", processes({ workers: 3, processes: 1, module, name: "pipeline" })]
]

/** The same workers, with each object of their backend copied by spread, and each batch changed by `change`. */
const spread = (
  workers: Layer.Layer<Workers.Workers, unknown>,
  change: (requested: RequestedBatch) => RequestedBatch
): Layer.Layer<Workers.Workers, unknown> =>
  Layer.effect(
    Workers.Workers,
    Effect.map(Workers.Workers, ({ backend, ...rest }) => ({
      ...rest,
      backend: {
        ...backend,
        name: "spread",
        open: (...args: Parameters<typeof backend.open>) =>
          Effect.map(backend.open(...args), (open) => ({
            ...open,
            request: (...coordinates: Parameters<typeof open.request>) => change({ ...open.request(...coordinates) })
          }))
      }
    }))
  ).pipe(Layer.provide(workers))

const run = (workers: Layer.Layer<Workers.Workers, unknown>) =>
  Effect.gen(function* () {
    const loader = yield* Scheduler.open(pipeline, { replay: true, epochs: 1, digest: true, profile: true })
    let size = 0
    yield* loader.forEach((batch) =>
      Effect.sync(() => {
        size += batch.size
      })
    )
    return { digest: yield* loader.digest, size, profile: Option.getOrThrow(yield* loader.profile) }
  }).pipe(Effect.scoped, Effect.provide(SeedPolicy.elastic({ seed: 42 })), Effect.provide(workers), Effect.runPromise)

describe.each(backends)("the backend %s", (_, workers) => {
  test(
    "builds the same batches if it is wrapped",
    async () => {
      const { digest, size } = await run(onFibers)
      let contents = 0
      const counted = spread(workers, (requested) => ({
        ...requested,
        take: () => undefined,
        content: Effect.tap(requested.content, () => Effect.sync(() => void contents++))
      }))
      expect(await run(counted)).toMatchObject({ digest, size })
      expect(contents).toBe(19)
      expect(await run(spread(workers, (requested) => requested))).toMatchObject({ digest, size })
    },
    TIME
  )

  test(
    "counts each stage once a batch",
    async () => {
      const { stages } = (await run(workers)).profile
      expect(stages.map(({ batches, name }) => [name, batches])).toEqual(
        expect.arrayContaining([
          ["sample", 19],
          ["tag", 19],
          ["mixup", 19]
        ])
      )
      expect(new Set(stages.map(({ batches }) => batches))).toEqual(new Set([19]))
    },
    TIME
  )
})
