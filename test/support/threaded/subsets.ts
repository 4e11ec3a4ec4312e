/**
 * Two pipelines that differ in the order of a subset and in a declared parameter, and in nothing else.
 */

import * as Pipeline from "../../../src/pipeline/Pipeline.ts"
import * as Sampler from "../../../src/sampling/Sampler.ts"
import * as Dataset from "../../../src/sources/Dataset.ts"

const make = (indices: ReadonlyArray<number>, factor: number) =>
  Pipeline.from(Dataset.range(9)).pipe(
    Pipeline.sample(Sampler.subset(indices)),
    Pipeline.map("scale", (x) => factor * x, { parameters: { factor } }),
    Pipeline.batch(1)
  )

export const own = make([3, 1, 2], 2)
export const reordered = make([1, 3, 2], 2)
export const scaled = make([3, 1, 2], 3)
