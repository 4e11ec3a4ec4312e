/**
 * What the compiler must know of cursors and of declared parameters. Nothing here runs; `tsc` is the test.
 */
import { Dataset, Pipeline, Sampler, Scheduler } from "../../../src/index.ts"

const numbers = Pipeline.from(Dataset.range(9))
const pipeline = numbers.pipe(Pipeline.batch(3))

Scheduler.open(pipeline, { epochs: 1, allow: ["dataset", "seed"] })
// @ts-expect-error: no field goes by that name.
Scheduler.open(pipeline, { epochs: 1, allow: ["nonsense"] })
// @ts-expect-error: a list, and not one name.
Scheduler.open(pipeline, { epochs: 1, allow: "dataset" })

numbers.pipe(
  Pipeline.map("scale", (x) => 2 * x, {
    parameters: { factor: 2, weights: new Float64Array(3), deep: { list: [1n, "a"] } }
  })
)
// @ts-expect-error: a function cannot be compared.
numbers.pipe(Pipeline.map("scale", (x) => 2 * x, { parameters: { f: () => 1 } }))
// @ts-expect-error: nor can a date.
numbers.pipe(Pipeline.filter("some", (x) => x > 1, { parameters: { at: new Date(0) } }))
// @ts-expect-error: nor can what a sampler holds of a class.
export const sampler: Sampler.Sampler = { ...Sampler.sequential, parameters: { map: new Map() } }
