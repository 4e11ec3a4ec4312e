/** Another pipeline in a file of the same name, as a runner has it that was started with other code: all draws differ. */
import { Pipeline } from "../../../../src/index.ts"
import { type Config, pipeline as own } from "../numbers.ts"

export const pipeline = (config: Config) =>
  own(config).pipe(Pipeline.map("other", (batch) => ({ ...batch, columns: { ...batch.columns, sums: [0] } })))
