/** What `pipelines/serve.ts` serves in the tests of this folder: 16 MB, more than a system takes of a connection that nobody reads. */
import { Dataset, Pipeline } from "../../src/index.ts"

export const large = Pipeline.from(Dataset.range(256)).pipe(
  Pipeline.map("values", (id) => new Float32Array(2 ** 14).fill(id)),
  Pipeline.batch(1)
)
