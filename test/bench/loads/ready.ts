/** Batches of 401 KB that are ready: nothing is built, so that what is timed is their way. */
import { Dataset, Pipeline, Tensor } from "../../../src/index.ts"

const image = new Tensor.Tensor(new Float32Array(128 * 28 * 28), [128, 28, 28])
for (let at = 0; at < image.data.length; at++) image.data[at] = at

export const BYTES = image.data.byteLength

export const pipeline = Pipeline.from(Dataset.range(1_000_000)).pipe(Pipeline.batchWith(1, () => ({ image })))
