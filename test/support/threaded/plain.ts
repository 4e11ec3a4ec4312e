/** A pipeline for threads of which a batch takes a tenth of a millisecond. */
import { Dataset, Pipeline } from "../../../src/index.ts"

const root = (x: number): number => {
  let sum = x
  for (let turn = 0; turn < 100; turn++) sum += Math.sqrt(sum)
  return sum
}

export const pipeline = Pipeline.from(Dataset.range(4096)).pipe(Pipeline.map("root", root), Pipeline.batch(256))
