/** Stages that return what they must not. */
import * as Effect from "effect/Effect"
import { type Batch, Dataset, Pipeline } from "../../../src/index.ts"

/** What comes from code without types, or with wrong ones. */
const untyped = (value: unknown): never => value as never // the tests say what becomes of it

const numbers = Pipeline.from(Dataset.range(8))
const batched = numbers.pipe(Pipeline.batch(4))
type Own = Pipeline.Pipeline<Batch.Batch<unknown>>

export const cases = {
  "a stage behind batch that returns nothing": {
    stage: "nothing",
    message: "returned undefined; behind batch a stage returns a batch",
    pipeline: batched.pipe(Pipeline.map("nothing", () => untyped(undefined)))
  },
  "a batch without columns": {
    stage: "bare",
    message: "returned an object without columns",
    pipeline: batched.pipe(Pipeline.map("bare", () => untyped({ size: 4 })))
  },
  "a batch without a size": {
    stage: "sizeless",
    message: "a batch whose size is undefined; size is a whole number",
    pipeline: batched.pipe(Pipeline.map("sizeless", ({ size: _, ...batch }) => untyped(batch)))
  },
  "a batch of another number": {
    stage: "relabeled",
    message: "a batch whose index is 7, not 0",
    pipeline: batched.pipe(Pipeline.map("relabeled", (batch) => ({ ...batch, index: 7 })))
  },
  "a batch without indices": {
    stage: "blind",
    message: "a batch without indices",
    pipeline: batched.pipe(Pipeline.map("blind", ({ indices: _, ...batch }) => untyped(batch)))
  },
  "an effect behind batch that gives no batch": {
    stage: "effect",
    message: "returned 3; behind batch",
    pipeline: batched.pipe(Pipeline.mapEffect("effect", () => Effect.succeed(untyped(3))))
  },
  "an asynchronous filter": {
    stage: "kept",
    message: "returned a Promise; use Pipeline.mapEffect",
    pipeline: numbers.pipe(
      Pipeline.filter(
        "kept",
        untyped(async () => false)
      ),
      Pipeline.batch(4)
    )
  },
  "a filter that returns a number": {
    stage: "kept",
    message: "returned 1; a filter returns true or false",
    pipeline: numbers.pipe(
      Pipeline.filter("kept", () => untyped(1)),
      Pipeline.batch(4)
    )
  },
  "an asynchronous stage": {
    stage: "later",
    message: "returned a Promise; use Pipeline.mapEffect",
    pipeline: numbers.pipe(
      Pipeline.map("later", async (x) => x),
      Pipeline.batchWith(4, (values) => values.length)
    )
  },
  "an asynchronous stage that rejects": {
    stage: "later",
    message: "returned a Promise; use Pipeline.mapEffect",
    pipeline: numbers.pipe(
      Pipeline.map("later", async () => {
        throw new Error("too late")
      }),
      Pipeline.batchWith(4, (values) => values.length)
    )
  },
  "a plain stage that returns an Effect": {
    stage: "later",
    message: "returned an Effect; use Pipeline.mapEffect or Pipeline.augmentEffect for what has to wait",
    pipeline: numbers.pipe(
      Pipeline.map("later", (x) => Effect.succeed({ x })),
      Pipeline.map("spread", (row) => ({ ...row })),
      Pipeline.batchWith(4, (values) => values.length)
    )
  },
  "an effectful stage that returns a promise": {
    stage: "later",
    message: "returned a Promise instead of an Effect; wrap it: Effect.promise(() => …)",
    pipeline: numbers.pipe(
      Pipeline.mapEffect(
        "later",
        untyped(async () => {
          throw new Error("too late")
        })
      ),
      Pipeline.batch(4)
    )
  },
  "an asynchronous stage behind batch": {
    stage: "later",
    message: "returned a Promise; use Pipeline.mapEffect",
    pipeline: batched.pipe(
      Pipeline.map(
        "later",
        untyped(async (batch: unknown) => batch)
      )
    )
  },
  "an asynchronous collate": {
    stage: "batch",
    message: "returned a Promise; use Pipeline.mapEffect",
    pipeline: numbers.pipe(Pipeline.batchWith(4, async (values) => values.length))
  },
  "a stage that writes to its context": {
    stage: "writer",
    message: "wrote 5 to context.epoch, which is 0; a context is to be read",
    pipeline: numbers.pipe(
      Pipeline.map("writer", (x, context) => {
        Object.assign(context, { epoch: 5 })
        return x
      }),
      Pipeline.batch(4)
    )
  },
  "a stage behind batch that writes to its context": {
    stage: "writer",
    message: "wrote 9 to context.batch, which is 0",
    pipeline: batched.pipe(
      Pipeline.map("writer", (batch, context) => {
        Object.assign(context, { batch: 9 })
        return batch
      })
    )
  }
} as const

export type Case = keyof typeof cases

export const refused = (name: Case): Own => cases[name].pipeline as Own // batches are batches
