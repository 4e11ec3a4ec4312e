/**
 * A backend of a user's own that throws, or gives what is no batch, fails the run: it never waits for ever.
 */
import { describe, expect, test } from "bun:test"
import { Cause, Effect, Exit, Layer } from "effect"
import { Dataset, furrow, Pipeline, Scheduler, Workers } from "../../../src/index.ts"
import type { Backend, OpenBackend, RequestedBatch } from "../../../src/scheduler/backends/Backend.ts"
import { fibers } from "../../../src/scheduler/backends/Fibers.ts"

const pipeline = Pipeline.from(Dataset.range(60)).pipe(Pipeline.batch(4))

const boom = (): never => {
  throw new Error("boom")
}

/** Workers of a backend that is open as untyped code may leave it. */
const opening = (open: (own: OpenBackend) => unknown): Layer.Layer<Workers.Workers> => {
  const backend = {
    name: "mine",
    open: (...args: Parameters<Backend["open"]>) => Effect.map(fibers().open(...args), open)
  }
  return Layer.succeed(Workers.Workers, { count: 2, backend: backend as Backend })
}

/** Fibers, but what is given for one batch is changed. */
const changing = (batch: number, change: (own: RequestedBatch) => unknown): Layer.Layer<Workers.Workers> =>
  opening((own) => ({
    ...own,
    request: (...[at, arrived]: Parameters<OpenBackend["request"]>) => {
      const requested = own.request(at, arrived)
      return at.batch === batch ? change(requested) : requested
    }
  }))

/** As `changing`: another content, which nothing has built before. */
const giving = (content: unknown) => (own: RequestedBatch) => ({
  ...own,
  build: undefined,
  take: () => undefined,
  content
})

/** What a run fails with, and how many batches it delivered before. */
const outcome = async (workers: Layer.Layer<Workers.Workers>, digest = false) => {
  let count = 0
  const run = Effect.gen(function* () {
    const loader = yield* Scheduler.open(pipeline, { epochs: 1, digest })
    yield* loader.forEach(() => Effect.sync(() => void count++))
  }).pipe(Effect.scoped, Effect.provide(workers))
  const exit = await Effect.runPromiseExit(run)
  return { count, error: Exit.isFailure(exit) ? Cause.squash(exit.cause) : undefined }
}

const wrong: ReadonlyArray<readonly [string, (own: RequestedBatch) => unknown, string]> = [
  ["a request that throws", boom, "its request threw Error: boom"],
  ["a request that gives nothing", () => undefined, "its request gave undefined, which is no RequestedBatch"],
  [
    "a request that lacks take",
    ({ take: _, ...rest }) => rest,
    "which is no RequestedBatch { isLazy, isPending(), want(), take(), content }"
  ],
  ["isPending that throws", (own) => ({ ...own, isPending: boom }), "its RequestedBatch threw Error: boom"],
  [
    "want that throws",
    (own) => ({ ...own, isPending: () => true, want: boom }),
    "its RequestedBatch threw Error: boom"
  ],
  [
    "take that throws",
    (own) => ({ ...own, isLazy: false, take: boom, content: Effect.never }),
    "its RequestedBatch threw Error: boom"
  ],
  [
    "content that throws",
    (own) =>
      Object.defineProperty({ ...own, build: undefined, take: () => undefined }, "content", {
        get: boom
      }),
    "its content threw Error: boom"
  ],
  ["content that is no effect", giving({}), "its content is {}, which is no Effect"],
  ["content of nothing", giving(Effect.succeed(undefined)), "it gave undefined, which is no BuiltBatch"],
  ["a batch that is none", giving(Effect.succeed({ batch: {} })), "it gave {}, which is no Batch"],
  [
    "another batch",
    giving(Effect.succeed({ batch: { epoch: 0, index: 7, size: 4, columns: {} } })),
    "it gave batch 7 of epoch 0"
  ]
]

describe.each(wrong)("%s", (_, change, reason) => {
  test.each([0, 1, 5])("at batch %d is what the run fails with", async (batch) => {
    const { count, error } = await outcome(changing(batch, change))
    expect(error).toMatchObject({ _tag: "BackendError", backend: "mine", worker: batch % 2, epoch: 0, batch })
    expect(error).toHaveProperty("reason", expect.stringContaining(reason))
    expect(count).toBe(batch)
  })
})

test.each([
  ["no effect", () => ({}), "its open gave {}, which is no Effect of an OpenBackend"],
  ["a throw", boom, "its open threw Error: boom"],
  [
    "no request",
    () => Effect.succeed({ poll: boom }),
    '{"poll":a function}, which is no OpenBackend { request, poll }'
  ],
  ["no poll", () => Effect.succeed({ request: boom }), "which is no OpenBackend { request, poll }"]
])("an open that gives %s is refused", async (_, open, reason) => {
  const backend = { name: "mine", open } as unknown as Backend // as untyped code gives it
  const { error } = await outcome(Layer.succeed(Workers.Workers, { count: 2, backend }))
  expect(error).toMatchObject({ _tag: "BackendError", backend: "mine" })
  expect(String(error)).toContain("backend mine failed before its first batch: ")
  expect(String(error)).toContain(reason)
})

test("a poll that throws fails the run, and so do later requests", async () => {
  const { error } = await outcome(opening((own) => ({ ...own, poll: boom })))
  expect(error).toMatchObject({ _tag: "BackendError", backend: "mine", reason: "its poll threw Error: boom" })
})

test("a batch without a hash fails a run that keeps a digest, and no other", async () => {
  const hashless = changing(2, (own) =>
    giving(Effect.map(own.content, ({ batch }) => ({ batch, hash: undefined })))(own)
  )
  const { count, error } = await outcome(hashless, true)
  expect(count).toBe(2)
  expect(error).toMatchObject({ _tag: "BackendError", batch: 2, reason: expect.stringContaining("it gave no hash") })
  expect(await outcome(hashless)).toEqual({ count: 15, error: undefined })
})

test("without Effect, take rejects, and close ends", async () => {
  const run = furrow(pipeline, {
    epochs: 1,
    workers: changing(0, (own) => ({ ...own, isLazy: false, take: boom, content: Effect.never }))
  })
  await expect(run.take()).rejects.toMatchObject({ _tag: "BackendError", backend: "mine" })
  await run.close()
})
