/**
 * A run names its epochs: forgetting them is a compile error. This file is compiled, not run: a line under
 * `@ts-expect-error` that compiles after all is an error of its own.
 */
import { type Cursor, Dataset, Pipeline, Scheduler, Workers } from "../../../src/index.ts"

const pipeline = Pipeline.from(Dataset.range(10)).pipe(Pipeline.batch(2))
const workers = Workers.fibers({ workers: 2 })
declare const cursor: Cursor.Cursor
declare const stored: unknown
declare const partial: Scheduler.RunOptions & { readonly epochs?: number }

// One of the three.
Scheduler.open(pipeline, { epochs: 2 })
Scheduler.open(pipeline, { epoch: 3, digest: true })
Scheduler.open(pipeline, { from: cursor })
Scheduler.open(pipeline, { epochs: 2, from: cursor })
Scheduler.open(pipeline, { epochs: 2, from: undefined })
Scheduler.open(pipeline, { epochs: 2, from: stored })
Scheduler.open(pipeline, { epoch: 3, from: cursor })
Scheduler.open(pipeline, { ...partial, epochs: 2 })
Scheduler.stream(pipeline, { epochs: 2 })
Scheduler.iterate(pipeline, workers, { epochs: 2 })

// None of them.
// @ts-expect-error: no options
Scheduler.open(pipeline)
// @ts-expect-error: no options
Scheduler.stream(pipeline)
// @ts-expect-error: no options
Scheduler.iterate(pipeline, workers)
// @ts-expect-error: no epochs
Scheduler.open(pipeline, {})
// @ts-expect-error: no epochs
Scheduler.stream(pipeline, { digest: true })
// @ts-expect-error: no epochs
Scheduler.iterate(pipeline, workers, { order: "ready" })
// @ts-expect-error: a cursor that may be missing does not say which epochs
Scheduler.open(pipeline, { from: undefined })
// @ts-expect-error: likewise
Scheduler.open(pipeline, { from: stored })
// @ts-expect-error: epochs that may be missing
Scheduler.open(pipeline, partial)
// @ts-expect-error: likewise
Scheduler.open(pipeline, { digest: true, ...partial })

// Two of them that contradict each other.
// @ts-expect-error: epochs 0 and 1, or epoch 1 alone
Scheduler.open(pipeline, { epochs: 2, epoch: 1 })
