import { expect, test } from "bun:test"
import { Effect, Layer } from "effect"
import { Dataset, Pipeline, Scheduler, Workers } from "../../../src/index.ts"

const counted = (count: number) =>
  Effect.runSync(Effect.either(Workers.Workers.pipe(Effect.provide(Workers.fibers({ workers: count })))))

test("fibers, as many as were asked for", () => {
  expect(counted(4)).toMatchObject({ right: { backend: { name: "fibers" }, count: 4 } })
  expect(counted(Workers.MAX)).toMatchObject({ right: { count: 4096 } })
})

test.each([0, -1, 2.5, Number.NaN, Number.POSITIVE_INFINITY, 4097])("%s workers are refused", (count) => {
  expect(counted(count)).toMatchObject({ left: { _tag: "InvalidOption", option: "workers", value: count } })
})

test.each([
  [
    { count: 1, backend: "fibers" },
    "backend of the workers must be a Backend, { name, open }, such as that of Workers"
  ],
  [{ count: 1, backend: { name: "mine" } }, "backend of the workers must be a Backend"],
  [{ count: 1, backend: { open: () => Effect.never } }, "name of the workers' backend must be a text"],
  [
    { count: 0, backend: { name: "mine", open: () => Effect.never } },
    "count of the workers must be a whole number from 1"
  ]
])("%#: workers of a caller's own that are none are refused when a run opens", async (own, message) => {
  // As code without types may give them.
  const layer = Layer.succeed(Workers.Workers, own as Workers.Service)
  const pipeline = Pipeline.from(Dataset.range(4)).pipe(Pipeline.batch(2))
  const opened = Effect.scoped(Scheduler.open(pipeline, { epochs: 1 })).pipe(Effect.provide(layer), Effect.flip)
  const error = await Effect.runPromise(opened)
  expect(error).toMatchObject({ _tag: "InvalidOption" })
  expect(error.message).toContain(message)
})
