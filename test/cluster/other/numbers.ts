/** Another pipeline in a file of the same name, as a runner has it that was started with other code. */
import { Dataset, Pipeline, Sampler } from "../../../src/index.ts"

export const pipeline = () =>
  Pipeline.from(Dataset.range(100)).pipe(Pipeline.sample(Sampler.sequential), Pipeline.batch(8))
